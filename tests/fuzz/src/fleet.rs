use std::collections::HashSet;

use fleet_file::reading::read;
use kubesphere::names::is_cluster_name;

pub(super) const WORDS: &[&str] = &[
    "apiVersion: kubectl-mc/v1alpha1\n",
    "kind: Fleet\n",
    "host:\n",
    "defaults:\n",
    "members:\n",
    "- context: a\n",
    "  name: b\n",
    "  kubeconfig: c\n",
    "  labels: {a: 'b'}\n",
    "  skipChecks: [clock-skew]\n",
    "  credentials: auto\n",
    "  config:\n",
    "    global: {}\n",
    "multicluster: {}",
];

/// Every member of what is taken has a name of its own that a Cluster can have, and what is refused is refused within the
/// file.
pub(super) fn run(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    match read(bytes) {
        Ok(fleet) => {
            let names: HashSet<&str> =
                fleet.members.iter().map(|member| member.member.cluster_name()).collect();
            assert_eq!(names.len(), fleet.members.len(), "a name is there twice");
            assert!(names.into_iter().all(is_cluster_name), "a name cannot be one");
            assert!(
                fleet.members.iter().all(|member| member.places.at.is_some_and(|at| at.line <= lines)),
                "a member is outside"
            );
        }
        Err(problem) => {
            assert!(!problem.hint(None).is_empty() && !problem.fault.to_string().is_empty());
            // A carriage return ends a line, too.
            let lines = lines + bytes.split(|byte| *byte == b'\r').count();
            assert!(
                problem.at.is_none_or(|at| at.line <= lines + 1 && at.column > 0),
                "{problem:?} is outside"
            );
        }
    }
}
