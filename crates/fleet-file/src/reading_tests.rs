use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;

use super::{Fleet, Places, read};
use crate::fleet::Credentials;

const HEAD: &str = "apiVersion: kubectl-mc/v1alpha1\nkind: Fleet\n";

fn fleet(text: &str) -> Fleet {
    read(format!("{HEAD}{text}").as_bytes()).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

/// Where it is refused, why, and what helps.
fn refused(text: &str) -> (String, String) {
    let problem = read(text.as_bytes()).expect_err(text);
    let place = problem.at.map(|at| format!("{}:{}: ", at.line, at.column)).unwrap_or_default();
    (format!("{place}{}", problem.fault), problem.hint(Some("fleet.yaml")))
}

#[track_caller]
fn assert_refused(text: &str, said: &str) {
    let (refusal, hint) = refused(&format!("{HEAD}{text}"));
    assert_eq!(refusal, said, "{text}");
    assert!(!hint.is_empty(), "{text}");
}

#[test]
fn a_member_is_what_it_says_and_else_what_the_defaults_say() {
    let fleet = fleet(
        "host: {context: prod, kubeconfig: host.yaml, clusterName: eu}\n\
         defaults:\n  kubeconfig: edges.yaml\n  credentials: service-account\n  group: production\n  region: eu-west\n\
         \x20 labels: {team: a, tier: '1'}\n  skipChecks: [clock-skew]\n\
         members:\n- context: edge-1\n- context: admin@edge-2\n  name: edge-2\n  alias: Second\n  region: eu-north\n\
         \x20 credentials: auto\n  labels: {tier: '2'}\n  skipChecks: [clock-skew, managed-elsewhere]\n\
         - kubeconfig: three.yaml\n  name: edge-3\n  certificateAuthority: ca.crt\n",
    );
    assert_eq!(fleet.host.context.as_deref(), Some("prod"));
    assert_eq!(fleet.host.cluster_name.as_deref(), Some("eu"));
    let [one, two, three] = fleet.members.as_slice() else { panic!("three members") };
    let line = |places: &Places, field: &str| places.fields.get(field).map(|at| at.line);
    assert_eq!((one.member.cluster_name(), one.places.at.unwrap().line), ("edge-1", 12));
    assert_eq!((line(&one.places, "context"), line(&one.places, "region")), (Some(12), Some(8)));
    assert_eq!((line(&two.places, "region"), line(&two.places, "server")), (Some(16), None));
    assert_eq!(line(&fleet.host_places, "clusterName"), Some(3));
    assert_eq!(one.member.region.as_deref(), Some("eu-west"));
    assert_eq!(one.member.credentials, Some(Credentials::ServiceAccount));
    assert_eq!(two.member.cluster_name(), "edge-2");
    assert_eq!(
        (two.member.region.as_deref(), two.member.credentials),
        (Some("eu-north"), Some(Credentials::Auto))
    );
    let labels = two.member.labels.as_ref().unwrap();
    assert_eq!((labels["team"].as_str(), labels["tier"].as_str()), ("a", "2"));
    assert_eq!(two.member.skip_checks.as_ref().unwrap(), &["clock-skew", "managed-elsewhere"]);
    assert_eq!(three.member.kubeconfig.as_deref(), Some(Path::new("three.yaml")));
    assert_eq!(two.member.kubeconfig.as_deref(), Some(Path::new("edges.yaml")));
}

#[test]
fn what_is_not_known_is_refused_where_it_stands() {
    for (text, said) in [
        ("members:\n- context: a\n  nmae: b\n", "5:3: there is no field `nmae` here"),
        ("hosts: {}\nmembers: [{context: a}]\n", "3:1: there is no field `hosts` here"),
        ("defaults: {name: a}\nmembers: [{context: a}]\n", "3:12: there is no field `name` here"),
        (
            "members:\n- context: a\n  context: b\n",
            "5:3: not YAML: the key `context` appears twice in one mapping (first in line 4)",
        ),
        ("members: [{context: a, region: 1}]\n", "3:32: `region` is a number, where a text belongs"),
        ("members: [{context: a, region: no}]\n", "3:32: `region` is a boolean, where a text belongs"),
        ("members: [{context: a, alias: {}}]\n", "3:31: `alias` is a mapping, where a text belongs"),
        ("members: [{context: a, labels: {tier: 0x1F}}]\n", "3:39: `tier` is a number, where a text belongs"),
        ("members: [{context: a, labels: [b]}]\n", "3:32: `labels` is a list, where a mapping belongs"),
        ("members: [{context: a, skipChecks: b}]\n", "3:36: `skipChecks` is a text, where a list belongs"),
        ("members: [a]\n", "3:11: `members` is a text, where a mapping belongs"),
        ("members:\n", "3:8: `members` is nothing, where a list belongs"),
        ("host: {}\n", "1:1: `members` is missing"),
        (
            "members: [{context: a, credentials: hunter2}]\n",
            "3:37: `credentials` must be `auto`, `context` or `service-account`",
        ),
        (
            "members: [{context: &a b}]\n",
            "3:24: `context` has an anchor (`&`): other places of the file may repeat it",
        ),
        ("members: [{context: a}]\n---\na: 1\n", "a fleet file is one YAML document, a mapping"),
        (
            "members: [{context: a\u{200b}}]\n",
            "3:22: the invisible character U+200B ZERO WIDTH SPACE stands here, so that this means something else than it seems to",
        ),
    ] {
        assert_refused(text, said);
    }
    let (said, _) = refused("- a\n");
    assert_eq!(said, "1:1: a fleet file is one YAML document, a mapping");
    let (said, _) = refused("apiVersion: kubectl-mc/v1\nkind: Fleet\nmembers: [{context: a}]\n");
    assert_eq!(said, "1:13: `apiVersion` must be `kubectl-mc/v1alpha1`");
    let (said, hint) = refused("apiVersion: kubectl-mc/v1alpha1\nkind: Flotte\nmembers: []\n");
    let known = "write that: this version of kubectl-mc knows no other";
    assert_eq!((said.as_str(), hint.as_str()), ("2:7: `kind` must be `Fleet`", known));
    assert_eq!(refused("sops: {mac: a}\n").0, "1:1: the file is encrypted by SOPS");
    assert_eq!(refused("a: \"\u{ff}\n").0.split(": ").nth(1), Some("not YAML"));
}

#[test]
fn members_that_are_there_twice_or_nowhere_are_refused() {
    for (text, said) in [
        ("members: []\n", "3:10: there is no member in it"),
        (
            "members:\n- context: a\n- context: b\n  name: a\n",
            "6:9: a second member has the name \"a\" (the first in line 4)",
        ),
        (
            "members:\n- context: a\n- context: a\n  name: b\n",
            "5:12: a second member has the context \"a\" (the first in line 4)",
        ),
        (
            "members:\n- {kubeconfig: k, name: a}\n- {kubeconfig: k, name: b}\n",
            "5:3: a second member has the kubeconfig \"k\" (the first in line 4)",
        ),
        (
            "members:\n- name: a\n",
            "4:3: a member needs a `context`, or a `kubeconfig` of its own and a `name`",
        ),
        (
            "members:\n- kubeconfig: a\n",
            "4:3: a member needs a `context`, or a `kubeconfig` of its own and a `name`",
        ),
        (
            "members:\n- context: admin@Blue\n",
            "4:12: \"admin@Blue\" cannot be a Cluster's name: a name has lower case letters, digits and `-`, at most 63",
        ),
        (
            "host: {clusterName: A}\nmembers: [{context: a}]\n",
            "3:21: \"A\" cannot be the name of the host's Cluster",
        ),
        (
            "members: [{context: a, labels: {'a b': c}}]\n",
            "3:33: \"a b\" cannot be the key of a label or annotation",
        ),
        ("members: [{context: a, labels: {a: 'b c'}}]\n", "3:36: \"b c\" cannot be a label's value"),
        ("defaults: {region: 'b c'}\nmembers: [{context: a}]\n", "3:20: \"b c\" cannot be a region"),
    ] {
        assert_refused(text, said);
    }
    let (_, hint) = refused(&format!("{HEAD}members:\n- context: admin@Blue\n"));
    assert_eq!(hint, "give the member another one: `name: blue`");
    let same_context =
        "members:\n- {context: a, kubeconfig: one, name: a}\n- {context: a, kubeconfig: two, name: b}\n";
    assert_eq!(fleet(same_context).members.len(), 2, "kubeadm calls every context alike");
}

fn config(fleet: &Fleet, member: usize) -> Option<String> {
    let values = fleet.members[member].values.as_ref()?.encoded();
    String::from_utf8(STANDARD.decode(values.expose_secret()).unwrap()).ok()
}

#[test]
fn values_are_taken_as_they_stand() {
    let fleet = fleet(
        "defaults:\n  config:\n    # all of them\n    global: {tag: v4.1.3}\n    ks: |\n      a\n       b\n    last: 'x'\n\
         members:\n- context: a\n- context: b\n  config: {global: {tag: v4.1.1}}\n- context: c\n  config: {}\n",
    );
    assert_eq!(config(&fleet, 0).unwrap(), "global: {tag: v4.1.3}\nks: |\n  a\n   b\nlast: 'x'\n");
    assert_eq!(config(&fleet, 1).unwrap(), "{global: {tag: v4.1.1}}\n");
    assert_eq!(config(&fleet, 2).unwrap(), "{}\n");
    assert_refused(
        "members:\n- context: a\n  config:\n    a: 1\n    multicluster: {}\n",
        "7:5: `multicluster` is set by the host's controller, whatever stands here",
    );
    assert_refused(
        "members:\n- context: a\n  config: {b: 1, role: x}\n",
        "5:18: `role` is set by the host's controller, whatever stands here",
    );
    assert_refused(
        "members:\n- context: a\n  config: text\n",
        "5:11: values for the chart ks-core are one mapping",
    );
    assert_refused(
        "members:\n- context: a\n  config: *b\n",
        "5:11: not YAML: while parsing node, found unknown anchor",
    );
}
