//! Looks at a former member again before its first change: who has waited for a prompt and a finalizer may find one that a
//! colleague has registered anew.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use super::configure::configuration;
use crate::plan::{
    observed::Observed,
    step::Planned,
    unjoin::{
        member_ownership::{HostEvidence, MemberOwnership},
        plan::{MemberPlan, UnjoinIntent},
    },
};

/// By what a member tells whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// Its configuration: KubeSphere 3.
    Configuration,
    /// The annotations of its namespace: KubeSphere 4.
    Claim,
}

#[derive(Clone, Debug)]
pub struct ConfirmOwnership {
    pub told_by: ToldBy,
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

impl ConfirmOwnership {
    /// Of what was found out about the member.
    pub fn of(
        found: &MemberPlan,
        told_by: ToldBy,
        intent: &UnjoinIntent,
        (host, member): (&Observed, &Observed),
    ) -> Self {
        Self {
            told_by,
            host: host.side.clone(),
            member: found.side.clone(),
            intent: intent.clone(),
            planned: Box::new(member.clone()),
            member_ownership: found.member_ownership.clone(),
            evidence: found.evidence,
        }
    }
}

impl Planned for ConfirmOwnership {
    fn cluster(&self) -> &Side {
        &self.member
    }

    fn verb(&self) -> &'static str {
        "check"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![match self.told_by {
            ToldBy::Configuration => configuration(),
            ToldBy::Claim => ObjectKind::NAMESPACE.named(NAMESPACE),
        }]
    }

    fn is_shown(&self) -> bool {
        false
    }
}
