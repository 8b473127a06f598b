//! Why a step of a join did not come to its end.

use std::{error::Error as StdError, iter};

use kubesphere::side::Side;

use super::{connection::ConnectionError, narrowing::failure::NarrowingFailure, request_error::RequestError};
use crate::{
    checks::Finding,
    plan::{core::CoreRelease, credential::CredentialObject, member_kubeconfig::Problem},
};

/// What lies behind an error, the nearest first.
pub fn causes(error: &dyn StdError) -> impl Iterator<Item = String> {
    iter::successors(error.source(), |cause: &&dyn StdError| (*cause).source()).map(ToString::to_string)
}

/// Where the cause of a wait that was too long is to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookAt {
    /// The log of this cluster's installer.
    Installer(Side),
    /// The log of this host's cluster controller.
    Controller(Side),
    /// This cluster's API server.
    ApiServer(Side),
    /// What keeps a namespace on this cluster.
    Namespace(Side, &'static str),
    /// What writes tokens into Secrets on this cluster.
    TokenController(Side),
    /// What keeps a host of KubeSphere 4 from installing its member.
    Installation {
        host: Side,
        member: Side,
        /// Of its Cluster.
        name: String,
        /// Whether an image is not to be had there.
        lacks_image: bool,
        /// Whether this join has it installed where it was not before.
        is_new: bool,
    },
}

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A connection could not be prepared.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The name of an object of ours was taken meanwhile.
    #[error("{} {} is not ours: {why}", piece.type_meta().1, piece.name())]
    NotOurs {
        side: Side,
        piece: CredentialObject,
        /// How that shows.
        why: String,
    },
    /// The member's authority signs no client certificate for us.
    #[error("no client certificate: {why}")]
    NotIssued { side: Side, why: String },
    /// The credential does not do.
    #[error("the credential for the host does not work: {why}")]
    Unverified {
        side: Side,
        /// What is wrong with it.
        why: String,
    },
    /// Something that an earlier step makes, or that the checks have proven, is not there: a defect of this program.
    #[error("{side}: {what} is missing, which is a defect of kubectl-mc: please report it")]
    Missing {
        side: Side,
        /// What.
        what: &'static str,
    },
    /// The context's credential or address cannot be stored.
    #[error("{side}: its credential cannot be stored on the host: {}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unstorable { side: Side, problems: Vec<Problem> },
    /// What is in a namespace could be told when the plan was made, and cannot be told any more.
    #[error("{side}: what is in Namespace {namespace} cannot be told any more: {why}")]
    Untold { side: Side, namespace: &'static str, why: String },
    /// A node of the host cannot reach a member.
    #[error("the host does not reach a member")]
    Unreachable(Vec<Finding>),
    /// A cluster has changed so that something else would have to be done than was shown.
    #[error("{side}: it has changed since the plan was shown: now {} would be needed", .needed.join(", "))]
    Unconfirmed {
        side: Side,
        /// What would be done.
        needed: Vec<String>,
    },
    /// A former member is somebody else's meanwhile.
    #[error("{side}: nothing was changed there")]
    ChangedHands {
        side: Side,
        /// How that shows.
        findings: Vec<Finding>,
    },
    /// The host's admission does not let a Cluster go.
    #[error("{what}")]
    Denied {
        /// What was not done.
        what: &'static str,
        findings: Vec<Finding>,
    },
    /// Nobody knows whether a Cluster would hang in its deletion, so it was not deleted.
    #[error(
        "{side}: Cluster {cluster} was not deleted: the webhook stays narrowed, and whether it allows the deletion of the Cluster cannot be asked before it is restored"
    )]
    StaysNarrowed { side: Side, cluster: String },
    /// A deleted Cluster stays, because the webhook denies the removal of its finalizer.
    #[error("{timed_out}")]
    Hangs {
        /// What was waited for.
        timed_out: Box<Self>,
        /// Where the Cluster is.
        host: Side,
        name: String,
        /// The webhook's words.
        why: String,
    },
    /// The webhook could not be restored.
    #[error("{side}: Cluster {cluster} is gone, but its webhook is not restored: {problem}")]
    NotRestored { side: Side, cluster: String, problem: String },
    /// The webhook could not be narrowed, or the Cluster not be taken out behind it.
    #[error(transparent)]
    Narrowing(Box<NarrowingFailure>),
    /// Looking again showed obstacles that were not there before.
    #[error("the clusters changed meanwhile, and the plan no longer holds")]
    Refused(Vec<Finding>),
    /// The installer's run is over and left the configuration without effect.
    #[error("{side}: the installer's run ended without bringing the configuration into effect: {failure}")]
    RunFailed {
        side: Side,
        /// What its log says.
        failure: String,
    },
    /// The configuration was changed by somebody else again and again.
    #[error("{side}: the ClusterConfiguration was changed by somebody else {attempts} times in a row")]
    NotSettled {
        side: Side,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody took our change back after the server had accepted it.
    #[error(
        "{side}: somebody else took the change of the ClusterConfiguration back, and it is left as they want it"
    )]
    TakenBack { side: Side },
    /// The time was up before it had its turn.
    #[error("{side}: its turn had not come when the time was up")]
    NotBegun { side: Side },
    /// The time is up.
    #[error("{side}: timed out while {waiting}: {missing}")]
    TimedOut {
        side: Side,
        /// What was being done.
        waiting: &'static str,
        /// Where the cause is to be looked for.
        look_at: LookAt,
        /// What was still missing, in its last words.
        missing: String,
        /// What else is known that may be the cause: the installer's last word, pods that cannot start.
        known: Vec<String>,
    },
    /// The host's controller has failed to install its member, and does not try again by itself.
    #[error("{side}: the host has not installed KubeSphere on it: {why}")]
    NotInstalled {
        side: Side,
        /// Where the Cluster is.
        host: Side,
        name: String,
        /// The controller's words.
        why: String,
        /// What the member shows of it.
        known: Vec<String>,
    },
    /// A helm was broken off, and no other one goes on with its release.
    #[error(
        "{side}: helm release ks-core stays {}: the helm that was at work on it was broken off, and no other one touches it",
        .release.status
    )]
    Abandoned { side: Side, release: CoreRelease },
    /// Somebody else took the name for another cluster meanwhile.
    #[error("{side}: the name \"{name}\" was taken on the host meanwhile, by the cluster with the UID {uid}")]
    NameTaken {
        side: Side,
        name: String,
        /// The UID of the other cluster's kube-system.
        uid: String,
    },
    /// Another cluster answers behind the new Cluster's kubeconfig.
    #[error("{side}: the Cluster \"{name}\" points to another cluster (the UID of its kube-system is {uid})")]
    OtherCluster {
        side: Side,
        /// Where the Cluster is.
        host: Side,
        name: String,
        /// The UID found.
        uid: String,
        /// Whether the Cluster stood before, and was given a new kubeconfig.
        is_renewed: bool,
    },
    /// Somebody deleted the Cluster while it was awaited.
    #[error("{side}: the Cluster \"{name}\" was deleted by somebody else meanwhile")]
    Deleted { side: Side, name: String },
    /// Somebody changed the Cluster that was to get a new kubeconfig.
    #[error(
        "{side}: somebody else has {how} the Cluster \"{name}\" meanwhile, which is left as they want it"
    )]
    Overtaken {
        side: Side,
        name: String,
        /// What they did: a participle with its object.
        how: &'static str,
    },
    /// Another operator has registered the same member.
    #[error("{side}: it was registered as \"{twin}\" meanwhile; no Cluster \"{name}\" was created")]
    RegisteredMeanwhile {
        side: Side,
        /// The name that its Cluster was to have.
        name: String,
        /// The name of the other one.
        twin: String,
    },
    /// Another operator registered the same member first.
    #[error(
        "{side}: it was registered as \"{twin}\" at the same time; the own Cluster \"{name}\" was withdrawn"
    )]
    Withdrawn {
        side: Side,
        /// The name of our Cluster.
        name: String,
        /// The name of the one that stays.
        twin: String,
    },
}

impl Failure {
    /// With its cause.
    pub(super) fn in_full(&self) -> String {
        match self {
            Self::Request(error) => format!("{error}: {}", error.cause),
            failure => failure.to_string(),
        }
    }
}

impl From<NarrowingFailure> for Failure {
    fn from(failure: NarrowingFailure) -> Self {
        match failure {
            NarrowingFailure::Failure(failure) => failure,
            other => Self::Narrowing(Box::new(other)),
        }
    }
}
