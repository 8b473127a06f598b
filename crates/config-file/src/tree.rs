//! YAML as a tree that knows where each node stands in the text.

use std::{
    collections::HashMap,
    ops::{Range, RangeInclusive},
};

pub use granit_parser::ScalarStyle;
use granit_parser::{Event, Parser, ScanError, Span, StructureStyle, options};

use super::{
    encryption, invisible,
    problem::{Fault, Mark, Position, Problem},
};

/// What some editors put before a text's first character.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text's documents and comments. It holds secrets, and so is not `Debug`; nor are its nodes.
pub struct Tree {
    /// The root of each document.
    pub documents: Vec<Node>,
    /// Each comment, from its `#` to the end of its line.
    pub comments: Vec<Range<usize>>,
}

/// A node and where it stands. A block mapping or sequence ends where its last child ends.
pub struct Node {
    pub content: Content,
    pub span: Range<usize>,
    pub at: Position,
    pub mark: Option<Mark>,
}

pub enum Content {
    Scalar { text: String, style: ScalarStyle },
    Mapping { is_flow: bool, entries: Vec<Entry> },
    Sequence { is_flow: bool, items: Vec<Node> },
    Alias,
}

pub struct Entry {
    pub key: Node,
    pub value: Node,
}

impl Node {
    /// A scalar's text.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A mapping's entries.
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The value under this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key.text() == Some(key)).map(|entry| &entry.value)
    }

    /// The value at the end of these keys.
    pub fn find(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Whether it is no value at all, written out or left out.
    pub fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { text, style: ScalarStyle::Plain } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Whether it is a value that is left out.
    pub fn is_left_out(&self) -> bool {
        self.is_null() && self.span.is_empty()
    }
}

/// Reads all documents of a text that is ours altogether: nothing in it means something else than it seems to, and nothing is
/// encrypted.
pub fn documents(text: &str) -> Result<Vec<Node>, Problem> {
    let tree = parse(text)?;
    match invisible::first(text, &tree, |_| true).or_else(|| encryption::found(&tree)) {
        Some(problem) => Err(problem),
        None => Ok(tree.documents),
    }
}

/// Reads all documents of a text.
pub(super) fn parse(text: &str) -> Result<Tree, Problem> {
    let options = options! { max_buffered_comment_events: usize::MAX };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| not_yaml(text, &error))?;
        builder.take(event, span)?;
    }
    Ok(Tree { documents: builder.documents, comments: builder.comments })
}

fn not_yaml(text: &str, error: &ScanError) -> Problem {
    let at = position(error.marker());
    // What is wrong with a text is said where it begins, although the tab stands further down.
    let last = if error.info().contains("tab") { usize::MAX } else { at.line };
    tab(text, &(at.line..=last))
        .or_else(|| invisible::near(text, &(at.line..=at.line)))
        .unwrap_or_else(|| Problem::at(at, Fault::NotYaml(error.info())))
}

/// The first tab among the leading blanks of the lines in which a parser stopped, or else of the one before them: mostly
/// it is what is wrong there. Elsewhere it may be part of a text.
pub(super) fn tab(text: &str, stopped: &RangeInclusive<usize>) -> Option<Problem> {
    let before = stopped.start().saturating_sub(1);
    let tabs = (1..).zip(text.lines()).filter_map(|(line, content)| {
        let blanks = content.len() - content.trim_start_matches([' ', '\t']).len();
        let column = content[..blanks].find('\t')? + 1;
        Some(Position { line, column })
    });
    let near: Vec<Position> = tabs.filter(|at| at.line == before || stopped.contains(&at.line)).collect();
    let position = near.iter().find(|at| at.line != before).or(near.first())?;
    Some(Problem::at(*position, Fault::Tab))
}

fn position(marker: &granit_parser::Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// Collections that are not closed yet, the outermost first.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    comments: Vec<Range<usize>>,
    open: Vec<Open>,
}

struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Node>,
    /// The lines of the keys so far.
    lines: HashMap<String, usize>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let range = span.byte_range().unwrap_or_default();
        let node = |content, mark| Node { content, span: range.clone(), at: position(&span.start), mark };
        match event {
            Event::Comment(..) => self.comments.push(range),
            Event::Alias(_) => return self.close(node(Content::Alias, Some(Mark::Alias))),
            Event::Scalar(text, style, anchor, tag) => {
                let content = Content::Scalar { text: text.into_owned(), style };
                return self.close(node(content, mark(anchor, tag.is_some())));
            }
            Event::MappingStart(style, anchor, tag) => {
                let content =
                    Content::Mapping { is_flow: style == StructureStyle::Flow, entries: Vec::new() };
                self.open(node(content, mark(anchor, tag.is_some())));
            }
            Event::SequenceStart(style, anchor, tag) => {
                let content = Content::Sequence { is_flow: style == StructureStyle::Flow, items: Vec::new() };
                self.open(node(content, mark(anchor, tag.is_some())));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(open) = self.open.pop() {
                    return self.close(ended(open.node, range.end));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, node: Node) {
        self.open.push(Open { node, key: None, lines: HashMap::new() });
    }

    /// A node is complete: it goes into the collection around it.
    fn close(&mut self, node: Node) -> Result<(), Problem> {
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.node.content {
            Content::Sequence { items, .. } => items.push(node),
            Content::Mapping { entries, .. } => {
                if let Some(key) = open.key.take() {
                    entries.push(Entry { key, value: node });
                } else {
                    confirm_first(&mut open.lines, &node)?;
                    open.key = Some(node);
                }
            }
            Content::Scalar { .. } | Content::Alias => {}
        }
        Ok(())
    }
}

fn confirm_first(lines: &mut HashMap<String, usize>, key: &Node) -> Result<(), Problem> {
    let Some(text) = key.text() else { return Ok(()) };
    match lines.insert(text.to_owned(), key.at.line) {
        Some(first) => Err(Problem::at(key.at, Fault::Duplicate { key: text.to_owned(), first })),
        None => Ok(()),
    }
}

fn mark(anchor: usize, has_tag: bool) -> Option<Mark> {
    if anchor != 0 { Some(Mark::Anchor) } else { has_tag.then_some(Mark::Tag) }
}

/// The node with its end: of flow style where it is closed, of block style where its last child ends.
fn ended(mut node: Node, closed: usize) -> Node {
    let last_child = match &node.content {
        Content::Mapping { is_flow: false, entries } => entries.last().map(|entry| entry.value.span.end),
        Content::Sequence { is_flow: false, items } => items.last().map(|item| item.span.end),
        _ => None,
    };
    node.span.end = last_child.unwrap_or(closed);
    node
}

#[cfg(test)]
mod tests {
    use super::{Fault, parse, tab};

    #[test]
    fn nodes_know_where_they_stand() {
        let text = "---\na:\n  - x\n  - {k: 'v'}  # note\n---\nb: ~\n";
        let tree = parse(text).unwrap();
        assert_eq!(tree.documents.len(), 2);
        assert_eq!(&text[tree.documents[0].get("a").unwrap().span.clone()], "- x\n  - {k: 'v'}");
        assert_eq!(&text[tree.comments[0].clone()], "# note");
        assert!(tree.documents[1].get("b").unwrap().is_null());
    }

    #[test]
    fn a_duplicate_key_is_found_wherever_it_stands() {
        let problem = parse("a: 1\nb:\n- c: 1\n  \"c\": 2\n").err().unwrap();
        assert_eq!(problem.at.map(|at| (at.line, at.column)), Some((4, 3)));
        assert!(problem.fault.to_string().ends_with("`c` appears twice in one mapping (first in line 3)"));
    }

    #[test]
    fn what_is_no_yaml_is_placed() {
        for (text, line, column) in [
            ("a: [1\nb: 2\n", 2, 2),
            ("a: \"x\nb: 1\n", 2, 1),
            ("a: b: c\n", 1, 5),
            ("a: *b\n", 1, 4),
            ("a: @\n", 1, 4),
        ] {
            let problem = parse(text).err().unwrap();
            assert_eq!(
                problem.at.map(|at| (at.line, at.column)),
                Some((line, column)),
                "{text:?} {problem:?}"
            );
        }
    }

    #[test]
    fn an_indenting_tab_is_named() {
        let problem = parse("a:\n  b: 1\n \tc: 2\n").err().unwrap();
        assert_eq!(problem, tab("x\n\n \ty\n", &(4..=4)).unwrap());
        assert!(tab("a: b\t# c\n", &(1..=1)).is_none());
    }

    #[test]
    fn a_tab_elsewhere_is_not_blamed() {
        let problem = parse("b: |\n  x\n  \ty\nc: 1\nd: [\n").err().unwrap();
        assert_eq!(problem.at.map(|at| (at.line, at.column)), Some((5, 4)), "{problem:?}");
        assert_ne!(problem.fault, Fault::Tab);
    }

    #[test]
    fn many_comments_are_no_problem() {
        assert_eq!(parse(&format!("a:\n{}  b: 1\n", "  # c\n".repeat(500))).unwrap().comments.len(), 500);
    }
}
