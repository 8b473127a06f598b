//! Keys that the installer reads in one place, in another one.

use super::{
    advice::Advice,
    tree::{Content, Entry, Node},
};

/// The keys with the mappings in which the installer reads them (ks-installer
/// `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.4.1`).
const PLACES: [(&str, &str); 5] = [
    ("multicluster", "spec"),
    ("authentication", "spec"),
    ("clusterRole", "spec.multicluster"),
    ("hostClusterName", "spec.multicluster"),
    ("jwtSecret", "spec.authentication"),
];

/// Those in a ClusterConfiguration that nothing reads where they stand, or as they are written.
pub(super) fn in_configuration(configuration: &Node) -> Vec<Advice> {
    let mut search = Search { is_read: |found, key, path| found == (key, path), found: Vec::new() };
    search.visit(configuration, "");
    search.found
}

/// Those in a document of KubeKey, which reads none of them. It may have an `authentication` of its own.
pub(super) fn in_kubekeys(document: &Node) -> Vec<Advice> {
    let mut search = Search { is_read: |(name, _), _, _| name == "authentication", found: Vec::new() };
    search.visit(document, "");
    search.found
}

struct Search {
    /// Whether a key of this name and place is read as it is written, in the mapping at this path.
    is_read: fn((&'static str, &'static str), &str, &str) -> bool,
    found: Vec<Advice>,
}

impl Search {
    /// What is in a misplaced mapping is misplaced with it.
    fn visit(&mut self, node: &Node, path: &str) {
        match &node.content {
            Content::Mapping { entries, .. } => {
                for entry in entries {
                    self.visit_entry(entry, path);
                }
            }
            Content::Sequence { items, .. } => {
                for item in items {
                    self.visit(item, &format!("{path}[]"));
                }
            }
            Content::Scalar { .. } | Content::Alias => {}
        }
    }

    fn visit_entry(&mut self, entry: &Entry, path: &str) {
        let key = entry.key.text().unwrap_or_default();
        let known = PLACES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        match known.filter(|known| !(self.is_read)(*known, key, path)) {
            Some((name, place)) => self.found.push(Advice::Misplaced {
                key: key.to_owned(),
                line: entry.key.at.line,
                place: format!("{place}.{name}"),
            }),
            None => self.visit(&entry.value, format!("{path}.{key}").trim_start_matches('.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::{configuration_patch::Wanted, role::Role};

    use crate::configuration_file::ConfigurationFile;

    const HEAD: &str = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";

    fn said(text: &str) -> Vec<String> {
        let wanted = Wanted { role: Role::Host, host_cluster_name: None, jwt_secret: None };
        let advice = ConfigurationFile::parse(text).unwrap().advice(&wanted);
        advice.iter().map(ToString::to_string).filter(|said| said.starts_with("line ")).collect()
    }

    #[test]
    fn a_key_elsewhere_or_otherwise_written_is_told_with_its_line_and_its_place() {
        for (spec, line, key, place) in [
            ("spec: {}\nmulticluster:\n  clusterRole: host\n", 4, "multicluster", "spec.multicluster"),
            ("spec:\n  clusterRole: host\n", 4, "clusterRole", "spec.multicluster.clusterRole"),
            ("spec:\n  jwtSecret: hunter2\n", 4, "jwtSecret", "spec.authentication.jwtSecret"),
            ("spec:\n  multicluster:\n    jwtSecret: x\n", 5, "jwtSecret", "spec.authentication.jwtSecret"),
            ("spec:\n  network:\n    multicluster: {}\n", 5, "multicluster", "spec.multicluster"),
            ("spec:\n  multiCluster: {}\n", 4, "multiCluster", "spec.multicluster"),
            ("metadata:\n  hostClusterName: eu\n", 4, "hostClusterName", "spec.multicluster.hostClusterName"),
            ("list:\n- clusterRole: host\n", 4, "clusterRole", "spec.multicluster.clusterRole"),
        ] {
            let told = format!(
                "line {line}: nothing reads `{key}` there: its place is `{place}` of the ClusterConfiguration"
            );
            assert_eq!(said(&format!("{HEAD}{spec}")), [told], "{spec}");
        }
    }

    #[test]
    fn what_stands_in_its_place_is_not_told() {
        let spec = "spec: {multicluster: {clusterRole: none, hostClusterName: a}, authentication: {jwtSecret: ''}}\n";
        assert_eq!(said(&format!("{HEAD}{spec}")), Vec::<String>::new());
        assert_eq!(
            said(&format!("multicluster: {{}}\n---\n{HEAD}")),
            Vec::<String>::new(),
            "of somebody else"
        );
    }

    #[test]
    fn a_key_in_kubekeys_own_document_is_told() {
        let kubekeys =
            "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nspec:\n  multicluster: {}\n";
        let told = "line 4: nothing reads `multicluster` there: its place is `spec.multicluster` of the ClusterConfiguration";
        assert_eq!(said(&format!("{kubekeys}---\n{HEAD}")), [told]);
    }
}
