//! Names that KubeSphere accepts for a registered cluster.

/// The longest name the console accepts (kubesphere/console `src/utils/constants.js@v3.4.1`).
const LONGEST: usize = 63;
/// What the console calls the cluster that it runs on where there is only one: for a Cluster of this name it asks that
/// cluster instead (kubesphere/console release-3.4 `src/stores/cluster/index.js:309`, where `/clusters/default` is cut out
/// of an address, and `src/stores/devops/pipelines.js:317`).
const CONSOLES: &str = "default";
/// The longest prefix of a label's key.
const LONGEST_PREFIX: usize = 253;

/// What helps whose name for the host's Cluster is not [`is_host_cluster_name`].
pub const HOST_CLUSTER_NAME_HINT: &str =
    "use lower case letters, digits, `-` and `.`, at most 63, beginning and ending with a letter or digit";
/// What helps who has no [`is_key`] or no [`is_label_value`].
pub const LABEL_HINT: &str = "use letters, digits, `-`, `_` and `.`, at most 63, beginning and ending with a letter or digit; before a key a DNS name and `/` may stand";

/// Whether `name` can be a Cluster's name: `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$` and 63 characters at most.
///
/// The console's rule, stricter than the Kubernetes API's, because names of Secrets, service accounts and
/// roles are derived from it (kubesphere/console `src/utils/constants.js@v3.4.1`).
pub fn is_cluster_name(name: &str) -> bool {
    name.len() <= LONGEST && is_label(name)
}

/// Whether the console would take a Cluster of this name for its own.
pub fn is_consoles_name(name: &str) -> bool {
    name == CONSOLES
}

/// Whether `name` can be a `hostClusterName`: lower case letters, digits, `-` and `.`.
///
/// The installer takes any qualified name, but the controller makes a Cluster of it, whose name the API
/// server wants to be a DNS subdomain (kubesphere/kubesphere `cluster_controller.go@v3.4.1`).
pub fn is_host_cluster_name(name: &str) -> bool {
    name.len() <= LONGEST && name.split('.').all(is_label)
}

/// The nearest valid cluster name to a context's name, if anything of it can be kept.
pub fn propose_cluster_name(context: &str) -> Option<String> {
    // `arn:aws:eks:eu-1:1234:cluster/blue` and `admin@blue` say their cluster's name last.
    let last = context.rsplit(['/', '@']).next().unwrap_or(context);
    let mapped: String = last
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(LONGEST)
        .collect();
    let name = mapped.trim_matches('-');
    (is_cluster_name(name) && !is_consoles_name(name)).then(|| name.to_owned())
}

/// Whether Kubernetes takes this as the value of a label (apimachinery `pkg/util/validation/validation.go@v0.34.0`).
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified(value)
}

/// Whether Kubernetes takes this as the key of a label or an annotation (the same).
pub fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_subdomain = |prefix: &str| prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_label);
    prefix.is_none_or(is_subdomain) && is_qualified(name)
}

fn is_qualified(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = [text.chars().next(), text.chars().next_back()];
    let closed = ends.iter().all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()));
    text.len() <= LONGEST && closed && text.chars().all(inner)
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::{is_cluster_name, is_host_cluster_name, is_key, is_label_value, propose_cluster_name};

    #[test]
    fn the_consoles_rule_decides_about_cluster_names() {
        for name in ["a", "edge-1", "0", &"a".repeat(63)] {
            assert!(is_cluster_name(name), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a.b", "a_b", "a/b", &"a".repeat(64)] {
            assert!(!is_cluster_name(name), "{name}");
        }
    }

    #[test]
    fn kubernetes_decides_about_labels() {
        for value in ["", "a", "A.b_c-9", &"a".repeat(63)] {
            assert!(is_label_value(value), "{value}");
        }
        for value in ["x y", "-a", "a.", "Großer", &"a".repeat(64)] {
            assert!(!is_label_value(value), "{value}");
        }
        for key in ["a", "team", "example.org/Team_1", "x.y-z/a"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "bad key", "/a", "a/", "a/b/c", "Example.org/a", "-a"] {
            assert!(!is_key(key), "{key}");
        }
    }

    #[test]
    fn a_host_cluster_name_may_have_dots() {
        assert!(is_host_cluster_name("eu.prod-1"));
        for name in ["", ".a", "a..b", "a.", "A", "a_b"] {
            assert!(!is_host_cluster_name(name), "{name}");
        }
    }

    #[test]
    fn a_proposal_is_always_valid() {
        assert_eq!(propose_cluster_name("admin@Blue_1").as_deref(), Some("blue-1"));
        assert_eq!(propose_cluster_name("arn:aws:eks:eu-1:12:cluster/green").as_deref(), Some("green"));
        assert_eq!(propose_cluster_name("gke_proj_zone_name").as_deref(), Some("gke-proj-zone-name"));
        assert_eq!(propose_cluster_name("@/:"), None);
        assert_eq!(propose_cluster_name("admin@Default"), None, "the console's own");
    }
}
