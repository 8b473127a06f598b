//! The commands that checks print, on clusters in which much is wrong.

use kubesphere::{
    given_options::{Choice, GivenOptions},
    side::Side,
};
use serde_json::json;

use super::{
    fixture::{Case, change_configuration, cluster, empty, specify, surround, with_conditions},
    registry::{Subject, run},
};
use crate::plan::{
    context_mapping::{LeftOut, Why},
    observed::Seen,
    operation::Operation,
    skipped::Skipped,
};

const ON_HOST: &str = r"--kubeconfig 'the host'\''s' --context 'prod$HOME'";
const ON_MEMBER: &str = "--kubeconfig 'a;b' --context 'my edge'";

/// Two clusters in two files, whose names all mean something to a shell.
fn sides() -> (Side, Side) {
    let of_host = GivenOptions::default().with(Choice::Kubeconfig, "the host's");
    let of_member = GivenOptions::default().with_member(Choice::Kubeconfig, "a;b");
    (Side::host("prod$HOME").reached_by(of_host), Side::member("my edge").reached_by(of_member))
}

/// Joins, renewals and looks.
fn broken() -> Vec<Case> {
    let without_class =
        |observed: &mut _| surround(observed, |around| around.storage_classes = Some(Seen::Absent));
    let left_out = LeftOut { name: "paris".to_owned(), why: Why::SameMember("edge-1".to_owned()) };
    let unready = json!([{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]);
    let proxied = json!({"spec": {"connection": {"type": "proxy"}}});
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let renewing = || Case::new().wanting(|intent| intent.operation = Operation::Renew);
    vec![
        Case::new().host(empty).member(without_class),
        Case::new().host(without_class).member(empty).checking(),
        Case::new().member(|member| {
            change_configuration(member, &json!({"spec": {"multicluster": {"clusterRole": "member"}}}));
        }),
        Case::new().joined().checking().member(|member| {
            specify(member, &json!({"multicluster": {"clusterRole": "none"}}));
            surround(member, |around| around.ks_apiserver = Some(Seen::Absent));
            member.joined_as = Seen::Present(vec!["old".to_owned()]);
        }),
        Case::new().joined().checking().host(|host| {
            specify(host, &json!({"multicluster": {"clusterRole": "none"}}));
            host.installer = Seen::Absent;
        }),
        Case::new().member(|member| member.uid = "uid-of-prod".to_owned()),
        Case::new()
            .joined()
            .checking()
            .registered([with_conditions(&cluster("edge-1", "uid-of-edge-1"), &unready)]),
        Case::new().registered([cluster("other", "uid-of-edge-1")]),
        Case::new().wanting(|intent| intent.operation = Operation::Import),
        renewing().registered([cluster("edge-1", "")]),
        renewing().registered([cluster("edge-1", "uid-of-edge-1").patched(&proxied)]),
        renewing().registered([cluster("edge-1", "uid-of-edge-1").patched(&going)]),
        renewing()
            .registered([cluster("edge-1", "uid-of-paris")])
            .wanting(|intent| intent.left_out = vec![left_out]),
    ]
}

fn printed(case: Case) -> Vec<String> {
    let (host, member) = sides();
    let findings = case
        .reached(&host, &member)
        .with_situation(|situation| run(Subject::Joining(situation), &Skipped::default()));
    let hints: Vec<String> = findings.into_iter().flat_map(|finding| finding.report.hints).collect();
    let quoted = hints.iter().flat_map(|hint| hint.split('`').skip(1).step_by(2));
    quoted.filter(|words| words.starts_with("kubectl ")).map(str::to_owned).collect()
}

/// A name that stands for one cluster in one file may stand for another one elsewhere.
#[test]
fn every_command_is_quoted_and_names_its_file() {
    let commands: Vec<String> = broken().into_iter().flat_map(printed).collect();
    let (ours, kubectls): (Vec<_>, Vec<_>) =
        commands.iter().partition(|command| command.starts_with("kubectl mc "));
    assert!(ours.len() > 5 && kubectls.len() > 5, "{commands:?}");
    for command in ours {
        let names_member = command.contains("my edge");
        assert!(!names_member || command.contains("--member-kubeconfig 'a;b'"), "{command}");
        assert!(!command.contains("prod") || command.contains(ON_HOST), "{command}");
        let bare = command.replace(ON_HOST, "").replace("'my edge'", "").replace("'a;b'", "");
        assert!(!["prod", "my edge", "a;b"].iter().any(|name| bare.contains(name)), "{command}");
    }
    let ways = [ON_HOST, ON_MEMBER, "--kubeconfig 'a;b' config"].map(|way| format!("kubectl {way} "));
    for command in kubectls {
        assert!(ways.iter().any(|way| command.starts_with(way)), "{command}");
    }
}
