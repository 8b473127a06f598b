//! A client certificate that the member's own authority signs, through its `CertificateSigningRequests`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::api::DynamicObject;
use kubesphere::{known_secrets::learn, object::ObjectKind};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::ring;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    connection::Connection,
    failure::Failure,
    objects::{Change, Deletion, Objects, Persistence},
    patience::{Pace, retry_until},
    report::{Activity, Completed, Event, Notice},
    request_error::{Cause, RequestError},
    steps::make_credential::{Made, Making, create},
    user_binding::add_user,
};
use crate::plan::{
    credential::{Asked, CredentialObject, HostUid, SIGNER},
    lifetime::{end, lasting},
    member_kubeconfig::StoredUser,
};

/// kube-controller-manager signs within a second; where nobody does by then (EKS never does), nobody will.
const SIGNED_WITHIN: Duration = Duration::from_secs(30);
/// A request that was made is not left behind because the time is up.
const DELETED_WITHIN: Duration = Duration::from_secs(5);

/// A key, made here and nowhere stored, with the request for its certificate.
pub(super) struct Requested {
    /// Also the name of the request: nobody else has it.
    user: String,
    key: SecretString,
    request: String,
}

impl Requested {
    /// # Panics
    /// If there is no randomness for a key.
    pub(super) fn new(host: HostUid) -> Self {
        let mut random = [0; 8];
        ring::default_provider().secure_random.fill(&mut random).expect("the machine has randomness");
        let user = host.user(&format!("{:016x}", u64::from_be_bytes(random)));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the machine has randomness");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, user.as_str());
        let request = parameters.serialize_request(&key).and_then(|request| request.pem());
        let request = request.expect("a name makes a request");
        let key = key.serialize_pem();
        learn(&key);
        Self { user, key: SecretString::from(key), request }
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { user: &self.user, request: &self.request }
    }
}

fn requests(member: &Connection) -> Objects<'_> {
    Objects::of(member, ObjectKind::CERTIFICATE_REQUEST)
}

impl Making<'_> {
    /// Has a certificate signed. The request is deleted, however it ends; where the command itself is ended, Kubernetes
    /// deletes it after an hour, or after a day where it was not approved yet
    /// (kubernetes `pkg/controller/certificates/cleaner/cleaner.go@v1.34.0`).
    pub(super) async fn certificate(&self, made: &mut Vec<Made>) -> Result<StoredUser, Failure> {
        let requested = Requested::new(self.step.credential.host);
        let uid = self.requested(&requested).await?;
        let signed = self.signed(&requested, &uid).await;
        let deleted = self.delete(&requested, &uid).await;
        let certificate = signed?;
        deleted?;
        let user = StoredUser::Certificate { certificate, key: requested.key.clone() };
        self.judge_lifetime(&user)?;
        self.undo.users.expect(self.member, &requested.user);
        // Another one may be a colleague's, whose Cluster is about to store it.
        let ask = async || add_user(self.member, requested.asked(), Persistence::Stored).await;
        let ensured = retry_until(&self.member.side, self.deadline, ask).await?;
        self.record(CredentialObject::UserBinding, ensured, made)?;
        Ok(user)
    }

    /// A cluster may sign for an hour only (`--cluster-signing-duration`).
    fn judge_lifetime(&self, user: &StoredUser) -> Result<(), Failure> {
        let end = end(user).ok_or_else(|| self.not_issued("what was signed cannot be read".to_owned()))?;
        let remark = lasting(self.member.clock.now().as_second(), end).map_err(|why| self.not_issued(why))?;
        self.tell(Event::Done(Completed::Signed(end)));
        if let Some(remark) = remark {
            self.tell(Event::Notice(Notice::Certificate(remark)));
        }
        Ok(())
    }

    /// Creates the request, and returns its UID. Where there is one of its name already, an answer was lost.
    async fn requested(&self, requested: &Requested) -> Result<String, Failure> {
        let asked = Some(requested.asked());
        let ask =
            async || match create(self.member, CredentialObject::Certificate, asked, Persistence::Stored)
                .await
            {
                Err(RequestError { cause: Cause::AlreadyExists, .. }) => self.found(requested).await,
                created => created,
            };
        let created = retry_until(&self.member.side, self.deadline, ask).await?;
        Ok(created.metadata.uid.unwrap_or_default())
    }

    async fn found(&self, requested: &Requested) -> Result<DynamicObject, RequestError> {
        requests(self.member).get(&requested.user).await
    }

    async fn signed(&self, requested: &Requested, uid: &str) -> Result<SecretString, Failure> {
        let ask = async || self.approve(requested, uid).await;
        retry_until(&self.member.side, self.deadline, ask).await?;
        self.tell(Event::Begins(Activity::Certificate(SIGNER)));
        let mut pace = Pace::until(self.deadline.min(Instant::now() + SIGNED_WITHIN));
        loop {
            let ask = async || self.found(requested).await;
            let mut found = retry_until(&self.member.side, self.deadline, ask).await?;
            let status = found.data["status"].take();
            if let Some(certificate) = certificate_in(&status) {
                return Ok(certificate);
            }
            if let Some(why) = refusal(&status) {
                return Err(self.not_issued(why));
            }
            if !pace.goes_on().await {
                let within = SIGNED_WITHIN.as_secs();
                return Err(
                    self.not_issued(format!("its signer {SIGNER} has not answered within {within} s"))
                );
            }
        }
    }

    /// This very request.
    async fn approve(&self, requested: &Requested, uid: &str) -> Result<(), RequestError> {
        let approved = json!({"type": "Approved", "status": "True", "reason": "KubectlMc",
                              "message": "for the host that this cluster joins"});
        let patch = json!({"metadata": {"uid": uid}, "status": {"conditions": [approved]}});
        let change = Change::merge(patch).of_subresource("approval");
        requests(self.member).patch(&requested.user, &change, Persistence::Stored).await.map(drop)
    }

    /// Also where the time is up.
    async fn delete(&self, requested: &Requested, uid: &str) -> Result<(), Failure> {
        let deadline = self.deadline.max(Instant::now() + DELETED_WITHIN);
        let ask = async || requests(self.member).remove(&requested.user, &Deletion::of(uid)).await;
        retry_until(&self.member.side, deadline, ask).await.map(drop)
    }

    fn not_issued(&self, why: String) -> Failure {
        Failure::NotIssued { side: self.member.side.clone(), why }
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

    use super::{HostUid, Requested, certificate_in, refusal};

    #[test]
    fn a_request_is_pem_and_has_no_key_in_it() {
        let host = HostUid::new("0000002a-0000-0000-0000-000000000000");
        let Requested { user, key, request } = Requested::new(host);
        assert!(user.starts_with("kubectl-mc-host-0000002a-"), "{user}");
        assert!(user != Requested::new(host).user, "nobody guesses {user}");
        assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{request}");
        assert!(key.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_ne!(Requested::new(host).request, request, "each has a key of its own");
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
