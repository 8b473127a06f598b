//! To which operations a check applies, and what it asks there.

use kubesphere::{side::Side, versions::Generation};

use super::{Clusters, Report, Situation, Unjoining};
use crate::plan::operation::Operation::{
    self, Check, Import, Join, PrepareHost, PrepareMember, Renew, Rotate, Unjoin,
};

/// What a check asks; of several rules that apply, each has its say.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// What is told by the clusters alone.
    Clusters(&'static [Operation], fn(&Clusters<'_>) -> Outcome),
    /// What depends on what is wanted of a host and its members.
    Joining(&'static [Operation], fn(&Situation<'_>) -> Outcome),
    /// The same, where kubefed joins what an installer has prepared: KubeSphere 3.
    Federating(&'static [Operation], fn(&Situation<'_>) -> Outcome),
    /// The same, where a host of KubeSphere 4 installs its members itself.
    Installing(&'static [Operation], fn(&Situation<'_>) -> Outcome),
    /// What depends on what a removal does.
    Unjoining(fn(&Unjoining<'_>) -> Outcome),
    /// What is found out later, or only when asked for.
    Later(&'static [Operation]),
}

/// Why a check is not asked.
#[derive(Clone, Copy, Debug)]
pub struct Reason {
    pub(super) operations: Operations,
    /// On hosts of this KubeSphere, or on all.
    pub generation: Option<Generation>,
    pub why: &'static str,
}

impl Reason {
    pub(super) const fn of(operations: &'static [Operation], why: &'static str) -> Self {
        Self { operations: Operations::Only(operations), generation: None, why }
    }

    /// Of all operations but these, which ask it.
    pub(super) const fn beside(asking: &'static [Operation], why: &'static str) -> Self {
        Self { operations: Operations::AllBut(asking), generation: None, why }
    }

    /// Whatever the operation, for it means nothing on such a host.
    pub(super) const fn on(generation: Generation, why: &'static str) -> Self {
        Self { operations: Operations::AllBut(&[]), generation: Some(generation), why }
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(|operation| self.operations.contain(*operation))
    }

    pub fn applies_to(&self, operation: Operation, generation: Generation) -> bool {
        self.operations.contain(operation) && self.generation.is_none_or(|one| one == generation)
    }
}

/// Of which operations a reason is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operations {
    Only(&'static [Operation]),
    AllBut(&'static [Operation]),
}

impl Operations {
    fn contain(self, operation: Operation) -> bool {
        match self {
            Self::Only(these) => these.contains(&operation),
            Self::AllBut(others) => !others.contains(&operation),
        }
    }
}

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
pub(super) const JOINING: &[Operation] = &[Check, Join, PrepareHost, PrepareMember, Import, Renew, Rotate];
pub(super) const LOOKING: &[Operation] = &[Check];
pub(super) const CHANGING: &[Operation] = &[Join, PrepareHost, PrepareMember, Import, Renew, Rotate, Unjoin];
/// Those that depend on what the configurations of host and members are to become.
pub(super) const CONFIGURING: &[Operation] = &[Check, Join, PrepareHost, PrepareMember, Import, Rotate];
pub(super) const WITH_MEMBERS: &[Operation] = &[Check, Join, PrepareMember, Import, Renew, Rotate];
/// Those after which the host knows a member that it did not know.
pub(super) const REGISTERING: &[Operation] = &[Check, Join, Import];
/// Those after which the host has another kubeconfig of a member.
pub(super) const STORING: &[Operation] = &[Check, Join, Import, Renew];
/// Those that change configurations alone.
pub(super) const PREPARING: &[Operation] = &[PrepareHost, PrepareMember, Rotate];

pub(super) const NO_MEMBER: Reason = Reason::of(&[PrepareHost], "only the host is prepared");
pub(super) const NOTHING_REGISTERED: Reason = Reason::of(PREPARING, "this command registers no member");
pub(super) const NOTHING_STORED: Reason = Reason::of(
    &[PrepareHost, PrepareMember, Rotate, Unjoin],
    "this command stores no kubeconfig on the host",
);
pub(super) const NO_INSTALLER: Reason =
    Reason::on(Generation::Four, "KubeSphere 4 has no ks-installer and no ClusterConfiguration");
pub(super) const NO_KUBEFED: Reason = Reason::on(Generation::Four, "KubeSphere 4 has no kubefed");
pub(super) const NO_INSTALLATION: Reason =
    Reason::of(&[PrepareHost, PrepareMember, Renew, Rotate], "this command has no host install a member");
pub(super) const NO_HELM: Reason =
    Reason::on(Generation::Three, "a host of KubeSphere 3 installs nothing on its members");
pub(super) const UNDECIDED: &str = "what the configurations need cannot be told";
pub(super) const NO_RUN: &str = "no run of the installer follows";

impl Rule {
    pub(super) fn applies_to(&self, operation: Operation, generation: Generation) -> bool {
        match self {
            Self::Clusters(operations, _) | Self::Joining(operations, _) | Self::Later(operations) => {
                operations.contains(&operation)
            }
            Self::Federating(operations, _) => {
                generation == Generation::Three && operations.contains(&operation)
            }
            Self::Installing(operations, _) => {
                generation == Generation::Four && operations.contains(&operation)
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

pub(super) fn or_holds(said: impl IntoIterator<Item = Report>, holds: Report) -> Vec<Report> {
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
