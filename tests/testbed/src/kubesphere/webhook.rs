//! The webhook that 3.4 puts before every update of a Cluster: its configuration, and its endpoint in
//! ks-controller-manager.
//!
//! Source: ks-installer `roles/ks-core/ks-core/files/ks-core/templates/webhook.yaml@v3.4.1`; kubesphere
//! `pkg/controller/cluster/cluster_webhook.go@v3.4.1`.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::{
    member::Member,
    objects::{self, SYSTEM},
    pace::{self, Pace},
    secret,
    site::Site,
};
use crate::{
    Peers,
    pki::{Authority, Identity},
    serve::{self, Body, serve_connection, tls},
};

/// The name of the configuration.
pub const CONFIGURATION: &str = "cluster.kubesphere.io";
/// The name of its one webhook.
pub const WEBHOOK: &str = "validating-cluster.kubesphere.io";

const SERVICE: &str = "ks-controller-manager";
/// The Secret that its pod mounts.
const CERTIFICATE: &str = "ks-controller-manager-webhook-cert";
/// Where the endpoint answers.
const PATH: &str = "/validate-cluster-kubesphere-io-v1alpha1";
/// How long the apiserver waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What identifies a cluster.
const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";

const ANOTHER_CLUSTER: &str = "this kubeconfig corresponds to a different cluster than the previous one, you need to \
                               make sure that kubeconfig is not from another cluster";

/// The endpoint of one ks-controller-manager: the certificate that the process has loaded, and where it is reached.
#[derive(Clone, Default)]
pub struct Endpoint(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    acceptor: Option<TlsAcceptor>,
    address: Option<String>,
}

/// Installs the Service and the configuration, and answers behind them.
pub async fn install(site: &Site) -> kube::Result<()> {
    let service = objects::create(&site.client(), &service()).await?;
    objects::create(&site.client(), &endpoint_slice()).await?;
    let identity = apply_chart(site).await?;
    site.webhook.load(&identity);
    let address = service.data["spec"]["clusterIP"].as_str().unwrap_or_default();
    site.webhook.answer(site, &format!("{address}:443"));
    Ok(())
}

/// What an upgrade from 3.4 to 4 leaves (#6235): the configuration still trusts the old CA, while the process shows the
/// certificate of a new one.
pub async fn leave_behind(site: &Site) -> kube::Result<()> {
    let address = match objects::create(&site.client(), &service()).await {
        Err(error) if objects::has_code(&error, 409) => {
            objects::objects(&site.client(), "v1", "Service", Some(SYSTEM)).get(SERVICE).await?
        }
        outcome => outcome?,
    };
    objects::ensure(&site.client(), &endpoint_slice()).await?;
    let expectation = "the test bed's certificates can be made";
    let [old, new] =
        ["ks-controller-manager-ca", "self-signed-ca"].map(|name| Authority::new(name).expect(expectation));
    objects::create(&site.client(), &configuration(&old)).await?;
    let name = format!("{SERVICE}.{SYSTEM}.svc");
    site.webhook.load(&new.server("ks-core-admission-webhook", &[&name]).expect(expectation));
    let address = address.data["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    site.webhook.answer(site, &format!("{address}:443"));
    Ok(())
}

/// What an upgrade of the chart does, which makes a new CA each time; the running process serves the new certificate
/// once the kubelet has brought it.
pub async fn renew(site: &Site) -> kube::Result<()> {
    let identity = apply_chart(site).await?;
    let (endpoint, pace) = (site.webhook.clone(), site.installation.pace);
    tokio::spawn(async move {
        tokio::time::sleep(pace.of(pace::CONFIGURATION_ARRIVES)).await;
        endpoint.load(&identity);
    });
    Ok(())
}

/// Writes certificate and configuration as helm does: its own fields are set, whatever they are; fields, list entries
/// and annotations that it does not know stay.
async fn apply_chart(site: &Site) -> kube::Result<Identity> {
    let expectation = "the test bed's certificates can be made";
    let authority = Authority::new("ks-controller-manager-ca").expect(expectation);
    let names = [format!("{SERVICE}.{SYSTEM}"), format!("{SERVICE}.{SYSTEM}.svc")];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let identity = authority.server("ks-core-admission-webhook", &names).expect(expectation);
    site.confidential.add(secret::base64(identity.key.as_bytes()));
    let secrets = objects::objects(&site.client(), "v1", "Secret", Some(SYSTEM));
    apply(site, &secrets, &certificate(&authority, &identity)).await?;
    apply(site, &configurations(site), &configuration(&authority)).await?;
    Ok(identity)
}

async fn apply(site: &Site, api: &Api<DynamicObject>, manifest: &Value) -> kube::Result<()> {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    match api.patch(name, &PatchParams::default(), &Patch::Strategic(manifest)).await {
        Err(error) if objects::has_code(&error, 404) => {
            objects::create(&site.client(), manifest).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}

fn configurations(site: &Site) -> Api<DynamicObject> {
    objects::validating_webhooks(&site.client())
}

impl Endpoint {
    /// Serves this certificate from now on.
    fn load(&self, identity: &Identity) {
        let acceptor = tls(identity, None).expect("the test bed's certificates can be served");
        self.state().acceptor = Some(acceptor);
    }

    /// Answers at an address of the cluster's services.
    fn answer(&self, site: &Site, address: &str) {
        let (endpoint, pace) = (self.clone(), site.installation.pace);
        site.plane().peers().register(address, move |stream| {
            let acceptor = endpoint.state().acceptor.clone();
            async move {
                let Some(acceptor) = acceptor else { return };
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve_connection(stream, move |request| review(request, pace)).await;
                }
            }
        });
        self.state().address = Some(address.to_owned());
    }

    /// Refuses connections, as when the process has ended and its pod still counts as ready.
    pub fn refuse(&self, peers: &Peers) {
        if let Some(address) = self.state().address.take() {
            peers.unregister(&address);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder panics")
    }
}

/// Answers an `AdmissionReview` in the version that it came in.
async fn review(request: Request<Incoming>, pace: Pace) -> Response<Body> {
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let review: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let verdict = tokio::time::timeout(pace.patience(TIMEOUT), verdict(&review["request"], pace));
    // The apiserver itself would no longer wait.
    let Ok(verdict) = verdict.await else {
        return serve::text(StatusCode::GATEWAY_TIMEOUT, "context deadline exceeded");
    };
    let mut response = json!({"uid": review["request"]["uid"], "allowed": verdict.is_ok()});
    if let Err(denied) = verdict {
        // Without a message: controller-runtime put its callers' words into the reason before 0.15.
        response["status"] = json!({"metadata": {}, "reason": denied, "code": 403});
    }
    let answer = json!({"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response});
    serve::json(StatusCode::OK, &answer)
}

/// Whether an update may be: where the Cluster had a uid, its new kubeconfig must lead to the same one, now.
async fn verdict(request: &Value, pace: Pace) -> Result<(), String> {
    let uid = request["oldObject"]["status"]["uid"].as_str().unwrap_or_default();
    if request["operation"] != "UPDATE" || uid.is_empty() {
        return Ok(());
    }
    let kubeconfig = request["object"]["spec"]["connection"]["kubeconfig"].as_str();
    let kubeconfig = kubeconfig.and_then(secret::base64_decoded).unwrap_or_default();
    let member = Member::connect(pace, &kubeconfig).await.map_err(|error| {
        format!("failed to load cluster config for {}: {error}", request["name"].as_str().unwrap_or_default())
    })?;
    let client = member.client().map_err(|missing| missing.worded(KUBE_SYSTEM))?;
    let found = objects::objects(client, "v1", "Namespace", None).get("kube-system").await;
    let found = found.map_err(|error| member.worded(&error, "Get", KUBE_SYSTEM, "namespaces"))?;
    if found.metadata.uid.as_deref() == Some(uid) { Ok(()) } else { Err(ANOTHER_CLUSTER.to_owned()) }
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": SYSTEM, "labels": {"app": SERVICE}},
        "spec": {"selector": {"app": SERVICE}, "type": "ClusterIP",
                 "ports": [{"port": 443, "protocol": "TCP", "targetPort": 8443}]},
    })
}

/// What the endpoint slice controller writes, which a test bed's cluster does not have.
fn endpoint_slice() -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{SERVICE}-4q8xk"), "namespace": SYSTEM,
                     "labels": {"kubernetes.io/service-name": SERVICE}},
        "endpoints": [{"addresses": ["10.233.70.53"], "conditions": {"ready": true}}],
        "ports": [{"name": "", "port": 8443, "protocol": "TCP"}],
    })
}

fn certificate(authority: &Authority, identity: &Identity) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": CERTIFICATE, "namespace": SYSTEM},
        "data": {
            "ca.crt": secret::base64(authority.certificate().as_bytes()),
            "tls.crt": secret::base64(identity.certificate.as_bytes()),
            "tls.key": secret::base64(identity.key.as_bytes()),
        },
    })
}

fn configuration(authority: &Authority) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION},
        "webhooks": [{
            "admissionReviewVersions": ["v1beta1"],
            "clientConfig": {
                "caBundle": secret::base64(authority.certificate().as_bytes()),
                "service": {"name": SERVICE, "namespace": SYSTEM, "path": PATH, "port": 443},
            },
            "failurePolicy": "Fail", "matchPolicy": "Exact", "name": WEBHOOK,
            "namespaceSelector": {}, "objectSelector": {},
            "rules": [{"apiGroups": ["cluster.kubesphere.io"], "apiVersions": ["v1alpha1"],
                       "operations": ["UPDATE"], "resources": ["clusters"], "scope": "*"}],
            "sideEffects": "None", "timeoutSeconds": TIMEOUT.as_secs(),
        }],
    })
}
