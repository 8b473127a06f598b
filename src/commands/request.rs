//! What was asked for, whichever command it was typed as.

use std::path::Path;

use kubesphere::{core_values::CoreValues, jwt_secret::JwtSecret};

use crate::{
    cli::{ClusterOptions, Credentials, ParallelOptions},
    error::Resume,
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
    /// The members' contexts.
    pub(super) members: &'a [String],
    pub(super) host_cluster_name: Option<&'a str>,
    /// What the members' Clusters shall say, where they are asked for.
    pub(super) cluster: Option<ClusterRequest>,
    /// The host's jwtSecret, where the host is not to be asked.
    pub(super) given_secret: Option<JwtSecret>,
    /// Whether the members are taken over from another host.
    pub(super) from_other_host: bool,
    /// Whether new members are probed from the host's nodes.
    pub(super) reachability: Reachability,
    /// The checks whose obstacles become warnings.
    pub(super) skipped: &'a [String],
    /// The Clusters that get a new kubeconfig, one for each member.
    pub(super) renewed: &'a [Renewed],
    /// Those that were asked for with them, and that cannot be renewed.
    pub(super) left_out: &'a [LeftOut],
    /// What the same command does when it is run again.
    pub(super) resume: Resume,
    /// Whether nobody is asked to confirm.
    pub(super) is_confirmed: bool,
    /// What the members are to be, where a check is to confirm it.
    pub(super) expected: Option<Expected>,
    /// Where what would be sent is written instead.
    pub(super) manifests_to: Option<&'a Path>,
    /// How many members are dealt with at a time.
    pub(super) parallel: ParallelOptions,
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

impl<'a> Request<'a> {
    /// This part, of these members, without anything special.
    pub(super) fn new(operation: Operation, members: &'a [String]) -> Self {
        Self {
            operation,
            members,
            host_cluster_name: None,
            cluster: None,
            given_secret: None,
            from_other_host: false,
            reachability: Reachability::Off,
            skipped: &[],
            renewed: &[],
            left_out: &[],
            resume: Resume::GoesOn,
            is_confirmed: false,
            expected: None,
            manifests_to: None,
            parallel: ParallelOptions::default(),
        }
    }
}
