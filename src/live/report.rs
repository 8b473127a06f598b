//! What is told while clusters change, to whoever shows it, as plain data: its sentences stand where it is shown.

use kubesphere::{
    object::{ExistingObject, ObjectRef},
    role::Role,
    side::Side,
};

use super::stuck_pods::StuckPod;
use crate::{
    checks::Finding,
    plan::{
        credential::CredentialObject,
        foreign_writes::ForeignWrite,
        narrowing::{Record, Remark},
        step::StepName,
    },
};

/// Something that happens on a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step of the plan begins.
    StepBegins(StepName),
    /// That step has come to its end.
    StepEnds(StepName),
    /// A step of the plan has failed, and why: no other begins on this cluster.
    Failed(String),
    /// Something begins that takes its time.
    Begins(Activity),
    /// Where it stands: a condition's reason.
    Stands(String),
    InstallerStands(String),
    /// Something is done.
    Done(Completed),
    /// Something to know that is no step of its own.
    Notice(Notice),
    /// What checks have found on the way.
    Found(Vec<Finding>),
}

/// What takes its time.
#[derive(Clone, Debug, PartialEq)]
pub enum Activity {
    /// Waiting for the installer's run that was under way before.
    InstallerRun,
    /// Waiting until the role is in effect.
    Role(Role),
    /// Waiting until another jwtSecret is in effect.
    Secret,
    /// Waiting until the Cluster of this name is ready.
    ClusterReady(String),
    /// Waiting until the host's controller has looked at the Cluster of this name.
    ClusterLook(String),
    /// Waiting until the host's controller has let the Cluster of this name go.
    ClusterRelease(String),
    /// Narrowing the webhook for the Cluster of this name.
    Narrowing(String),
    /// Waiting until the Cluster of this name is gone.
    ClusterGone(String),
    /// Waiting until an object is gone.
    Gone(ExistingObject),
    /// Waiting until the host's helm is no longer at work on ks-core.
    Helm,
    /// Waiting until all of ks-core is gone.
    Uninstallation,
    /// Waiting for the token in the Secret of this name.
    Token(String),
    /// Waiting until this signer has signed a certificate.
    Certificate(&'static str),
    /// Waiting for the nodes' probes.
    Probes,
}

impl Activity {
    /// Whether a person is to be told what is waited for, as the wait will not be over before they wonder.
    pub fn takes_minutes(&self) -> bool {
        match self {
            Self::InstallerRun
            | Self::Role(_)
            | Self::Secret
            | Self::ClusterReady(_)
            | Self::ClusterLook(_)
            | Self::ClusterRelease(_)
            | Self::ClusterGone(_)
            | Self::Gone(_)
            | Self::Helm
            | Self::Uninstallation => true,
            Self::Narrowing(_) | Self::Token(_) | Self::Certificate(_) | Self::Probes => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Completed {
    RoleInEffect(Role),
    SecretInEffect,
    /// The configuration was patched.
    Patched,
    /// The installer was restarted.
    Restarted,
    /// The Cluster of this name was created.
    ClusterCreated(String),
    /// The Cluster of this name is ready.
    ClusterReady(String),
    /// The Cluster of this name stores the new kubeconfig.
    ClusterRenewed(String),
    /// The Cluster of this name says of its member what was asked for.
    ClusterDescribed(String),
    /// The Cluster of this name was deleted.
    ClusterDeleted(String),
    /// The Cluster of this name is gone.
    ClusterGone(String),
    /// The Cluster of this name is gone, with what kubefed has of it: the controller's part was done for it.
    ClusterFinalized(String),
    /// An object was deleted.
    Deleted(ExistingObject),
    Gone(ExistingObject),
    /// The member does not say any more that it is this host's.
    Unclaimed,
    /// So many objects of ks-core were deleted.
    ObjectsDeleted(usize),
    /// Helm's records of ks-core were deleted too.
    Uninstalled,
    /// The namespace of this name belongs to no workspace of the host any more.
    Released(String),
    /// A piece of the host's credential was made.
    Made(CredentialObject),
    /// The host's credential was tried.
    CredentialTried,
    /// A certificate was signed, which ends in this second.
    Signed(i64),
    /// An earlier credential was deleted.
    EarlierDeleted(ObjectRef),
    /// The binding of this name was rid of earlier users.
    EarlierUsersRemoved(String),
    /// The webhook was narrowed.
    Narrowed(Record),
    /// This command's narrowing was restored.
    Restored(Option<Remark>),
    /// Another command's narrowing was restored.
    OthersRestored(Option<Remark>),
    /// So many probe pods of an earlier command were deleted.
    LeftoversDeleted(usize),
    /// The nodes have probed these members.
    Probed(Vec<Reached>),
}

/// From how many nodes a server was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub server: String,
    /// From so many.
    pub from: usize,
    /// Of so many that could tell.
    pub of: usize,
    /// So many could not.
    pub unknown: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Somebody else has changed the configuration before our patch.
    PatchOvertaken,
    /// Somebody else has changed the installer's Deployment before our restart.
    RestartOvertaken,
    /// The installer has re-created the configuration, and the patch with it.
    PatchLost,
    /// A patch was not answered, and why.
    PatchUnanswered(String),
    /// A creation was not answered, and why.
    CreationUnanswered(String),
    /// Somebody else has created the Cluster of this name.
    CreatedByOthers(String),
    /// Somebody else has deleted the Cluster of this name.
    DeletedByOthers(String),
    /// The same member was registered under this name, too.
    Twin(String),
    /// The controller fails with a Cluster, and tries again.
    Failing { cluster: String, reason: String },
    /// An object that was to be deleted is not empty any more.
    NotEmpty(ExistingObject),
    /// What is remarkable of the certificate that the host will store.
    Certificate(String),
    /// Earlier credentials stay, because the Clusters that may store them could not be listed, and why.
    EarlierStay(String),
    /// Another command has restored the webhook that this one has narrowed.
    RestoredByOthers,
    /// The webhook that another command has narrowed could not be restored, and why.
    StaysNarrowed(String),
    /// The controller has not let a Cluster go.
    ControllerAway {
        cluster: String,
        /// In so many seconds.
        seconds: u64,
    },
    /// Somebody else has written the Cluster whose member is being installed.
    WrittenByOthers(ForeignWrite),
    /// A warning event of a cluster that is being installed.
    Warning(String),
    /// A pod of KubeSphere cannot start, which may be why it takes so long.
    PodStuck(StuckPod),
    /// A probe pod of this command could not be deleted, and why.
    PodStays(String),
    /// A probe pod of an earlier command could not be deleted, and why.
    LeftoverStays(String),
}

/// Whoever shows it.
pub trait Reporter {
    /// Takes what happens on `side`.
    fn tell(&self, side: &Side, event: Event);
}
