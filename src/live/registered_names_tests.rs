use kubesphere::side::Side;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::Instant,
};

use super::*;
use crate::live::{
    kubeconfig::{ConnectionOptions, Kubeconfig},
    selected_context::select,
};

const LIST: &str = r#"{"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": [
    {"metadata": {"name": "edge-1"}}, {"metadata": {"name": "host"}}]}"#;

/// A server on loopback that answers every connection alike, and the first lines and `Accept`s of the requests.
async fn server(status: &'static str, body: &'static str) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, seen) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            heads.send(String::from_utf8(head).unwrap()).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, seen)
}

fn context(server: &str, user: &Value) -> SelectedContext {
    let kubeconfig = json!({
        "current-context": "prod",
        "clusters": [{"name": "prod", "cluster": {"server": server}}],
        "users": [{"name": "prod", "user": user}],
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "prod"}}],
    });
    let kubeconfig = Kubeconfig::parse(kubeconfig.to_string().as_bytes()).unwrap();
    select(&kubeconfig, Side::host, &ConnectionOptions::default()).unwrap()
}

async fn names_at(server: &str, user: &Value) -> Vec<String> {
    let environment = Environment { in_passing: true, ..Environment::default() };
    registered_names(context(server, user), &environment).await
}

#[tokio::test]
async fn names_are_asked_for_without_the_kubeconfigs_beside_them() {
    let (address, mut seen) = server("200 OK", LIST).await;
    assert_eq!(names_at(&address, &json!({"token": "t"})).await, ["edge-1", "host"]);
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /apis/cluster.kubesphere.io/v1alpha1/clusters?"), "{head}");
    assert!(head.contains("as=PartialObjectMetadataList"), "{head}");
}

#[tokio::test]
async fn a_failure_is_silence_and_nothing_is_asked_twice() {
    for status in ["403 Forbidden", "404 Not Found", "503 Service Unavailable", "429 Too Many Requests"] {
        let (address, mut seen) = server(status, "{}").await;
        assert_eq!(names_at(&address, &json!({})).await, Vec::<String>::new());
        assert!(seen.recv().await.is_some() && seen.try_recv().is_err(), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_before_a_second_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begun = Instant::now();
    let address = listener.local_addr().unwrap().to_string();
    assert_eq!(names_at(&address, &json!({})).await, Vec::<String>::new());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_plugin_is_run_only_where_it_never_talks_and_is_left_in_time() {
    let (address, mut seen) = server("200 OK", LIST).await;
    let user = |mode: &str, script: &str| {
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
                        "interactiveMode": mode}})
    };
    let credential = r#"echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'"#;
    for mode in ["Always", "IfAvailable"] {
        assert_eq!(names_at(&address, &user(mode, credential)).await, Vec::<String>::new(), "{mode}");
    }
    assert!(seen.try_recv().is_err(), "nothing is asked");
    assert_eq!(names_at(&address, &user("Never", credential)).await.len(), 2);
    let begun = Instant::now();
    assert_eq!(names_at(&address, &user("Never", "exec sleep 30")).await, Vec::<String>::new());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn only_a_plugin_that_never_talks_is_run() {
    let plugin = |interactive_mode| ExecConfig { interactive_mode, ..ExecConfig::default() };
    assert!(!may_talk(&plugin(Some(ExecInteractiveMode::Never))));
    for mode in [Some(ExecInteractiveMode::IfAvailable), Some(ExecInteractiveMode::Always), None] {
        assert!(may_talk(&plugin(mode)));
    }
}
