//! The server in memory beside a real kube-apiserver: the same is asked of both, and every answer compared.
//!
//! Names that a server makes up, versions, times and what is random are replaced by the order in which they come up.

mod asking;
mod comparing;
mod scenarios;

use std::{path::Path, process::Command};

use testbed::{ControlPlane, Kubernetes, Lease, lease, lease_in_memory};

use self::{
    asking::{Answer, Step, ask},
    comparing::normalised,
    scenarios::Scenario,
};

/// Really and in memory, with the definitions that scenarios need.
fn both() -> [Lease; 2] {
    let both = [lease(1).unwrap(), lease_in_memory(&[Kubernetes::default()]).unwrap()];
    for one in &both {
        let answers = ask(&one[0], &scenarios::definitions());
        assert!(answers.iter().all(|answer| answer.code < 300), "{answers:#?}");
    }
    both
}

fn told(plane: &ControlPlane, scenario: &Scenario) -> Vec<String> {
    normalised(&ask(plane, &scenario.steps)).iter().map(Answer::to_string).collect()
}

/// The first step that is answered otherwise, if there is one.
fn difference([real, in_memory]: &[Lease; 2], scenario: &Scenario) -> Option<String> {
    let [real, in_memory] = [real, in_memory].map(|lease| told(&lease[0], scenario));
    let differs = (0..real.len()).find(|step| real[*step] != in_memory[*step])?;
    let Step { method, path, .. } = &scenario.steps[differs];
    let (real, in_memory) = (&real[differs], &in_memory[differs]);
    let (name, only) = (scenario.name, unlike(real, in_memory));
    Some(format!("== {name}, step {differs}: {method} {path}\n{only}"))
}

/// The lines that are not in both.
fn unlike(real: &str, in_memory: &str) -> String {
    let marked = |mark: &str, of: &str, other: &str| {
        let others: Vec<&str> = other.lines().collect();
        let own = of.lines().filter(|line| !others.contains(line));
        own.map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
    };
    [marked("really:   ", real, in_memory), marked("in memory:", in_memory, real)].concat().join("\n")
}

#[test]
fn every_scenario_is_answered_alike() {
    let (both, scenarios) = (both(), scenarios::all());
    assert!(scenarios.len() >= 25);
    let differing: Vec<String> =
        scenarios.iter().filter_map(|scenario| difference(&both, scenario)).collect();
    assert!(
        differing.is_empty(),
        "{} of {} differ:\n{}",
        differing.len(),
        scenarios.len(),
        differing.join("\n")
    );
}

fn kubectl(plane: &ControlPlane, words: &str, input: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let manifest = home.path().join("manifest.json");
    std::fs::write(&manifest, input).unwrap();
    let run = |program: &Path| {
        Command::new(program)
            .args(words.split_whitespace())
            .args(if input.is_empty() { &[][..] } else { &["-f"] })
            .args((!input.is_empty()).then_some(&manifest))
            .env("KUBECONFIG", plane.kubeconfig_path())
            .env("HOME", home.path())
            .output()
            .unwrap()
    };
    let output = run(&testbed::kubectl().unwrap());
    format!(
        "{:?}\n{}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr).replace(&manifest.display().to_string(), "MANIFEST")
    )
}

/// But for `create namespace`, `create serviceaccount`, `auth can-i` and the like, for which kubectl speaks protobuf alone.
#[test]
fn kubectl_works_alike_with_both() {
    let widget = r#"{"apiVersion": "test.example.org/v1", "kind": "Widget", "metadata": {"name": "k", "namespace": "default"}, "spec": {"size": 1}}"#;
    let changed = widget.replace("\"size\": 1", "\"size\": 2");
    let map = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "k", "namespace": "default"}, "data": {"a": "b"}}"#;
    let namespace = r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubectl"}}"#;
    let steps: Vec<(&str, &str)> = vec![
        ("create -o name", widget),
        ("create", widget),
        ("apply", &changed),
        ("apply", &changed),
        ("get widgets.test.example.org k -o jsonpath={.spec.size}", ""),
        ("get wd k -o name", ""),
        ("get widgets", ""),
        ("get widgets.test.example.org absent", ""),
        ("get widgets.test.example.org absent --ignore-not-found", ""),
        ("apply", map),
        ("patch configmap k -p {\"data\":{\"c\":\"d\"}}", ""),
        ("patch widget k --type json -p [{\"op\":\"test\",\"path\":\"/spec/size\",\"value\":7}]", ""),
        ("patch widget k --type merge -p {\"spec\":{\"size\":3}}", ""),
        ("label configmap k x=y", ""),
        ("annotate configmap k x=y", ""),
        ("get cm k -o jsonpath={.data}{.metadata.labels}{.metadata.annotations.x}", ""),
        ("get pods --as jane", ""),
        ("wait --for=jsonpath={.spec.size}=3 widget/k --timeout=5s", ""),
        ("replace", &changed),
        ("delete", widget),
        ("delete configmap k", ""),
        ("delete configmap k", ""),
        ("create", namespace),
        ("get namespace kubectl -o name", ""),
        ("delete namespace kubectl", ""),
        ("get nonsense", ""),
        ("get --raw /apis/nobody.example.org/v1", ""),
    ];
    let [real, in_memory] = &both();
    let differing: Vec<String> = steps
        .into_iter()
        .filter_map(|(words, input)| {
            let [real, in_memory] = [real, in_memory].map(|lease| kubectl(&lease[0], words, input));
            (real != in_memory).then(|| format!("kubectl {words}\nreally: {real}\nin memory: {in_memory}"))
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
