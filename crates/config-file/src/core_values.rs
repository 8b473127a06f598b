//! Values for the chart ks-core, as a host of KubeSphere 4 takes them for a member.

use kubesphere::core_values::CoreValues;

use super::{
    problem::{Fault, Position, Problem},
    tree::{self, Content, Node},
};

/// What the host's controller sets whatever stands there (kubesphere `pkg/controller/cluster/helper.go@v4.1.3:61-82`).
const OVERWRITTEN: [&[&str]; 4] =
    [&["role"], &["multicluster"], &["upgrade"], &["authentication", "issuer", "jwtSecret"]];
/// Where it needs mappings to set the last one; with anything else it fails for ever.
const MAPPINGS: [&[&str]; 2] = [&["authentication"], &["authentication", "issuer"]];

/// Reads them, and refuses what the controller would fail with, or silently overwrite.
pub fn read(text: &str) -> Result<CoreValues, Problem> {
    let tree = tree::parse(text)?;
    let [root] = tree.documents.as_slice() else { return Err(Problem::of_file(Fault::NotValues)) };
    if !is_mapping(root) {
        return Err(Problem::at(root.at, Fault::NotValues));
    }
    for path in MAPPINGS {
        if let Some(node) = root.find(path).filter(|node| !is_mapping(node)) {
            return Err(Problem::at(node.at, Fault::ValueNotAMapping { field: path.join(".") }));
        }
    }
    for path in OVERWRITTEN {
        if let Some(node) = key(root, path) {
            return Err(Problem::at(node.at, Fault::Overwritten { field: path.join(".") }));
        }
    }
    CoreValues::read(text).map_err(|at| Problem { at: at.map(place), fault: Fault::UnreadableValues })
}

fn place((line, column): (usize, usize)) -> Position {
    Position { line, column }
}

fn is_mapping(node: &Node) -> bool {
    matches!(node.content, Content::Mapping { .. })
}

/// The last key of a path that is there.
fn key<'a>(root: &'a Node, path: &[&str]) -> Option<&'a Node> {
    let (last, parents) = path.split_last()?;
    let mut entries = root.find(parents)?.entries().iter();
    entries.find(|entry| entry.key.text() == Some(last)).map(|entry| &entry.key)
}

#[cfg(test)]
mod tests {
    use super::read;

    fn refused(text: &str) -> String {
        let problem = read(text).unwrap_err();
        let at = problem.at.map(|at| format!("{}:{}: ", at.line, at.column)).unwrap_or_default();
        format!("{at}{}", problem.fault)
    }

    #[test]
    fn values_are_taken_as_they_are_written() {
        for text in
            ["global: {imageRegistry: registry.example}\n", "authentication: {adminPassword: 'a b'}\n", "{}"]
        {
            assert!(read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_the_controller_would_fail_with_is_refused_where_it_stands() {
        for text in ["", "# nothing\n", "---\na: 1\n---\nb: 2\n"] {
            assert_eq!(refused(text), "values for the chart ks-core are one mapping", "{text}");
        }
        assert_eq!(refused("- a\n"), "1:1: values for the chart ks-core are one mapping");
        assert_eq!(refused("a: 1\nauthentication: none\n"), "2:17: `authentication` is not a mapping");
        assert!(refused("authentication:\n").ends_with("`authentication` is not a mapping"));
        assert_eq!(
            refused("authentication:\n  issuer: []\n"),
            "2:11: `authentication.issuer` is not a mapping"
        );
        assert!(refused("a: [1\n").contains("not YAML"));
    }

    /// Helm would fail with them for ever, and no secret in them be known as one.
    #[test]
    fn what_nobody_can_read_as_values_is_refused_where_it_stands() {
        for (text, place) in [
            ("a: &x [*x]\n", "1:4"),
            ("b: 1\na: &x\n  c: *x\n", "2:4"),
            ("? [a]\n: b\n", "1:3"),
            ("a: !secret Vk3-r9Qz\n", "1:4"),
        ] {
            let said = refused(text);
            assert!(said.starts_with(&format!("{place}: no values can be read from it")), "{text}: {said}");
            assert!(!said.contains("Vk3"), "{said}");
        }
        assert!(read("a: &x {b: 1}\nc: *x\n").is_ok(), "an anchor elsewhere is read");
    }

    #[test]
    fn what_the_controller_overwrites_is_refused() {
        let overwritten = "is set by the host's controller, whatever stands here";
        assert_eq!(refused("a: 1\nmulticluster: {}\n"), format!("2:1: `multicluster` {overwritten}"));
        for key in ["role", "upgrade"] {
            assert_eq!(refused(&format!("{key}: x\n")), format!("1:1: `{key}` {overwritten}"));
        }
        assert_eq!(
            refused("authentication:\n  issuer:\n    jwtSecret: abc\n"),
            format!("3:5: `authentication.issuer.jwtSecret` {overwritten}")
        );
    }
}
