//! Joining a cluster to the host's kubefed, and leaving it again.
//!
//! Source: kubesphere `pkg/controller/cluster/join.go` and `unjoin.go` at each tag.

use std::time::{Duration, Instant};

use kube::{Client, ResourceExt as _, api::DynamicObject};
use serde_json::{Value, json};

use super::{
    Version,
    member::Member,
    objects::{self, FEDERATION},
    pace,
    secret::{self, Confidential},
};

/// How long a token Secret may stay empty: the member's own controller, which fills it, keeps real time.
const TOKEN_FILLED_WITHIN: Duration = Duration::from_secs(10);

/// One cluster that joins.
pub struct Joining<'a> {
    /// The host's version.
    pub version: Version,
    /// The name of the Cluster.
    pub name: &'a str,
    /// The Cluster's labels, which its `KubeFedCluster` gets.
    pub labels: Value,
    pub host: Client,
    /// The joining cluster.
    pub member: &'a Member,
    /// Takes the token that is stored on the host.
    pub confidential: &'a Confidential,
    /// Whether the joining cluster's Kubernetes makes token Secrets for service accounts, as before 1.24.
    pub makes_token_secrets: bool,
}

impl Joining<'_> {
    /// Joins, or repeats what a join does; the error is the reason in the condition.
    pub async fn join(&self) -> Result<(), String> {
        self.preflight().await?;
        self.create_namespace().await?;
        self.create_service_account().await?;
        self.create_rights().await?;
        let token = self.token().await?;
        self.store_token(&token).await?;
        self.register().await
    }

    fn account(&self) -> String {
        format!("{}-kubesphere", self.name)
    }

    fn account_path(&self) -> String {
        format!("/api/v1/namespaces/{FEDERATION}/serviceaccounts/{}", self.account())
    }

    fn member(&self) -> Result<&Client, String> {
        self.member.client().map_err(|missing| missing.worded(&self.account_path()))
    }

    async fn preflight(&self) -> Result<(), String> {
        let accounts = objects::objects(self.member()?, "v1", "ServiceAccount", Some(FEDERATION));
        let found = accounts.get_opt(&self.account()).await;
        found
            .map(drop)
            .map_err(|error| self.member.worded(&error, "Get", &self.account_path(), "serviceaccounts"))
    }

    async fn create_namespace(&self) -> Result<(), String> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FEDERATION}});
        self.ensure(&namespace, "/api/v1/namespaces", "namespaces").await
    }

    /// From 3.3 on the token's Secret is made here; before, the member's own controller made it.
    async fn create_service_account(&self) -> Result<(), String> {
        let path = format!("/api/v1/namespaces/{FEDERATION}/serviceaccounts");
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": self.account(), "namespace": FEDERATION},
        });
        self.ensure(&account, &path, "serviceaccounts").await?;
        if self.version.creates_token_secrets() || self.makes_token_secrets {
            self.create_token_secret().await?;
        }
        Ok(())
    }

    /// An attempt that ends between the two writes leaves a Secret, and KubeSphere's next one makes another, because its
    /// name is generated. Here that is a busy machine's doing alone, so the next attempt finds the first one's.
    ///
    /// Source: `createServiceAccountWithSecret` in kubesphere `pkg/controller/cluster/join.go`, from v3.3.0.
    async fn create_token_secret(&self) -> Result<(), String> {
        let accounts = objects::objects(self.member()?, "v1", "ServiceAccount", Some(FEDERATION));
        let failed = |error| self.member.worded(&error, "Put", &self.account_path(), "serviceaccounts");
        let account = accounts.get(&self.account()).await.map_err(failed)?;
        if account.data["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty()) {
            return Ok(());
        }
        let name = format!("{}-token-{}", self.account(), &account.uid().unwrap_or_default()[..5]);
        let token = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "namespace": FEDERATION,
                         "annotations": {"kubernetes.io/service-account.name": self.account()}},
        });
        self.ensure(&token, &format!("/api/v1/namespaces/{FEDERATION}/secrets"), "secrets").await?;
        let patch = json!({"secrets": [{"name": name}]});
        objects::merge(&accounts, &self.account(), &patch).await.map(drop).map_err(failed)
    }

    async fn create_rights(&self) -> Result<(), String> {
        let name = format!("kubefed-controller-manager:{}", self.account());
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                      {"verbs": ["get"], "nonResourceURLs": ["*"]}],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "subjects": [{"kind": "ServiceAccount", "name": self.account(), "namespace": FEDERATION}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        });
        let path = "/apis/rbac.authorization.k8s.io/v1";
        self.ensure(&role, &format!("{path}/clusterroles"), "clusterroles.rbac.authorization.k8s.io").await?;
        let resource = "clusterrolebindings.rbac.authorization.k8s.io";
        self.ensure(&binding, &format!("{path}/clusterrolebindings"), resource).await
    }

    /// Waits for the token; a Secret that stays empty has a reason of its own (seen running).
    async fn token(&self) -> Result<String, String> {
        let member = self.member()?;
        let accounts = objects::objects(member, "v1", "ServiceAccount", Some(FEDERATION));
        let secrets = objects::objects(member, "v1", "Secret", Some(FEDERATION));
        let begun = Instant::now();
        let mut reason = "timed out waiting for the condition";
        let mut within = pace::scaled(pace::TOKEN_TIMEOUT);
        while begun.elapsed() < within {
            let account = accounts.get_opt(&self.account()).await.ok().flatten();
            let name =
                account.and_then(|account| account.data["secrets"][0]["name"].as_str().map(str::to_owned));
            let found = match &name {
                Some(name) => secrets.get_opt(name).await.ok().flatten(),
                None => None,
            };
            if let Some(found) = found {
                if let Some(token) = found.data["data"]["token"].as_str() {
                    return Ok(token.to_owned());
                }
                reason = "Key \"token\" not found in service account secret";
                within = TOKEN_FILLED_WITHIN;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(reason.to_owned())
    }

    async fn store_token(&self, token: &str) -> Result<(), String> {
        self.confidential.add(token);
        let decoded = secret::base64_decoded(token).unwrap_or_default();
        self.confidential.add(String::from_utf8_lossy(&decoded));
        let name = format!("{}-secret", self.name);
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": FEDERATION}, "data": {"token": token},
        });
        let secrets = objects::objects(&self.host, "v1", "Secret", Some(FEDERATION));
        upsert(&secrets, &self.host, &object).await.map_err(|error| on_host(&error))
    }

    /// Creates or updates the `KubeFedCluster`; only its first creation looks for workspaces in the way.
    async fn register(&self) -> Result<(), String> {
        let ca_bundle = self.member.authority.as_deref().map(secret::base64);
        let validations = if self.member.insecure { json!(["*"]) } else { Value::Null };
        let object = json!({
            "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
            "metadata": {"name": self.name, "namespace": FEDERATION, "labels": self.labels},
            "spec": {"apiEndpoint": self.member.server, "caBundle": ca_bundle,
                     "secretRef": {"name": format!("{}-secret", self.name)}, "disabledTLSValidations": validations},
        });
        let api = objects::objects(&self.host, "core.kubefed.io/v1beta1", "KubeFedCluster", Some(FEDERATION));
        match api.get_opt(self.name).await {
            Ok(Some(_)) => {}
            Ok(None) if self.kubefed_is_missing(&api).await => return Err(NO_KUBEFED.to_owned()),
            Ok(None) => self.look_for_workspaces().await?,
            Err(error) => return Err(on_host(&error)),
        }
        upsert(&api, &self.host, &object).await.map_err(|error| on_host(&error))
    }

    async fn kubefed_is_missing(&self, api: &kube::Api<DynamicObject>) -> bool {
        matches!(api.list(&kube::api::ListParams::default().limit(1)).await, Err(error) if objects::has_code(&error, 404))
    }

    /// A workspace that another host manages there would be deleted by this one (#3169).
    ///
    /// Source: kubesphere `pkg/controller/cluster/join.go@v3.4.1:808-840`.
    async fn look_for_workspaces(&self) -> Result<(), String> {
        let workspaces = objects::objects(self.member()?, "tenant.kubesphere.io/v1alpha1", "Workspace", None);
        let path = "/apis/tenant.kubesphere.io/v1alpha1/workspaces?labelSelector=kubefed.io%2Fmanaged%3Dtrue";
        let managed = objects::labelled(&workspaces, "kubefed.io/managed=true")
            .await
            .map_err(|error| self.member.worded(&error, "Get", path, "workspaces.tenant.kubesphere.io"))?;
        let federated = objects::objects(&self.host, "types.kubefed.io/v1beta1", "FederatedWorkspace", None);
        for workspace in managed {
            let name = workspace.metadata.name.unwrap_or_default();
            let own = federated.get_opt(&name).await.map_err(|error| on_host(&error))?;
            if own.is_some_and(|own| !self.is_placed_here(&own)) {
                return Err(format!(
                    "The workspace {name} is found in the target member cluster {}, which is conflict with the \
                     workspace on host",
                    self.name
                ));
            }
        }
        Ok(())
    }

    fn is_placed_here(&self, workspace: &DynamicObject) -> bool {
        let clusters = workspace.data["spec"]["placement"]["clusters"].as_array();
        clusters.into_iter().flatten().any(|cluster| cluster["name"] == self.name)
    }

    /// Creates an object on the member unless it is there.
    async fn ensure(&self, object: &Value, path: &str, resource: &str) -> Result<(), String> {
        let created = objects::ensure(self.member()?, object).await;
        created.map_err(|error| self.member.worded(&error, "Post", path, resource))
    }
}

/// What controller-runtime says of a kind that no definition brings.
const NO_KUBEFED: &str = "no matches for kind \"KubeFedCluster\" in version \"core.kubefed.io/v1beta1\"";

/// Takes a cluster out of kubefed on the host only: the member is not touched, whatever stands there.
///
/// Source: kubesphere `pkg/controller/cluster/cluster_controller.go@v3.4.1` (`unJoinFederation(nil, name)`).
pub async fn leave(host: &Client, name: &str) -> kube::Result<()> {
    let clusters = objects::objects(host, "core.kubefed.io/v1beta1", "KubeFedCluster", Some(FEDERATION));
    objects::remove(&clusters, name).await?;
    let secrets = objects::objects(host, "v1", "Secret", Some(FEDERATION));
    objects::remove(&secrets, &format!("{name}-secret")).await
}

async fn upsert(api: &kube::Api<DynamicObject>, client: &Client, object: &Value) -> kube::Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match objects::merge(api, name, object).await {
        Err(error) if objects::has_code(&error, 404) => objects::create(client, object).await.map(drop),
        outcome => outcome.map(drop),
    }
}

fn on_host(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
