//! Narrows the host's webhook for one Cluster, so that its deletion is not denied; it is restored when that is gone.

use kubesphere::{
    cluster::RegisteredCluster,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_webhook},
    narrowing::Field,
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct NarrowWebhook {
    pub host: Side,
    pub field: Field,
    pub planned: RegisteredCluster,
    /// Whether it passes updates now only because an earlier command has narrowed it: it is asked anew, and narrowed only if it
    /// denies.
    pub asks_anew: bool,
}

impl Planned for NarrowWebhook {
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
        of_webhook().into_iter().map(|access| (self.host.clone(), access)).collect()
    }
}
