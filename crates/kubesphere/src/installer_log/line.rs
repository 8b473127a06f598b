use std::borrow::Cow;

use jiff::Timestamp;

/// What is kept of one line. Ansible prints a failed task's whole result on one line; its message stands early in it.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Cuts a byte stream into lines, wherever the chunks end.
///
/// Invalid UTF-8 is replaced, a carriage return before the newline is dropped, and of a line longer than
/// [`MAX_LINE_BYTES`] only the beginning is kept, so that memory stays bounded.
#[derive(Debug, Default)]
pub struct LineAssembler {
    partial: Vec<u8>,
}

impl LineAssembler {
    /// Takes the next chunk and hands every line it completes to `complete`.
    pub fn push(&mut self, chunk: &[u8], mut complete: impl FnMut(&str)) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..end]);
            complete(&self.take());
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// The line that was begun and not ended, if any.
    pub fn finish(&mut self) -> Option<String> {
        (!self.partial.is_empty()).then(|| self.take())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&mut self) -> String {
        let line = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        let line = String::from_utf8_lossy(line).into_owned();
        self.partial.clear();
        line
    }
}

/// Takes off the timestamp that the kubelet puts before each line with `timestamps=true`.
///
/// shell-operator begins its own lines with a time of its own: call this only on lines read with `timestamps=true`.
pub fn split_timestamp(line: &str) -> (Option<Timestamp>, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word.parse() {
        Ok(at) => (Some(at), rest),
        Err(_) => (None, line),
    }
}

/// The line without colours, other control characters and line ends.
pub fn clean(line: &str) -> Cow<'_, str> {
    let line = line.trim_end_matches(['\r', '\n']);
    if !line.chars().any(is_unwanted) {
        return Cow::Borrowed(line);
    }
    let mut cleaned = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            skip_escape(&mut characters);
        } else if !is_unwanted(character) {
            cleaned.push(character);
        }
    }
    Cow::Owned(cleaned)
}

fn is_unwanted(character: char) -> bool {
    character.is_control() && character != '\t'
}

/// Skips what follows ESC: `[`, parameters and one final letter (CSI), or a single character.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if characters.peek() != Some(&'[') {
        characters.next_if(|character| !is_unwanted(*character));
        return;
    }
    characters.next();
    while characters.next_if(|character| (' '..='?').contains(character)).is_some() {}
    characters.next_if(|character| ('@'..='~').contains(character));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_carriage_returns_are_taken_off() {
        assert_eq!(clean("\u{1b}[0;32mok: [localhost]\u{1b}[0m\r"), "ok: [localhost]");
        assert_eq!(clean("a\u{1b}[2Kb\u{1b}"), "ab");
    }

    #[test]
    fn the_kubelets_time_is_split_off_and_the_operators_own_stays() {
        let (at, rest) =
            split_timestamp("2024-05-07T01:00:05.123456789Z 2024-05-07T09:00:05+08:00 INFO     : MAIN");
        assert_eq!(at, "2024-05-07T01:00:05.123456789Z".parse().ok());
        assert_eq!(rest, "2024-05-07T09:00:05+08:00 INFO     : MAIN");
        assert_eq!(split_timestamp("unable to retrieve container logs").0, None);
        assert_eq!(split_timestamp("2024-05-07T01:00:05Z").1, "");
    }

    #[test]
    fn a_long_line_keeps_its_beginning_only() {
        let mut lines = Vec::new();
        let mut assembler = LineAssembler::default();
        assembler.push(&vec![b'x'; MAX_LINE_BYTES], |_| ());
        assembler.push(b"yyy\nnext\r\n", |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["x".repeat(MAX_LINE_BYTES).as_str(), "next"]);
        assert_eq!(assembler.finish(), None);
    }
}
