//! Restores the webhook that an earlier command has left narrowed.

use kubesphere::{
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_webhook},
    manifest::Manifest,
    member_kubeconfig::StoredKubeconfig,
    narrowing::Restoration,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct RestoreWebhook {
    pub host: Side,
    pub restoration: Restoration,
    /// Whether the command cannot do without it; for others that it fails is only worth a notice.
    pub is_required: bool,
}

impl Planned for RestoreWebhook {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        "patch"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::cluster_webhook()]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let needed = self.is_required.then(of_webhook).into_iter().flatten();
        needed.map(|access| (self.host.clone(), access)).collect()
    }

    fn manifests(&self, _: Option<&StoredKubeconfig>) -> Vec<Manifest> {
        let patch = self.restoration.patch.document();
        vec![Manifest::of_patch(&self.host, ObjectKind::cluster_webhook(), patch)]
    }

    fn foreseen(&self) -> Vec<StepResult> {
        vec![StepResult::new(&self.host, ObjectKind::cluster_webhook(), Effect::Patched)]
    }
}
