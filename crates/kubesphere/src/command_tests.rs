use super::{Choice, Kubectl, Mc, Side, context_option, helm, kubeconfig_option};
use crate::{
    fleet_entry::{FleetEntry, Setting},
    given_options::GivenOptions,
};

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
    assert_eq!(Kubectl::config(&member).words("view").to_string(), "kubectl --kubeconfig m.yaml config view");
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

fn entry(name: Option<&str>, fields: &[&str]) -> FleetEntry {
    FleetEntry {
        file: "my fleet.yaml".to_owned(),
        name: name.map(str::to_owned),
        place: "my fleet.yaml:3:1".to_owned(),
        skips: vec!["b".to_owned()],
        fields: fields.iter().map(|field| ((*field).to_owned(), "my fleet.yaml:3:1".to_owned())).collect(),
    }
}

#[test]
fn of_a_member_in_a_fleet_file_the_file_leads_to_it() {
    let given = GivenOptions::default().with(Choice::Kubeconfig, "h.yaml").with(Choice::As, "jane");
    let host = Side::host("prod").reached_by(given.in_fleet(entry(None, &["context", "kubeconfig"])));
    let given = GivenOptions::default().with_member(Choice::Kubeconfig, "m.yaml");
    let given = given.with_member(Choice::As, "jane").with_member(Choice::TlsServerName, "kube");
    let fields = ["context", "kubeconfig", "tlsServerName"];
    let member = Side::member("admin@edge").reached_by(given.in_fleet(entry(Some("edge-1"), &fields)));
    let renew = |name: &str| Mc::new("renew").word(name).host(&host).member_context(&member);
    let skipped = ["a", "b"].map(str::to_owned);
    let renewal = renew("edge-1").setting(Setting::Server, "https://a:6443").skipping(&skipped);
    assert_eq!(renewal.to_string(), "kubectl mc renew -f 'my fleet.yaml' edge-1 --as jane --skip-check a");
    assert_eq!(
        renew("old").to_string(),
        "kubectl mc renew old --kubeconfig h.yaml --context prod --as jane --member-kubeconfig m.yaml \
         --member-context admin@edge --member-tls-server-name kube",
        "the file has no such name"
    );
    let join = Mc::new("join").member(&member).host(&host).words("--dry-run=client");
    assert_eq!(join.to_string(), "kubectl mc join -f 'my fleet.yaml' edge-1 --as jane --dry-run=client");
    assert!(
        Mc::new("prepare member").member(&member).to_string().starts_with("kubectl mc prepare member admin@")
    );
    let other = Side::host("prod").reached_by(GivenOptions::default().in_fleet(entry(None, &[])));
    let join = Mc::new("join").member(&member).host(&other);
    assert_eq!(join.to_string(), "kubectl mc join -f 'my fleet.yaml' edge-1 --as jane --context prod");
}
