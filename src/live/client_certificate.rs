//! A client certificate that the member's own authority signs, through its `CertificateSigningRequests`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    account::{api, object, owner},
    apply::{FIELD_MANAGER, Persistence},
    failure::Failure,
    member_credential::{Making, create},
    patience::patiently,
    report::Event,
    request_error::{Cause, Object, RequestError, Verb, request},
};
use crate::plan::{
    credential::{ACCOUNT, Ownership, Piece, SIGNER},
    lifetime::{day, end},
    member_kubeconfig::StoredUser,
};

/// kube-controller-manager signs within a second; where nobody does by then (EKS never does), nobody will.
const SIGNED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOKS_EVERY: Duration = Duration::from_millis(250);
const REQUEST: Piece = Piece::Certificate;

/// A key, made here and nowhere stored, with the request for its certificate.
pub(super) struct Requested {
    key: SecretString,
    pub(super) request: String,
}

impl Requested {
    /// # Panics
    /// If there is no randomness for a key.
    pub(super) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the machine has randomness");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, ACCOUNT);
        let request = parameters.serialize_request(&key).and_then(|request| request.pem());
        let request = request.expect("a name makes a request");
        Self { key: SecretString::from(key.serialize_pem()), request }
    }
}

impl Making<'_> {
    /// Has a certificate signed. The request is deleted, however it ends.
    pub(super) async fn certificate(&self, made: &mut Vec<Piece>) -> Result<StoredUser, Failure> {
        let requested = Requested::new();
        let uid = self.requested(&requested.request).await?;
        let signed = self.signed(&uid).await;
        let deleted = self.delete(&uid).await;
        let certificate = signed?;
        deleted?;
        let user = StoredUser::Certificate { certificate, key: requested.key };
        let until = end(&user).map(|end| format!(", until {}", day(end))).unwrap_or_default();
        self.tell(Event::Done(format!("client certificate signed by the member{until}")));
        if self.step.missing.contains(&Piece::UserBinding) {
            self.ensure(Piece::UserBinding, made).await?;
        }
        Ok(user)
    }

    /// Creates the request, and returns its UID. One that an interrupted command left was for a key that is lost.
    async fn requested(&self, request: &str) -> Result<String, Failure> {
        loop {
            let ask = async || match create(self.member, REQUEST, Some(request), Persistence::Stored).await {
                Ok(created) => Ok(Some(created)),
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => Ok(None),
                Err(error) => Err(error),
            };
            if let Some(created) = patiently(&self.member.side, self.deadline, ask).await? {
                return Ok(created.metadata.uid.unwrap_or_default());
            }
            let ask = async || owner(self.member, REQUEST).await;
            if let Some(Ownership::Foreign(why)) = patiently(&self.member.side, self.deadline, ask).await? {
                return Err(Failure::NotOurs { side: self.member.side.clone(), piece: REQUEST, why });
            }
            let ask = async || delete(self, DeleteParams::default()).await;
            patiently(&self.member.side, self.deadline, ask).await?;
        }
    }

    async fn signed(&self, uid: &str) -> Result<SecretString, Failure> {
        let ask = async || self.approve(uid).await;
        patiently(&self.member.side, self.deadline, ask).await?;
        self.tell(Event::Begins(format!("waiting for the certificate of {SIGNER}")));
        let deadline = Instant::now() + SIGNED_WITHIN;
        loop {
            let ask = async || self.status().await;
            let status = patiently(&self.member.side, self.deadline, ask).await?;
            if let Some(certificate) = certificate_in(&status) {
                return Ok(certificate);
            }
            if let Some(why) = refusal(&status) {
                return Err(self.not_issued(why));
            }
            if Instant::now() + LOOKS_EVERY >= deadline.min(self.deadline) {
                let within = SIGNED_WITHIN.as_secs();
                return Err(
                    self.not_issued(format!("its signer {SIGNER} has not answered within {within} s"))
                );
            }
            sleep(LOOKS_EVERY).await;
        }
    }

    /// This very request: a later one of the same name is somebody else's.
    async fn approve(&self, uid: &str) -> Result<(), RequestError> {
        let approved = json!({"type": "Approved", "status": "True", "reason": "KubectlMc",
                              "message": "for the host that this cluster joins"});
        let patch = Patch::Merge(json!({"metadata": {"uid": uid}, "status": {"conditions": [approved]}}));
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = api(self.member, REQUEST);
        let answer = api.patch_subresource("approval", REQUEST.name(), &parameters, &patch);
        let (group, resource) = REQUEST.resource();
        let object = Object::all(group, format!("{resource}/approval")).named(REQUEST.name());
        request(&self.member.side, Verb::Patch, &object, answer).await.map(drop)
    }

    async fn status(&self) -> Result<Value, RequestError> {
        let api = api(self.member, REQUEST);
        let found: DynamicObject =
            request(&self.member.side, Verb::Get, &object(REQUEST), api.get(REQUEST.name())).await?;
        Ok(found.data.get("status").cloned().unwrap_or_default())
    }

    async fn delete(&self, uid: &str) -> Result<(), Failure> {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let ask = async || delete(self, parameters.clone()).await;
        patiently(&self.member.side, self.deadline, ask).await
    }

    fn not_issued(&self, why: String) -> Failure {
        Failure::NotIssued { side: self.member.side.clone(), why }
    }
}

async fn delete(making: &Making<'_>, parameters: DeleteParams) -> Result<(), RequestError> {
    let api = api(making.member, REQUEST);
    let answer = api.delete(REQUEST.name(), &parameters);
    match request(&making.member.side, Verb::Delete, &object(REQUEST), answer).await {
        Ok(_) | Err(RequestError { cause: Cause::NotFound | Cause::Conflict, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn certificate_in(status: &Value) -> Option<SecretString> {
    let text = status["certificate"].as_str().filter(|text| !text.is_empty())?;
    let bytes = STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok().map(SecretString::from)
}

/// What the conditions say against it.
fn refusal(status: &Value) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let against = conditions
        .iter()
        .find(|condition| matches!(condition["type"].as_str(), Some("Denied" | "Failed")))?;
    let message = against["message"].as_str().unwrap_or_default();
    let message = super::server_text::message(message);
    Some(format!("its signer {SIGNER} refuses: {message}"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::{Requested, certificate_in, refusal};

    #[test]
    fn a_request_is_pem_and_has_no_key_in_it() {
        let Requested { key, request } = Requested::new();
        assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{request}");
        assert!(key.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(Requested::new().request, request, "each has a key of its own");
    }

    #[test]
    fn a_status_has_a_certificate_or_says_why_not() {
        let approved = json!({"conditions": [{"type": "Approved", "status": "True"}]});
        assert!(certificate_in(&approved).is_none() && refusal(&approved).is_none());
        let signed = certificate_in(&json!({"certificate": "UEVN"})).unwrap();
        assert_eq!(signed.expose_secret(), "PEM");
        let failed = json!({"conditions": [{"type": "Failed", "message": "no such user"}]});
        let why = "its signer kubernetes.io/kube-apiserver-client refuses: no such user";
        assert_eq!(refusal(&failed).unwrap(), why);
    }
}
