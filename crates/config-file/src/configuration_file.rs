//! A file with one ClusterConfiguration among whatever else.

use std::fmt;

use kubesphere::{
    cluster_configuration::{GROUP, KIND, VERSION},
    configuration_patch::Wanted,
    jwt_secret::JwtSecret,
};

use super::{
    advice::{self, Advice},
    edit::{self, Edited},
    encryption, invisible, misplaced,
    problem::{Fault, Problem},
    shown,
    tree::{self, BYTE_ORDER_MARK, Content, Node, Tree},
    verify::{self, Meaning},
};

/// Where the jwtSecret stands in a ClusterConfiguration.
pub(super) const JWT_SECRET: [&str; 3] = ["spec", "authentication", "jwtSecret"];

/// A file that was read and understood.
pub struct ConfigurationFile<'text> {
    whole: &'text str,
    /// The file after its byte order mark.
    text: &'text str,
    tree: Tree,
    meaning: Meaning,
}

impl fmt::Debug for ConfigurationFile<'_> {
    /// The text holds secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.whole.len())
    }
}

impl<'text> ConfigurationFile<'text> {
    /// Reads KubeKey's config-sample.yaml, ks-installer's cluster-configuration.yaml, or anything with one
    /// ClusterConfiguration: as a document of its own wherever among others, or as an item of a list.
    pub fn parse(whole: &'text str) -> Result<Self, Problem> {
        let text = whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole);
        let tree = tree::parse(text)?;
        let is_ours = |document: &Node| {
            advice::is_kubekeys(document) || objects(document).into_iter().any(is_nearly_configuration)
        };
        let refused = invisible::first(text, &tree, is_ours).or_else(|| encryption::found(&tree));
        refused.map_or(Ok(()), Err)?;
        let meaning = verify::meaning(text)?;
        let lines: Vec<usize> = configurations(&tree).map(|found| found.at.line).collect();
        match lines.len() {
            0 => Err(without_configuration(&tree)),
            1 => Ok(Self { whole, text, tree, meaning }),
            _ => Err(Problem::of_file(Fault::SeveralConfigurations { lines })),
        }
    }

    /// The file with what is wanted, and every other byte as it was. The result was read again: it says what it
    /// should, and all comments are there.
    pub fn edit(&self, wanted: &Wanted) -> Result<String, Problem> {
        let spec = serde_json::json!({"spec": wanted.as_spec()});
        let Edited { text: edited, at } = edit::edit(self.text, self.configuration(), &spec)?;
        let is_unsafe = || Problem::at(at, Fault::Unsafe);
        let tree = tree::parse(&edited).map_err(|_| is_unsafe())?;
        let meaning = verify::meaning(&edited).map_err(|_| is_unsafe())?;
        let comments_stay = comments(self.text, &self.tree).eq(comments(&edited, &tree));
        if !comments_stay || self.meaning.with(&spec) != Some(meaning) {
            return Err(is_unsafe());
        }
        let byte_order_mark = &self.whole[..self.whole.len() - self.text.len()];
        Ok(format!("{byte_order_mark}{edited}"))
    }

    /// The file as it may be shown, line by line the same but for its secrets, and with the fingerprints of these wherever
    /// they stand.
    pub fn shown(&self, known: &[&JwtSecret]) -> String {
        let mut known: Vec<&JwtSecret> = known.iter().copied().filter(|it| it.expose().len() >= 6).collect();
        // One may be a part of the other.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        let shown = shown::shown(self.text, &self.tree, self.configuration());
        known.iter().fold(shown, |text, secret| text.replace(secret.expose(), &secret.fingerprint()))
    }

    /// Whether it holds anything that must not be shown.
    pub fn holds_secrets(&self) -> bool {
        self.shown(&[]) != self.text
    }

    /// The jwtSecret in it, unless it is empty.
    pub fn jwt_secret(&self) -> Option<JwtSecret> {
        jwt_secret(self.configuration())
    }

    /// What to know about these wishes in this file.
    pub fn advice(&self, wanted: &Wanted) -> Vec<Advice> {
        let kubekeys = self.tree.documents.iter().filter(|document| advice::is_kubekeys(document));
        let kubekeys: Vec<&Node> = kubekeys.collect();
        let mut advice = advice::advice(self.configuration(), !kubekeys.is_empty(), wanted);
        advice.extend(kubekeys.into_iter().flat_map(misplaced::in_kubekeys));
        advice.extend(misplaced::in_configuration(self.configuration()));
        advice
    }

    fn configuration(&self) -> &Node {
        configurations(&self.tree).next().expect("one was counted when the file was read")
    }
}

/// The ClusterConfigurations, by their kind and their apiVersion: there is one version of it (ks-installer
/// `deploy/kubesphere-installer.yaml@v3.1.0…v3.4.1`).
fn configurations(tree: &Tree) -> impl Iterator<Item = &Node> {
    tree.documents.iter().flat_map(objects).filter(|node| {
        let text = |key| node.get(key).and_then(Node::text);
        text("kind") == Some(KIND) && text("apiVersion") == Some(&*api_version())
    })
}

fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

/// What was probably meant for one, or is another's: kubeadm has a kind of this name, too.
fn is_nearly_configuration(node: &Node) -> bool {
    node.get("kind").and_then(Node::text) == Some(KIND)
        || node.get("apiVersion").and_then(Node::text).is_some_and(|version| group(version) == GROUP)
}

fn without_configuration(tree: &Tree) -> Problem {
    let nearly = tree.documents.iter().flat_map(objects).find(|node| is_nearly_configuration(node));
    let Some(node) = nearly else { return Problem::of_file(Fault::NoConfiguration) };
    let api_version = api_version();
    let wrong = [("kind", KIND), ("apiVersion", api_version.as_str())].into_iter();
    let wrong = wrong.filter_map(|(key, right)| match node.get(key).and_then(Node::text) {
        None => Some(format!("{key} is missing")),
        Some(text) if text != right => Some(format!("{key} is {text}")),
        Some(_) => None,
    });
    let wrong = wrong.collect::<Vec<_>>().join(", its ");
    Problem::at(node.at, Fault::OtherKind { wrong })
}

/// A document's objects: itself, or the items of a list. The second reader finds them by itself, so that a mistake here
/// is noticed and not repeated there.
fn objects(document: &Node) -> Vec<&Node> {
    let is_list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    let list = if is_list { document.get("items").unwrap_or(document) } else { document };
    match &list.content {
        Content::Sequence { items, .. } => items.iter().collect(),
        _ => vec![document],
    }
}

/// The jwtSecret in a ClusterConfiguration, unless it is empty.
pub(super) fn jwt_secret(configuration: &Node) -> Option<JwtSecret> {
    let value = configuration.find(&JWT_SECRET).filter(|value| !value.is_null())?;
    value.text().filter(|text| !text.is_empty()).map(JwtSecret::new)
}

/// The group of an `apiVersion`.
pub(super) fn group(api_version: &str) -> &str {
    api_version.split('/').next().unwrap_or_default()
}

fn comments<'a>(text: &'a str, tree: &'a Tree) -> impl Iterator<Item = &'a str> {
    tree.comments.iter().map(|range| &text[range.clone()])
}

#[cfg(test)]
#[path = "configuration_file_tests.rs"]
mod tests;
