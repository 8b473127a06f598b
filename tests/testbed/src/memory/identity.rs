//! Who sends a request, by certificate, by a service account's token, or by the word of a proxy.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    status::Refusal,
    store::{GroupResource, Key, Store},
};
use crate::{
    client_certificate,
    kubesphere::{clock, secret},
};

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) groups: Vec<String>,
}

/// What a connection's certificate says.
#[derive(Clone, Debug, Default)]
pub(super) enum Certificate {
    #[default]
    None,
    /// One that no CA of ours signed, or that has ended.
    Refused,
    Of(User),
    /// A proxy that may say for whom it asks.
    Proxy,
}

const AUTHENTICATED: &str = "system:authenticated";

impl From<client_certificate::User> for User {
    fn from(user: client_certificate::User) -> Self {
        Self { name: user.name, uid: String::new(), groups: user.groups }
    }
}

/// The user of a request, before impersonation; nobody is anonymous.
pub(super) fn user(store: &Store, certificate: &Certificate, headers: &HeaderMap) -> Result<User, Refusal> {
    let mut user = match (certificate, bearer(headers)) {
        // In the order of `pkg/kubeapiserver/authenticator/config.go`: a proxy's word, the certificate, the token.
        (Certificate::Proxy, _) => claimed(headers).ok_or_else(Refusal::unauthorized)?,
        (Certificate::Of(user), _) => user.clone(),
        (_, Some(token)) => of_token(store, token).ok_or_else(Refusal::unauthorized)?,
        (Certificate::Refused, None) => return Err(Refusal::unauthorized()),
        (Certificate::None, None) => {
            let groups = vec!["system:unauthenticated".to_owned()];
            return Ok(User { name: "system:anonymous".to_owned(), uid: String::new(), groups });
        }
    };
    if !user.groups.iter().any(|group| group == AUTHENTICATED) {
        user.groups.push(AUTHENTICATED.to_owned());
    }
    Ok(user)
}

/// Whom the user asks to be taken for; whether that is allowed is RBAC's to say.
pub(super) fn impersonated(headers: &HeaderMap) -> Option<User> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let name = text("impersonate-user")?;
    let groups = headers.get_all("impersonate-group").iter();
    let mut groups: Vec<String> = groups.filter_map(|group| group.to_str().ok()).map(str::to_owned).collect();
    if groups.is_empty() {
        groups.extend(service_account_groups(&name));
    }
    let is_nobody = name == "system:anonymous";
    groups.push(if is_nobody { "system:unauthenticated" } else { AUTHENTICATED }.to_owned());
    Some(User { name, uid: text("impersonate-uid").unwrap_or_default(), groups })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

fn claimed(headers: &HeaderMap) -> Option<User> {
    let name = headers.get("x-remote-user")?.to_str().ok()?.to_owned();
    let groups = headers.get_all("x-remote-group").iter();
    let groups = groups.filter_map(|group| group.to_str().ok()).map(str::to_owned).collect();
    Some(User { name, uid: String::new(), groups })
}

fn service_account_groups(user: &str) -> Vec<String> {
    let parts: Vec<&str> = user.split(':').collect();
    match parts.as_slice() {
        ["system", "serviceaccount", namespace, _] => {
            vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
        }
        _ => Vec::new(),
    }
}

/// What signs the tokens of every server of this process.
static KEY: LazyLock<String> = LazyLock::new(secret::random_jwt_secret);

/// The token that a service account's Secret is given; it holds as long as the Secret has it.
pub(super) fn token(secret: &Value, account_uid: &str) -> String {
    let metadata = &secret["metadata"];
    let account = metadata["annotations"]["kubernetes.io/service-account.name"].as_str().unwrap_or_default();
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    let claims = json!({
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": metadata["name"],
        "kubernetes.io/serviceaccount/service-account.name": account,
        "kubernetes.io/serviceaccount/service-account.uid": account_uid,
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
    });
    secret::signed_token(&KEY, claims.to_string().as_bytes())
}

/// The answer to a `TokenRequest` for a service account: a token that ends.
pub(super) fn requested_token(account: &Value, mut request: Value) -> Value {
    let metadata = &account["metadata"];
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    let now = Timestamp::now();
    let end = now + SignedDuration::from_secs(seconds);
    let text = |name: &str| metadata[name].as_str().unwrap_or_default();
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "aud": ["https://kubernetes.default.svc"],
        "iat": now.as_second(), "nbf": now.as_second(), "exp": end.as_second(),
        "kubernetes.io": {"namespace": text("namespace"),
                          "serviceaccount": {"name": text("name"), "uid": text("uid")}},
        "sub": format!("system:serviceaccount:{}:{}", text("namespace"), text("name")),
    });
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["kind"] = "TokenRequest".into();
    request["metadata"]["name"] = text("name").into();
    request["metadata"]["namespace"] = text("namespace").into();
    request["spec"]["expirationSeconds"] = seconds.into();
    request["status"] = json!({
        "token": secret::signed_token(&KEY, claims.to_string().as_bytes()), "expirationTimestamp": clock::seconds(end),
    });
    request
}

/// The service account that a token speaks for, while it and its Secret are there and its time is not over.
pub(super) fn of_token(store: &Store, token: &str) -> Option<User> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    if secret::signed_token(&KEY, &claims) != token {
        return None;
    }
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    if claims["exp"].as_i64().is_some_and(|end| end <= Timestamp::now().as_second()) {
        return None;
    }
    let bound = &claims["kubernetes.io"];
    let legacy = |name: &str| claims[format!("kubernetes.io/serviceaccount/{name}")].as_str();
    let namespace = bound["namespace"].as_str().or_else(|| legacy("namespace"))?;
    let account = bound["serviceaccount"]["name"].as_str().or_else(|| legacy("service-account.name"))?;
    let claimed_uid = bound["serviceaccount"]["uid"].as_str().or_else(|| legacy("service-account.uid"));
    let get =
        |plural: &str, name: &str| store.get(&Key::new(&GroupResource::new("", plural), namespace, name));
    if let Some(holder) = legacy("secret.name") {
        let holder = get("secrets", holder)?;
        let has_it = holder["data"]["token"].as_str() == Some(&secret::base64(token.as_bytes()));
        if !has_it || !holder["metadata"]["deletionTimestamp"].is_null() {
            return None;
        }
    }
    let uid = get("serviceaccounts", account)?["metadata"]["uid"].as_str()?;
    let name = format!("system:serviceaccount:{namespace}:{account}");
    (Some(uid) == claimed_uid).then(|| User {
        groups: service_account_groups(&name),
        name,
        uid: uid.to_owned(),
    })
}
