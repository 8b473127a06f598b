//! What a join that has stopped leaves on a cluster that its host does not register, and what goes on with it or removes it.

use kubesphere::{command::Mc, side::Side};

use super::Report;
use crate::plan::{intent::MemberIntent, observed::Observed};

/// A member of this host that has no Cluster there: nothing else tells it from one that is joined.
pub(super) fn prepared(intent: &MemberIntent, member: &Observed, host: &Observed) -> Option<Report> {
    // Members of one host share a secret, too.
    let shares_secret = member.signs_with().is_some() && member.signs_with() == host.signs_with();
    let message = "it is not joined: it is prepared for this host, which has no Cluster of it (a join stopped on the \
                   way, or it was removed on the host alone)";
    let is_prepared = member.is_member() && !host.is_member() && shares_secret;
    is_prepared.then(|| hinted(Report::warning(&member.side, message), intent, host))
}

/// The credential that a join has made, whatever role the cluster has by now: with it everything may be done there.
pub(super) fn credential(intent: &MemberIntent, member: &Observed, host: &Observed) -> Option<Report> {
    let left = member.account.as_ref()?.left();
    if left.is_empty() {
        return None;
    }
    let objects: Vec<String> = left.into_iter().map(|piece| piece.object().in_words()).collect();
    let message = format!(
        "it is not registered, and a join that has stopped has left this host's credential on it, with all rights: {}",
        objects.join(", ")
    );
    Some(hinted(Report::warning(&member.side, message), intent, host))
}

pub(super) fn to_join(member: &Side, host: &Side) -> String {
    format!("to join it: `{}`", Mc::new("join").member(member).host(host))
}

fn hinted(report: Report, intent: &MemberIntent, host: &Observed) -> Report {
    let unjoin = Mc::new("unjoin").word(intent.name()).host(&host.side).member_context(&intent.side);
    report.hint(to_join(&intent.side, &host.side)).hint(format!("to remove what is left on it: `{unjoin}`"))
}
