//! The controller's connections to members: one for each Cluster, kept until its kubeconfig changes.
//!
//! Source: kubesphere `pkg/utils/clusterclient/clusterclient.go@v4.1.3`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::{Client, api::DynamicObject};
use serde_json::Value;

use crate::kubesphere::{go_error, member::Member, objects, pace::Pace};

/// How long an answer may take. Not scaled: it is no step of the play, and a busy machine needs its time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A connection that has answered once.
pub(super) struct Connected {
    member: Member,
    /// What the member's apiserver said when the connection was made.
    pub(super) kubernetes_version: String,
}

impl Connected {
    async fn new(pace: Pace, kubeconfig: &[u8]) -> Result<Self, String> {
        let member = Member::connect(pace, kubeconfig).await?;
        let answer = get(&member, "/version", "?timeout=32s").await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        let kubernetes_version = answer["gitVersion"].as_str().unwrap_or_default().to_owned();
        Ok(Self { member, kubernetes_version })
    }

    pub(super) fn client(&self) -> &Client {
        self.member.client().unwrap_or_else(|_| unreachable!("it has answered without a plugin"))
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    /// The namespace that identifies the cluster.
    pub(super) async fn kube_system(&self) -> Result<DynamicObject, String> {
        let path = "/api/v1/namespaces/kube-system";
        let namespaces = objects::objects(self.client(), "v1", "Namespace", None);
        let asked = tokio::time::timeout(ANSWERS_WITHIN, namespaces.get("kube-system")).await;
        let lost = || format!("Get \"{}{path}\": http2: client connection lost", self.member.server);
        let answer = asked.map_err(|_| lost())?;
        answer.map_err(|error| self.member.worded(&error, "Get", path, "namespaces kube-system"))
    }

    /// The body of an answer that the member gives.
    pub(super) async fn get(&self, path: &str) -> Result<String, String> {
        get(&self.member, path, "").await
    }
}

async fn get(member: &Member, path: &str, query: &str) -> Result<String, String> {
    let whole = format!("{path}{query}");
    let client = member.client().map_err(|missing| missing.worded(&whole))?;
    let asked = tokio::time::timeout(ANSWERS_WITHIN, go_error::get_text(client, &whole)).await;
    let late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    let answer = asked.map_err(|_| format!("Get \"{}{whole}\": {late}", member.server))?;
    answer.map_err(|error| member.worded(&error, "Get", &whole, ""))
}

/// All connections.
pub(super) struct Clients {
    pace: Pace,
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    kubeconfig: Vec<u8>,
    connected: Arc<Connected>,
}

impl Clients {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, kept: Mutex::default() }
    }

    /// The connection for one look.
    ///
    /// Two handlers hear of a changed kubeconfig at the same time, one that looks and one that makes the new connection:
    /// as a rule the former is faster and looks by the old one. Here it always is.
    pub(super) async fn of(&self, name: &str, kubeconfig: &[u8]) -> Result<Arc<Connected>, String> {
        if let Some(kept) = self.take_old(name, kubeconfig) {
            return Ok(kept);
        }
        let connected = Arc::new(Connected::new(self.pace, kubeconfig).await?);
        let kept = Kept { kubeconfig: kubeconfig.to_owned(), connected: Arc::clone(&connected) };
        self.kept.lock().expect("no holder panics").insert(name.to_owned(), kept);
        Ok(connected)
    }

    /// Forgets a Cluster that is gone.
    pub(super) fn forget(&self, name: &str) {
        self.kept.lock().expect("no holder panics").remove(name);
    }

    fn take_old(&self, name: &str, kubeconfig: &[u8]) -> Option<Arc<Connected>> {
        let mut all = self.kept.lock().expect("no holder panics");
        let kept = all.get(name)?;
        let connected = Arc::clone(&kept.connected);
        if kept.kubeconfig != kubeconfig {
            all.remove(name);
        }
        Some(connected)
    }
}
