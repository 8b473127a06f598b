//! Looks again at a former member of KubeSphere 4 before its first change, as [`super::confirm_ownership`] does on 3.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    observed::Observed,
    step::Planned,
    unjoin::{
        member_ownership::{HostEvidence, MemberOwnership},
        plan::UnjoinIntent,
    },
};

#[derive(Clone, Debug)]
pub struct ConfirmClaim {
    pub host: Side,
    pub member: Side,
    pub intent: UnjoinIntent,
    /// The member as it was when the plan was made.
    pub planned: Box<Observed>,
    /// Whose it was then.
    pub member_ownership: MemberOwnership,
    /// What the host had of it then.
    pub evidence: HostEvidence,
}

impl Planned for ConfirmClaim {
    fn cluster(&self) -> &Side {
        &self.member
    }

    fn verb(&self) -> &'static str {
        "check"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::NAMESPACE.named(NAMESPACE)]
    }

    fn is_shown(&self) -> bool {
        false
    }
}
