//! Sets values in a text by cutting in at the places that the tree knows.

use std::{mem, ops::Range};

use granit_parser::ScalarStyle;
use kubesphere::cluster_configuration::KIND;
use serde_json::{Map, Value};

use super::{
    problem::{Fault, Mark, Position, Problem},
    scalar::{as_lines, fields_in_line, in_line, is_plain, written},
    splice::{Splice, spliced},
    tree::{Content, Entry, Node},
};

/// How deep a child stands below its parent where the file does not tell.
const USUAL_STEP: usize = 2;

/// A text with the wanted fields.
pub(super) struct Edited {
    pub(super) text: String,
    /// The first key whose value was touched, or where the object begins.
    pub(super) at: Position,
}

/// The text with the wanted fields in this object.
pub(super) fn edit(text: &str, object: &Node, wanted: &Value) -> Result<Edited, Problem> {
    let mut editor = Editor {
        text,
        step: step(object),
        is_json: is_json(object),
        key: object.at,
        touched: None,
        splices: Vec::new(),
    };
    if let Some(wanted) = wanted.as_object() {
        editor.set(object, wanted, "")?;
    }
    Ok(Edited { text: spliced(text, editor.splices), at: editor.touched.unwrap_or(object.at) })
}

/// How deep children stand below their parents in this object.
fn step(object: &Node) -> usize {
    let steps = ["spec", "metadata"].into_iter().filter_map(|name| {
        let entry = object.entries().iter().find(|entry| entry.key.text() == Some(name))?;
        let Content::Mapping { is_flow: false, entries } = &entry.value.content else { return None };
        entries.first()?.key.at.column.checked_sub(entry.key.at.column)
    });
    steps.into_iter().find(|step| *step > 0).unwrap_or(USUAL_STEP)
}

/// Whether the object is written as JSON, where keys need their quotes.
fn is_json(object: &Node) -> bool {
    let Content::Mapping { is_flow: true, entries } = &object.content else { return false };
    let Some(Content::Scalar { style, .. }) = entries.first().map(|entry| &entry.key.content) else {
        return false;
    };
    *style == ScalarStyle::DoubleQuoted
}

struct Editor<'text> {
    text: &'text str,
    step: usize,
    is_json: bool,
    /// The key whose value is being edited, which is where a person looks for it.
    key: Position,
    /// The first key whose value was touched.
    touched: Option<Position>,
    splices: Vec<Splice>,
}

impl Editor<'_> {
    /// Sets the fields of a mapping, and adds those that are missing.
    fn set(&mut self, mapping: &Node, wanted: &Map<String, Value>, path: &str) -> Result<(), Problem> {
        self.confirm_unmarked(mapping, path)?;
        let Content::Mapping { is_flow, entries } = &mapping.content else {
            return Err(Problem::at(self.key, Fault::NotAMapping { field: named(path) }));
        };
        if let Some(merge) = entries.iter().find(|entry| entry.key.text() == Some("<<")) {
            let field = named(path);
            return Err(Problem::at(merge.key.at, Fault::Marked { field, mark: Mark::Merge }));
        }
        let mut missing = Map::new();
        for (key, value) in wanted {
            let field = format!("{path}.{key}").trim_start_matches('.').to_owned();
            match entries.iter().find(|entry| entry.key.text() == Some(key)) {
                Some(entry) => self.set_entry(entry, *is_flow, value, &field)?,
                None => drop(missing.insert(key.clone(), value.clone())),
            }
        }
        match (missing.is_empty(), is_flow) {
            (true, _) => Ok(()),
            (false, true) => {
                self.add_in_line(mapping, entries, &missing);
                Ok(())
            }
            (false, false) => self.add_lines(entries, &missing),
        }
    }

    fn set_entry(
        &mut self,
        entry: &Entry,
        in_flow: bool,
        wanted: &Value,
        field: &str,
    ) -> Result<(), Problem> {
        let outer = mem::replace(&mut self.key, entry.key.at);
        self.confirm_unmarked(&entry.value, field)?;
        match (wanted, &entry.value.content) {
            _ if entry.value.is_null() => self.fill(entry, in_flow, wanted),
            (Value::Object(fields), _) => self.set(&entry.value, fields, field),
            (_, Content::Scalar { text, style }) => {
                self.replace(&entry.value, (text, *style), wanted.as_str().unwrap_or_default(), field)
            }
            _ => Err(Problem::at(self.key, Fault::NotAValue { field: field.to_owned() })),
        }?;
        self.key = outer;
        Ok(())
    }

    /// Puts a text in another's place, in its style.
    fn replace(
        &mut self,
        node: &Node,
        (text, style): (&str, ScalarStyle),
        wanted: &str,
        field: &str,
    ) -> Result<(), Problem> {
        let is_text = style != ScalarStyle::Plain || is_plain(text);
        if is_text && text == wanted {
            return Ok(());
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return Err(Problem::at(self.key, Fault::Block { field: field.to_owned() }));
        }
        self.splice(node.span.clone(), written(wanted, style));
        Ok(())
    }

    /// Puts a value where there is none.
    fn fill(&mut self, entry: &Entry, in_flow: bool, wanted: &Value) -> Result<(), Problem> {
        let value = in_line(wanted, self.is_json);
        if !entry.value.is_left_out() {
            self.splice(entry.value.span.clone(), value);
            return Ok(());
        }
        match (self.colon(&entry.key), wanted) {
            (Some(colon), Value::Object(fields)) if !in_flow => {
                let lines = as_lines(fields, entry.key.at.column - 1 + self.step, self.step);
                self.insert_lines(self.line_end(colon), &lines);
            }
            (Some(colon), _) => self.insert(colon, format!(" {value}")),
            (None, _) if in_flow => self.insert(entry.key.span.end, format!(": {value}")),
            (None, _) => return Err(Problem::at(entry.key.at, Fault::Unsafe)),
        }
        Ok(())
    }

    fn add_in_line(&mut self, mapping: &Node, entries: &[Entry], missing: &Map<String, Value>) {
        let fields = fields_in_line(missing, self.is_json);
        match entries.last() {
            // `a:,` would be one word.
            Some(last) if last.value.is_left_out() => self.insert(self.end_of(last), format!(" , {fields}")),
            Some(last) => self.insert(self.end_of(last), format!(", {fields}")),
            None => self.insert(mapping.span.start + 1, fields),
        }
    }

    /// Adds lines after the last entry, and after the comments that belong to it by their indentation.
    fn add_lines(&mut self, entries: &[Entry], missing: &Map<String, Value>) -> Result<(), Problem> {
        let Some((first, last)) = entries.first().zip(entries.last()) else { return Ok(()) };
        let column = first.key.at.column - 1;
        let mut at = self.line_after(last);
        while self.is_comment_within(column, at) {
            at = self.line_end(at);
        }
        // A block of lines at the end of a file without a final newline would get one by it.
        if at == self.text.len() && !self.text.ends_with('\n') && ends_in_block(&last.value) {
            at = self.line_of(&last.key)?;
        }
        self.insert_lines(at, &as_lines(missing, column, self.step));
        Ok(())
    }

    /// The beginning of a key's line, which must be the key's own.
    fn line_of(&self, key: &Node) -> Result<usize, Problem> {
        let line = self.line_start(key.span.start);
        let is_own = self.text[line..key.span.start].chars().all(|c| c == ' ');
        if is_own { Ok(line) } else { Err(Problem::at(key.at, Fault::Unsafe)) }
    }

    /// Whether a line is a comment that is indented as the keys at this column are, or deeper.
    fn is_comment_within(&self, column: usize, line: usize) -> bool {
        let line = &self.text[line..self.line_end(line)];
        let content = line.trim_start_matches(' ');
        content.starts_with('#') && line.len() - content.len() >= column.max(1)
    }

    /// Where an entry's content ends.
    fn end_of(&self, entry: &Entry) -> usize {
        if entry.value.is_left_out() {
            return self.colon(&entry.key).unwrap_or(entry.key.span.end);
        }
        entry.value.span.end
    }

    /// The beginning of the line after an entry.
    fn line_after(&self, entry: &Entry) -> usize {
        let end = self.end_of(entry);
        let line = self.line_start(end);
        // A block of lines ends where the next line's content begins.
        let is_next_line = self.text[line..end].chars().all(|c| c == ' ') && ends_in_block(&entry.value);
        if is_next_line { line } else { self.line_end(end) }
    }

    /// After the colon that follows a key on its line.
    fn colon(&self, key: &Node) -> Option<usize> {
        let rest = &self.text[key.span.end..];
        let content = rest.trim_start_matches([' ', '\t']);
        content.starts_with(':').then(|| self.text.len() - content.len() + 1)
    }

    /// The beginning of the line.
    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |before| before + 1)
    }

    /// The beginning of the next line.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length + 1)
    }

    fn insert(&mut self, at: usize, text: String) {
        self.splice(at..at, text);
    }

    fn splice(&mut self, range: Range<usize>, text: String) {
        self.touched = Some(self.touched.map_or(self.key, |first| first.min(self.key)));
        self.splices.push((range, text));
    }

    fn confirm_unmarked(&self, node: &Node, field: &str) -> Result<(), Problem> {
        match node.mark {
            Some(mark) => Err(Problem::at(self.key, Fault::Marked { field: named(field), mark })),
            None => Ok(()),
        }
    }

    /// Inserts lines before the line that begins here, with the line ends that the file has there.
    fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let before = &self.text[..at];
        let last_end = if before.ends_with('\n') { before.len() } else { self.line_end(0) };
        let is_crlf = self.text[..last_end].ends_with("\r\n");
        let end = if is_crlf { "\r\n" } else { "\n" };
        let is_unended = !before.is_empty() && !before.ends_with('\n');
        let text =
            lines.iter().map(|line| if is_unended { format!("{end}{line}") } else { format!("{line}{end}") });
        self.insert(at, text.collect());
    }
}

fn ends_in_block(node: &Node) -> bool {
    match &node.content {
        Content::Scalar { style, .. } => matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
        Content::Mapping { is_flow: false, entries } => {
            entries.last().is_some_and(|it| ends_in_block(&it.value))
        }
        Content::Sequence { is_flow: false, items } => items.last().is_some_and(ends_in_block),
        _ => false,
    }
}

/// The field in a message.
fn named(field: &str) -> String {
    if field.is_empty() { KIND.to_owned() } else { field.to_owned() }
}
