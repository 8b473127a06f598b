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
    let message = with_credential(member)?;
    Some(hinted(Report::warning(&member.side, message), intent, host))
}

/// As [`credential`], of who is to be gone: whoever may do everything there as this host's is not.
pub(super) fn not_gone(intent: &MemberIntent, member: &Observed, host: &Observed) -> Option<Report> {
    let message = with_credential(member)?;
    Some(Report::failure(&member.side, message).hint(to_remove(intent, host)))
}

fn with_credential(member: &Observed) -> Option<String> {
    let left = member.account.as_ref()?.left();
    let objects: Vec<String> = left.into_iter().map(|piece| piece.object().in_words()).collect();
    (!objects.is_empty()).then(|| {
        format!(
            "it is not registered, and has this host's credential, with all rights (a join stopped on the way, or it was removed \
             on the host alone): {}",
            objects.join(", ")
        )
    })
}

pub(super) fn to_join(member: &Side, host: &Side) -> String {
    format!("to join it: `{}`", Mc::new("join").member(member).host(host))
}

fn hinted(report: Report, intent: &MemberIntent, host: &Observed) -> Report {
    report.hint(to_join(&intent.side, &host.side)).hint(to_remove(intent, host))
}

fn to_remove(intent: &MemberIntent, host: &Observed) -> String {
    let unjoin = Mc::new("unjoin").word(intent.name()).host(&host.side).member_context(&intent.side);
    format!("to remove what is left on it: `{unjoin}`")
}
