//! YAML nodes as serde reads them. A text is what every reader of YAML takes for one, and what is wrong has its place.

use std::fmt;

use config_file::{
    problem::Position,
    tree::{Content, Entry, Node, ScalarStyle},
};
use serde::{
    de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use super::problem::{Fault, Found, Problem, Wanted};

/// Words that YAML 1.1 takes for booleans, in lower case.
const BOOLEANS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];

/// A value under a name.
#[derive(Clone, Copy)]
pub(super) struct NodeReader<'a> {
    node: &'a Node,
    field: &'a str,
}

impl<'a> NodeReader<'a> {
    pub(super) fn of(root: &'a Node) -> Self {
        Self { node: root, field: "the file" }
    }

    fn refused(self, wanted: Wanted) -> Problem {
        let field = self.field.to_owned();
        if let Content::Alias = self.node.content {
            return Problem::at(
                self.node.at,
                Fault::Marked { field, mark: config_file::problem::Mark::Alias },
            );
        }
        Problem::at(self.node.at, Fault::Type { field, found: found(self.node), wanted })
    }

    fn text(self) -> Result<&'a str, Problem> {
        if let Some(mark) = self.node.mark {
            return Err(Problem::at(self.node.at, Fault::Marked { field: self.field.to_owned(), mark }));
        }
        match (self.node.text(), found(self.node)) {
            (Some(text), Found::Text) => Ok(text),
            _ => Err(self.refused(Wanted::Text)),
        }
    }

    fn entries(self) -> Result<&'a [Entry], Problem> {
        match &self.node.content {
            Content::Mapping { entries, .. } => Ok(entries),
            _ => Err(self.refused(Wanted::Mapping)),
        }
    }

    fn items(self) -> Result<&'a [Node], Problem> {
        match &self.node.content {
            Content::Sequence { items, .. } => Ok(items),
            _ => Err(self.refused(Wanted::List)),
        }
    }

    /// What a visitor finds wrong is wrong here, unless it knows better.
    fn here<T>(self, result: Result<T, Problem>) -> Result<T, Problem> {
        result.map_err(|problem| placed(problem, self.node.at, self.field))
    }
}

fn placed(problem: Problem, at: Position, name: &str) -> Problem {
    let fault = match problem.fault {
        Fault::Choice { field, known } if field.is_empty() => Fault::Choice { field: name.to_owned(), known },
        fault => fault,
    };
    Problem { at: problem.at.or(Some(at)), fault }
}

/// What it is to YAML 1.1 or 1.2.
fn found(node: &Node) -> Found {
    match &node.content {
        Content::Mapping { .. } => Found::Mapping,
        Content::Sequence { .. } => Found::List,
        Content::Alias => Found::Nothing,
        Content::Scalar { .. } if node.is_null() => Found::Nothing,
        Content::Scalar { text, style: ScalarStyle::Plain } if is_boolean(text) => Found::Boolean,
        Content::Scalar { text, style: ScalarStyle::Plain } if is_number(text) => Found::Number,
        Content::Scalar { .. } => Found::Text,
    }
}

fn is_boolean(text: &str) -> bool {
    BOOLEANS.contains(&text.to_ascii_lowercase().as_str())
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    let digits = unsigned.replace('_', "");
    let based = ["0x", "0o", "0b"].iter().any(|base| {
        digits
            .strip_prefix(base)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit()))
    });
    let begins_like_one = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    based || matches!(digits.as_str(), ".inf" | ".nan") || begins_like_one && digits.parse::<f64>().is_ok()
}

impl<'de> Deserializer<'de> for NodeReader<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.here(visitor.visit_str(self.text()?))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let items = self.items()?.iter();
        self.here(visitor.visit_seq(Items { items, field: self.field }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let entries = self.entries()?.iter();
        self.here(visitor.visit_map(Entries { entries, value: None }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.here(visitor.visit_enum(StrDeserializer::new(self.text()?)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct identifier
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    field: &'a str,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let item = self.items.next().map(|node| NodeReader { node, field: self.field });
        item.map(|item| seed.deserialize(item)).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<NodeReader<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        let key = NodeReader { node: &entry.key, field: "a key" };
        self.value = Some(NodeReader { node: &entry.value, field: key.text()? });
        key.here(seed.deserialize(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let value = self
            .value
            .take()
            .ok_or_else(|| Problem::of_file(Fault::Other("a value has no key".to_owned())))?;
        seed.deserialize(value)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(formatter)
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of_file(Fault::Other(message.to_string()))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::of_file(Fault::UnknownField { field: field.to_owned(), known })
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::of_file(Fault::Choice { field: String::new(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of_file(Fault::Missing { field })
    }

    /// Never with the value, which may be a secret.
    fn invalid_type(_: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::custom(format!("something else stands where {wanted} belongs"))
    }

    fn invalid_value(_: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::custom(format!("something else stands where {wanted} belongs"))
    }
}
