//! How long a member's client certificate holds, and what the controller does at its end.
//!
//! Source: kubesphere `pkg/controller/cluster/kubeconfig.go@v4.1.3`.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::{Client, api::DynamicObject};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{clients::Connected, controller::kubeconfig};
use crate::{
    kubesphere::{
        clock, conditions, go_error,
        objects::{self, SYSTEM},
        pace, secret,
        site::Site,
    },
    pki,
};

const KIND: &str = "KubeConfigCertExpiresInSevenDays";
/// Within so long before its end a certificate is renewed.
const RENEWED_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);
/// The group whose certificates no cluster signs by request.
const MASTERS: &str = "system:masters";

/// How often the controller looks for a certificate that it has asked for, and until when.
const LOOKS_EVERY: Duration = Duration::from_secs(3);
const SIGNED_WITHIN: Duration = Duration::from_secs(60);

/// Writes the condition, whose status is empty, or takes it away where there is no certificate; renews the kubeconfig in
/// time. The next write of the Cluster brings both.
pub(super) async fn note(
    site: &Site,
    cluster: &mut DynamicObject,
    connected: &Connected,
) -> Result<(), String> {
    if cluster.data["spec"]["connection"]["type"] == "proxy" {
        return Ok(());
    }
    let Some(not_after) = connected.member().not_after()? else {
        conditions::remove(cluster, KIND);
        return Ok(());
    };
    if time::OffsetDateTime::now_utc() + RENEWED_WITHIN >= not_after {
        renew(site, cluster, connected).await?;
    }
    conditions::put(cluster, KIND, "", (KIND, &go_error::time(not_after)));
    Ok(())
}

/// An administrator's certificate becomes the token of KubeSphere's own service account there, every other one a new
/// certificate without groups.
async fn renew(site: &Site, cluster: &mut DynamicObject, connected: &Connected) -> Result<(), String> {
    let stored = kubeconfig(cluster);
    let mut parsed: Value =
        serde_yaml::from_str(&String::from_utf8_lossy(&stored)).map_err(|error| error.to_string())?;
    let context = entry(&parsed["contexts"], &parsed["current-context"]);
    let user = context["context"]["user"].as_str().unwrap_or_default().to_owned();
    let info = &entry(&parsed["users"], &json!(user))["user"];
    if info["token"].as_str().is_some_and(|token| !token.is_empty()) {
        return Ok(());
    }
    let renewed = if connected.member().organizations()?.iter().any(|group| group == MASTERS) {
        let token = account_token(connected.client()).await?;
        site.confidential.add(token.clone());
        parsed["users"] = json!([{"name": user, "user": {"token": token}}]);
        parsed
    } else {
        let certificate = new_certificate(site, connected.client(), &user).await?;
        rebuilt(&parsed, connected, &user, certificate)
    };
    let yaml = serde_yaml::to_string(&renewed).expect("JSON is YAML");
    cluster.data["spec"]["connection"]["kubeconfig"] = secret::base64(yaml.as_bytes()).into();
    Ok(())
}

/// Source: `setKubeSphereSAToken`.
pub(super) async fn account_token(member: &Client) -> Result<String, String> {
    let secrets = objects::objects(member, "v1", "Secret", Some(SYSTEM));
    let found = objects::labelled(&secrets, "kubesphere.io/service-account-token=")
        .await
        .map_err(go_error::message)?;
    let found = found.iter().find(|secret| secret.data["type"] == "kubernetes.io/service-account-token");
    let token =
        found.and_then(|secret| secret.data["data"]["token"].as_str()).and_then(secret::base64_decoded);
    let none = || "no kubesphere ServiceAccount secret found".to_owned();
    found.ok_or_else(none)?;
    Ok(String::from_utf8_lossy(&token.unwrap_or_default()).into_owned())
}

/// A request that the controller makes, approves itself and waits for; the private key stands in an annotation.
async fn new_certificate(site: &Site, member: &Client, user: &str) -> Result<(String, String), String> {
    let (request, key) = pki::request(user).map_err(|error| error.to_string())?;
    site.confidential.add(secret::base64(key.as_bytes()));
    let name = format!("{user}-csr-{}", Timestamp::now().as_second());
    let object = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name, "annotations": {"kubesphere.io/private-key": key}},
        "spec": {"request": secret::base64(request.as_bytes()), "signerName": "kubernetes.io/kube-apiserver-client",
                 "usages": ["key encipherment", "client auth", "digital signature"]},
    });
    let mut created = objects::create(member, &object).await.map_err(go_error::message)?;
    created.data["status"]["conditions"] = json!([{
        "type": "Approved", "status": "True", "reason": "KubeSphereApprove",
        "message": "This CSR was approved by KubeSphere", "lastUpdateTime": clock::now()}]);
    let api = objects::api_of(member, &object);
    let parameters = kube::api::PostParams::default();
    api.replace_subresource("approval", &name, &parameters, &created).await.map_err(go_error::message)?;
    let begun = Instant::now();
    while begun.elapsed() < pace::scaled(SIGNED_WITHIN) {
        tokio::time::sleep(pace::scaled(LOOKS_EVERY)).await;
        let found = api.get(&name).await.map_err(go_error::message)?;
        if let Some(certificate) = found.data["status"]["certificate"].as_str() {
            return Ok((certificate.to_owned(), secret::base64(key.as_bytes())));
        }
    }
    Err("context deadline exceeded".to_owned())
}

/// Source: `genKubeConfig`.
fn rebuilt(old: &Value, connected: &Connected, user: &str, (certificate, key): (String, String)) -> Value {
    let context = entry(&old["contexts"], &old["current-context"]);
    let cluster = &entry(&old["clusters"], &context["context"]["cluster"])["cluster"];
    let name = format!("{user}@local");
    json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": name,
        "clusters": [{"name": "local", "cluster": {
            "server": connected.member().server, "certificate-authority-data": cluster["certificate-authority-data"]}}],
        "contexts": [{"name": name, "context": {"cluster": "local", "user": user, "namespace": "default"}}],
        "users": [{"name": user, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
    })
}

fn entry(list: &Value, name: &Value) -> Value {
    let found = list.as_array().into_iter().flatten().find(|entry| entry["name"] == *name);
    found.cloned().unwrap_or_default()
}
