//! Has the controller of a host with KubeSphere 4 look at a Cluster once more, which has a new kubeconfig.

use std::time::Duration;

use kubesphere::{
    object::{ObjectKind, ObjectRef},
    side::Side,
    versions::Differences,
};

use super::renew::Renew;
use crate::plan::{
    access::{Access, of_clusters},
    step::Planned,
};

#[derive(Clone, Debug)]
pub struct LookAgain {
    pub host: Side,
    pub member: Side,
    /// Of the member's kube-system.
    pub uid: String,
    pub name: String,
    pub differences: Differences,
    /// How often the host's controller looks at each Cluster.
    pub resync: Duration,
}

impl LookAgain {
    pub fn after(renewed: &Renew) -> Self {
        Self {
            host: renewed.host.clone(),
            member: renewed.member.clone(),
            uid: renewed.uid.clone(),
            name: renewed.planned.name().to_owned(),
            differences: renewed.differences,
            resync: renewed.resync,
        }
    }
}

impl Planned for LookAgain {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        "annotate"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::CLUSTER.named(&self.name)]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        of_clusters(&self.host, &["get", "patch"])
    }
}
