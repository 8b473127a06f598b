/// A failure's JSON that goes over several lines, while it is being read.
#[derive(Debug)]
pub(super) struct Block {
    kind: Kind,
    text: String,
    opened: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Ansible prints the result of a failed `assert` and of some other modules over several lines (default callback,
    /// `_ansible_verbose_always`).
    TaskResult,
    /// The event of a failed component, after a rule.
    ComponentEvent(String),
}

pub(super) enum Progress {
    Reading,
    Complete,
    /// The line does not belong here: the block is over, and the line is still to be read.
    NotOurs,
}

/// An event with a whole chart's output in it is some 100 KiB; more is not kept.
const MAX_BLOCK_BYTES: usize = 512 * 1024;

impl Block {
    pub(super) fn task_result(first_line: &str) -> Self {
        Self { kind: Kind::TaskResult, text: first_line.to_owned(), opened: true }
    }

    pub(super) fn component_event(component: String) -> Self {
        Self { kind: Kind::ComponentEvent(component), text: String::new(), opened: false }
    }

    pub(super) fn push(&mut self, line: &str, is_rule: bool) -> Progress {
        if line.trim().is_empty() {
            return Progress::Reading;
        }
        if !self.opened {
            self.opened = is_rule;
            return if is_rule { Progress::Reading } else { Progress::NotOurs };
        }
        // Line ends within values are escaped, so only the outer braces stand in the first column.
        if !line.starts_with([' ', '{', '}']) {
            return Progress::NotOurs;
        }
        if self.text.len() + line.len() < MAX_BLOCK_BYTES {
            self.text.push_str(line);
            self.text.push('\n');
        }
        if line.starts_with('}') { Progress::Complete } else { Progress::Reading }
    }

    pub(super) fn into_parts(self) -> (Kind, String) {
        (self.kind, self.text)
    }
}
