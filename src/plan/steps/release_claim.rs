//! Takes the annotations off a former member by which it says that it is this host's.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    object::{ObjectKind, ObjectRef},
    side::Side,
};
use serde_json::{Value, json};

use crate::plan::{
    access::Access,
    core::{HOST_ANNOTATION, NAME_ANNOTATION},
    result::{Effect, StepResult},
    step::Planned,
    unjoin::core::OwnClaim,
};

#[derive(Clone, Debug)]
pub struct ReleaseClaim {
    pub cluster: Side,
    pub own: OwnClaim,
}

impl ReleaseClaim {
    pub fn namespace() -> ObjectRef {
        ObjectKind::NAMESPACE.named(NAMESPACE)
    }

    /// The JSON Patch, which holds only while they name this host.
    pub fn document(&self) -> Value {
        let claim = &self.own.claim;
        let own = [(NAME_ANNOTATION, &claim.name), (HOST_ANNOTATION, &claim.host)];
        let path = |key: &str| format!("/metadata/annotations/{}", key.replace('/', "~1"));
        let guards = own.iter().map(|(key, value)| json!({"op": "test", "path": path(key), "value": value}));
        let removals = own.iter().map(|(key, _)| json!({"op": "remove", "path": path(key)}));
        guards.chain(removals).collect()
    }
}

impl Planned for ReleaseClaim {
    fn cluster(&self) -> &Side {
        &self.cluster
    }

    fn verb(&self) -> &'static str {
        "patch"
    }

    fn objects(&self) -> Vec<ObjectRef> {
        vec![Self::namespace()]
    }

    fn accesses(&self) -> Vec<(Side, Access)> {
        let (group, resource, name) = ("", "namespaces", Some(NAMESPACE));
        let of = |verb| Access { verb, group, resource, namespace: None, name };
        let patch = (!self.own.goes_by_itself).then_some("patch");
        ["get"].into_iter().chain(patch).map(|verb| (self.cluster.clone(), of(verb))).collect()
    }

    fn foreseen(&self) -> Vec<StepResult> {
        let patched = StepResult::new(&self.cluster, Self::namespace(), Effect::Patched);
        if self.own.goes_by_itself { Vec::new() } else { vec![patched] }
    }

    /// What the host's controller does is only seen to.
    fn is_shown(&self) -> bool {
        !self.own.goes_by_itself
    }
}
