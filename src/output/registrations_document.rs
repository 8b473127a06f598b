//! A host's Clusters as the one object that `-o` prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubesphere::installer_log::mask;
use serde::Serialize;

use super::{
    document::API_VERSION,
    ending::{Ending, Object},
    registration_reasons::{NOT_ASKED, OTHER_SECRET, UNPROVEN, reasons, second, secret_untold},
};
use crate::plan::{
    registration::{Probe, Readiness, Registration},
    stored_credential::{End, StoredCredential},
};

/// What a host says of its members.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClustersDocument {
    api_version: &'static str,
    kind: &'static str,
    clusters: Vec<ClusterView>,
    /// What is to be known of the host.
    warnings: Vec<String>,
    /// How they differ from a fleet file, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<FleetView>,
    #[serde(flatten)]
    ending: Ending,
}

#[derive(Clone, Debug, Serialize)]
struct FleetView {
    /// Members of the file that are not registered.
    missing: Vec<String>,
    /// Clusters that the file does not have.
    unlisted: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterView {
    name: String,
    role: &'static str,
    /// `True`, `False`, `Installing`, `Stale`, `Waiting`, `Unknown`, `Deleting` or `Deleted`.
    ready: &'static str,
    /// When the controller has last looked.
    looked_at: Option<String>,
    /// Why not simply `True`, and what else is to be known: short as in the table, and whole.
    reasons: Vec<ReasonView>,
    kubernetes_version: Option<String>,
    kube_sphere_version: Option<String>,
    nodes: Option<u64>,
    connection: &'static str,
    endpoint: Option<String>,
    credential: CredentialView,
    created_at: Option<String>,
    deletion: Option<DeletionView>,
    uid: Option<String>,
    provider: Option<String>,
    alias: Option<String>,
    description: Option<String>,
    group: Option<String>,
    region: Option<String>,
    labels: BTreeMap<String, String>,
    /// Those left out that may hold a secret.
    annotations: BTreeMap<String, String>,
    /// What the member said itself, where it was asked.
    probe: Option<ProbeView>,
}

#[derive(Clone, Debug, Serialize)]
struct ReasonView {
    short: String,
    whole: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CredentialView {
    /// `certificate`, `service-account`, `token`, `exec`, `auth-provider`, `password`, `files`, `agent`, or null.
    kind: Option<&'static str>,
    user: Option<String>,
    made_by_kubectl_mc: bool,
    /// When it ends; null where it never does, or does not tell.
    expires_at: Option<String>,
    /// `at`, `never`, `unknown` or `none`.
    expires: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct DeletionView {
    since: Option<String>,
    finalizers: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ProbeView {
    /// `ok`, `other-secret`, `refused`, `failed`, `other-cluster` or `not-asked`.
    result: &'static str,
    message: Option<String>,
}

impl ClustersDocument {
    pub fn new() -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Clusters",
            clusters: Vec::new(),
            warnings: Vec::new(),
            fleet: None,
            ending: Ending::default(),
        }
    }

    /// Adds the Clusters, as they are now.
    pub fn registered(&mut self, registrations: &[Registration], now: Timestamp) {
        self.clusters = registrations.iter().map(|registration| cluster_view(registration, now)).collect();
    }

    /// Adds how they differ from a fleet file.
    pub fn compared(&mut self, missing: &[&str], unlisted: &[&str]) {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.fleet = Some(FleetView { missing: names(missing), unlisted: names(unlisted) });
    }

    /// Adds what is to be known of the host.
    pub fn warned(&mut self, warnings: &[String]) {
        self.warnings = warnings.to_vec();
    }
}

impl Object for ClustersDocument {
    fn ending(&mut self) -> &mut Ending {
        &mut self.ending
    }
}

impl Default for ClustersDocument {
    fn default() -> Self {
        Self::new()
    }
}

fn cluster_view(registration: &Registration, now: Timestamp) -> ClusterView {
    let shown = |text: Option<&str>| text.map(masked);
    let described = |key| shown(registration.described(key));
    let reasons = reasons(registration, now).into_iter();
    ClusterView {
        name: registration.name.clone(),
        role: if registration.is_host { "host" } else { "member" },
        ready: registration.readiness.as_str(),
        looked_at: registration.looked_at.map(time),
        reasons: reasons
            .map(|reason| ReasonView { short: masked(&reason.short), whole: masked(&reason.whole) })
            .collect(),
        kubernetes_version: shown(registration.kubernetes.as_deref()),
        kube_sphere_version: shown(registration.kubesphere.as_deref()),
        nodes: registration.nodes,
        connection: if registration.is_direct { "direct" } else { "proxy" },
        endpoint: shown(registration.endpoint.as_deref()),
        credential: credential_view(&registration.credential),
        created_at: registration.created_at.map(time),
        deletion: deletion_view(&registration.readiness),
        uid: shown(registration.uid.as_deref()),
        provider: shown(registration.provider.as_deref()),
        alias: described("kubesphere.io/alias-name"),
        description: described("kubesphere.io/description"),
        group: described("cluster.kubesphere.io/group"),
        region: described("cluster.kubesphere.io/region"),
        labels: harmless_map(&registration.labels),
        annotations: harmless_map(&registration.annotations),
        probe: registration.probe.as_ref().map(probe_view),
    }
}

fn credential_view(credential: &StoredCredential) -> CredentialView {
    let (expires, at) = match credential.end {
        End::At(end) => ("at", Some(time(second(end)))),
        End::Never => ("never", None),
        End::Unknown => ("unknown", None),
        End::None => ("none", None),
    };
    let kind = credential.kind.as_str();
    CredentialView {
        kind: (!kind.starts_with('<')).then_some(kind),
        user: credential.user.as_deref().map(masked),
        made_by_kubectl_mc: credential.is_ours,
        expires_at: at,
        expires,
    }
}

fn deletion_view(readiness: &Readiness) -> Option<DeletionView> {
    let Readiness::Deleting { since, finalizers } = readiness else { return None };
    let finalizers = finalizers.iter().map(|finalizer| masked(finalizer)).collect();
    Some(DeletionView { since: since.map(time), finalizers })
}

fn probe_view(probe: &Probe) -> ProbeView {
    let (result, message) = match probe {
        Probe::Answered => ("ok", None),
        Probe::AnsweredUnproven => ("ok", Some(UNPROVEN.to_owned())),
        Probe::OtherSecret => ("other-secret", Some(OTHER_SECRET.to_owned())),
        Probe::SecretUntold(why) => ("ok", Some(masked(&secret_untold(why)))),
        Probe::Refused(why) => ("refused", Some(masked(why))),
        Probe::Failed(why) => ("failed", Some(masked(why))),
        Probe::OtherCluster(uid) => ("other-cluster", Some(masked(uid))),
        Probe::NotAsked => ("not-asked", Some(NOT_ASKED.to_owned())),
    };
    ProbeView { result, message }
}

fn harmless_map(map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    map.iter().map(|(key, value)| (masked(key), masked(value))).collect()
}

/// As RFC 3339.
fn time(time: Timestamp) -> String {
    time.to_string()
}

/// A cluster's own words, without what they name as a secret.
fn masked(text: &str) -> String {
    mask(text).into_owned()
}
