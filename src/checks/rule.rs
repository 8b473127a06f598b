//! To which operations a check applies, and what it asks there.

use kubesphere::side::Side;

use super::{Clusters, Report, Situation, Unjoining};
use crate::plan::operation::Operation::{
    self, Check, Import, Join, PrepareHost, PrepareMember, Renew, Unjoin,
};

/// What a check asks; of several rules that apply, each has its say.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// What is told by the clusters alone.
    Clusters(&'static [Operation], fn(&Clusters<'_>) -> Outcome),
    /// What depends on what is wanted of a host and its members.
    Joining(&'static [Operation], fn(&Situation<'_>) -> Outcome),
    /// What depends on what a removal does.
    Unjoining(fn(&Unjoining<'_>) -> Outcome),
    /// What is found out later, or only when asked for.
    Later(&'static [Operation]),
}

/// Why these operations do not ask.
pub(super) type Reason = (&'static [Operation], &'static str);

/// What is to be said of each cluster that was looked at.
pub(super) type Outcome = Result<Vec<Report>, Unasked>;

/// Why nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unasked {
    /// There is nothing to ask for.
    Because(&'static str),
    /// None of the clusters that it is about has answered.
    Unanswered(Whose),
}

/// Which clusters a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Host,
    Members,
    All,
}

impl Whose {
    pub(super) fn concerns(self, side: &Side) -> bool {
        match self {
            Self::Host => matches!(side, Side::Host { .. }),
            Self::Members => matches!(side, Side::Member { .. }),
            Self::All => true,
        }
    }
}

pub(super) const EVERY: &[Operation] = &Operation::ALL;
/// A join as a whole, its parts, what comes after it, and the look at it.
pub(super) const JOINING: &[Operation] = &[Check, Join, PrepareHost, PrepareMember, Import, Renew];
pub(super) const LOOKING: &[Operation] = &[Check];
pub(super) const CHANGING: &[Operation] = &[Join, PrepareHost, PrepareMember, Import, Renew, Unjoin];
/// Those that depend on what the configurations of host and members are to become.
pub(super) const CONFIGURING: &[Operation] = &[Check, Join, PrepareHost, PrepareMember, Import];
pub(super) const WITH_MEMBERS: &[Operation] = &[Check, Join, PrepareMember, Import, Renew];
/// Those after which the host knows a member that it did not know.
pub(super) const REGISTERING: &[Operation] = &[Check, Join, Import];
/// Those after which the host has another kubeconfig of a member.
pub(super) const STORING: &[Operation] = &[Check, Join, Import, Renew];
pub(super) const PREPARING: &[Operation] = &[PrepareHost, PrepareMember];

pub(super) const NO_MEMBER: Reason = (&[PrepareHost], "only the host is prepared");
pub(super) const NOTHING_REGISTERED: Reason = (PREPARING, "a preparation registers no member");
pub(super) const NOTHING_STORED: Reason =
    (&[PrepareHost, PrepareMember, Unjoin], "this command stores no kubeconfig on the host");
pub(super) const UNDECIDED: &str = "what the configurations need cannot be told";
pub(super) const NO_RUN: &str = "no run of the installer follows";

impl Rule {
    pub(super) fn applies_to(&self, operation: Operation) -> bool {
        match self {
            Self::Clusters(operations, _) | Self::Joining(operations, _) | Self::Later(operations) => {
                operations.contains(&operation)
            }
            Self::Unjoining(_) => operation == Unjoin,
        }
    }
}

/// What `ask` says of each of these, of `side`; where it says nothing, that cluster holds.
#[expect(clippy::unnecessary_wraps, reason = "a rule ends so")]
pub(super) fn each<T, R: IntoIterator<Item = Report>>(
    looked_at: impl IntoIterator<Item = T>,
    side: impl Fn(&T) -> &Side,
    mut ask: impl FnMut(T) -> R,
) -> Outcome {
    let reports = looked_at.into_iter().flat_map(|one| {
        let holds = Report::holds(side(&one));
        or_holds(ask(one), holds)
    });
    Ok(reports.collect())
}

/// What is said of this one cluster, which holds where that is nothing.
#[expect(clippy::unnecessary_wraps, reason = "a rule ends so")]
pub(super) fn of(side: &Side, said: impl IntoIterator<Item = Report>) -> Outcome {
    Ok(or_holds(said, Report::holds(side)))
}

fn or_holds(said: impl IntoIterator<Item = Report>, holds: Report) -> Vec<Report> {
    let said: Vec<Report> = said.into_iter().collect();
    if said.is_empty() { vec![holds] } else { said }
}

/// What there is to look at, or why there is nothing.
pub(super) fn some<T>(
    found: impl IntoIterator<Item = T>,
    otherwise: &'static str,
) -> Result<Vec<T>, Unasked> {
    let found: Vec<T> = found.into_iter().collect();
    if found.is_empty() { Err(Unasked::Because(otherwise)) } else { Ok(found) }
}
