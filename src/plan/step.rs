//! One step of a plan. Each stands in a file of its own below `steps`, and is carried out by the file of the same name below
//! `live/steps`.

use kubesphere::{object::ObjectRef, side::Side};

use super::{
    access::Access,
    configuration_patch::Change,
    manifest::Manifest,
    member_kubeconfig::StoredKubeconfig,
    result::StepResult,
    steps::{
        await_gone::AwaitGone, configure::Configure, confirm_ownership::ConfirmOwnership,
        delete_cluster::DeleteCluster, describe_cluster::DescribeCluster, look_again::LookAgain,
        make_credential::MakeCredential, narrow_webhook::NarrowWebhook, probe::Probe, register::Register,
        release::Release, release_claim::ReleaseClaim, remove::Remove, remove_superseded::RemoveSuperseded,
        renew::Renew, restore_webhook::RestoreWebhook, sweep_pods::SweepPods, uninstall::Uninstall,
    },
};

#[derive(Clone, Debug)]
pub enum Step {
    RestoreWebhook(RestoreWebhook),
    SweepPods(SweepPods),
    Probe(Probe),
    MakeCredential(MakeCredential),
    Configure(Configure),
    Register(Register),
    DescribeCluster(DescribeCluster),
    Renew(Renew),
    LookAgain(LookAgain),
    RemoveSuperseded(RemoveSuperseded),
    NarrowWebhook(NarrowWebhook),
    DeleteCluster(DeleteCluster),
    ConfirmOwnership(ConfirmOwnership),
    Remove(Remove),
    ReleaseClaim(ReleaseClaim),
    Uninstall(Uninstall),
    Release(Release),
    AwaitGone(AwaitGone),
}

/// A step, as those are told of it who follow a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepName {
    /// What kind of step it is.
    pub phase: &'static str,
    pub action: &'static str,
    pub object: String,
}

/// What a step says of itself, as plain data.
pub trait Planned {
    /// The cluster that it changes, or waits for.
    fn cluster(&self) -> &Side;

    /// One word for what it does.
    fn verb(&self) -> &'static str;

    /// What it is done to.
    fn objects(&self) -> Vec<ObjectRef> {
        Vec::new()
    }

    /// The same for people and programs, where names are not all that there is to say.
    fn object(&self) -> String {
        self.objects().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The fields that it changes.
    fn changes(&self) -> &[Change] {
        &[]
    }

    /// The rights that it needs, and where.
    fn accesses(&self) -> Vec<(Side, Access)> {
        Vec::new()
    }

    /// What it comes to, as far as that can be told before.
    fn foreseen(&self) -> Vec<StepResult> {
        Vec::new()
    }

    /// What it sends, as far as that is known before; `stored` is what the host will store of the member. Nothing where others
    /// than this program do not need it.
    fn manifests(&self, _stored: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        Vec::new()
    }

    /// Whether it only waits for what somebody else does.
    fn only_waits(&self) -> bool {
        false
    }

    /// Whether it changes something, or waits for something that is known; others only confirm what was seen.
    fn is_shown(&self) -> bool {
        true
    }
}

impl Step {
    fn planned(&self) -> &dyn Planned {
        match self {
            Self::RestoreWebhook(step) => step,
            Self::SweepPods(step) => step,
            Self::Probe(step) => step,
            Self::MakeCredential(step) => step,
            Self::Configure(step) => step,
            Self::Register(step) => step,
            Self::DescribeCluster(step) => step,
            Self::Renew(step) => step,
            Self::LookAgain(step) => step,
            Self::RemoveSuperseded(step) => step,
            Self::NarrowWebhook(step) => step,
            Self::DeleteCluster(step) => step,
            Self::ConfirmOwnership(step) => step,
            Self::Remove(step) => step,
            Self::ReleaseClaim(step) => step,
            Self::Uninstall(step) => step,
            Self::Release(step) => step,
            Self::AwaitGone(step) => step,
        }
    }

    pub fn name(&self) -> StepName {
        StepName { phase: self.phase(), action: self.verb(), object: self.object() }
    }

    fn phase(&self) -> &'static str {
        match self {
            Self::RestoreWebhook(_) => "restore-webhook",
            Self::SweepPods(_) => "sweep-pods",
            Self::Probe(_) => "probe",
            Self::MakeCredential(_) => "make-credential",
            Self::Configure(_) => "configure",
            Self::Register(_) => "register",
            Self::DescribeCluster(_) => "describe-cluster",
            Self::Renew(_) => "renew",
            Self::LookAgain(_) => "look-again",
            Self::RemoveSuperseded(_) => "remove-superseded",
            Self::NarrowWebhook(_) => "narrow-webhook",
            Self::DeleteCluster(_) => "delete-cluster",
            Self::ConfirmOwnership(_) => "confirm-ownership",
            Self::Remove(_) => "remove",
            Self::ReleaseClaim(_) => "release-claim",
            Self::Uninstall(_) => "uninstall",
            Self::Release(_) => "release",
            Self::AwaitGone(_) => "await-gone",
        }
    }

    pub fn cluster(&self) -> &Side {
        self.planned().cluster()
    }

    pub fn verb(&self) -> &'static str {
        self.planned().verb()
    }

    pub fn objects(&self) -> Vec<ObjectRef> {
        self.planned().objects()
    }

    pub fn object(&self) -> String {
        self.planned().object()
    }

    pub fn changes(&self) -> &[Change] {
        self.planned().changes()
    }

    pub fn accesses(&self) -> Vec<(Side, Access)> {
        self.planned().accesses()
    }

    pub fn foreseen(&self) -> Vec<StepResult> {
        self.planned().foreseen()
    }

    pub fn manifests(&self, stored: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        self.planned().manifests(stored)
    }

    pub fn is_shown(&self) -> bool {
        self.planned().is_shown()
    }

    pub fn only_waits(&self) -> bool {
        self.planned().only_waits()
    }
}
