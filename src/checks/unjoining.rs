//! Everything that the checks of a removal may look at.

use kubesphere::{cluster::RegisteredCluster, command::Mc};

use super::{
    Clusters, Silent,
    rule::{Unasked, Whose},
};
use crate::plan::{
    needs::Unplannable,
    observed::Observed,
    unjoin::{
        plan::{UnjoinIntent, UnjoinPlan},
        trace::Traces,
    },
};

/// A removal, as far as it was observed. A side that did not answer is absent.
#[derive(Clone, Copy, Debug)]
pub struct Unjoining<'a> {
    pub intent: &'a UnjoinIntent,
    pub host: Option<&'a Observed>,
    /// The member, where it is asked for.
    pub member: Option<&'a Observed>,
    /// What a join left there.
    pub traces: Option<&'a Traces>,
    /// The clusters that gave no usable answer.
    pub silent: &'a [Silent],
    /// What is to be done, where that can be told.
    pub plan: Option<&'a UnjoinPlan>,
    /// Why no plan could be made.
    pub unplannable: Option<&'a Unplannable>,
    /// Whether it is about to begin, and not to be found done.
    pub is_first: bool,
}

impl<'a> Unjoining<'a> {
    /// The host's installer is never run.
    pub fn clusters(&self) -> Clusters<'a> {
        let Self { host, silent, unplannable, .. } = *self;
        let runs = self.runs_installer() || unplannable.is_some();
        let installing = self.member.into_iter().filter(|_| runs).collect();
        Clusters { host, members: self.member.into_iter().collect(), installing, silent, unplannable }
    }

    pub fn answering_host(&self) -> Result<&'a Observed, Unasked> {
        self.clusters().answering_host()
    }

    pub fn answering_member(&self) -> Result<&'a Observed, Unasked> {
        let why = if self.intent.with_member {
            Unasked::Unanswered(Whose::Members)
        } else {
            Unasked::Because("the member is not asked: there is no `--member-context`")
        };
        self.member.ok_or(why)
    }

    /// What is to be done; without it there is something that stands in the way of any plan.
    pub fn planned(&self) -> Result<&'a UnjoinPlan, Unasked> {
        let why = if self.silent.is_empty() {
            Unasked::Because("what is to be done cannot be told")
        } else {
            Unasked::Unanswered(Whose::All)
        };
        self.plan.ok_or(why)
    }

    /// The Cluster, while it stands.
    pub fn cluster(&self) -> Option<&'a RegisteredCluster> {
        self.host?.cluster_named(&self.intent.name)
    }

    /// The command that takes the Cluster out on the host alone.
    pub fn on_host_alone(&self) -> Mc {
        Mc::new("unjoin").word(&self.intent.name).host(self.host.map(|host| &host.side))
    }

    fn runs_installer(&self) -> bool {
        let member = self.plan.and_then(|plan| plan.member.as_ref());
        member.is_some_and(|member| member.configuration.runs_installer())
    }
}
