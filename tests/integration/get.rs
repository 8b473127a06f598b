//! `kubectl mc get`: what a host says of its members, and how much of that holds.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Uri};
use kube::api::DeleteParams;
use serde_json::{Value, json};
use testbed::{
    Fault, Mark, Rule, block_on,
    kubesphere::{ControllerScenario, Installation, Peculiarity, Role, Scenario, Version, objects},
    pki::{Authority, Validity},
};

use crate::support::{Faulty, Kubeconfig, Registered, Run, Watched, user_who_may};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const FORMS: [&str; 6] =
    ["", "-o wide", "-o json", "-o yaml", "-o name", "-o wide --no-headers --color always -v 8"];

/// A host whose controller changes nothing of what a test writes.
fn host_alone() -> Scenario {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    Scenario::new(Version::V3_4).host(host).members(Vec::new()).controller(ControllerScenario::Down)
}

fn get(bed: &Watched, words: &str) -> Run {
    bed.kubectl_mc().words("get --context host").words(words).run()
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// The rows by name: the columns after it up to AGE, which is left out, and all that follows.
fn rows(run: &Run) -> BTreeMap<String, (Vec<String>, String)> {
    let rows = run.stdout.lines().skip(1).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let columns = words[1..9].iter().map(|word| (*word).to_owned()).collect();
        (words[0].to_owned(), (columns, words[10..].join(" ")))
    });
    rows.collect()
}

const REFUSED: &str = "dial tcp 10.0.0.1:6443: connect: connection refused";

fn raw(name: &str) -> String {
    let path = format!("api/v1/namespaces/kube-federation-system/serviceaccounts/{name}-kubesphere");
    format!("Get \"https://10.0.0.1:6443/{path}\": {REFUSED}")
}

/// One of each kind: the Cluster, and what its row says in READY, CREDENTIAL and EXPIRES and as its reason.
fn kinds(authority: &Authority) -> Vec<(&'static str, Registered, [&'static str; 3], String)> {
    let new = Registered::new;
    let lasting = |days: u32| Validity::lasting(DAY * days + 10 * MINUTE);
    let account =
        URL_SAFE_NO_PAD.encode(r#"{"sub": "system:serviceaccount:kubesphere-system:kubectl-mc-host"}"#);
    let ours = json!({"token": format!("eyJhbGciOiJub25lIn0.{account}.a-signature-that-is-secret")});
    let plain = str::to_owned;
    vec![
        (
            "ours",
            new("ours").stored("https://ours.example.org:6443", ours),
            ["True", "service-account", "never"],
            plain(""),
        ),
        (
            "expiring",
            new("expiring").certificate(authority, lasting(3)),
            ["True", "certificate", "3d"],
            plain("its client certificate expires in 3d"),
        ),
        (
            "expired",
            new("expired").certificate(authority, Validity::ended(5 * MINUTE * 60)),
            ["True", "certificate", "expired"],
            plain("its client certificate expired 5h ago"),
        ),
        (
            "silent",
            new("silent").with(json!({"status": {"kubeSphereVersion": ""}})),
            ["True", "token", "<unknown>"],
            plain("its KubeSphere has not answered the host"),
        ),
        (
            "stale-and-failing",
            new("stale-and-failing").failing(12 * MINUTE, &raw("a")),
            ["Stale", "token", "<unknown>"],
            format!("not updated for 12m; then not ready: {REFUSED}"),
        ),
        (
            "ignored",
            new("ignored").with(json!({"spec": {"joinFederation": false}})),
            ["Unknown", "token", "<unknown>"],
            plain("spec.joinFederation is not true: the controller ignores it forever"),
        ),
        (
            "empty",
            new("empty").with(json!({"spec": {"connection": {"kubeconfig": null}}, "status": null})),
            ["Unknown", "<none>", "<none>"],
            plain("no kubeconfig is stored: the controller ignores it until there is one"),
        ),
        (
            "new",
            new("new").with(json!({"status": null})),
            ["Waiting", "token", "<unknown>"],
            plain("the controller has not looked at it yet"),
        ),
        (
            "proxied",
            new("proxied")
                .with(json!({"spec": {"connection": {"type": "proxy", "kubeconfig": null}}, "status": null})),
            ["Waiting", "agent", "<unknown>"],
            plain("its agent has not connected yet"),
        ),
        (
            "leaving",
            new("leaving").with(json!({"metadata": {"finalizers": ["finalizer.cluster.kubesphere.io"]}})),
            ["Deleting", "token", "<unknown>"],
            plain("being deleted for "),
        ),
    ]
}

#[test]
fn fifty_clusters_are_judged_each_by_itself_with_one_list_and_no_write() {
    let bed = Watched::lease(&host_alone());
    let authority = Authority::new("a-member's").unwrap();
    let mut expected = BTreeMap::new();
    for (name, cluster, columns, reason) in kinds(&authority) {
        cluster.create(bed.host());
        expected.insert(name.to_owned(), (columns, reason));
    }
    for number in 0..40 {
        let name = format!("edge-{number:02}");
        let new = Registered::new(&name);
        let (cluster, columns, reason) = match number % 4 {
            0 => (new, ["True", "token", "<unknown>"], String::new()),
            1 => (new.ready(12 * MINUTE), ["Stale", "token", "<unknown>"], "not updated for 12m".to_owned()),
            2 => (
                new.failing(Duration::ZERO, &raw(&name)),
                ["False", "token", "<unknown>"],
                REFUSED.to_owned(),
            ),
            _ => (
                new.certificate(&authority, Validity::lasting(DAY * 300 + 10 * MINUTE)),
                ["True", "certificate", "300d"],
                String::new(),
            ),
        };
        cluster.create(bed.host());
        expected.insert(name, (columns, reason));
    }
    delete(&bed, "leaving");
    let marks = bed.marks();
    let run = get(&bed, "").code(0);
    let requests = bed.requests_since(&marks);
    assert_eq!((rows(&run).len(), expected.len(), run.stderr.as_str()), (50, 50, ""), "{run}");
    for (name, (columns, reason)) in rows(&run) {
        let (wanted, wanted_reason) = &expected[&name];
        assert_eq!([&columns[1], &columns[6], &columns[7]], wanted.each_ref(), "{name}\n{run}");
        // How long it is being deleted depends on how fast this machine is.
        let is_right =
            if name == "leaving" { reason.starts_with(wanted_reason) } else { reason == *wanted_reason };
        assert!(is_right, "{name}: {reason:?} is not {wanted_reason:?}\n{run}");
    }
    let mut sent: Vec<String> =
        requests.iter().map(|event| format!("{} {}/{}", event.verb, event.resource, event.name)).collect();
    sent.sort();
    let webhook = "get validatingwebhookconfigurations/cluster.kubesphere.io";
    assert_eq!(sent, ["get configmaps/kubesphere-config", webhook, "list clusters/"]);
    for form in FORMS {
        assert!(get(&bed, form).code(0).stdout.contains("expiring"), "{form}");
    }
    let failing = get(&bed, "edge-02 -o wide").code(0);
    assert!(failing.stdout.contains(&raw("edge-02")), "whole\n{failing}");
}

/// More than two pages of Clusters, and the queries of our lists of them.
fn three_pages(bed: &Watched) {
    (0..401).for_each(|number| Registered::new(&format!("edge-{number:03}")).create(bed.host()));
}

fn lists(bed: &Watched, marks: &[Mark]) -> Vec<String> {
    let lists = bed.requests_since(marks).into_iter().filter(|event| event.resource == "clusters");
    lists.map(|event| event.request_uri.split_once('?').unwrap_or_default().1.to_owned()).collect()
}

#[test]
fn many_clusters_are_read_a_page_at_a_time() {
    let bed = Faulty::lease(&host_alone());
    three_pages(&bed);
    let whole = |run: &Run| (rows(run).len(), rows(run)["edge-400"].0[1].clone());
    let get = || bed.kubectl_mc().words("get --context host").run().code(0);
    let marks = bed.marks();
    assert_eq!(whole(&get()), (401, "True".to_owned()));
    let paged = lists(&bed, &marks);
    assert!(paged.iter().all(|query| query.contains("limit=200")), "{paged:?}");
    let goes_on: Vec<bool> = paged.iter().map(|query| query.contains("continue=")).collect();
    assert_eq!(goes_on, [false, true, true], "{paged:?}");
    let is_last_page = |_: &Method, uri: &Uri| uri.query().is_some_and(|query| query.contains("continue="));
    let expired = bed.before_host().add(Rule::when(is_last_page, Fault::status(410)));
    let marks = bed.marks();
    assert_eq!((whole(&get()), expired.count()), ((401, "True".to_owned()), 1));
    let anew = lists(&bed, &marks);
    let limits: Vec<bool> = anew.iter().map(|query| query.contains("limit=")).collect();
    assert_eq!(limits, [true, false], "the first page, and then all at once: {anew:?}");
}

fn delete(bed: &Watched, name: &'static str) {
    let clusters = objects::clusters(&bed.host().client());
    block_on(async move { clusters.delete(name, &DeleteParams::default()).await.map(drop) }).unwrap();
}

#[test]
fn what_a_join_has_made_is_listed_in_every_form() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let _ = bed.join("member1 --alias Paris --group production --label tier=edge").run().code(0);
    bed.wait_for("a host that is ready", |bed| {
        testbed::bed::condition(&bed.host().cluster("host"), "Ready") == Some("True")
    });
    let marks = bed.marks();
    let run = get(&bed, "").code(0);
    let heading = "NAME ROLE READY KUBERNETES KUBESPHERE NODES ENDPOINT CREDENTIAL EXPIRES AGE";
    assert_eq!(run.stdout.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "), heading);
    let server = bed.member(1).server();
    let member = ["member", "True", "v1.34.3", "v3.4.1", "1", &server, "service-account", "never"];
    assert_eq!(rows(&run)["member1"], (member.map(str::to_owned).to_vec(), String::new()));
    assert_eq!(rows(&run)["host"].0[..2], ["host", "True"]);
    let names = "cluster.cluster.kubesphere.io/host\ncluster.cluster.kubesphere.io/member1\n";
    let _ = get(&bed, "-o name").code(0).stdout(names);
    let wide = get(&bed, "-l tier=edge -o wide --no-headers").code(0);
    let line: Vec<&str> = wide.stdout.split_whitespace().collect();
    let account = "system:serviceaccount:kubesphere-system:kubectl-mc-host";
    assert_eq!(line[10..], [bed.member(1).uid(), "<none>", "production", "<none>", "Paris", account]);
    let object = json_of(&get(&bed, "member1 -o json").code(0));
    assert_eq!((&object["apiVersion"], &object["kind"]), (&json!("kubectl-mc/v1alpha1"), &json!("Clusters")));
    let cluster = &object["clusters"][0];
    assert_eq!((&cluster["ready"], &cluster["uid"]), (&json!("True"), &json!(bed.member(1).uid())));
    assert_eq!(cluster["credential"]["madeByKubectlMc"], true);
    let yaml: Value = serde_yaml::from_str(&get(&bed, "member1 -o yaml").code(0).stdout).unwrap();
    assert_eq!(yaml["clusters"][0]["endpoint"], *server);
    let coloured = get(&bed, "--color always").code(0);
    assert!(coloured.stdout.contains("member   \u{1b}[32mTrue\u{1b}[0m    v1.34.3"), "{coloured}");
    assert!(coloured.stdout.contains("ROLE     READY   KUBERNETES"), "{coloured}");
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn names_that_are_not_there_are_an_error_and_the_others_are_listed() {
    let bed = Watched::lease(&host_alone());
    for name in ["a", "b"] {
        Registered::new(name).create(bed.host());
    }
    let run = get(&bed, "b nobody a b nothing --no-headers").code(1);
    let names: Vec<&str> = run.stdout.lines().map(|line| &line[..1]).collect();
    assert_eq!(names, ["b", "a"], "{run}");
    let not_found =
        |name| format!("error: host \"host\": clusters.cluster.kubesphere.io \"{name}\" not found\n");
    assert_eq!(run.stderr, format!("{}{}", not_found("nobody"), not_found("nothing")));
    let _ = get(&bed, "nobody").code(1).stdout("");
    let object = json_of(&get(&bed, "a nobody nothing -o json").code(1));
    assert_eq!((&object["clusters"][0]["name"], &object["error"]["exitCode"]), (&json!("a"), &json!(1)));
    assert_eq!(object["memberErrors"].as_array().unwrap().len(), 1);
    let _ = get(&bed, "-l tier=none").code(0).stdout("").says("No resources found\n");
    let _ = get(&bed, "-l tier=(").code(1).stdout("").says("list clusters: the server refuses it as invalid");
}

/// One answers, one is dead, one is another cluster, one names a program, and one only its agent reaches.
#[test]
fn a_probe_asks_every_member_itself_and_says_from_where() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let scenario = Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::Member));
    let bed = Watched::lease(&scenario.controller(ControllerScenario::Down));
    let member = bed.member(1);
    let kubeconfig = member.plane().kubeconfig_named("member1");
    let uid = |uid: &str| json!({"status": {"uid": uid}});
    Registered::new("answers").storing(&kubeconfig).with(uid(member.uid())).create(bed.host());
    Registered::new("other").storing(&kubeconfig).create(bed.host());
    Registered::new("dead")
        .stored("https://127.0.0.1:1", json!({"token": "a-secret-token"}))
        .create(bed.host());
    let program = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch"}});
    Registered::new("program").stored("https://127.0.0.1:1", program).create(bed.host());
    Registered::new("agent").with(json!({"spec": {"connection": {"type": "proxy"}}})).create(bed.host());
    let run = get(&bed, "--probe").code(0);
    let rows = rows(&run);
    let probed = |name: &str| {
        let (columns, rest) = &rows[name];
        let (probe, reasons) = rest.split_once(' ').unwrap_or((rest, ""));
        let told = reasons.split("; ").filter(|reason| !reason.starts_with("the stored kubeconfig points"));
        (columns[1].clone(), probe.to_owned(), told.collect::<Vec<_>>().join("; "))
    };
    let seen = |probe: &str, reason: &str| ("True".to_owned(), probe.to_owned(), reason.to_owned());
    assert_eq!(probed("answers"), seen("ok", ""));
    let elsewhere = format!("another cluster answers there, with the UID {}", member.uid());
    assert_eq!(probed("other"), seen("other-cluster", &elsewhere));
    assert_eq!(probed("dead"), seen("failed", "from here: the connection to 127.0.0.1:1 was refused"));
    let program = "the stored kubeconfig does not work: it names a program or a file, which the host's pods do not have";
    assert_eq!(probed("program"), seen("refused", program));
    let agent = "not asked from here: its agent's proxy answers inside the host only";
    assert_eq!(probed("agent"), seen("<none>", agent));
    bed.assert_untouched();
    let object = json_of(&get(&bed, "answers dead -o json --probe").code(0));
    let results = [0, 1].map(|at| object["clusters"][at]["probe"]["result"].clone());
    assert_eq!(results, [json!("ok"), json!("failed")]);
}

#[test]
fn without_the_definition_the_error_says_that_there_is_no_multicluster() {
    let host = Installation::new(Version::V3_4).with(Peculiarity::NoKubeSphere);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).members(Vec::new()));
    for words in ["", "--watch", "-o json"] {
        let run = get(&bed, words).code(1);
        run.says(
            "error: host \"host\": list clusters: the cluster does not know clusters.cluster.kubesphere.io\n",
        )
        .says("hint: KubeSphere with multicluster (3.1 or newer) provides them");
    }
}

#[test]
fn a_host_without_members_and_a_user_without_rights_are_told() {
    let bed = Watched::shared();
    let run = get(bed, "").code(0).stdout("");
    run.says("No resources found\n").says("does not enable multicluster");
    assert_eq!(json_of(&get(bed, "-o json").code(0))["clusters"], json!([]));
    let _ = get(bed, "-o name").code(0).stdout("");
    let by = |name: &str, rights: &[&str]| {
        let user = user_who_may(bed.host(), name, rights);
        bed.kubectl_mc_with(&Kubeconfig::of(bed).user("host", user)).words("get --context host").run()
    };
    by("lists-nothing", &["get configmaps"])
        .code(1)
        .stdout("")
        .says("error: host \"host\": list clusters: forbidden for user \"lists-nothing\"\n")
        .says("hint: the user needs \"list\" on clusters.cluster.kubesphere.io\n")
        .says("hint: ready-made roles for each command: https://");
    let lister = by("lists-clusters", &["list clusters.cluster.kubesphere.io"]).code(0).stdout("");
    assert_eq!(lister.stderr, "No resources found\n");
}

#[test]
fn what_a_server_says_steers_no_terminal_and_stays_on_its_line() {
    let bed = Watched::lease(&host_alone());
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}line one\r\nline two\u{9b}31m";
    Registered::new("hostile")
        .failing(Duration::ZERO, &format!("Get \"https://a\": {hostile}"))
        .with(json!({
            "metadata": {"annotations": {"kubesphere.io/alias-name": hostile, "kubesphere.io/description": hostile,
                         "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\": \"a-copy-of-all\"}"}},
            "spec": {"provider": hostile, "connection": {"kubernetesAPIEndpoint": format!("https://{hostile}")}},
            "status": {"kubernetesVersion": hostile, "kubeSphereVersion": hostile, "uid": hostile},
        }))
        .create(bed.host());
    for form in FORMS {
        let run = get(&bed, form).code(0);
        let plain = run.stdout.replace("\u{1b}[31mFalse\u{1b}[0m", "False");
        let is_harmless = |c: char| !c.is_control() || c == '\n';
        assert!(plain.chars().all(is_harmless) && run.stderr.chars().all(is_harmless), "{form}: {run}");
        assert!(!plain.contains("a-copy-of-all"), "{form}: {run}");
    }
    let run = get(&bed, "-o wide").code(0);
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    assert!(run.stdout.contains("^[[2J"), "{run}");
}
