//! Deletes a Cluster, unless somebody has, and waits until it is gone.

use kubesphere::{
    cluster::RegisteredCluster,
    object::{ObjectKind, ObjectRef},
    side::Side,
};

use crate::plan::{
    access::{Access, of_clusters, of_webhook},
    narrowing::Field,
    result::{Effect, StepResult},
    step::Planned,
};

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent yes and no")]
pub struct DeleteCluster {
    pub host: Side,
    pub planned: RegisteredCluster,
    /// Whether it is deleted; else somebody has, and its finalizer is waited for.
    pub deletes: bool,
    /// Whether the webhook is asked by an update that changes nothing, which needs the right to one.
    pub asks_webhook: bool,
    /// Whether the webhook passes updates now only because an earlier command has narrowed it: it is asked anew.
    pub asks_anew: bool,
    /// Whether the member's side is done too.
    pub with_member: bool,
    /// Why and how it is deleted behind a narrowed webhook, where it is.
    pub forced: Option<Forced>,
}

/// A deletion that the webhook would deny.
#[derive(Clone, Debug)]
pub struct Forced {
    pub field: Field,
    /// The webhook's words, where it was asked.
    pub denial: Option<String>,
}

impl Planned for DeleteCluster {
    fn cluster(&self) -> &Side {
        &self.host
    }

    fn verb(&self) -> &'static str {
        if self.deletes { "delete" } else { "wait" }
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![ObjectKind::CLUSTER.named(self.planned.name())]
    }

    fn only_waits(&self) -> bool {
        !self.deletes && self.forced.is_none()
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let verbs: &[&'static str] = if self.deletes { &["get", "delete"] } else { &["get"] };
        let asks: &[&'static str] = if self.asks_webhook { &["patch"] } else { &[] };
        let webhook = self.asks_anew.then(of_webhook).into_iter().flatten();
        let mut accesses = of_clusters(&self.host, verbs);
        accesses.extend(of_clusters(&self.host, asks));
        accesses.extend(webhook.map(|access| (self.host.clone(), access)));
        accesses
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let object = ObjectKind::CLUSTER.named(self.planned.name());
        let deleted = StepResult::new(&self.host, object, Effect::Deleted);
        if self.deletes { vec![deleted] } else { Vec::new() }
    }
}
