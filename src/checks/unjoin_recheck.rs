//! What must still hold before a member is changed, after a prompt and a wait of any length.

use kubesphere::side::Side;

use super::{Finding, Report, member_registration};
use crate::plan::{core::Claim, observed::Observed, unjoin::member_ownership::MemberOwnership};

/// Whether a member may still be changed as planned, on a fresh look at it and the host.
pub fn recheck(planned: (&Observed, &MemberOwnership), fresh: (&Observed, &MemberOwnership)) -> Vec<Finding> {
    let ((planned, was), (fresh, is)) = (planned, fresh);
    let moved = (planned.uid != fresh.uid).then(|| {
        let message = format!("another cluster answers there: the UID of its kube-system is {}", fresh.uid);
        Report::failure(&fresh.side, message)
    });
    let changed = (was != is).then(|| has_changed(&fresh.side, is));
    member_registration::CHECK.named(moved.into_iter().chain(changed).collect())
}

/// What another host has written on a member instead of what was to be removed.
pub fn recheck_claim(member: &Side, claim: &Claim) -> Vec<Finding> {
    let report = has_changed(member, &MemberOwnership::Claimed(claim.host.clone()));
    member_registration::CHECK.named(vec![report])
}

fn has_changed(member: &Side, is: &MemberOwnership) -> Report {
    Report::failure(member, format!("{} meanwhile: what was planned no longer holds", change(is)))
        .hint("run the same command again, and read its new plan")
}

fn change(is: &MemberOwnership) -> String {
    match is {
        MemberOwnership::Ours => "something of this host has appeared there".to_owned(),
        MemberOwnership::Clean => "somebody has removed what was there of this host".to_owned(),
        MemberOwnership::Twice(other) => format!("it was registered on this host as \"{other}\""),
        MemberOwnership::OtherSecret => "it was given a jwtSecret that is not this host's".to_owned(),
        MemberOwnership::Claimed(host) => {
            format!("another host, which calls itself \"{host}\", has taken it")
        }
        MemberOwnership::Host => "it has become a host itself".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::recheck;
    use crate::plan::{observed::fixture, unjoin::member_ownership::MemberOwnership};

    #[test]
    fn a_member_that_is_not_as_planned_any_more_is_left() {
        let (planned, mut fresh) = (fixture("v1.34.0"), fixture("v1.34.0"));
        let ours = MemberOwnership::Ours;
        assert_eq!(recheck((&planned, &ours), (&fresh, &ours)), []);
        for is in [
            MemberOwnership::OtherSecret,
            MemberOwnership::Host,
            MemberOwnership::Twice("blue".to_owned()),
            MemberOwnership::Clean,
        ] {
            assert_eq!(recheck((&planned, &ours), (&fresh, &is)).len(), 1, "{is:?}");
        }
        "x".clone_into(&mut fresh.uid);
        assert_eq!(recheck((&planned, &ours), (&fresh, &ours)).len(), 1);
    }
}
