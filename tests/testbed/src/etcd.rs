//! A control plane's etcd, spoken to directly: a cluster is returned to an earlier state in milliseconds.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::Error;

/// Etcd refuses more operations in one transaction.
const TRANSACTION_LIMIT: usize = 128;

/// The apiserver's caches follow etcd by a watch, which took below 10 ms when measured.
const CACHES_FOLLOW_WITHIN: Duration = Duration::from_millis(50);

/// Everything a cluster stored at one time.
#[derive(Clone)]
pub(crate) struct Snapshot {
    entries: HashMap<String, Entry>,
}

#[derive(Clone, Deserialize)]
struct Entry {
    /// Base64, as all keys and values here.
    key: String,
    #[serde(default)]
    value: String,
    mod_revision: String,
}

/// A client of etcd's JSON gateway.
#[derive(Clone)]
pub(crate) struct Etcd {
    socket: PathBuf,
}

impl Etcd {
    pub(crate) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// What is stored now.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let entries = self.entries(false).await?;
        Ok(Snapshot { entries: entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect() })
    }

    /// Returns to a snapshot, and returns it as it is stored now.
    pub(crate) async fn restore(&self, mut snapshot: Snapshot) -> Result<Snapshot, Error> {
        let present: HashMap<String, String> =
            self.entries(true).await?.into_iter().map(|entry| (entry.key, entry.mod_revision)).collect();
        let operations = operations(&snapshot, &present);
        if operations.is_empty() {
            return Ok(snapshot);
        }
        for chunk in operations.chunks(TRANSACTION_LIMIT) {
            self.call("/v3/kv/txn", &json!({ "success": chunk })).await?;
        }
        tokio::time::sleep(CACHES_FOLLOW_WITHIN).await;
        for entry in self.entries(true).await? {
            if let Some(known) = snapshot.entries.get_mut(&entry.key) {
                known.mod_revision = entry.mod_revision;
            }
        }
        Ok(snapshot)
    }

    /// Forgets what was before the present revision.
    pub(crate) async fn compact(&self) -> Result<(), Error> {
        let key = STANDARD.encode("/registry/");
        let present = self.call("/v3/kv/range", &json!({ "key": key })).await?;
        let revision = &present["header"]["revision"];
        self.call("/v3/kv/compaction", &json!({ "revision": revision, "physical": true })).await.map(drop)
    }

    async fn entries(&self, keys_only: bool) -> Result<Vec<Entry>, Error> {
        let range = json!({
            "key": STANDARD.encode("/registry/"),
            "range_end": STANDARD.encode("/registry0"), // '0' follows '/'
            "keys_only": keys_only,
        });
        let mut answer = self.call("/v3/kv/range", &range).await?;
        let entries =
            serde_json::from_value(answer["kvs"].take()).map_err(|error| Error::Etcd(error.to_string()))?;
        Ok(entries)
    }

    async fn call(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let stream =
            UnixStream::connect(&self.socket).await.map_err(Error::file("connect to", &self.socket))?;
        let failed = |error: hyper::Error| Error::Etcd(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        tokio::spawn(connection);
        let request = Request::post(path)
            .header("Host", "etcd")
            .body(Full::<bytes::Bytes>::from(body.to_string()))
            .expect("a fixed path is valid");
        let answer = sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(failed)?.to_bytes();
        if !status.is_success() {
            return Err(Error::Etcd(format!("{status}: {}", String::from_utf8_lossy(&bytes))));
        }
        serde_json::from_slice(&bytes).map_err(|error| Error::Etcd(error.to_string()))
    }
}

/// What leads from the present keys and revisions back to the snapshot.
fn operations(snapshot: &Snapshot, present: &HashMap<String, String>) -> Vec<Value> {
    let deletions = present
        .keys()
        .filter(|key| !snapshot.entries.contains_key(*key) && !belongs_to_controllers(key))
        .map(|key| json!({ "request_delete_range": { "key": key } }));
    let returns = snapshot
        .entries
        .values()
        .filter(|entry| {
            present.get(&entry.key) != Some(&entry.mod_revision) && !belongs_to_controllers(&entry.key)
        })
        .map(|entry| json!({ "request_put": { "key": entry.key, "value": entry.value } }));
    deletions.chain(returns).collect()
}

/// Keys whose owner keeps them in memory as well (allocators, leases) or writes them once a namespace is there.
fn belongs_to_controllers(key: &str) -> bool {
    let key = STANDARD.decode(key).unwrap_or_default();
    let key = String::from_utf8_lossy(&key).into_owned();
    let owned =
        ["/registry/ranges/", "/registry/masterleases/", "/registry/leases/kube-system/", "/registry/health"];
    let accounts = ["default", "kube-node-lease", "kube-public", "kube-system"]
        .map(|namespace| format!("/registry/serviceaccounts/{namespace}/default"));
    owned.iter().any(|prefix| key.starts_with(prefix)) || accounts.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, revision: &str) -> Entry {
        Entry { key: STANDARD.encode(key), value: String::new(), mod_revision: revision.into() }
    }

    #[test]
    fn what_is_new_goes_and_what_was_changed_or_deleted_comes_back() {
        let known = [entry("/registry/a", "1"), entry("/registry/b", "2"), entry("/registry/c", "3")];
        let snapshot =
            Snapshot { entries: known.into_iter().map(|entry| (entry.key.clone(), entry)).collect() };
        let present = [entry("/registry/a", "1"), entry("/registry/b", "9"), entry("/registry/new", "8")];
        let mut present: HashMap<_, _> =
            present.into_iter().map(|entry| (entry.key, entry.mod_revision)).collect();
        present.insert(STANDARD.encode("/registry/ranges/serviceips"), "7".into());
        let mut keys: Vec<String> = operations(&snapshot, &present)
            .iter()
            .map(|operation| {
                let (kind, request) = operation.as_object().unwrap().iter().next().unwrap();
                let key = STANDARD.decode(request["key"].as_str().unwrap()).unwrap();
                format!("{kind} {}", String::from_utf8(key).unwrap())
            })
            .collect();
        keys.sort();
        assert_eq!(
            keys,
            ["request_delete_range /registry/new", "request_put /registry/b", "request_put /registry/c"]
        );
    }
}
