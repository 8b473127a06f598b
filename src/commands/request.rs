//! What was asked for, whichever command it was typed as, by the words of a command line or in a fleet file.

use std::path::Path;

use kubesphere::{core_values::CoreValues, fleet_entry::FleetEntry, jwt_secret::JwtSecret};

use super::contexts::member_options;
use crate::{
    cli::{ClusterOptions, Credentials, Global, MemberConnection, ParallelOptions},
    error::{Error, Resume},
    live::kubeconfig::ConnectionOptions,
    plan::{
        context_mapping::LeftOut,
        credential::Choice,
        intent::{Description, Expected, Reachability},
        operation::Operation,
    },
};

/// A join, or a part of it.
pub(super) struct Request<'a> {
    pub(super) operation: Operation,
    /// How the host is reached, and as whom both.
    pub(super) global: Global,
    pub(super) members: Vec<MemberRequest>,
    pub(super) host_cluster_name: Option<String>,
    /// The host's jwtSecret, where the host is not to be asked.
    pub(super) given_secret: Option<JwtSecret>,
    /// Whether new members are probed from the host's nodes.
    pub(super) reachability: Reachability,
    /// The checks whose obstacles become warnings on every cluster.
    pub(super) skipped: &'a [String],
    /// The Clusters that were asked for with all others, and that cannot be renewed.
    pub(super) left_out: Vec<LeftOut>,
    /// What the same command does when it is run again.
    pub(super) resume: Resume,
    /// Whether members that a check stops are left out.
    pub(super) continues_on_obstacle: bool,
    /// Whether nobody is asked to confirm.
    pub(super) is_confirmed: bool,
    /// What the members are to be, where a check is to confirm it.
    pub(super) expected: Option<Expected>,
    /// Where what would be sent is written instead.
    pub(super) manifests_to: Option<&'a Path>,
    /// How many members are dealt with at a time.
    pub(super) parallel: ParallelOptions,
}

/// What was asked for of one member.
#[derive(Clone, Debug)]
pub(super) struct MemberRequest {
    /// Its context; without one the current-context of its own kubeconfig.
    pub(super) context: Option<String>,
    /// How it is reached, and what of that the host stores.
    pub(super) connection: MemberConnection,
    /// Whether it is taken over from another host.
    pub(super) from_other_host: bool,
    /// What its Cluster shall say, where one is asked for.
    pub(super) cluster: Option<ClusterRequest>,
    /// The Cluster that gets a new kubeconfig, where one does.
    pub(super) renewed: Option<Renewed>,
    /// The checks whose obstacles become warnings on this member alone.
    pub(super) skipped: Vec<String>,
}

impl MemberRequest {
    /// Of the member of this context, and nothing special.
    pub(super) fn of(context: &str, global: &Global) -> Self {
        Self {
            context: Some(context.to_owned()),
            connection: global.member.clone(),
            from_other_host: false,
            cluster: None,
            renewed: None,
            skipped: Vec::new(),
        }
    }

    /// Where a fleet file speaks of it.
    pub(super) fn entry(&self) -> Option<&FleetEntry> {
        self.connection.entry.as_ref()
    }

    /// The word that stands for it on the command line, where one does.
    pub(super) fn word(&self) -> Option<String> {
        match (self.entry(), &self.cluster, &self.renewed) {
            (Some(_), Some(cluster), _) => cluster.name.clone(),
            (None, _, None) => self.context.clone(),
            _ => None,
        }
    }

    /// How this machine connects. The address that is stored says nothing of it.
    pub(super) fn connecting(&self, global: &Global) -> ConnectionOptions {
        let options =
            ConnectionOptions { context: self.context.clone(), ..member_options(global, &self.connection) };
        if self.cluster.is_none() {
            return options;
        }
        ConnectionOptions { server: None, certificate_authority: None, ..options }
    }

    /// With the place in the fleet file where something is wrong.
    pub(super) fn placed<T>(&self, field: &str, result: Result<T, Error>) -> Result<T, Error> {
        placed(self.entry(), field, result)
    }

    /// Of several members the same, with these Clusters.
    pub(super) fn of_each(contexts: &[String], cluster: &ClusterRequest, global: &Global) -> Vec<Self> {
        let of = |context: &String| Self { cluster: Some(cluster.clone()), ..Self::of(context, global) };
        contexts.iter().map(of).collect()
    }
}

/// With the place of this field, where a fleet file speaks of the cluster.
pub(super) fn placed<T>(
    entry: Option<&FleetEntry>,
    field: &str,
    result: Result<T, Error>,
) -> Result<T, Error> {
    result.map_err(|error| match entry {
        Some(entry) => Error { message: format!("{}: {}", entry.place_of(field), error.message), ..error },
        None => error,
    })
}

/// What a member's Cluster shall say and store.
#[derive(Clone, Debug, Default)]
pub(super) struct ClusterRequest {
    /// The context's where there is none.
    pub(super) name: Option<String>,
    /// Where one was asked for.
    pub(super) credential: Option<Choice>,
    pub(super) description: Description,
    /// The values with which a host of KubeSphere 4 installs it.
    pub(super) values: Option<CoreValues>,
}

impl From<&ClusterOptions> for ClusterRequest {
    fn from(options: &ClusterOptions) -> Self {
        Self {
            name: options.name.clone(),
            credential: options.credentials.map(Choice::from),
            values: None,
            description: Description {
                alias: options.alias.clone(),
                description: options.description.clone(),
                group: options.group.clone(),
                region: options.region.clone(),
                provider: options.provider.clone(),
                labels: options.labels.iter().cloned().collect(),
                annotations: options.annotations.iter().cloned().collect(),
            },
        }
    }
}

impl From<Credentials> for Choice {
    fn from(credentials: Credentials) -> Self {
        match credentials {
            Credentials::Auto => Self::Auto,
            Credentials::Context => Self::Context,
            Credentials::ServiceAccount => Self::ServiceAccount,
        }
    }
}

/// A Cluster that gets a new kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renewed {
    pub(super) name: String,
    /// The address that is kept, where it is not the context's that counts.
    pub(super) server: Option<String>,
}

impl Request<'_> {
    /// This part, of these members, without anything special.
    pub(super) fn new(operation: Operation, members: Vec<MemberRequest>, global: &Global) -> Self {
        Self {
            operation,
            global: global.clone(),
            members,
            host_cluster_name: None,
            given_secret: None,
            reachability: Reachability::Off,
            skipped: &[],
            left_out: Vec::new(),
            resume: Resume::GoesOn,
            continues_on_obstacle: false,
            is_confirmed: false,
            expected: None,
            manifests_to: None,
            parallel: ParallelOptions::default(),
        }
    }
}
