//! Removes from a member the credentials that its host does not use any more.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_removal_of_superseded},
    credential::{ACCOUNT, CredentialObject},
    result::{Effect, StepResult},
    step::Planned,
    superseded::Superseded,
};

#[derive(Clone, Debug)]
pub struct RemoveSuperseded {
    /// Its Clusters keep what they store.
    pub host: Side,
    pub member: Side,
    pub superseded: Superseded,
}

impl Planned for RemoveSuperseded {
    fn cluster(&self) -> &Side {
        &self.member
    }

    fn verb(&self) -> &'static str {
        "delete"
    }

    /// The token Secrets, and the users in the binding, whose names have a part that nobody shall guess.
    fn object(&self) -> String {
        let tokens = self.superseded.tokens.iter().map(|token| secret(&token.name).to_string());
        let users = (!self.superseded.users.is_empty())
            .then(|| format!("users/{ACCOUNT}-* in {}", CredentialObject::UserBinding.object()));
        tokens.chain(users).collect::<Vec<_>>().join(", ")
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let needed = of_removal_of_superseded(&self.superseded);
        needed.into_iter().map(|access| (self.member.clone(), access)).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let deleted = |object| StepResult::new(&self.member, object, Effect::Deleted);
        let tokens = self.superseded.tokens.iter().map(|token| deleted(secret(&token.name)));
        // Where a user is added besides, the binding is told already.
        let binding =
            self.superseded.empties_binding.then(|| deleted(CredentialObject::UserBinding.object()));
        tokens.chain(binding).collect()
    }
}

fn secret(name: &str) -> ObjectRef {
    ObjectKind::SECRET.named(name).in_namespace(NAMESPACE)
}
