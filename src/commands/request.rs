//! What was asked for, whichever command it was typed as.

use crate::{
    cli::{ChangeOptions, ClusterOptions},
    kubesphere::jwt_secret::JwtSecret,
    plan::intent::{Part, Reachability},
};

/// A join, or a part of it.
pub(super) struct Request<'a> {
    pub(super) part: Part,
    /// The members' contexts.
    pub(super) members: &'a [String],
    pub(super) host_cluster_name: Option<&'a str>,
    /// What the members' Clusters shall say, where they are asked for.
    pub(super) cluster: Option<&'a ClusterOptions>,
    /// The host's jwtSecret, where the host is not to be asked.
    pub(super) given_secret: Option<JwtSecret>,
    /// Whether the members are taken over from another host.
    pub(super) from_other_host: bool,
    /// Whether new members are probed from the host's nodes.
    pub(super) reachability: Reachability,
    pub(super) change: &'a ChangeOptions,
}

impl<'a> Request<'a> {
    /// This part, of these members, without anything special.
    pub(super) fn new(part: Part, members: &'a [String], change: &'a ChangeOptions) -> Self {
        Self {
            part,
            members,
            host_cluster_name: None,
            cluster: None,
            given_secret: None,
            from_other_host: false,
            reachability: Reachability::Off,
            change,
        }
    }

    /// As messages call it.
    pub(super) fn name(&self) -> &'static str {
        match self.part {
            Part::Join => "join",
            Part::PrepareHost | Part::PrepareMember => "preparation",
            Part::Import => "import",
            Part::Check => "check",
        }
    }
}
