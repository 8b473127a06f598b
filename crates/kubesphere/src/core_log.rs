//! What a host of KubeSphere 4 writes while it installs a member: its controller's log up to 4.1.3, the log of helm's Job
//! afterwards.

use std::mem::replace;

/// The files of the cluster controller, and of the helm that it has built in and that logs by the controller's klog
/// (kubesphere `pkg/controller/cluster@v4.1.3`, `staging/src/kubesphere.io/utils/helm/executor.go@v4.1.3:385`; helm
/// `pkg/kube@v3.16.2`, `pkg/action@v3.16.2`).
const OF_CONTROLLER: [&str; 3] = ["cluster_controller.go", "kubeconfig.go", "clusterclient.go"];
const OF_HELM: [&str; 5] = ["client.go", "wait.go", "ready.go", "install.go", "upgrade.go"];
/// How controller-runtime says whose error it is (`pkg/internal/controller/controller.go@v0.19.1`).
const CONTROLLER: &str = "controller=\"cluster\"";
/// Each try begins so (kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3:384`).
const BEGINS: &str = "Starting installing KS Core for the cluster ";

/// Whether a line of ks-controller-manager is about the installation of this Cluster, or of any where none is named. Helm does
/// not say which one it is at work on.
pub fn is_about(line: &str, cluster: Option<&str>) -> bool {
    let file = file(line).unwrap_or_default();
    let is_controllers = OF_CONTROLLER.contains(&file) || line.contains(CONTROLLER);
    OF_HELM.contains(&file) || is_controllers && cluster.is_none_or(|name| names(line, name))
}

/// Whether an installation of this Cluster begins, or of any where none is named.
pub fn begins(line: &str, cluster: Option<&str>) -> bool {
    line.contains(BEGINS) && cluster.is_none_or(|name| names(line, name))
}

/// Whether a look at a Cluster has failed: controller-runtime logs it, and nothing else tells it
/// (`pkg/internal/controller/controller.go@v0.19.1:316`).
pub fn fails(line: &str) -> bool {
    line.contains("\"Reconciler error\"") && line.contains(CONTROLLER)
}

/// The Cluster at which a look has failed, and why.
pub fn failure(line: &str) -> Option<(String, String)> {
    let value = |key: &str| line.split_once(key).map(|(_, quoted)| unquoted(quoted));
    if fails(line) { value(" Cluster=\"").zip(value(" err=\"")) } else { None }
}

/// What stands before the closing quotation mark of a text that Go has quoted (klog `internal/serialize@v2`).
fn unquoted(quoted: &str) -> String {
    let (mut text, mut rest) = (String::new(), quoted.chars());
    while let Some(c) = rest.next().filter(|c| *c != '"') {
        match if c == '\\' { rest.next() } else { None } {
            Some('n' | 't') => text.push(' '),
            Some(escaped) => text.push(escaped),
            None => text.push(c),
        }
    }
    text
}

/// `I1130 11:22:32.123456       1 ready.go:303] Deployment is not ready` (klog `internal/severity@v2`).
fn file(line: &str) -> Option<&str> {
    let (head, _) = line.split_once("] ")?;
    let (file, _) = head.rsplit(' ').next()?.rsplit_once(':')?;
    Some(file)
}

fn names(line: &str, name: &str) -> bool {
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    line.split(|c| !is_of_names(c)).any(|word| word.trim_end_matches('.') == name)
}

/// The log of `helm --debug`, which prints at its end all values and manifests, the host's jwtSecret among them (helm
/// `cmd/helm/status.go@v3.16.2`, `WriteTable`).
#[derive(Clone, Copy, Debug, Default)]
pub struct HelmLog {
    hides: bool,
}

impl HelmLog {
    const HIDDEN: [&str; 4] = ["USER-SUPPLIED VALUES:", "COMPUTED VALUES:", "HOOKS:", "MANIFEST:"];
    const SHOWN: &str = "NOTES:";
    const INSTEAD: &str = "[values and manifests are not shown: they hold secrets]";

    /// What is shown of the next line; nothing of what may hold a secret.
    pub fn shown<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if Self::HIDDEN.contains(&line) {
            return (!replace(&mut self.hides, true)).then_some(Self::INSTEAD);
        }
        self.hides &= line != Self::SHOWN;
        (!self.hides).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{HelmLog, begins, fails, failure, is_about};

    const HEAD: &str = "I1130 11:22:32.123456       1";

    #[test]
    fn a_line_is_about_clusters_by_its_file_or_its_controller() {
        let failed = format!(
            "{HEAD} controller.go:316] \"Reconciler error\" controller=\"cluster\" Cluster=\"edge-1\""
        );
        let starting =
            format!("{HEAD} cluster_controller.go:384] Starting installing KS Core for the cluster edge-1");
        let waits = format!("{HEAD} ready.go:303] Deployment is not ready: kubesphere-system/ks-agent");
        for (line, of_any, of_edge_1, of_edge) in [
            (&failed, true, true, false),
            (&starting, true, true, false),
            (&waits, true, true, true),
            (&format!("{HEAD} controller.go:316] controller=\"user\" User=\"edge-1\""), false, false, false),
            (&format!("{HEAD} reflector.go:1] edge-1"), false, false, false),
            (&"edge-1".to_owned(), false, false, false),
        ] {
            let seen = [None, Some("edge-1"), Some("edge")].map(|name| is_about(line, name));
            assert_eq!(seen, [of_any, of_edge_1, of_edge], "{line}");
        }
        assert!(
            begins(&starting, Some("edge-1")) && begins(&starting, None) && !begins(&starting, Some("edge"))
        );
        assert!(!begins(&failed, None));
        assert!(fails(&failed) && !fails(&starting));
    }

    #[test]
    fn a_failure_is_told_with_its_cluster_and_without_gos_quoting() {
        let line = format!(
            r#"{HEAD} controller.go:316] "Reconciler error" err="yaml: \"a\": anchor 'x' \\ value\ncontains itself" controller="cluster" controllerKind="Cluster" Cluster="edge-1" name="edge-1""#
        );
        let cause = r#"yaml: "a": anchor 'x' \ value contains itself"#;
        assert_eq!(failure(&line), Some(("edge-1".to_owned(), cause.to_owned())));
        assert_eq!(failure(&line.replace("=\"cluster\"", "=\"user\"")), None);
        assert_eq!(failure(&line.replace("Reconciler error", "Reconciler")), None);
    }

    #[test]
    fn helm_shows_no_values() {
        let mut log = HelmLog::default();
        let lines = [
            "client.go:142: [debug] creating 1 resource(s)",
            "STATUS: deployed",
            "USER-SUPPLIED VALUES:",
            "jwtSecret: abc",
            "COMPUTED VALUES:",
            "jwtSecret: abc",
            "HOOKS:",
            "---",
            "MANIFEST:",
            "data: abc",
            "NOTES:",
            "Thank you",
        ];
        let shown: Vec<_> = lines.into_iter().filter_map(|line| log.shown(line)).collect();
        assert_eq!(shown, [lines[0], lines[1], HelmLog::INSTEAD, "NOTES:", "Thank you"]);
    }
}
