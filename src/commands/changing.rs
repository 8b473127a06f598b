//! What a closer look at each cluster is for: what the plan does there, or that all is to be checked.

use crate::{
    live::connection::Connection,
    plan::{
        access::{Access, on_host, on_member},
        credential::Kind,
        intent::{ClusterIntent, MemberIntent, Part},
        join::{MemberPlan, Plan},
        observed::Observed,
        surroundings::Interest,
    },
};

/// A cluster that is looked at closer.
pub(super) struct Changing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) observed: &'a mut Observed,
    /// What the plan needs there.
    pub(super) accesses: Vec<Access>,
    /// Whether the installer runs, or is to be checked.
    pub(super) runs_installer: bool,
    /// The Cluster that is to be created or renewed, with the credential that it stores.
    pub(super) cluster: Option<(&'a ClusterIntent, Kind)>,
    /// Whether earlier credentials matter.
    pub(super) renews: bool,
    /// What else of it matters.
    pub(super) interest: Interest,
}

/// What is to be done, where a plan can be made.
#[derive(Clone, Copy)]
pub(super) struct Changes<'a> {
    pub(super) part: Part,
    pub(super) plan: Option<&'a Plan>,
}

impl Changes<'_> {
    fn are_all(&self) -> bool {
        self.part == Part::Check
    }

    pub(super) fn of_host<'c>(&self, connection: &'c Connection, observed: &'c mut Observed) -> Changing<'c> {
        let all = self.are_all();
        let host = self.plan.and_then(|plan| plan.host.as_ref());
        let runs = all || host.is_some_and(|host| host.configuration.runs_installer());
        let registers = self.plan.is_some_and(|plan| plan.creations().next().is_some());
        Changing {
            connection,
            observed,
            accesses: self.plan.map(|plan| on_host(self.part, plan)).unwrap_or_default(),
            runs_installer: runs,
            cluster: None,
            renews: false,
            interest: Interest { run: runs, answer: all, federation: runs || registers, leftovers: false },
        }
    }

    /// `known`: whether the host has the member as a Cluster, so that nothing there is left over.
    pub(super) fn of_member<'c>(
        &self,
        intent: &'c MemberIntent,
        known: bool,
        connection: &'c Connection,
        observed: &'c mut Observed,
    ) -> Changing<'c> {
        let all = self.are_all();
        let mut plans = self.plan.iter().flat_map(|plan| &plan.members);
        let plan = plans.find(|member| member.side == connection.side);
        let runs = all || plan.is_some_and(|plan| plan.configuration.runs_installer());
        let registers = plan.is_some_and(MemberPlan::registers);
        let stores = plan.is_some_and(MemberPlan::stores_credential);
        Changing {
            connection,
            observed,
            accesses: plan.map(|plan| on_member(self.part, plan)).unwrap_or_default(),
            runs_installer: runs,
            cluster: intent.cluster.as_ref().zip(plan.and_then(kind_of_credential)),
            renews: self.part == Part::Renew,
            interest: Interest {
                run: runs,
                answer: all || stores,
                federation: false,
                leftovers: registers || (all && !known),
            },
        }
    }
}

fn kind_of_credential(member: &MemberPlan) -> Option<Kind> {
    Some(member.cluster.as_ref()?.credential.as_ref()?.kind)
}
