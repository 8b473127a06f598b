//! From a text to a fleet.

use std::collections::BTreeMap;

use config_file::{
    problem::{Position, text_of},
    tree::{self, BYTE_ORDER_MARK, Content, Node},
};
use kubesphere::core_values::CoreValues;
use serde::Deserialize as _;

use super::{
    confirm::confirm,
    fleet::{FleetDocument, Host, Member},
    node_reader::NodeReader,
    problem::{Fault, Problem},
    values::values,
};

/// A file that was read and understood.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub host: Host,
    /// Where that is spoken of.
    pub host_places: Places,
    /// At least one, in the file's order. No two have one name, or one context of one kubeconfig.
    pub members: Vec<FleetMember>,
}

/// A member, with what the defaults say in its place.
#[derive(Clone, Debug)]
pub struct FleetMember {
    pub member: Member,
    /// Where it is spoken of, by itself and by the defaults.
    pub places: Places,
    /// The values with which a host of KubeSphere 4 installs it.
    pub values: Option<CoreValues>,
}

/// Where a mapping begins, and where its fields have their values.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Absent where the file has no such mapping.
    pub at: Option<Position>,
    pub fields: BTreeMap<String, Position>,
}

impl Places {
    fn of(node: Option<&Node>) -> Self {
        let fields = node.into_iter().flat_map(Node::entries).filter(|entry| !entry.value.is_null());
        let fields = fields.filter_map(|entry| Some((entry.key.text()?.to_owned(), entry.value.at)));
        Self { at: node.map(|node| node.at), fields: fields.collect() }
    }

    /// With the fields of the defaults, where it has none of its own.
    fn or(mut self, defaults: &Self) -> Self {
        for (field, at) in &defaults.fields {
            self.fields.entry(field.clone()).or_insert(*at);
        }
        self
    }
}

/// The values of a mapping of the file.
pub(super) struct Section<'a> {
    pub(super) node: &'a Node,
    /// The file's text, in which the node stands.
    pub(super) text: &'a str,
}

/// Reads a fleet file, and refuses whatever is not known.
pub fn read(bytes: &[u8]) -> Result<Fleet, Problem> {
    let text = text_of(bytes)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let documents = tree::documents(text)?;
    let [root] = documents.as_slice() else { return Err(Problem::of_file(Fault::NotOneDocument)) };
    if !matches!(root.content, Content::Mapping { .. }) {
        return Err(Problem::at(root.at, Fault::NotOneDocument));
    }
    let file = FleetDocument::deserialize(NodeReader::of(root))?;
    let defaults = file.defaults.unwrap_or_default();
    let of_defaults = root.get("defaults").map(|node| values(&Section { node, text })).transpose()?.flatten();
    let default_places = Places::of(root.get("defaults"));
    let nodes = sections(root, "members", text);
    let mut members = Vec::new();
    for (member, section) in file.members.into_iter().zip(nodes) {
        let values = values(&section)?.or_else(|| of_defaults.clone());
        let places = Places::of(Some(section.node)).or(&default_places);
        members.push(FleetMember { member: member.with(&defaults), places, values });
    }
    let host = file.host.unwrap_or_default();
    confirm(root, &host, &members)?;
    Ok(Fleet { host, host_places: Places::of(root.get("host")), members })
}

fn sections<'a>(root: &'a Node, field: &str, text: &'a str) -> impl Iterator<Item = Section<'a>> {
    let items = match root.get(field).map(|node| &node.content) {
        Some(Content::Sequence { items, .. }) => items.as_slice(),
        _ => &[],
    };
    items.iter().map(move |node| Section { node, text })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
