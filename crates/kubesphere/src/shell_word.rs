//! Words of commands that a person copies into a shell.

use std::borrow::Cow;

/// The word as a shell takes it: in single quotes unless nothing in it means anything to a shell.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+=-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn only_what_a_shell_would_read_otherwise_is_quoted() {
        for word in ["/etc/c.yaml", "eu-1", "user@host:22", "a=b,c", "50%+1"] {
            assert_eq!(shell_word(word), word);
        }
        for (word, quoted) in
            [("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$x", "'$x'"), ("~", "'~'")]
        {
            assert_eq!(shell_word(word), quoted);
        }
    }
}
