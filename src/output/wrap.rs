//! Long lines on a terminal: broken between words, with the rest below the first word. A command in backticks is never
//! broken: pasted, half of it would run.

use console::measure_text_width;

/// What follows a break is indented by this more than the line itself.
const INDENT: usize = 2;

/// The line as lines of at most `width` columns, where words allow that.
pub fn wrapped(line: &str, width: usize) -> String {
    if measure_text_width(line) <= width || line.contains('\n') {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start().len();
    let hanging = " ".repeat(indent + INDENT);
    let mut lines = Vec::new();
    let mut current = " ".repeat(indent);
    let mut is_begun = false;
    for word in words(line.trim_start()) {
        if is_begun && measure_text_width(&current) + 1 + measure_text_width(word) > width {
            lines.push(std::mem::replace(&mut current, hanging.clone()));
            is_begun = false;
        }
        if is_begun {
            current.push(' ');
        }
        current.push_str(word);
        is_begun = true;
    }
    lines.push(current);
    lines.join("\n")
}

/// What stands between blanks, a text in backticks with its blanks.
fn words(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let words = line.split(|c: char| {
        is_quoted ^= c == '`';
        c == ' ' && !is_quoted
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_line_breaks_between_words_and_the_rest_hangs_below() {
        let line = "  1. host \"prod\": patch ClusterConfiguration ks-installer";
        assert_eq!(wrapped(line, 80), line);
        assert_eq!(wrapped(line, 40), "  1. host \"prod\": patch\n    ClusterConfiguration ks-installer");
    }

    #[test]
    fn a_command_stays_whole_however_long_it_is() {
        let line = "hint: renew it: `kubectl mc renew a --context prod --member-context edge-1`, then go on";
        let command = "`kubectl mc renew a --context prod --member-context edge-1`,";
        assert_eq!(wrapped(line, 30), format!("hint: renew it:\n  {command}\n  then go on"));
    }

    #[test]
    fn colours_and_wide_characters_take_the_room_that_they_take() {
        let coloured = "\u{1b}[31merror:\u{1b}[0m no";
        assert_eq!(wrapped(coloured, 9), coloured);
        assert_eq!(wrapped("集群 集群 集群", 9), "集群 集群\n  集群");
    }
}
