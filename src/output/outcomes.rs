//! What the steps of a plan came to.

use super::{document::Outcome, ui::Ui, words::dry_run_suffix};
use crate::{cli::DryRun, error::Error, kubesphere::side::Side, live::register::WithoutVersion};

/// A member that is joined, though the host does not know its KubeSphere's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVersion {
    /// The member.
    pub member: Side,
    /// Why.
    pub why: WithoutVersion,
}

/// The result lines, as kubectl writes them.
pub fn show(ui: &Ui, outcomes: &[Outcome], dry_run: DryRun) -> Result<(), Error> {
    let suffix = dry_run_suffix(dry_run);
    // Both sides have a ClusterConfiguration of the same name; the Cluster's name is its own.
    outcomes.iter().try_for_each(|Outcome { side, object, verb }| {
        let place = if object.starts_with("cluster.") { String::new() } else { format!(" on {side}") };
        ui.result(&format!("{object} {verb}{place}{suffix}"))
    })
}

/// Where a Cluster is ready without a known KubeSphere.
pub fn warn_of_unknown_version(ui: &Ui, unknown: &UnknownVersion) {
    let UnknownVersion { member, why } = unknown;
    let why = match why {
        WithoutVersion::Unasked => "its ks-apiserver does not answer the host".to_owned(),
        WithoutVersion::Unrecorded => {
            "the member's ks-apiserver answers here, but the host has not recorded it".to_owned()
        }
        WithoutVersion::Silent(cause) => {
            format!("the member's ks-apiserver does not answer through its API server: {cause}")
        }
    };
    ui.warning(&format!("{member}: it is joined, but the host does not know its KubeSphere version: {why}"));
}

/// A hint: which objects of a member have a credential that no host stores.
pub fn credential_left(member: &Side, objects: &[&str]) -> String {
    format!(
        "{member}: {} has a cluster-admin's credential that was made just now; unless the host stores it, the next `kubectl mc renew` that succeeds removes it",
        objects.join(", ")
    )
}
