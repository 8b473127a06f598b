//! From a text to a fleet.

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
    /// At least one, in the file's order. No two have one name, or one context of one kubeconfig.
    pub members: Vec<FleetMember>,
}

/// A member, with what the defaults say in its place.
#[derive(Clone, Debug)]
pub struct FleetMember {
    pub member: Member,
    /// Where it begins.
    pub at: Position,
    /// The values with which a host of KubeSphere 4 installs it.
    pub values: Option<CoreValues>,
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
    let nodes = sections(root, "members", text);
    let mut members = Vec::new();
    for (member, section) in file.members.into_iter().zip(nodes) {
        let values = values(&section)?.or_else(|| of_defaults.clone());
        members.push(FleetMember { member: member.with(&defaults), at: section.node.at, values });
    }
    let host = file.host.unwrap_or_default();
    confirm(root, &host, &members)?;
    Ok(Fleet { host, members })
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
