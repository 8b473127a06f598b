//! The Clusters of a join, on configurations that others have prepared: the check `prepared` lets no others through, so that
//! at most a run is waited for that is under way, and none is changed.

use super::{Decision, members::joining};
use crate::plan::{
    intent::Intent,
    needs::{ConfigurationNeed, Unplannable},
    observed::Observed,
};

pub(super) fn decide(
    intent: &Intent,
    host: Option<&Observed>,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    joining(intent, host, members, |need| {
        matches!(need, ConfigurationNeed::Await | ConfigurationNeed::AwaitController)
    })
}
