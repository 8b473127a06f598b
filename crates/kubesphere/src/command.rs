//! The commands that are printed for a person to paste.
//!
//! They are built here and nowhere else, so that each is quoted, and leads to the cluster that is meant: a context's
//! name alone may stand for another cluster in another file.

use std::fmt;

use super::{
    given_options::{Choice, GivenOption},
    shell_word::shell_word,
    side::Side,
};

/// Subcommands in which `--member-server` and `--member-certificate-authority` say what the host stores, and not how this
/// machine connects.
const STORING: [&str; 4] = ["join", "import", "renew", "check"];

/// A `kubectl` command on one cluster.
#[derive(Clone, Debug)]
#[must_use]
pub struct Kubectl(String);

impl Kubectl {
    /// The beginning of a command on this cluster.
    pub fn on(side: &Side) -> Self {
        let mut line = "kubectl".to_owned();
        push_way(&mut line, side, "--context", |option| Some(option.choice.name()));
        Self(line)
    }

    /// The beginning of a `kubectl config`, which edits or shows the file that has this cluster's context.
    pub fn config(side: &Side) -> Self {
        let mut line = "kubectl".to_owned();
        for option in side.given().iter().filter(|option| option.choice == Choice::Kubeconfig) {
            push_option(&mut line, option.choice.name(), option);
        }
        Self(line).words("config")
    }

    pub fn namespace<'a>(self, namespace: impl Into<Option<&'a str>>) -> Self {
        match namespace.into() {
            Some(namespace) => self.words("-n").word(namespace),
            None => self,
        }
    }

    /// Goes on with these words as they are.
    pub fn words(self, words: &str) -> Self {
        Self(format!("{} {words}", self.0))
    }

    /// Goes on with one word that is not ours, and so may have to be quoted.
    pub fn word(self, word: &str) -> Self {
        Self(format!("{} {}", self.0, shell_word(word)))
    }
}

impl fmt::Display for Kubectl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The beginning of a `helm` command on this cluster. helm knows no `--cluster` and no `--user`.
pub fn helm(side: &Side) -> String {
    let mut line = "helm".to_owned();
    push_way(&mut line, side, "--kube-context", |option| match option.choice {
        Choice::Kubeconfig => Some("kubeconfig"),
        Choice::Server => Some("kube-apiserver"),
        Choice::CertificateAuthority => Some("kube-ca-file"),
        Choice::TlsServerName => Some("kube-tls-server-name"),
        Choice::InsecureSkipTlsVerify => Some("kube-insecure-skip-tls-verify"),
        Choice::As => Some("kube-as-user"),
        Choice::AsGroup => Some("kube-as-group"),
        Choice::Cluster | Choice::User | Choice::ClientCertificate | Choice::ClientKey | Choice::AsUid => {
            None
        }
    });
    line
}

/// The option that names the host, for a command that is typed again with it.
pub fn context_option(host: &Side) -> String {
    format!("--context {}", shell_word(host.context()))
}

/// The option that names a cluster's file, for a command that is typed again with it.
pub fn kubeconfig_option(side: &Side, file: &str) -> String {
    let option = match side {
        Side::Host { .. } => "--kubeconfig",
        Side::Member { .. } => "--member-kubeconfig",
    };
    format!("{option} {}", shell_word(file))
}

/// A command of this program.
#[derive(Clone, Debug)]
#[must_use]
pub struct Mc {
    line: String,
    /// Whether the address of the member is one to be stored.
    stores: bool,
    /// What is said already: an option of both clusters stands once.
    said: Vec<GivenOption>,
}

impl Mc {
    /// The beginning of `kubectl mc SUBCOMMAND`.
    pub fn new(subcommand: &str) -> Self {
        let stores = STORING.contains(&subcommand);
        Self { line: format!("kubectl mc {subcommand}"), stores, said: Vec::new() }
    }

    /// The command that shows the log of this cluster's installer.
    pub fn logs(side: &Side) -> Self {
        match side {
            Side::Host { .. } => Self::new("logs").host(side),
            Side::Member { .. } => Self::new("logs").member(side),
        }
    }

    /// With this host, where it is known.
    pub fn host<'a>(mut self, host: impl Into<Option<&'a Side>>) -> Self {
        if let Some(host) = host.into() {
            let (first, others) = self.unsaid(host);
            self.push(first);
            if host.given().has_context() {
                self = self.words(&context_option(host));
            }
            self.push(others);
        }
        self
    }

    /// With this cluster as MEMBER.
    pub fn member(self, member: &Side) -> Self {
        self.word(member.context()).member_options(member)
    }

    /// With this cluster's context as an option.
    pub fn member_context(mut self, member: &Side) -> Self {
        let (first, others) = self.unsaid(member);
        self.push(first);
        self = self.words("--member-context").word(member.context());
        self.push(others);
        self
    }

    /// With what reaches this member, whose context is named otherwise.
    pub fn member_options(mut self, member: &Side) -> Self {
        let (first, others) = self.unsaid(member);
        self.push(first);
        self.push(others);
        self
    }

    /// With the checks that were skipped, which would stop this command, too.
    pub fn skipping(self, checks: &[String]) -> Self {
        if checks.is_empty() { self } else { self.words("--skip-check").word(&checks.join(",")) }
    }

    /// Goes on with these words as they are.
    pub fn words(mut self, words: &str) -> Self {
        self.line = format!("{} {words}", self.line);
        self
    }

    /// Goes on with one word that is not ours, and so may have to be quoted.
    pub fn word(self, word: &str) -> Self {
        let word = shell_word(word);
        self.words(&word)
    }

    /// The kubeconfig, and the other options, as far as they are not said.
    fn unsaid(&self, side: &Side) -> (Vec<GivenOption>, Vec<GivenOption>) {
        let is_stored = |option: &GivenOption| {
            option.is_for_member && matches!(option.choice, Choice::Server | Choice::CertificateAuthority)
        };
        let options = side.given().iter().filter(|option| !(self.stores && is_stored(option)));
        let unsaid = options.filter(|option| !self.said.contains(option)).cloned();
        unsaid.partition(|option| option.choice == Choice::Kubeconfig)
    }

    fn push(&mut self, options: Vec<GivenOption>) {
        for option in options {
            let name = option.choice.name();
            let name = if option.is_for_member { format!("member-{name}") } else { name.to_owned() };
            push_option(&mut self.line, &name, &option);
            self.said.push(option);
        }
    }
}

impl fmt::Display for Mc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line)
    }
}

/// The options that lead to this cluster: the kubeconfig, the context, and the others that have a name here.
fn push_way(
    line: &mut String,
    side: &Side,
    context: &str,
    name: impl Fn(&GivenOption) -> Option<&'static str>,
) {
    let (first, others): (Vec<_>, Vec<_>) =
        side.given().iter().partition(|option| option.choice == Choice::Kubeconfig);
    let push = |line: &mut String, options: Vec<&GivenOption>| {
        for option in options {
            if let Some(name) = name(option) {
                push_option(line, name, option);
            }
        }
    };
    push(line, first);
    if side.given().has_context() {
        *line = format!("{line} {context} {}", shell_word(side.context()));
    }
    push(line, others);
}

/// A switch takes its value behind `=` alone.
fn push_option(line: &mut String, name: &str, option: &GivenOption) {
    let between = if option.choice == Choice::InsecureSkipTlsVerify { '=' } else { ' ' };
    *line = format!("{line} --{name}{between}{}", shell_word(&option.value));
}

#[cfg(test)]
mod tests {
    use super::{Choice, Kubectl, Mc, Side, context_option, helm, kubeconfig_option};
    use crate::given_options::GivenOptions;

    fn in_file(file: &str) -> Side {
        let given = GivenOptions::default().with(Choice::Kubeconfig, file);
        Side::host("prod").reached_by(given)
    }

    fn member_in_file(file: &str) -> Side {
        let given = GivenOptions::default().with_member(Choice::Kubeconfig, file);
        Side::member("edge-1").reached_by(given)
    }

    #[test]
    fn without_options_the_context_alone_is_named() {
        let (host, member) = (Side::host("prod"), Side::member("edge-1"));
        let pods = Kubectl::on(&host).namespace("kube-system").words("get pods");
        assert_eq!(pods.to_string(), "kubectl --context prod -n kube-system get pods");
        assert_eq!(Kubectl::config(&host).words("view").to_string(), "kubectl config view");
        assert_eq!(helm(&member), "helm --kube-context edge-1");
        let join = Mc::new("join").member(&member).host(&host).words("--name").word("a");
        assert_eq!(join.to_string(), "kubectl mc join edge-1 --context prod --name a");
        let renew = Mc::new("renew").word("a").host(&host).member_context(&member);
        assert_eq!(renew.to_string(), "kubectl mc renew a --context prod --member-context edge-1");
        assert_eq!(Mc::new("check").host(None).to_string(), "kubectl mc check");
        assert_eq!(Mc::logs(&host).to_string(), "kubectl mc logs --context prod");
        assert_eq!(Mc::logs(&member).to_string(), "kubectl mc logs edge-1");
    }

    #[test]
    fn whatever_a_shell_would_read_otherwise_is_quoted() {
        for (name, quoted) in
            [("my edge", "'my edge'"), ("prod$HOME", "'prod$HOME'"), ("it's", r"'it'\''s'"), ("a;b", "'a;b'")]
        {
            let (host, member) = (Side::host(name), Side::member(name));
            let kubectl = Kubectl::on(&host).word(name);
            assert_eq!(kubectl.to_string(), format!("kubectl --context {quoted} {quoted}"));
            let mc = Mc::new("join").member(&member).host(&host);
            assert_eq!(mc.to_string(), format!("kubectl mc join {quoted} --context {quoted}"));
            let mc = Mc::new("unjoin").word(name).member_context(&member);
            assert_eq!(mc.to_string(), format!("kubectl mc unjoin {quoted} --member-context {quoted}"));
            assert_eq!(context_option(&host), format!("--context {quoted}"));
            assert_eq!(helm(&host), format!("helm --kube-context {quoted}"));
            let host = in_file(name);
            let kubectl = Kubectl::on(&host);
            assert_eq!(kubectl.to_string(), format!("kubectl --kubeconfig {quoted} --context prod"));
        }
    }

    #[test]
    fn each_cluster_is_looked_up_in_its_own_file() {
        let (host, member) = (in_file("h.yaml"), member_in_file("m.yaml"));
        assert_eq!(Kubectl::on(&host).to_string(), "kubectl --kubeconfig h.yaml --context prod");
        assert_eq!(Kubectl::on(&member).to_string(), "kubectl --kubeconfig m.yaml --context edge-1");
        assert_eq!(
            Kubectl::config(&member).words("view").to_string(),
            "kubectl --kubeconfig m.yaml config view"
        );
        assert_eq!(helm(&member), "helm --kubeconfig m.yaml --kube-context edge-1");
        assert_eq!(
            Mc::new("join").member(&member).host(&host).to_string(),
            "kubectl mc join edge-1 --member-kubeconfig m.yaml --kubeconfig h.yaml --context prod"
        );
        assert_eq!(
            Mc::new("renew").word("a").host(&host).member_context(&member).to_string(),
            "kubectl mc renew a --kubeconfig h.yaml --context prod --member-kubeconfig m.yaml --member-context edge-1"
        );
        assert_eq!(Mc::logs(&member).to_string(), "kubectl mc logs edge-1 --member-kubeconfig m.yaml");
    }

    #[test]
    fn a_member_in_the_hosts_file_needs_it_once() {
        let host = in_file("h.yaml");
        let member = Side::member("edge-1").reached_by(host.given().clone());
        assert_eq!(Kubectl::on(&member).to_string(), "kubectl --kubeconfig h.yaml --context edge-1");
        assert_eq!(
            Mc::new("join").member(&member).host(&host).to_string(),
            "kubectl mc join edge-1 --kubeconfig h.yaml --context prod"
        );
        assert_eq!(Mc::logs(&member).to_string(), "kubectl mc logs edge-1 --kubeconfig h.yaml");
    }

    #[test]
    fn other_options_follow_the_context_and_stand_once_where_they_are_of_both() {
        let of_host = GivenOptions::default()
            .with(Choice::User, "ops team")
            .with(Choice::InsecureSkipTlsVerify, "true")
            .with(Choice::As, "jane");
        let of_member = GivenOptions::default()
            .with_member(Choice::Server, "https://edge:6443")
            .with_member(Choice::Cluster, "c")
            .with_member(Choice::As, "jane");
        let host = Side::host("prod").reached_by(of_host);
        let member = Side::member("edge-1").reached_by(of_member);
        assert_eq!(
            Kubectl::on(&host).to_string(),
            "kubectl --context prod --user 'ops team' --insecure-skip-tls-verify=true --as jane"
        );
        assert_eq!(
            helm(&member),
            "helm --kube-context edge-1 --kube-apiserver https://edge:6443 --kube-as-user jane"
        );
        assert_eq!(
            Mc::new("unjoin").word("a").host(&host).member_context(&member).to_string(),
            "kubectl mc unjoin a --context prod --user 'ops team' --insecure-skip-tls-verify=true --as jane \
             --member-context edge-1 --member-server https://edge:6443 --member-cluster c"
        );
        let join = Mc::new("join").member(&member).to_string();
        assert_eq!(join, "kubectl mc join edge-1 --member-cluster c --as jane", "it would store the server");
    }

    #[test]
    fn what_was_skipped_and_where_a_name_is_to_be_looked_up_can_be_typed_again() {
        let checks = ["a", "b"].map(str::to_owned);
        assert_eq!(
            Mc::new("renew").word("x").skipping(&checks).to_string(),
            "kubectl mc renew x --skip-check a,b"
        );
        assert_eq!(Mc::new("renew").skipping(&[]).to_string(), "kubectl mc renew");
        let (host, member) = (Side::host("prod"), Side::member("edge-1"));
        assert_eq!(kubeconfig_option(&host, "my file"), "--kubeconfig 'my file'");
        assert_eq!(kubeconfig_option(&member, "m.yaml"), "--member-kubeconfig m.yaml");
    }

    #[test]
    fn a_server_without_a_context_is_no_context() {
        let given = GivenOptions::default().with(Choice::Server, "https://prod:6443").without_context();
        let host = Side::host("https://prod:6443").reached_by(given);
        assert_eq!(Kubectl::on(&host).to_string(), "kubectl --server https://prod:6443");
        assert_eq!(Mc::new("check").host(&host).to_string(), "kubectl mc check --server https://prod:6443");
    }
}
