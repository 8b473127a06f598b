//! kubectl's manners, and the table of them in docs/kubectl-manners.md.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use regex::Regex;
use serde_json::json;

use crate::support::{Answer, HttpServer, Kubeconfig, KubectlMc, Run};

const SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";

/// A host that has its secret in effect and nothing else.
fn host(path: &str) -> Answer {
    if path.contains("configmaps/kubesphere-config") {
        let text = format!("authentication:\n  jwtSecret: {SECRET}\nmulticluster:\n  clusterRole: host\n");
        let metadata = json!({"name": "kubesphere-config", "namespace": "kubesphere-system"});
        let data = json!({"kubesphere.yaml": text});
        return Answer::json(
            200,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}),
        );
    }
    Answer::refusal(404, "NotFound", "not found")
}

fn on(server: &HttpServer, words: &str) -> KubectlMc {
    KubectlMc::new(&server.kubeconfig().text(), vec![SECRET.to_owned()]).words(words)
}

/// A command whose every request is answered so.
fn answered(answer: &Answer) -> Run {
    let answer = answer.clone();
    on(&HttpServer::start(move |_| answer.clone()), "logs --follow=false").run()
}

/// What nobody wants to read: Rust's notation, and names of things inside.
#[track_caller]
fn assert_for_people(run: &Run) {
    for word in ["{ ", "Some(", "None", "Error(", "Err(", "::", "hyper", "kube_", "ApiError", "panicked"] {
        assert!(!run.stderr.contains(word), "{word:?}\n{run}");
    }
}

#[test]
fn every_connection_option_reaches_the_requests_of_both_sides() {
    let server = HttpServer::start(host);
    let words = "jwt-secret member1 --as jane --as-uid=42 --as-group a --as-group=b --as-user-extra scopes=x \
                 --as-user-extra=scopes=y --token t0ken-of-the-host --member-token=t0ken-of-the-member \
                 --disable-compression --cache-dir /tmp/nothing";
    let _ = on(&server, words).run().code(0);
    let heads = server.heads();
    for token in ["t0ken-of-the-host", "t0ken-of-the-member"] {
        assert!(
            heads.iter().any(|head| head.contains(&format!("authorization: bearer {token}\r\n"))),
            "{heads:?}"
        );
    }
    for head in &heads {
        for line in ["user: jane", "uid: 42", "group: a", "group: b", "extra-scopes: x", "extra-scopes: y"] {
            assert!(head.contains(&format!("\r\nimpersonate-{line}\r\n")), "{line}\n{head}");
        }
        assert!(
            head.contains("\r\nuser-agent: kubectl-mc/") && !head.contains("\r\naccept-encoding"),
            "{head}"
        );
    }
}

#[test]
fn an_unverified_server_is_a_warning() {
    let said =
        "warning: host \"host\": the server's certificate is not verified (insecure-skip-tls-verify)\n";
    let nobody = Kubeconfig::of_nobody().cluster("host", &json!({"server": "https://127.0.0.1:1"}));
    let asked = |words| KubectlMc::new(&nobody.text(), Vec::new()).words(words).run();
    let _ = asked("jwt-secret --insecure-skip-tls-verify").says(said);
    let run = asked("jwt-secret --insecure-skip-tls-verify=false");
    assert!(!run.stderr.contains("verified"), "{run}");
}

#[test]
fn warnings_of_a_server_are_shown_once_and_can_be_errors() {
    let server = HttpServer::start(|path| {
        host(path).header("warning: 299 - \"it is old\"").header("warning: 299 - \"it is going\"")
    });
    let run = on(&server, "jwt-secret").run().code(0).says("warning: host \"host\": it is old\n");
    assert_eq!(run.stderr.matches("it is going").count(), 1, "{run}");
    let _ = on(&server, "jwt-secret --warnings-as-errors=false").run().code(0);
    let run =
        on(&server, "jwt-secret --warnings-as-errors").run().code(1).says("error: 2 warnings received\n");
    assert!(run.stdout.contains("kubesphere-config"), "the command was carried out\n{run}");
    let _ = on(&HttpServer::start(host), "jwt-secret --warnings-as-errors").run().code(0);
}

#[test]
fn refusals_are_told_with_cluster_verb_and_object() {
    let object = "error: host \"host\": get deployments/ks-installer in kubesphere-system: ";
    for (answer, said) in [
        (
            Answer::refusal(403, "Forbidden", "deployments.apps is forbidden: User \"u\" cannot get"),
            "forbidden for user \"u\"\n",
        ),
        (Answer::refusal(401, "Unauthorized", "Unauthorized"), "the server does not accept the credentials"),
        (
            Answer::refusal(500, "InternalError", "boom \x1b[2J"),
            "the server answered 500 (InternalError): boom ^[[2J",
        ),
        (Answer::text(502, "<html><title>Bad Gateway</title></html>"), "a web page answered: Bad Gateway"),
        (Answer::text(200, "no JSON"), "the server's answer"),
    ] {
        let run = answered(&answer).says(object).says(said);
        assert_ne!(run.code, Some(0), "{run}");
        assert_for_people(&run);
    }
}

#[test]
fn an_unavailable_server_is_left_after_seconds() {
    let begun = Instant::now();
    let run = answered(&Answer::refusal(503, "ServiceUnavailable", "down")).says("the server is unavailable");
    assert!(begun.elapsed() < Duration::from_secs(15), "{run}");
    assert_for_people(&run);
}

#[test]
fn a_server_that_says_nothing_is_left_in_the_time_that_a_request_has() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = json!({"server": listener.local_addr().unwrap().to_string()});
    let kubeconfig = Kubeconfig::of_nobody().cluster("host", &server);
    let program = KubectlMc::new(&kubeconfig.text(), Vec::new());
    let run = program.words("logs --follow=false --request-timeout=300ms").run();
    let run =
        run.says("no answer within 300 ms").says("hint: raise `--request-timeout` if the server is slow\n");
    assert_ne!(run.code, Some(0), "{run}");
    assert_for_people(&run);
}

#[test]
fn a_missing_file_of_the_kubeconfig_list_is_passed_over() {
    let server = HttpServer::start(host);
    let program = on(&server, "jwt-secret").file("other", &server.kubeconfig().text()).at_home();
    let _ = program.env("KUBECONFIG", "/nowhere/config::other").run().code(0);
}

/// As kubeadm writes them, of two clusters.
#[test]
fn a_name_that_two_files_give_to_two_clusters_is_told_with_the_option_that_parts_them() {
    let file = |context: &str, server: &str| {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": context,
            "clusters": [{"name": "kubernetes", "cluster": {"server": server}}],
            "users": [{"name": "admin", "user": {"token": "a-token-that-nobody-accepts"}}],
            "contexts": [{"name": context, "context": {"cluster": "kubernetes", "user": "admin"}}],
        })
    };
    let (one, other) = (file("host", "https://127.0.0.1:9"), file("edge", "https://127.0.0.2:9"));
    let program = || {
        let program =
            KubectlMc::new(&one.to_string(), Vec::new()).file("my edge", &other.to_string()).at_home();
        program.env("KUBECONFIG", ".kube/config:my edge")
    };
    let run = program().words("join edge --context host --yes").run();
    let _ = run
        .says("warning: member \"edge\": these names stand in both `.kube/config` and `my edge`, for different things: cluster \"kubernetes\"")
        .says("hint: if those of the other file are meant: `--member-kubeconfig 'my edge'`\n")
        .does_not_say("host \"host\": these names");
    let run = program().words("logs --context host").run();
    let _ = run.does_not_say("these names");
}

#[test]
fn a_proxy_is_not_asked_for_what_no_proxy_names() {
    let server = HttpServer::start(host);
    let proxy = HttpServer::start(|_| Answer::text(502, "I am the proxy"));
    let address = server.address().replace("127.0.0.1", "localhost");
    let kubeconfig = server.kubeconfig().cluster("host", &json!({"server": "http://edge.invalid:80"}));
    let through = |kubeconfig: &Kubeconfig, exceptions: &str| {
        let program = KubectlMc::new(&kubeconfig.text(), Vec::new()).words("jwt-secret");
        program.env("HTTP_PROXY", &format!("http://{}", proxy.address())).env("NO_PROXY", exceptions).run()
    };
    let _ = through(&kubeconfig, "").says("(through the proxy ");
    assert!(!proxy.heads().is_empty());
    let asked = proxy.heads().len();
    let _ = through(&kubeconfig, "other.example, .invalid,").says("cannot be resolved");
    let direct = server.kubeconfig().cluster("host", &json!({"server": format!("http://{address}")}));
    let _ = through(&direct, "").code(0);
    assert_eq!(proxy.heads().len(), asked, "neither an exception nor loopback goes through it");
}

#[test]
fn a_plugin_runs_once_for_a_command_and_gets_no_stdin_off_a_terminal() {
    let server = HttpServer::start(host);
    let credential = r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}"#;
    let script =
        format!("echo run >> runs; cat >> stdin; echo \"$KUBERNETES_EXEC_INFO\" > info; echo '{credential}'");
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
                      "interactiveMode": "IfAvailable"});
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig().user("host", json!({"exec": exec}));
    let program = KubectlMc::new(&kubeconfig.text(), Vec::new()).words("jwt-secret").folder(folder.path());
    let _ = program.stdin("not for the plugin").run().code(0);
    let wrote = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((wrote("runs").as_str(), wrote("stdin").as_str()), ("run\n", ""));
    assert!(wrote("info").contains("\"interactive\":false"));
    assert!(server.heads().len() > 1, "several requests");
}

#[test]
fn a_missing_plugin_is_named_with_how_to_install_it() {
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin",
                      "interactiveMode": "Never", "installHint": "brew install it"});
    let kubeconfig = Kubeconfig::of_nobody().user("host", json!({"exec": exec}));
    let run = KubectlMc::new(&kubeconfig.text(), Vec::new()).words("logs").run().code(3);
    let _ =
        run.says("error: host \"host\": exec: executable no-such-plugin not found\nhint: brew install it\n");
}

/// The tests of this place and the library's, as `file::name`.
pub(super) fn exists(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let definition =
        Regex::new(&format!(r"#\[(tokio::)?test[^\]]*\]\s+(async )?fn {}\(", regex::escape(name))).unwrap();
    definition.is_match(&text)
}

#[test]
fn every_manner_in_the_table_has_a_test_that_exists() {
    let page = fs::read_to_string("docs/kubectl-manners.md").unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Manner") && !line.starts_with("| ---"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() > 30, "the table is not where the test looks");
    let test = Regex::new(r"`([a-z_/-]+\.rs)::([a-z0-9_]+)`").unwrap();
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let named: Vec<_> = test.captures_iter(row[3]).collect();
        assert!(!named.is_empty(), "no test holds {:?}", row[0]);
        for test in named {
            assert!(exists(&test[1], &test[2]), "there is no test {}", &test[0]);
        }
    }
}
