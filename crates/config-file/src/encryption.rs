//! Files that SOPS has encrypted: what is edited in them does not fit their checksum any more, and what is added stands in
//! plain text.

use super::{
    problem::{Fault, Position, Problem},
    tree::{Content, Node, Tree},
};

/// What SOPS puts its own data under, in every document (sops `stores/stores.go@v3.9.0`, `SopsMetadataKey`).
const KEY: &str = "sops";
/// What each of its values begins with (sops `aes/cipher.go@v3.9.0`).
const VALUE: &str = "ENC[AES256_GCM,data:";

/// Where it shows.
pub(super) fn found(tree: &Tree) -> Option<Problem> {
    let at = tree.documents.iter().find_map(|document| value(document).or_else(|| metadata(document)));
    at.map(|at| Problem::at(at, Fault::Encrypted))
}

fn metadata(document: &Node) -> Option<Position> {
    let entry = document.entries().iter().find(|entry| entry.key.text() == Some(KEY))?;
    entry.value.get("mac").map(|_| entry.key.at)
}

fn value(node: &Node) -> Option<Position> {
    match &node.content {
        Content::Scalar { text, .. } => text.starts_with(VALUE).then_some(node.at),
        Content::Mapping { entries, .. } => entries.iter().find_map(|entry| value(&entry.value)),
        Content::Sequence { items, .. } => items.iter().find_map(value),
        Content::Alias => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        configuration_file::ConfigurationFile,
        problem::{Fault, Position},
    };

    const HEAD: &str = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";
    const SECRET: &str = "ENC[AES256_GCM,data:eA==,iv:aQ==,tag:dA==,type:str]";

    #[test]
    fn what_sops_has_encrypted_is_refused_in_part_and_as_a_whole() {
        for (text, line, column) in [
            (format!("{HEAD}spec:\n  authentication:\n    jwtSecret: {SECRET}\n"), 5, 16),
            (format!("{HEAD}spec: {{}}\nsops:\n  mac: {SECRET}\n"), 5, 8),
            (format!("{HEAD}spec: {{}}\nsops:\n  mac: plain\n  version: 3.9.0\n"), 4, 1),
            (format!("apiVersion: {SECRET}\nkind: {SECRET}\n"), 1, 13),
            (format!("{{\"data\": \"{SECRET}\", \"sops\": {{\"mac\": \"{SECRET}\"}}}}\n"), 1, 10),
            (format!("a:\n- {SECRET}\n---\n{HEAD}"), 2, 3),
        ] {
            let problem = ConfigurationFile::parse(&text).unwrap_err();
            assert_eq!(problem.fault, Fault::Encrypted, "{text}");
            assert_eq!(problem.at, Some(Position { line, column }), "{text}");
        }
    }

    #[test]
    fn a_key_of_that_name_alone_is_no_encryption() {
        assert!(ConfigurationFile::parse(&format!("sops: {{enabled: true}}\n---\n{HEAD}")).is_ok());
    }

    #[test]
    fn the_way_out_names_the_file() {
        let problem = ConfigurationFile::parse(&format!("a: {SECRET}\n")).unwrap_err();
        assert!(problem.hint(Some("my c.yaml")).contains("`sops --decrypt --in-place 'my c.yaml'`"));
        assert!(problem.hint(None).contains("`sops --decrypt FILE`"));
    }
}
