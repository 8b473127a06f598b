//! Looks at a former member again before its first change: who has waited for a prompt and a finalizer may find one that a
//! colleague has registered anew.

use kubesphere::{object::ObjectRef, side::Side};

use super::configure::configuration;
use crate::plan::{
    observed::Observed,
    step::Planned,
    unjoin::{
        member_ownership::{HostEvidence, MemberOwnership},
        plan::UnjoinIntent,
    },
};

#[derive(Clone, Debug)]
pub struct ConfirmOwnership {
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

impl Planned for ConfirmOwnership {
    fn cluster(&self) -> &Side {
        &self.member
    }

    fn verb(&self) -> &'static str {
        "check"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![configuration()]
    }

    fn is_shown(&self) -> bool {
        false
    }
}
