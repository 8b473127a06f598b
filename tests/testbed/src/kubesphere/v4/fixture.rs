//! What is on a cluster of version 4 at the start: a host, a member, or nothing but what somebody left.

use serde_json::{Value, json};

use super::{
    chart::Chart,
    configuration::Settings,
    crds,
    membership::{HOST, NAME},
    release::{self, Release, Status},
};
use crate::kubesphere::{
    Peculiarity, Role, crds as definitions,
    fixture::Facts,
    objects::{self, SYSTEM},
    site::Site,
};

/// How a host of 4 calls itself whom nobody gave another name.
const HOST_NAME: &str = "host";

/// What a host or a helm of 4 has left on a cluster, whatever else is there.
pub(in crate::kubesphere) async fn leave(site: &Site) -> kube::Result<()> {
    for peculiarity in &site.installation.peculiarities {
        match peculiarity {
            Peculiarity::Release(status) => leave_release(site, *status).await?,
            Peculiarity::Managed { name, host } => annotate(site, name, host).await?,
            _ => {}
        }
    }
    Ok(())
}

/// The definitions of a prepared cluster that no 4 brings.
pub(in crate::kubesphere) fn missing_definitions() -> Vec<Value> {
    let mut missing = vec![definitions::cluster_configurations()];
    missing.extend(definitions::kubefed());
    missing
}

/// Installs what the site says, on a prepared cluster that has its nodes.
pub(in crate::kubesphere) async fn install(site: &Site, facts: &Facts) -> kube::Result<()> {
    let client = site.client();
    crds::apply(&client).await?;
    definitions::install(site, &crds::all()).await?;
    for name in [SYSTEM, "kubesphere-controls-system"] {
        objects::ensure(&client, &namespace(name)).await?;
    }
    let chart = Chart::new(site.version(), values(site, facts), &Settings::default());
    let manifest = chart.objects(&site.confidential);
    for object in &manifest {
        objects::create(&client, object).await?;
    }
    let kept = (chart.kept(), chart.given.clone(), release::document(&manifest));
    let release = Release::now(1, Status::Deployed, kept);
    objects::create(&client, &release.secret("modifiedAt")).await?;
    match site.installation.role {
        // A standalone installation of 4 is a host.
        Role::None | Role::Host => annotate(site, &host_name(site), &host_name(site)).await,
        Role::MemberElsewhere => annotate(site, Role::NAME_ELSEWHERE, HOST_NAME).await,
        Role::Member => Ok(()),
    }
}

/// What a host forces upon its members, or an administrator gives to a host.
fn values(site: &Site, facts: &Facts) -> Value {
    let role = match site.installation.role {
        Role::None | Role::Host => "host",
        Role::Member | Role::MemberElsewhere => "member",
    };
    let mut values = json!({"authentication": {"issuer": {"jwtSecret": facts.jwt_secret}}});
    let section = json!({"role": role, "hostClusterName": host_name(site)});
    if site.version().has_a_multicluster_section() {
        values["multicluster"] = section;
    } else {
        values["role"] = section["role"].clone();
        values["hostClusterName"] = section["hostClusterName"].clone();
    }
    values
}

fn host_name(site: &Site) -> String {
    let named = site.installation.peculiarities.iter().find_map(|peculiarity| match peculiarity {
        Peculiarity::HostName(name) => Some(name.clone()),
        _ => None,
    });
    named.unwrap_or_else(|| HOST_NAME.to_owned())
}

fn namespace(name: &str) -> Value {
    let labels = json!({"kubesphere.io/workspace": "system-workspace", "kubesphere.io/managed": "true",
                        "kubesphere.io/protected-resource": "true"});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// Who manages a cluster, as its host writes it on the namespace.
async fn annotate(site: &Site, name: &str, host: &str) -> kube::Result<()> {
    objects::ensure(&site.client(), &namespace(SYSTEM)).await?;
    let api = objects::objects(&site.client(), "v1", "Namespace", None);
    let patch = json!({"metadata": {"annotations": {NAME: name, HOST: host}}});
    objects::merge(&api, SYSTEM, &patch).await.map(drop)
}

/// Helm's record in place of the one that is there: whoever was at work on it is gone.
pub(in crate::kubesphere) async fn leave_release(site: &Site, status: Status) -> kube::Result<()> {
    let client = site.client();
    objects::ensure(&client, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}))
        .await?;
    let chart = Chart::new(site.version(), json!({}), &Settings::default());
    let release = Release::now(1, status, (chart.kept(), json!({}), String::new()));
    let secrets = objects::objects(&client, "v1", "Secret", Some(SYSTEM));
    objects::remove(&secrets, &release.key()).await?;
    objects::create(&client, &release.secret("createdAt")).await.map(drop)
}
