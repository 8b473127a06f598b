//! What is told on stderr by `--progress json`, `plain` and `none`.

use std::{collections::BTreeSet, fs};

use jiff::Timestamp;
use serde_json::Value;
use testbed::{
    Fault, Rule,
    kubesphere::{Installation, InstallerScenario, Lasting, Role, Scenario, Version},
};

use crate::support::{Run, Watched};

fn standalone() -> Installation {
    Installation::new(Version::V3_4)
}

/// A host with two members, the second of which cannot be prepared.
fn of_which_one_fails() -> Watched {
    let failing = standalone().installer(InstallerScenario::StorageClassMissing).lasting(Lasting::Forever);
    let host = standalone().role(Role::Host);
    Watched::lease(&Scenario::new(Version::V3_4).host(host).members(vec![standalone(), failing]))
}

/// Every line of stderr, each of which is an event.
#[track_caller]
fn events(run: &Run) -> Vec<Value> {
    let events = run.stderr.lines().map(|line| {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{run}"));
        assert_eq!((&event["apiVersion"], &event["kind"]), (&"kubectl-mc/v1alpha1".into(), &"Event".into()));
        assert!(event["time"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{line}");
        assert!(event["type"].is_string(), "{line}");
        event
    });
    let events: Vec<Value> = events.collect();
    let last = events.last().expect("something is told");
    assert_eq!(
        (last["type"].as_str(), last["exitCode"].as_i64()),
        (Some("finished"), run.code.map(i64::from))
    );
    events
}

fn of_type<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == name).collect()
}

/// The types of the events that the page lists.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string("docs/progress.md").unwrap();
    let (_, events) = page.split_once("## Events for programs\n").unwrap();
    let rows =
        events.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ").map(|row| row.0));
    rows.map(str::to_owned).collect()
}

#[test]
fn every_event_that_is_documented_is_told_and_no_other() {
    let bed = of_which_one_fails();
    let json = |words: &str| bed.join(words).words("--progress json");
    let unavailable = Rule::on("GET", "configmaps/kubesphere-config", Fault::status(503));
    bed.member(1).faults().add(unavailable.times(1));
    let asked = bed.kubectl_mc().words("join member1 --context host --skip-check member-server-loopback");
    let asked = asked.words("--progress json -v 6").run().code(2);
    let unfinished = json("member1 --wait=false").run().code(0);
    let unanswered =
        Rule::on("PATCH", "clusterconfigurations/ks-installer", Fault::Applied(Box::new(Fault::Drop)));
    bed.member(2).faults().add(unanswered.times(1));
    let joined = json("member1 member2").run().code(6);
    let runs = [&asked, &unfinished, &joined].map(events);
    let told = runs.iter().flatten().filter_map(|event| event["type"].as_str());
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), documented());

    let [asked, _, joined] = &runs;
    let why = of_type(asked, "error")[0]["message"].as_str().unwrap();
    assert!(why.ends_with("with `--progress json` nobody is asked"), "{why}");
    let failed = of_type(joined, "failed");
    assert_eq!((failed.len(), &failed[0]["cluster"]["context"]), (1, &"member2".into()));
    let summary = &of_type(joined, "summary")[0]["members"];
    let counts = ["total", "succeeded", "failed", "unfinished"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(1), Some(0)]);
    let codes: Vec<_> = of_type(joined, "error").iter().map(|error| error["exitCode"].as_u64()).collect();
    assert_eq!(codes, [Some(1), Some(6)], "the member's, and the sum");
}

/// What begins has an end, and what is waited for is told with it.
#[test]
fn a_program_follows_each_member_from_step_to_step() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).members(vec![standalone(), standalone()]));
    let run = bed.join("member1 member2").words("--progress json").run().code(0);
    let events = events(&run);
    let steps = |name: &str, context: &str| -> Vec<String> {
        let of_it = of_type(&events, name).into_iter().filter(|event| event["cluster"]["context"] == context);
        of_it.map(|event| event["phase"].as_str().unwrap().to_owned()).collect()
    };
    for (context, phases) in [
        ("host", &["probe", "configure"][..]),
        ("member1", &["make-credential", "configure", "register"]),
        ("member2", &["make-credential", "configure", "register"]),
    ] {
        assert_eq!(steps("step-started", context), phases, "{run}");
        assert_eq!(steps("step-finished", context), phases, "{run}");
    }
    let plan = of_type(&events, "plan")[0];
    assert_eq!(plan["clusters"].as_array().unwrap().len(), 3);
    assert_eq!(plan["steps"].as_array().unwrap().len(), 8, "{plan}");
    assert!(
        plan["impact"]
            .as_array()
            .unwrap()
            .iter()
            .any(|text| text.as_str().unwrap().contains("becomes a host"))
    );
    let waits = of_type(&events, "waiting");
    assert!(
        waits.iter().any(|wait| wait["message"] == "waiting until the role member is in effect"),
        "{run}"
    );
    assert!(
        run.stdout.contains("cluster.cluster.kubesphere.io/member2 created\n"),
        "results stay as they are\n{run}"
    );
}

#[test]
fn plain_lines_name_the_cluster_that_each_is_about() {
    let bed = of_which_one_fails();
    let run = bed.join("member1 member2").words("--progress plain").run().code(6);
    let (_, told) =
        run.stderr.split_once("\n\nImpact\n").and_then(|(_, told)| told.split_once("\n\n")).unwrap();
    let (steps, ending) = told.split_once("1 of 2 ready, 1 failed (").unwrap_or_else(|| panic!("{run}"));
    for line in steps.lines() {
        assert!(line.starts_with("host \"host\": ") || line.starts_with("member \"member"), "{line}\n{run}");
    }
    assert!(steps.contains("member \"member1\": Cluster member1 is ready"), "{run}");
    assert!(steps.contains("member \"member2\": failed: "), "{run}");
    assert!(
        ending.contains("\nerror: member \"member2\": ")
            && ending.contains("\nerror: 1 of 2 members failed\n"),
        "{run}"
    );
}

#[test]
fn who_wants_no_progress_is_told_errors_alone() {
    let bed = of_which_one_fails();
    let run = bed
        .kubectl_mc()
        .words("join member1 --context host --skip-check member-server-loopback --progress none")
        .run()
        .code(2);
    assert_eq!(
        run.stderr,
        "error: this changes clusters, and with `--progress none` nobody is asked\n\
         hint: read the plan of a run without `--progress none`, then run the same command with `--yes`\n"
    );
    let run = bed.join("member1").words("--progress none").run().code(0);
    assert_eq!(run.stderr, "", "{run}");
    assert!(run.stdout.ends_with("cluster.cluster.kubesphere.io/member1 created\n"), "{run}");
    let run = bed.join("member1 member2").words("--progress none").run().code(6);
    assert!(run.stderr.starts_with("error: member \"member2\": "), "{run}");
    let run = bed.kubectl_mc().words("join member2 --context host --yes --progress none").run().code(3);
    assert!(
        run.stderr.starts_with("error: member \"member2\": its server ")
            && run.stderr.contains("[member-server-loopback]\nhint: "),
        "{run}"
    );
}
