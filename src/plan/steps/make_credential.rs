//! Makes what is missing of the credential that the host will store, and proves that it works.

use kubesphere::{object::ObjectRef, side::Side};

use crate::plan::{
    access::{Access, of_credential},
    credential::{CredentialKind, CredentialObject},
    credential_step::CredentialStep,
    intent::ClusterIntent,
    manifest::Manifest,
    member_kubeconfig::{Endpoint, Problem, StoredKubeconfig, StoredUser},
    result::StepResult,
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct MakeCredential {
    pub member: Side,
    /// Of the member's kube-system: what has to answer.
    pub uid: String,
    /// The Cluster that will store it.
    pub cluster: String,
    pub credential: CredentialStep,
    /// How the host reaches the member, or what stands against storing that.
    pub endpoint: Result<Endpoint, Vec<Problem>>,
    /// The context's own user, or what stands against storing that.
    pub user: Result<StoredUser, Vec<Problem>>,
}

impl MakeCredential {
    pub fn new(member: &Side, uid: &str, cluster: &ClusterIntent, credential: CredentialStep) -> Self {
        Self {
            member: member.clone(),
            uid: uid.to_owned(),
            cluster: cluster.name.clone(),
            credential,
            endpoint: cluster.endpoint.clone(),
            user: cluster.user.clone(),
        }
    }
}

impl Planned for MakeCredential {
    fn cluster(&self) -> &Side {
        &self.member
    }

    fn verb(&self) -> &'static str {
        "create"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        self.credential.missing.iter().map(|piece| piece.object()).collect()
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        of_credential(&self.credential).into_iter().map(|access| (self.member.clone(), access)).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let stay = self.credential.missing.iter().filter(|piece| piece.stays());
        stay.map(|piece| made(&self.member, *piece)).collect()
    }

    /// A certificate is not there before its request is signed, and its key is nobody else's to keep.
    fn manifests(&self, _: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        if self.credential.kind != CredentialKind::ServiceAccount {
            return Vec::new();
        }
        let missing = self.credential.missing.iter();
        missing.map(|piece| Manifest::of_object(&self.member, piece.object(), piece.manifest(None))).collect()
    }

    /// What there is already is only tried.
    fn is_shown(&self) -> bool {
        !self.credential.missing.is_empty()
    }
}

/// What comes of a part of a credential.
pub fn made(member: &Side, piece: CredentialObject) -> StepResult {
    StepResult::new(member, piece.object(), piece.effect())
}
