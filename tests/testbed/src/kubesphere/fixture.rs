//! What an installation of KubeSphere leaves on a cluster, by version and role.

use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};

use super::{
    Generation, Peculiarity, Role, Version, clock,
    configuration::{self, Rendering},
    crds, devops, kubefed, nodes,
    objects::{self, FEDERATION, INSTALLER, SYSTEM},
    projects,
    scenario::InstallerScenario,
    secret,
    site::Site,
    specification,
    v4::{self, ReleaseStatus},
    webhook,
};
use crate::Error;

/// How long ago the installation was finished.
pub const AGE: SignedDuration = SignedDuration::from_hours(30);

/// How long ago the run failed that left a wanted spec without effect.
pub const FAILED_AGE: SignedDuration = SignedDuration::from_mins(20);

/// What the fixtures and the installer write of one cluster.
pub struct Facts {
    /// The spec that took effect.
    pub effective: Value,
    /// The spec of the ClusterConfiguration; it differs where an earlier run failed.
    pub wanted: Value,
    /// The jwtSecret in effect.
    pub jwt_secret: String,
}

impl Facts {
    /// What this site's installation looks like, for a bed whose host has this jwtSecret.
    pub fn new(site: &Site, host_secret: &str) -> Self {
        let installation = &site.installation;
        let mut effective = specification::shipped(site.version());
        let role = installation.role;
        let jwt_secret = match role {
            Role::Member => host_secret.to_owned(),
            _ => own_secret(&installation.peculiarities).unwrap_or_else(|| own(site, host_secret)),
        };
        effective["multicluster"]["clusterRole"] = role.as_str().into();
        if role.as_str() == "member" || own_secret(&installation.peculiarities).is_some() {
            effective["authentication"]["jwtSecret"] = jwt_secret.clone().into();
        }
        for peculiarity in &installation.peculiarities {
            specification::merge(&mut effective, &spec_change(peculiarity));
        }
        let mut wanted = effective.clone();
        if installation.installer == InstallerScenario::FailedBefore {
            specification::merge(&mut wanted, &wanted_change(site, host_secret));
        }
        site.confidential.add(jwt_secret.clone());
        site.confidential.add(secret::static_token(&jwt_secret));
        Self { effective, wanted, jwt_secret }
    }
}

/// Makes the definitions that some bed needs part of a control plane's clean state, once.
pub fn prepare(site: &Arc<Site>) -> Result<(), Error> {
    let shared = Arc::clone(site);
    let fresh = crate::block_on(async move {
        let fresh = !crds::is_present(&shared.client(), &crds::clusters()).await?;
        crds::install(&shared, &crds::all()).await?;
        Ok::<_, kube::Error>(fresh)
    })?;
    if fresh { site.plane().mark_clean() } else { Ok(()) }
}

/// Installs KubeSphere as the site says, on a prepared cluster.
pub async fn install(site: &Site, facts: &Facts) -> kube::Result<()> {
    let client = site.client();
    crds::remove(site, &missing_definitions(site)).await?;
    for node in nodes::objects(site) {
        objects::create_with_status(&client, &node).await?;
    }
    if !site.installation.has(&Peculiarity::NoDefaultStorageClass) {
        objects::ensure(&client, &storage_class()).await?;
    }
    if site.installation.has(&Peculiarity::ShortNameClash) {
        crds::install(site, &[crds::short_name_clash()]).await?;
    }
    if !site.installation.has(&Peculiarity::NoKubeSphere) {
        match site.version().generation() {
            Generation::Three => install_3(site, facts, &client).await?,
            Generation::Four => v4::fixture::install(site, facts).await?,
        }
    }
    v4::fixture::leave(site).await
}

async fn install_3(site: &Site, facts: &Facts, client: &Client) -> kube::Result<()> {
    create_namespaces(site).await?;
    create_core(site, facts, client).await?;
    if site.version().installs_the_core_by_helm() {
        v4::fixture::leave_release(site, ReleaseStatus::Deployed).await?;
    }
    if site.version().validates_clusters() {
        webhook::install(site).await?;
    }
    create_cluster_configuration(site, facts).await?;
    devops::install_long_ago(site, facts).await?;
    if site.installation.role == Role::Host {
        kubefed::install(site).await?;
    }
    if site.installation.has(&Peculiarity::KubefedFailed) {
        kubefed::leave_failed_release(client).await?;
    }
    create_leftovers(site, client).await
}

/// Writes kubesphere-config as `kubectl apply` does, with a second copy of it in the annotation.
///
/// Source: ks-installer `roles/ks-core/config/tasks/main.yaml@v3.4.1` (`kubectl apply -f kubesphere-config.yaml`).
pub async fn apply_configuration(client: &Client, text: &str) -> kube::Result<()> {
    let object = configuration_object(text);
    let api = objects::config_maps(client);
    match objects::merge(&api, "kubesphere-config", &object).await {
        Err(error) if objects::has_code(&error, 404) => objects::create(client, &object).await.map(drop),
        outcome => outcome.map(drop),
    }
}

/// Creates Secret kubesphere-secret.
///
/// Source: ks-installer `roles/ks-core/init-token/tasks/main.yaml@v3.4.1`.
pub async fn create_secret(site: &Site, jwt_secret: &str) -> kube::Result<()> {
    let token = secret::static_token(jwt_secret);
    site.confidential.add(jwt_secret);
    site.confidential.add(token.clone());
    let mut data =
        json!({"secret": secret::base64(jwt_secret.as_bytes()), "token": secret::base64(token.as_bytes())});
    if site.version().keeps_initial_password() {
        data["initAdminPassword"] = secret::base64(site.password().as_bytes()).into();
    }
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "kubesphere-secret", "namespace": SYSTEM}, "data": data,
    });
    objects::ensure(&site.client(), &object).await
}

/// A Deployment of KubeSphere's core or of the installer, as its chart leaves it.
pub fn deployment(name: &str, app: &str, container: &str, image: &str) -> Value {
    let labels = json!({ "app": app });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": SYSTEM, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": if name == INSTALLER { "ks-installer" } else { "kubesphere" },
                    "containers": [{"name": container, "image": image, "imagePullPolicy": "IfNotPresent",
                                    "ports": [{"containerPort": 9090, "protocol": "TCP"}]}],
                },
            },
        },
    })
}

/// The Cluster's kubefed leftovers on a member: what another host created there while joining.
fn member_service_account(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": format!("{name}-kubesphere"), "namespace": FEDERATION},
    })
}

fn own(site: &Site, host_secret: &str) -> String {
    if site.name == "host" { host_secret.to_owned() } else { secret::random_jwt_secret() }
}

fn own_secret(peculiarities: &[Peculiarity]) -> Option<String> {
    peculiarities.iter().find_map(|peculiarity| match peculiarity {
        Peculiarity::JwtSecret(secret) => Some(secret.clone()),
        _ => None,
    })
}

fn spec_change(peculiarity: &Peculiarity) -> Value {
    match peculiarity {
        Peculiarity::NoJwtSecretKey => json!({"authentication": {"jwtSecret": null}}),
        Peculiarity::NoAuthentication => json!({"authentication": null}),
        Peculiarity::NoMulticluster => json!({"multicluster": null}),
        Peculiarity::Spec(change) => change.clone(),
        Peculiarity::DevOps => json!({"devops": {"enabled": true}}),
        _ => json!({}),
    }
}

fn wanted_change(site: &Site, host_secret: &str) -> Value {
    if site.name == "host" {
        json!({"multicluster": {"clusterRole": "host"}})
    } else {
        json!({"multicluster": {"clusterRole": "member"}, "authentication": {"jwtSecret": host_secret}})
    }
}

/// The definitions of a prepared cluster that this installation has not brought.
fn missing_definitions(site: &Site) -> Vec<Value> {
    if site.installation.has(&Peculiarity::NoKubeSphere) {
        return crds::all();
    }
    if site.version().generation() == Generation::Four {
        return v4::fixture::missing_definitions();
    }
    let mut missing = Vec::new();
    if site.installation.role != Role::Host && !federated_workspaces(site) {
        missing.extend(crds::kubefed());
    }
    if site.installation.has(&Peculiarity::NoWorkspaces) {
        missing.push(crds::workspaces());
    }
    missing
}

fn federated_workspaces(site: &Site) -> bool {
    site.installation.peculiarities.iter().any(|item| matches!(item, Peculiarity::FederatedWorkspace(_)))
}

async fn create_namespaces(site: &Site) -> kube::Result<()> {
    let mut names = vec![SYSTEM, "kubesphere-controls-system", "kubesphere-monitoring-system"];
    if matches!(site.installation.role, Role::Host | Role::MemberElsewhere) {
        names.push(FEDERATION);
    }
    projects::create_system(site, &names).await
}

async fn create_core(site: &Site, facts: &Facts, client: &Client) -> kube::Result<()> {
    let release = site.version().release();
    let mut core = vec![
        deployment(
            "ks-apiserver",
            "ks-apiserver",
            "ks-apiserver",
            &format!("kubesphere/ks-apiserver:{release}"),
        ),
        deployment(
            "ks-controller-manager",
            "ks-controller-manager",
            "ks-controller-manager",
            &format!("kubesphere/ks-controller-manager:{release}"),
        ),
        service(),
    ];
    if !site.installation.has(&Peculiarity::NoInstaller) {
        let image = format!("kubesphere/ks-installer:{release}");
        core.push(deployment(INSTALLER, site.version().installer_app(), "installer", &image));
    }
    for object in &core {
        objects::create(client, object).await?;
    }
    create_secret(site, &facts.jwt_secret).await?;
    let rendering =
        Rendering { version: site.version(), spec: &facts.effective, jwt_secret: &facts.jwt_secret };
    objects::create(client, &configuration_object(&rendering.text())).await?;
    Ok(())
}

/// What an earlier or another host left: its service account, its name for this cluster, its workspaces.
async fn create_leftovers(site: &Site, client: &Client) -> kube::Result<()> {
    let federation = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FEDERATION}});
    for peculiarity in &site.installation.peculiarities {
        if let Peculiarity::EarlierName(_) = peculiarity {
            objects::ensure(client, &federation).await?;
        }
        if let Peculiarity::FederatedProject { name, workspace } = peculiarity {
            projects::create_federated(site, name, workspace).await?;
        }
        if let Some(leftover) = leftover(peculiarity) {
            objects::create(client, &leftover).await?;
        }
    }
    if site.installation.role != Role::MemberElsewhere {
        return Ok(());
    }
    objects::create(client, &member_service_account(Role::NAME_ELSEWHERE)).await?;
    let text = site.configuration().await?.unwrap_or_default();
    match configuration::named(&text, Role::NAME_ELSEWHERE) {
        Ok(Some(named)) if site.version().identifies_members() => {
            let patch = json!({"data": {"kubesphere.yaml": named}});
            objects::merge(&objects::config_maps(client), "kubesphere-config", &patch).await.map(drop)
        }
        _ => Ok(()),
    }
}

fn leftover(peculiarity: &Peculiarity) -> Option<Value> {
    match peculiarity {
        Peculiarity::EarlierName(name) => Some(member_service_account(name)),
        Peculiarity::LeftoverProject(name) => Some(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubefed.io/managed": "true"}},
        })),
        Peculiarity::LeftoverWorkspace(name) => {
            Some(projects::workspace(name, &json!({"kubefed.io/managed": "true"})))
        }
        Peculiarity::FederatedWorkspace(name) => Some(json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedWorkspace", "metadata": {"name": name},
            "spec": {"placement": {"clusters": []}, "template": {"spec": {"manager": "admin"}}},
        })),
        _ => None,
    }
}

fn configuration_object(text: &str) -> Value {
    let applied = json!({
        "apiVersion": "v1", "data": {"kubesphere.yaml": text}, "kind": "ConfigMap",
        "metadata": {"annotations": {}, "name": "kubesphere-config", "namespace": SYSTEM},
    });
    let mut object = applied.clone();
    object["metadata"]["annotations"] = last_applied(&applied);
    object
}

fn last_applied(object: &Value) -> Value {
    json!({"kubectl.kubernetes.io/last-applied-configuration": format!("{object}\n")})
}

/// Creates the ClusterConfiguration as one that was written long ago, or before the run that failed: its managed fields
/// say when, and its log tells of runs since.
async fn create_cluster_configuration(site: &Site, facts: &Facts) -> kube::Result<()> {
    let mut object = cluster_configuration(site, facts);
    for peculiarity in &site.installation.peculiarities {
        if let Peculiarity::Metadata(change) = peculiarity {
            specification::merge(&mut object["metadata"], change);
        }
    }
    let created = objects::create(&site.client(), &object).await?;
    let written = match site.installation.installer {
        InstallerScenario::UnderWay => return Ok(()),
        InstallerScenario::FailedBefore => Timestamp::now() - FAILED_AGE - SignedDuration::from_secs(5),
        _ => Timestamp::now() - AGE - SignedDuration::from_mins(10),
    };
    let mut fields = json!(created.metadata.managed_fields);
    for manager in fields.as_array_mut().into_iter().flatten() {
        manager["manager"] = "kubectl-client-side-apply".into();
        manager["time"] = clock::seconds(written).into();
    }
    let patch = json!({"metadata": {"managedFields": fields}});
    objects::merge(&objects::cluster_configurations(&site.client()), INSTALLER, &patch).await.map(drop)
}

/// The ClusterConfiguration, applied from the shipped file and with the status of a finished installation.
fn cluster_configuration(site: &Site, facts: &Facts) -> Value {
    let labels = json!({"version": site.version().label()});
    let applied = json!({
        "apiVersion": "installer.kubesphere.io/v1alpha1", "kind": "ClusterConfiguration",
        "metadata": {"annotations": {}, "labels": labels, "name": INSTALLER, "namespace": SYSTEM},
        "spec": specification::shipped(site.version()),
    });
    json!({
        "apiVersion": "installer.kubesphere.io/v1alpha1", "kind": "ClusterConfiguration",
        "metadata": {"name": INSTALLER, "namespace": SYSTEM, "labels": labels, "annotations": last_applied(&applied)},
        "spec": facts.wanted, "status": status(site),
    })
}

/// 3.0 never writes a version; a run that failed late, or was re-created and failed, leaves none either.
fn status(site: &Site) -> Value {
    let at = Timestamp::now() - AGE;
    let enabled = json!({"status": "enabled", "enabledTime": clock::enabled(at)});
    let mut status = json!({
        "clusterId": cluster_id(at), "core": enabled, "monitoring": enabled,
        "network": {"networkpolicy": {}, "topology": {}}, "openpitrix": {}, "es": {},
    });
    let versionless = site.installation.installer == InstallerScenario::Recreated;
    if site.version() >= Version::V3_1 && !versionless {
        status["core"]["version"] = site.version().release().into();
    }
    if site.installation.role == Role::Host {
        status["multicluster"] = enabled.clone();
    }
    if site.installation.has(&Peculiarity::DevOps) {
        status["devops"] = enabled;
    }
    status
}

/// `UUID-EPOCH`.
///
/// Source: ks-installer `roles/telemetry/tasks/main.yaml@v3.4.1:71-92`.
pub fn cluster_id(at: Timestamp) -> String {
    format!("{}-{}", secret::random_uuid(), at.as_second())
}

fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "openebs.io/local", "volumeBindingMode": "WaitForFirstConsumer",
    })
}

/// The Service behind which the host asks a member for its version; its Endpoints follow the pod.
fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "ks-apiserver", "namespace": SYSTEM, "labels": {"app": "ks-apiserver"}},
        "spec": {"selector": {"app": "ks-apiserver"}, "type": "ClusterIP",
                 "ports": [{"port": 80, "protocol": "TCP", "targetPort": 9090}]},
    })
}
