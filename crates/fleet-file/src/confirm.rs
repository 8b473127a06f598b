//! What no single field shows: names that cannot be, and members that are there twice.

use std::{collections::HashMap, path::Path};

use config_file::{
    problem::Position,
    tree::{Content, Node},
};
use kubesphere::names::{is_cluster_name, is_host_cluster_name, is_key, is_label_value};

use super::{
    fleet::{Host, Member},
    problem::{Fault, Problem},
    reading::FleetMember,
};

pub(super) fn confirm(root: &Node, host: &Host, members: &[FleetMember]) -> Result<(), Problem> {
    if members.is_empty() {
        return Err(Problem { at: root.get("members").map(|node| node.at), fault: Fault::NoMember });
    }
    if let Some(name) = host.cluster_name.as_deref().filter(|name| !is_host_cluster_name(name)) {
        let at = root.find(&["host", "clusterName"]).map(|node| node.at);
        return Err(Problem { at, fault: Fault::HostName { name: name.to_owned() } });
    }
    root.get("defaults").map_or(Ok(()), confirm_labels)?;
    let items = match root.get("members").map(|node| &node.content) {
        Some(Content::Sequence { items, .. }) => items.as_slice(),
        _ => &[],
    };
    let (mut names, mut contexts) = (HashMap::new(), HashMap::new());
    for (FleetMember { member, .. }, node) in members.iter().zip(items) {
        confirm_member(member, node)?;
        let context = node.get("context").map_or(node.at, |node| node.at);
        let place = node.get("name").map_or(context, |node| node.at);
        once(&mut names, ("name", member.cluster_name()), member.cluster_name(), place)?;
        let kubeconfig = member.kubeconfig.as_deref().unwrap_or(Path::new(""));
        if let Some(name) = member.context.as_deref() {
            once(&mut contexts, ("context", name), (kubeconfig, name), context)?;
        } else {
            let shown = kubeconfig.to_string_lossy();
            once(&mut contexts, ("kubeconfig", &shown), (kubeconfig, ""), node.at)?;
        }
    }
    Ok(())
}

fn once<K: std::hash::Hash + Eq>(
    seen: &mut HashMap<K, usize>,
    (what, text): (&'static str, &str),
    key: K,
    at: Position,
) -> Result<(), Problem> {
    match seen.insert(key, at.line) {
        None => Ok(()),
        Some(first) => Err(Problem::at(at, Fault::Twice { what, text: text.to_owned(), first })),
    }
}

fn confirm_member(member: &Member, node: &Node) -> Result<(), Problem> {
    if member.context.is_none() && (member.name.is_none() || member.kubeconfig.is_none()) {
        return Err(Problem::at(node.at, Fault::Unreachable));
    }
    let name = member.cluster_name();
    if !is_cluster_name(name) {
        let at = node.get("name").or_else(|| node.get("context")).map_or(node.at, |node| node.at);
        return Err(Problem::at(at, Fault::Name { name: name.to_owned() }));
    }
    confirm_labels(node)
}

/// What the API server would refuse only when everything else is done.
fn confirm_labels(node: &Node) -> Result<(), Problem> {
    let refused = |what, node: &Node| {
        let text = node.text().unwrap_or_default().to_owned();
        Err(Problem::at(node.at, Fault::Label { text, what }))
    };
    let entries = |field| node.get(field).into_iter().flat_map(Node::entries);
    for entry in entries("labels").chain(entries("annotations")) {
        if !entry.key.text().is_some_and(is_key) {
            return refused("the key of a label or annotation", &entry.key);
        }
    }
    let labels = entries("labels").map(|entry| ("a label's value", &entry.value));
    let tags = [("a group", "group"), ("a region", "region")];
    let tags = tags.into_iter().filter_map(|(what, field)| Some((what, node.get(field)?)));
    let mut values = labels.chain(tags.filter(|(_, node)| !node.is_null()));
    match values.find(|(_, value)| !value.text().is_some_and(is_label_value)) {
        Some((what, value)) => refused(what, value),
        None => Ok(()),
    }
}
