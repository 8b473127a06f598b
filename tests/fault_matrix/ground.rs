//! Where an operation is tried, and what an undisturbed one comes to.

use serde_json::json;
use testbed::kubesphere::{Clusters, Peculiarity, Scenario, Version};

use super::{
    Operation,
    disturbance::LIMIT,
    request::{Asked, changes, once},
};
use crate::support::{Begun, KubectlMc, Standing, Watched, settled, standing::plain};

/// Where an operation is tried.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub version: Version,
    pub clusters: Clusters,
    pub operation: &'a Operation,
}

impl Ground<'_> {
    /// A bed on which the operation can begin. Its clusters have something of somebody else's.
    pub fn begun(self) -> Begun {
        let foreign = Peculiarity::Metadata(json!({"annotations": {"example.com/owner": "somebody else"}}));
        // To look at so many clusters as often as a cluster controller does takes most of a processor.
        let seldom = Peculiarity::Spec(json!({"multicluster": {"clusterControllerResyncPeriod": "30s"}}));
        let scenario = Scenario { clusters: self.clusters, ..Scenario::new(self.version) }.at_once();
        let bed = Watched::lease(&scenario.all(|installation| match self.clusters {
            Clusters::InMemory => installation.with(foreign.clone()).with(seldom.clone()),
            Clusters::Real => installation.with(foreign.clone()).with(Peculiarity::BehindProxy),
        }));
        if !self.operation.before.is_empty() {
            let _ = bed.kubectl_mc().words(self.operation.before).run().code(0);
        }
        Begun::of(bed)
    }

    pub fn command(self, bed: &Watched) -> KubectlMc {
        bed.kubectl_mc().words(self.operation.words).words(LIMIT)
    }

    pub fn look(self, bed: &Watched) -> KubectlMc {
        self.command(bed).words("--dry-run=client -o json")
    }
}

/// What an undisturbed command sends, and comes to.
pub struct Undisturbed {
    /// The requests of its look.
    pub looks: Vec<Asked>,
    pub others: Vec<Asked>,
    /// What its look comes to.
    pub look: String,
    pub once: [usize; 3],
    pub end: Standing,
}

impl Undisturbed {
    pub fn of(ground: Ground<'_>) -> Self {
        let bed = ground.begun();
        let marks = bed.marks();
        let look = plain(&ground.look(&bed).run().code(0).stdout);
        let looks = Asked::all(&bed, &marks);
        let marks = bed.marks();
        let _ = ground.command(&bed).run().code(0);
        let others = Asked::all(&bed, &marks).into_iter().filter(|asked| !looks.contains(asked)).collect();
        Self { looks, others, look, once: once(&changes(&bed, &marks)), end: settled(&bed) }
    }
}
