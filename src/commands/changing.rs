//! What a closer look at each cluster is for: what the plan does there, or that all is to be checked.

use kubesphere::versions::Generation;

use crate::{
    live::connection::Connection,
    plan::{
        access::Access,
        credential::CredentialKind,
        intent::{ClusterIntent, MemberIntent},
        needs::ConfigurationNeed,
        observed::Observed,
        operation::Operation,
        operations::Decision,
        step::Step,
        surroundings::ReadScope,
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
    /// Whether its configuration is in effect, as far as is known.
    pub(super) is_in_effect: bool,
    /// The Cluster that is to be created or renewed, with the credential that it stores.
    pub(super) cluster: Option<(&'a ClusterIntent, CredentialKind)>,
    /// Whether earlier credentials matter.
    pub(super) renews: bool,
    /// What else of it matters.
    pub(super) scope: ReadScope,
}

/// What is to be done, where a plan can be made.
#[derive(Clone, Copy)]
pub(super) struct Changes<'a> {
    pub(super) operation: Operation,
    pub(super) decision: Option<&'a Decision>,
    pub(super) host: Option<Generation>,
}

impl Changes<'_> {
    /// Whether the host installs members itself, and none has an installer.
    fn host_installs(&self) -> bool {
        self.host == Some(Generation::Four)
    }

    fn are_all(&self) -> bool {
        self.operation == Operation::Check
    }

    /// Whether a person is shown the clusters: in a report, or above a plan.
    fn shows(&self) -> bool {
        self.are_all() || self.decision.is_some_and(|decision| !decision.plan.is_empty())
    }

    fn runs_installer(&self, connection: &Connection) -> bool {
        let need = self.decision.and_then(|decision| decision.needs.of(&connection.side));
        self.are_all() || need.is_some_and(ConfigurationNeed::runs_installer)
    }

    fn is_in_effect(&self, connection: &Connection) -> bool {
        let need = self.decision.and_then(|decision| decision.needs.of(&connection.side));
        need == Some(&ConfigurationNeed::InEffect)
    }

    fn writes(&self, connection: &Connection) -> bool {
        self.are_all() || self.decision.is_some_and(|decision| decision.plan.concerns(&connection.side))
    }

    fn accesses(&self, connection: &Connection) -> Vec<Access> {
        self.decision.map(|decision| decision.plan.accesses(&connection.side)).unwrap_or_default()
    }

    pub(super) fn of_host<'c>(&self, connection: &'c Connection, observed: &'c mut Observed) -> Changing<'c> {
        let all = self.are_all();
        let registers = self.decision.is_some_and(|decision| decision.plan.registers(None));
        let installs = self.host_installs();
        let runs = self.runs_installer(connection) && !installs;
        Changing {
            connection,
            observed,
            accesses: self.accesses(connection),
            runs_installer: runs,
            is_in_effect: self.is_in_effect(connection),
            cluster: None,
            renews: false,
            scope: ReadScope {
                shown: self.shows(),
                run: runs,
                answer: all,
                federation: (runs && self.operation.may_install_kubefed() || registers) && !installs,
                leftovers: false,
                core: false,
                left_webhook: installs,
                namespaces: self.writes(connection),
            },
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
        let side = &connection.side;
        let registers = self.decision.is_some_and(|decision| decision.plan.registers(Some(side)));
        let installs = self.host_installs();
        let runs = self.runs_installer(connection) && !installs;
        let mut steps = self.decision.into_iter().flat_map(|decision| decision.plan.steps());
        let credential = steps.find_map(|step| match step {
            Step::MakeCredential(step) if step.member == *side => Some(step.credential.kind),
            _ => None,
        });
        let mut steps = self.decision.into_iter().flat_map(|decision| decision.plan.steps());
        let renews = steps.any(|step| matches!(step, Step::Renew(step) if step.member == *side));
        Changing {
            connection,
            observed,
            accesses: self.accesses(connection),
            runs_installer: runs,
            is_in_effect: self.is_in_effect(connection),
            cluster: intent.cluster.as_ref().zip(credential),
            renews,
            scope: ReadScope {
                shown: self.shows(),
                run: runs,
                answer: all || credential.is_some() || installs,
                federation: false,
                leftovers: (registers || (all && !known)) && !installs,
                core: installs,
                left_webhook: false,
                namespaces: self.writes(connection),
            },
        }
    }
}
