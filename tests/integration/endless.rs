//! Servers whose answers never end: so much is taken and no more, and it is told as what it is.

use serde_json::json;

use crate::support::{Answer, HttpServer, KubectlMc};

const MIB: usize = 1 << 20;
/// What may be on the way between the two programs.
const ON_THE_WAY: usize = 16 * MIB;

fn on(server: &HttpServer, words: &str) -> KubectlMc {
    KubectlMc::new(&server.kubeconfig().text(), Vec::new()).words(words)
}

fn not_found() -> Answer {
    Answer::refusal(404, "NotFound", "not found")
}

/// Whatever the answer's status.
#[test]
fn an_answer_that_never_ends_is_told_and_not_kept() {
    for status in [200, 201, 403, 500, 503] {
        let server = HttpServer::start(move |path| {
            if path.contains("/clusters") {
                Answer::endless(status, r#"{"kind":"Status","items":[""#, "x")
            } else {
                not_found()
            }
        });
        let run = on(&server, "get --context host").run().code(1).stdout("");
        run.says("error: host \"host\": list clusters: the answer is longer than 64 MiB")
            .says("hint: see what answers there in the API server's place, such as a proxy: `kubectl --context host get --raw /version`");
        let taken = server.taken();
        assert!((64 * MIB..64 * MIB + ON_THE_WAY).contains(&taken), "{status}: {taken} bytes");
    }
}

/// What takes the memory is what becomes of the bytes.
#[test]
fn a_list_of_more_objects_than_any_cluster_has_is_told_and_not_kept() {
    let server = HttpServer::start(|path| match path {
        path if path.contains("/clusters") => Answer::endless(200, r#"{"items":["#, "{},"),
        _ => not_found(),
    });
    let run = on(&server, "get --context host").run().code(1).stdout("");
    run.says("error: host \"host\": list clusters: the list has more than 50000 objects");
    assert!(server.taken() < ON_THE_WAY, "{} bytes", server.taken());
}

#[test]
fn pages_that_never_end_are_no_list() {
    let server = HttpServer::start(|path| match path {
        path if path.contains("/clusters") => {
            Answer::json(200, &json!({"metadata": {"continue": "more"}, "items": []}))
        }
        _ => not_found(),
    });
    let run = on(&server, "get --context host").run().code(1).stdout("");
    run.says("error: host \"host\": list clusters: a page of the list is empty and said not to be the last");
    assert_eq!(server.heads().iter().filter(|head| head.contains("/clusters?")).count(), 1);
}

/// Events count one by one, so a watch may go on for days.
#[test]
fn an_event_that_never_ends_is_told_and_not_kept() {
    let server = HttpServer::start(|path| match path {
        path if path.contains("watch=true") => {
            Answer::endless(200, r#"{"type":"ADDED","object":{"kind":""#, "x")
        }
        path if path.contains("/clusters") => Answer::json(
            200,
            &json!({"kind": "ClusterList", "apiVersion": "cluster.kubesphere.io/v1alpha1",
                    "metadata": {"resourceVersion": "1"}, "items": []}),
        ),
        _ => not_found(),
    });
    let started = on(&server, "get --context host -w").start();
    let watches = || server.heads().iter().filter(|head| head.contains("watch=true")).count();
    server.until("another watch", || watches() > 1);
    let run = started.signal("INT").code(130);
    let (watches, taken) = (watches(), server.taken());
    assert!(taken < watches * (8 * MIB + ON_THE_WAY), "{watches}: {taken} bytes\n{run}");
    run.says("an event of the watch is longer than 8 MiB, which is no API server's");
}

#[test]
fn a_line_of_the_log_that_never_ends_is_told_and_not_kept() {
    let labels = json!({"app": "ks-install"});
    let server = HttpServer::start(move |path| match path {
        path if path.contains("/log?") => Answer::endless(200, "2024-03-01T10:00:00Z ", "x"),
        path if path.ends_with("/deployments/ks-installer") => Answer::json(
            200,
            &json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "ks-installer"},
                    "spec": {"selector": {"matchLabels": labels},
                             "template": {"metadata": {"labels": labels}, "spec": {"containers": []}}}}),
        ),
        path if path.contains("/pods?") => Answer::json(
            200,
            &json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{
                "metadata": {"name": "ks-installer-a", "uid": "a", "creationTimestamp": "2024-03-01T10:00:00Z"},
                "spec": {"containers": []},
                "status": {"phase": "Running", "containerStatuses": [{
                    "name": "installer", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                    "state": {"running": {}}, "lastState": {}}]}}]}),
        ),
        _ => not_found(),
    });
    for words in ["logs --follow=false", "logs"] {
        let before = server.taken();
        let run = on(&server, &format!("{words} --context host")).run().code(1);
        run.says(
            "error: host \"host\": get pods/log in kubesphere-system: a line of the log is longer than 8 MiB",
        );
        assert!(server.taken() - before < 8 * MIB + ON_THE_WAY, "{} bytes", server.taken());
    }
}

/// Then the limit holds for what is really there: nothing is unpacked behind it.
#[test]
fn nobody_is_asked_to_compress_and_what_is_compressed_all_the_same_is_no_answer() {
    let server = HttpServer::start(|_| Answer::text(200, "\u{1f}\u{8b}").header("content-encoding: gzip"));
    let run = on(&server, "get --context host").run().code(1);
    run.says("the server's answer is not what a Kubernetes API server answers");
    let heads = server.heads();
    let asks =
        |head: &String| head.contains("accept-encoding:") && !head.contains("accept-encoding: identity");
    assert!(!heads.is_empty() && !heads.iter().any(asks), "{heads:?}");
}
