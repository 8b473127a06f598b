//! Values as they are written.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

/// Words that YAML 1.1 or 1.2 takes for something else than a text, in lower case.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];

/// Whether a plain text of letters, digits and `._~-` is a text to every reader, of YAML 1.1 and of 1.2.
///
/// Where in doubt it is not: what begins like a number and goes on with what numbers and dates are made of.
pub(super) fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    let is_number_like = |c: char| c.is_ascii_hexdigit() || "xXoO_.-".contains(c);
    let is_word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    let may_be_number = first.is_ascii_digit() && text.chars().all(is_number_like);
    first.is_ascii_alphanumeric() && text.chars().all(is_harmless) && !is_word && !may_be_number
}

/// The text in this style; plain only where it can be.
pub fn written(text: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::SingleQuoted => format!("'{}'", text.replace('\'', "''")),
        ScalarStyle::Plain if is_plain(text) => text.to_owned(),
        // JSON's escapes are YAML's.
        _ => Value::from(text).to_string(),
    }
}

/// A mapping or a text as it stands inside a line; in JSON, or as YAML allows it.
pub(super) fn in_line(value: &Value, is_json: bool) -> String {
    match value {
        _ if is_json => value.to_string(),
        Value::Object(fields) => format!("{{{}}}", fields_in_line(fields, is_json)),
        _ => written(value.as_str().unwrap_or_default(), ScalarStyle::Plain),
    }
}

/// The entries of a mapping in braces.
pub(super) fn fields_in_line(fields: &Map<String, Value>, is_json: bool) -> String {
    let key = |key: &str| if is_json { Value::from(key).to_string() } else { key.to_owned() };
    let fields = fields.iter().map(|(name, value)| format!("{}: {}", key(name), in_line(value, is_json)));
    fields.collect::<Vec<_>>().join(", ")
}

/// The entries of a mapping as lines, the outermost at this column.
pub(super) fn as_lines(fields: &Map<String, Value>, column: usize, step: usize) -> Vec<String> {
    let blanks = " ".repeat(column);
    let lines = fields.iter().flat_map(|(key, value)| match value {
        Value::Object(inner) => {
            let mut lines = vec![format!("{blanks}{key}:")];
            lines.extend(as_lines(inner, column + step, step));
            lines
        }
        _ => vec![format!("{blanks}{key}: {}", in_line(value, false))],
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use granit_parser::ScalarStyle;
    use serde_json::json;

    use super::{as_lines, in_line, is_plain, written};

    #[test]
    fn what_a_reader_might_take_for_something_else_is_quoted() {
        for text in [
            "",
            "123",
            "1e5",
            "0x1F",
            "0o17",
            "1_000",
            "1.5",
            "2001-01-01",
            "12e",
            "true",
            "Yes",
            "off",
            "N",
            "null",
            "~",
            ".5",
            ".inf",
            "-1",
            "-",
            "---",
            "a b",
            "a:",
            "#a",
            "0b1",
        ] {
            assert!(!is_plain(text), "{text}");
        }
        for text in
            ["host", "member", "eu.prod-1", "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU", "7z", "1host", "nothing"]
        {
            assert!(is_plain(text), "{text}");
        }
    }

    #[test]
    fn what_is_plain_is_a_text_to_the_other_reader_too() {
        for text in ["host", "7z", "1host", "eu.prod-1", "e5", "x1", "0z1"] {
            assert_eq!(serde_yaml::from_str::<serde_json::Value>(text).unwrap(), json!(text));
        }
    }

    #[test]
    fn a_style_is_kept() {
        assert_eq!(written("host", ScalarStyle::Plain), "host");
        assert_eq!(written("123", ScalarStyle::Plain), "\"123\"");
        assert_eq!(written("host", ScalarStyle::SingleQuoted), "'host'");
        assert_eq!(written("host", ScalarStyle::DoubleQuoted), "\"host\"");
    }

    #[test]
    fn mappings_are_written_in_a_line_or_as_lines() {
        let value = json!({"authentication": {"jwtSecret": "1"}, "multicluster": {"clusterRole": "member"}});
        assert_eq!(
            in_line(&value, false),
            r#"{authentication: {jwtSecret: "1"}, multicluster: {clusterRole: member}}"#
        );
        assert_eq!(in_line(&value["multicluster"], true), r#"{"clusterRole":"member"}"#);
        let lines = as_lines(value.as_object().unwrap(), 1, 3);
        assert_eq!(
            lines,
            [" authentication:", "    jwtSecret: \"1\"", " multicluster:", "    clusterRole: member"]
        );
    }
}
