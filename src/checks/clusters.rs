//! The clusters that a check may look at, whatever is to be done with them.

use kubesphere::side::Side;

use super::rule::{NO_RUN, Unasked, Whose};
use crate::plan::{needs::Unplannable, observed::Observed};

/// A host and members, as far as they were observed. A side that did not answer is absent.
#[derive(Clone, Debug)]
pub struct Clusters<'a> {
    /// The host; absent also where it is not asked.
    pub host: Option<&'a Observed>,
    /// The members that answered.
    pub members: Vec<&'a Observed>,
    /// Those of both on which the installer may have to run.
    pub installing: Vec<&'a Observed>,
    /// The clusters that gave no usable answer.
    pub silent: &'a [Silent],
    /// Why no plan could be made.
    pub unplannable: Option<&'a Unplannable>,
}

/// A cluster that gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    pub side: Side,
    /// What was asked and why it failed.
    pub message: String,
    pub hints: Vec<String>,
    pub silence: Silence,
}

/// What may come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It may answer later.
    Away,
    /// So may it, and the time for all of it is up.
    Late,
    /// That was up before all was asked of it: nobody knows whether it answers.
    Unasked,
    /// It has answered, and does not let this user in.
    Refused,
    /// It stays so by itself.
    Lasting,
}

impl<'a> Clusters<'a> {
    /// Every cluster that answered, the host first.
    pub fn observed(&self) -> impl Iterator<Item = &'a Observed> {
        self.host.into_iter().chain(self.members.iter().copied())
    }

    /// These, of which there is one at least.
    pub fn answering(&self) -> Result<Vec<&'a Observed>, Unasked> {
        let observed: Vec<_> = self.observed().collect();
        if observed.is_empty() { Err(Unasked::Unanswered(Whose::All)) } else { Ok(observed) }
    }

    pub fn answering_host(&self) -> Result<&'a Observed, Unasked> {
        let is_silent = self.silent.iter().any(|silent| matches!(silent.side, Side::Host { .. }));
        let why = if is_silent {
            Unasked::Unanswered(Whose::Host)
        } else {
            Unasked::Because("the host is not asked")
        };
        self.host.ok_or(why)
    }

    /// Those on which the installer may have to run.
    pub fn with_installer(&self) -> Result<&[&'a Observed], Unasked> {
        if !self.installing.is_empty() {
            return Ok(&self.installing);
        }
        Err(if self.silent.is_empty() { Unasked::Because(NO_RUN) } else { Unasked::Unanswered(Whose::All) })
    }
}
