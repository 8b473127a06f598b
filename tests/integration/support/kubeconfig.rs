//! A bed's kubeconfig, changed as a user might have changed it.

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use testbed::{Bed, Distance};

/// A kubeconfig under construction.
#[must_use]
pub struct Kubeconfig(Value);

impl Kubeconfig {
    /// The bed's: a context, a cluster and a user for each of its clusters.
    pub fn of(bed: &Bed) -> Self {
        Self(serde_yaml::from_str(&fs::read_to_string(bed.kubeconfig()).unwrap()).unwrap())
    }

    /// The bed's, with a way of so long a round trip to its host and its first member.
    pub fn far(bed: &Bed, round_trip: Duration) -> (Self, [Distance; 2]) {
        let ways = [bed.host(), bed.member(1)];
        let ways = ways.map(|cluster| Distance::to(&cluster.server(), round_trip).unwrap());
        let [host, member] = ways.each_ref().map(|way| json!({"server": way.server()}));
        (Self::of(bed).cluster("host", &host).cluster("member1", &member), ways)
    }

    /// Two contexts, `host` and `member1`, whose servers nobody ever asks.
    pub fn of_nobody() -> Self {
        let cluster =
            |name: &str| json!({"name": name, "cluster": {"server": format!("https://{name}.invalid:6443")}});
        let context = |name: &str| json!({"name": name, "context": {"cluster": name, "user": name}});
        let user = |name: &str| json!({"name": name, "user": {"token": "a-token-that-nobody-accepts"}});
        Self(json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "host",
            "clusters": [cluster("host"), cluster("member1")],
            "contexts": [context("host"), context("member1")],
            "users": [user("host"), user("member1")],
        }))
    }

    /// With this merge patch of the cluster behind a context.
    pub fn cluster(mut self, context: &str, patch: &Value) -> Self {
        let name = self.of_context(context, "cluster");
        json_patch::merge(&mut self.named("clusters", &name)["cluster"], patch);
        self
    }

    /// With this user behind a context.
    pub fn user(mut self, context: &str, user: Value) -> Self {
        let name = self.of_context(context, "user");
        self.named("users", &name)["user"] = user;
        self
    }

    /// With one more entry in a list.
    pub fn and(mut self, list: &str, entry: Value) -> Self {
        self.0[list].as_array_mut().unwrap().push(entry);
        self
    }

    /// With a second context for the same cluster and user.
    pub fn alias(mut self, alias: &str, context: &str) -> Self {
        let mut copy = self.named("contexts", context).clone();
        copy["name"] = alias.into();
        self.0["contexts"].as_array_mut().unwrap().push(copy);
        self
    }

    /// With a context like another, but a cluster of its own.
    pub fn copy(mut self, copy: &str, context: &str) -> Self {
        let name = self.of_context(context, "cluster");
        let mut cluster = self.named("clusters", &name).clone();
        cluster["name"] = copy.into();
        self.0["clusters"].as_array_mut().unwrap().push(cluster);
        let mut this = self.alias(copy, context);
        this.named("contexts", copy)["context"]["cluster"] = copy.into();
        this
    }

    /// Without this context.
    pub fn without_context(mut self, context: &str) -> Self {
        self.0["contexts"].as_array_mut().unwrap().retain(|one| one["name"] != context);
        self
    }

    pub fn current(mut self, context: &str) -> Self {
        self.0["current-context"] = context.into();
        self
    }

    /// The user behind a context.
    pub fn user_of(mut self, context: &str) -> Value {
        let name = self.of_context(context, "user");
        self.named("users", &name)["user"].clone()
    }

    /// The file's text; every YAML parser reads JSON.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    fn of_context(&mut self, context: &str, what: &str) -> String {
        self.named("contexts", context)["context"][what].as_str().unwrap().to_owned()
    }

    fn named(&mut self, list: &str, name: &str) -> &mut Value {
        let items = self.0[list].as_array_mut().unwrap();
        items.iter_mut().find(|item| item["name"] == name).unwrap()
    }
}

/// The user of this context, as an exec plugin would give its credentials.
pub fn by_plugin(bed: &Bed, context: &str) -> Value {
    let user = Kubeconfig::of(bed).user_of(context);
    let decoded =
        |key: &str| String::from_utf8(STANDARD.decode(user[key].as_str().unwrap()).unwrap()).unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": decoded("client-certificate-data"),
                   "clientKeyData": decoded("client-key-data")},
    });
    json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
                    "args": ["-c", format!("cat <<'END'\n{credential}\nEND")]}})
}

/// The confidential values in a kubeconfig's text: no output may contain any.
pub(super) fn secrets_in(text: &str) -> Vec<String> {
    let kubeconfig: Value = serde_yaml::from_str(text).unwrap_or_default();
    let users = kubeconfig["users"].as_array().cloned().unwrap_or_default();
    let values = users.iter().flat_map(|user| {
        ["client-key-data", "token", "password"].map(|key| user["user"][key].as_str().map(str::to_owned))
    });
    values.flatten().collect()
}
