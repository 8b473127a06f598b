//! What a person should know about a file and what is to be set in it, though it hinders nobody.

use kubesphere::{
    configuration_patch::Wanted,
    jwt_secret::JwtSecret,
    role::Role,
    versions::{Generation, Support, Version},
};

use super::{
    configuration_file::{JWT_SECRET, group, jwt_secret},
    tree::Node,
};

/// The API group of KubeKey's own configuration.
const KUBEKEYS_GROUP: &str = "kubekey.kubesphere.io";

/// What KubeKey finds the lines by that it replaces or removes in its copy of the ClusterConfiguration, whatever else
/// stands in them (kubekey `cmd/kk/pkg/kubesphere/tasks.go@v3.1.12`, where it calls `sed`).
const KUBEKEYS_WORDS: [&str; 7] =
    ["endpointIps", "local_registry", "namespace_override", "zone", "tlsEnable", "containerruntime", "2379"];

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Advice {
    /// KubeKey would change or remove the line.
    #[error(
        "KubeKey edits its copy of this file line by line and treats every line with `{word}` as its own: the hostClusterName \"{name}\" would be lost or mangled; choose another name"
    )]
    NameLooksLikeKubekeys {
        name: String,
        /// What KubeKey looks for.
        word: &'static str,
    },
    /// KubeKey would change or remove the line.
    #[error(
        "the jwtSecret contains a word that KubeKey edits lines by, which would be lost or mangled: after the installation check it with `kubectl mc jwt-secret`"
    )]
    SecretLooksLikeKubekeys,
    /// The installer does not read it.
    #[error(
        "KubeSphere {0} ignores hostClusterName: before 3.2 the host's Cluster is always called \"host\""
    )]
    NameIgnored(Version),
    /// kk refuses the file.
    #[error(
        "metadata.labels.version is missing, without which KubeKey refuses the file: add `version: v3.4.1`, or the version to install"
    )]
    NoVersion,
    /// Nobody has tried that.
    #[error("the file is for KubeSphere {0}; kubectl-mc knows 3.1 to 3.4")]
    UnknownVersion(Version),
    /// It may be another host's.
    #[error(
        "the jwtSecret {0} is in it already, and this host will sign with it: empty it (`jwtSecret: \"\"`) if it is another host's"
    )]
    ForeignSecret(JwtSecret),
    /// Whoever wrote it there meant something by it.
    #[error("line {line}: nothing reads `{key}` there: its place is `{place}` of the ClusterConfiguration")]
    Misplaced {
        key: String,
        line: usize,
        /// The path at which it is read.
        place: String,
    },
    /// The installer fails (ks-installer `roles/ks-core/init-token/tasks/main.yaml:29`).
    #[error(
        "spec.authentication.jwtSecret is missing, without which ks-installer fails: add `jwtSecret: \"\"`"
    )]
    NoJwtSecret,
}

/// Whether this is a document of KubeKey.
pub(super) fn is_kubekeys(document: &Node) -> bool {
    document.get("apiVersion").and_then(Node::text).is_some_and(|version| group(version) == KUBEKEYS_GROUP)
}

/// What to know, in the order of importance.
pub(super) fn advice(configuration: &Node, is_kubekeys: bool, wanted: &Wanted) -> Vec<Advice> {
    let label = configuration.find(&["metadata", "labels", "version"]).and_then(Node::text);
    let version = label.and_then(Version::parse);
    let is_known = |version: &Version| {
        version.support() == Support::Supported && version.generation() == Generation::Three
    };
    let unknown = version.filter(|version| !is_known(version)).map(Advice::UnknownVersion);
    let no_version = (is_kubekeys && label.is_none()).then_some(Advice::NoVersion);
    let name = wanted.host_cluster_name.as_deref();
    let ignored = version.filter(|version| name.is_some() && !version.differences().reads_host_cluster_name);
    let secret = if wanted.role == Role::Host { of_host(configuration) } else { None };
    let mangled = if is_kubekeys { mangled(wanted) } else { Vec::new() };
    let single = [unknown, no_version, secret, ignored.map(Advice::NameIgnored)];
    single.into_iter().flatten().chain(mangled).collect()
}

/// A host makes its own secret, into an empty place.
fn of_host(configuration: &Node) -> Option<Advice> {
    match configuration.find(&JWT_SECRET) {
        Some(_) => jwt_secret(configuration).map(Advice::ForeignSecret),
        None => Some(Advice::NoJwtSecret),
    }
}

fn mangled(wanted: &Wanted) -> Vec<Advice> {
    let word_in = |text: &str| KUBEKEYS_WORDS.into_iter().find(|word| text.contains(word));
    let name = wanted
        .host_cluster_name
        .as_deref()
        .and_then(|name| Some(Advice::NameLooksLikeKubekeys { name: name.to_owned(), word: word_in(name)? }));
    let secret = wanted.jwt_secret.as_ref().and_then(|secret| word_in(secret.expose()));
    name.into_iter().chain(secret.map(|_| Advice::SecretLooksLikeKubekeys)).collect()
}

#[cfg(test)]
mod tests {
    use kubesphere::{configuration_patch::Wanted, jwt_secret::JwtSecret, role::Role, versions::Version};

    use super::Advice;
    use crate::configuration_file::ConfigurationFile;

    const KUBEKEY: &str = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\n---\n";

    fn host(name: Option<&str>) -> Wanted {
        Wanted { role: Role::Host, host_cluster_name: name.map(str::to_owned), jwt_secret: None }
    }

    fn advice(before: &str, version: &str, wanted: &Wanted) -> Vec<Advice> {
        let text = format!(
            "{before}apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\nmetadata:\n  labels: {{{version}}}\nspec: {{authentication: {{jwtSecret: \"\"}}}}\n"
        );
        ConfigurationFile::parse(&text).unwrap().advice(wanted)
    }

    #[test]
    fn what_kubekey_would_mangle_is_said_for_its_files_alone() {
        let wanted = host(Some("time-zone"));
        let name = "time-zone".to_owned();
        assert_eq!(
            advice(KUBEKEY, "version: v3.4.1", &wanted),
            [Advice::NameLooksLikeKubekeys { name, word: "zone" }]
        );
        assert_eq!(advice("", "version: v3.4.1", &wanted), []);
        let secret = JwtSecret::new("a2379b");
        let member = Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: Some(secret) };
        assert_eq!(advice(KUBEKEY, "version: v3.4.1", &member), [Advice::SecretLooksLikeKubekeys]);
        assert!(!Advice::SecretLooksLikeKubekeys.to_string().contains("2379"));
    }

    #[test]
    fn versions_are_looked_at() {
        let version = |text| Version::parse(text).unwrap();
        assert_eq!(
            advice("", "version: v3.1.0", &host(Some("eu"))),
            [Advice::NameIgnored(version("v3.1.0"))]
        );
        assert_eq!(advice("", "version: v3.1.0", &host(None)), []);
        assert_eq!(advice("", "", &host(None)), []);
        assert_eq!(advice(KUBEKEY, "", &host(None)), [Advice::NoVersion]);
        for text in ["v3.0.0", "v4.1.3"] {
            let unknown = Advice::UnknownVersion(version(text));
            assert_eq!(advice("", &format!("version: {text}"), &host(None)), [unknown]);
        }
    }

    #[test]
    fn a_secret_that_a_host_did_not_make_is_pointed_out() {
        let of = |secret| {
            let text = format!(
                "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\nspec: {{authentication: {{jwtSecret: {secret}}}}}\n"
            );
            ConfigurationFile::parse(&text).unwrap().advice(&host(None))
        };
        assert_eq!(of("ofAnotherHost"), [Advice::ForeignSecret(JwtSecret::new("ofAnotherHost"))]);
        assert!(!of("ofAnotherHost")[0].to_string().contains("ofAnotherHost"));
        for nothing in ["''", "null", "~", ""] {
            assert_eq!(of(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn the_installer_needs_the_secrets_key() {
        let text = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";
        assert_eq!(ConfigurationFile::parse(text).unwrap().advice(&host(None)), [Advice::NoJwtSecret]);
    }
}
