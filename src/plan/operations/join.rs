//! A join: all that two clusters lack to be a host and its member.

use super::{Decision, members::joining};
use crate::plan::{intent::Intent, needs::Unplannable, observed::Observed};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    joining(intent, host, members, |_| true)
}
