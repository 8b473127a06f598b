//! A fleet file, as it is written for a person to go on with.

use config_file::{scalar::written, tree::ScalarStyle};
use fleet_file::fleet::{API_VERSION, KIND};

use super::ui::Ui;

/// What a kubeconfig's contexts lead to.
#[derive(Clone, Debug)]
pub struct FleetDraft {
    pub host: DraftedHost,
    /// The kubeconfig that has the members' contexts, where it was named.
    pub kubeconfig: Option<String>,
    pub members: Vec<DraftedMember>,
}

#[derive(Clone, Debug)]
pub struct DraftedHost {
    pub context: String,
    pub kubeconfig: Option<String>,
    /// What was seen of it.
    pub seen: String,
}

/// A context that is, or can be, a member's.
#[derive(Clone, Debug)]
pub struct DraftedMember {
    pub context: String,
    /// The name for its Cluster, where the context's cannot be one.
    pub name: Option<String>,
    /// What was seen of it, and what is to be known.
    pub seen: Vec<String>,
    /// Whether it can be no member of this host, and why.
    pub left_out: Option<String>,
}

impl FleetDraft {
    /// The text of the file. What can be no member is a comment.
    pub fn text(&self) -> String {
        let mut lines = vec![
            "# Remove what is not meant, then: kubectl mc join -f FILE --dry-run=client".to_owned(),
            format!("apiVersion: {API_VERSION}"),
            format!("kind: {KIND}"),
            "host:".to_owned(),
            format!("  {}", comment(&self.host.seen)),
            format!("  context: {}", scalar(&self.host.context)),
        ];
        lines.extend(self.host.kubeconfig.iter().map(|path| format!("  kubeconfig: {}", scalar(path))));
        if let Some(path) = &self.kubeconfig {
            lines.extend(["defaults:".to_owned(), format!("  kubeconfig: {}", scalar(path))]);
        }
        lines.push(if self.is_empty() { "members: []" } else { "members:" }.to_owned());
        lines.extend(self.members.iter().flat_map(DraftedMember::lines));
        lines.join("\n") + "\n"
    }

    /// That no join can take the file as it is.
    pub fn warn_of_none(&self, ui: &Ui) {
        if self.is_empty() {
            ui.warning(
                "no context leads to a cluster that can be a member: the comments in the file say why",
            );
        }
    }

    fn is_empty(&self) -> bool {
        self.members.iter().all(|member| member.left_out.is_some())
    }
}

impl DraftedMember {
    fn lines(&self) -> Vec<String> {
        let reason = self.left_out.iter().map(|why| format!("left out: {why}"));
        let mut lines: Vec<String> =
            self.seen.iter().cloned().chain(reason).map(|text| comment(&text)).collect();
        let entry = [format!("- context: {}", scalar(&self.context))];
        let name = self.name.iter().map(|name| format!("  name: {}", scalar(name)));
        let is_left_out = self.left_out.is_some();
        let entry = entry.into_iter().chain(name);
        lines.extend(entry.map(|line| if is_left_out { format!("# {line}") } else { line }));
        lines
    }
}

fn scalar(text: &str) -> String {
    written(text, ScalarStyle::Plain)
}

/// On one line, whatever a server has said.
fn comment(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    format!("# {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use fleet_file::reading::read;

    use super::{DraftedHost, DraftedMember, FleetDraft};

    fn member(context: &str, name: Option<&str>, left_out: Option<&str>) -> DraftedMember {
        DraftedMember {
            context: context.to_owned(),
            name: name.map(str::to_owned),
            seen: vec!["KubeSphere v3.4.1, role none".to_owned()],
            left_out: left_out.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let draft = FleetDraft {
            host: DraftedHost {
                context: "no".to_owned(),
                kubeconfig: Some("/a b/c".to_owned()),
                seen: String::new(),
            },
            kubeconfig: Some("/k: v".to_owned()),
            members: vec![
                member("edge-1", None, None),
                member("admin@edge: #2", Some("edge-2"), None),
                member("gone", None, Some("no answer:\n- context: x\r\u{2028}members: []")),
            ],
        };
        let text = draft.text();
        let fleet = read(text.as_bytes()).unwrap_or_else(|problem| panic!("{problem:?}\n{text}"));
        assert_eq!(fleet.host.context.as_deref(), Some("no"));
        assert_eq!(fleet.host.kubeconfig.unwrap().to_str(), Some("/a b/c"));
        let members: Vec<_> = fleet.members.iter().map(|member| &member.member).collect();
        assert_eq!(members.len(), 2, "{text}");
        assert_eq!(members[1].context.as_deref(), Some("admin@edge: #2"));
        assert_eq!(members[1].name.as_deref(), Some("edge-2"));
        assert_eq!(members[0].kubeconfig.as_ref().unwrap().to_str(), Some("/k: v"));
        assert!(
            text.contains("# left out: no answer: - context: x members: []\n# - context: gone\n"),
            "{text}"
        );
    }
}
