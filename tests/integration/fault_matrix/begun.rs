//! Beds on which an operation can begin, and what an undisturbed one comes to.

use std::{collections::BTreeSet, sync::Mutex, thread, time::Duration};

use serde_json::json;
use testbed::kubesphere::{Clusters, Installation, Peculiarity, Scenario, Version};

use super::{
    Operation,
    disturbance::LIMIT,
    request::{Asked, changes, once},
};
use crate::support::{KubectlMc, Watched, listing, plain, standing};

/// Where an operation is tried.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub version: Version,
    pub clusters: Clusters,
    pub operation: &'a Operation,
}

impl Ground<'_> {
    /// A bed on which the operation can begin, made when no other one is. Its clusters have something of somebody else's.
    pub fn begun(self) -> Begun {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap();
        let foreign = Peculiarity::Metadata(json!({"annotations": {"example.com/owner": "somebody else"}}));
        let installation = Installation::new(self.version).with(foreign);
        let installation = match self.clusters {
            Clusters::InMemory => installation,
            Clusters::Real => installation.with(Peculiarity::BehindProxy),
        };
        let scenario = Scenario::new(self.version).host(installation.clone()).member(installation).at_once();
        let bed = Watched::lease(&Scenario { clusters: self.clusters, ..scenario });
        if !self.operation.before.is_empty() {
            let _ = bed.kubectl_mc().words(self.operation.before).run().code(0);
        }
        Begun { bed, look: None }
    }

    /// Everything that stands on the clusters; of real ones without what is in the objects.
    pub fn standing(self, bed: &Watched) -> BTreeSet<String> {
        match self.clusters {
            Clusters::InMemory => standing(bed),
            Clusters::Real => {
                let of = |cluster| listing(cluster).into_iter().map(|line| plain(&line));
                let host = of(bed.host()).map(|line| format!("host {line}"));
                host.chain(of(bed.member(1)).map(|line| format!("member1 {line}"))).collect()
            }
        }
    }

    pub fn command(self, bed: &Watched) -> KubectlMc {
        bed.kubectl_mc().words(self.operation.words).words(LIMIT)
    }

    pub fn look(self, bed: &Watched) -> KubectlMc {
        self.command(bed).words("--dry-run=client -o json")
    }
}

/// A bed on which an operation can begin.
pub struct Begun {
    pub bed: Watched,
    look: Option<String>,
}

impl Begun {
    /// What its look comes to.
    pub fn look(&mut self, ground: Ground<'_>) -> &str {
        let bed = &self.bed;
        self.look.get_or_insert_with(|| plain(&ground.look(bed).run().code(0).stdout))
    }

    /// After the operation, where that ends where it began.
    pub fn again(self) -> Self {
        Self { look: None, ..self }
    }
}

/// What an undisturbed command sends, and comes to.
pub struct Undisturbed {
    pub looks: Vec<Asked>,
    pub others: Vec<Asked>,
    pub once: [usize; 3],
    pub end: BTreeSet<String>,
}

impl Undisturbed {
    pub fn of(ground: Ground<'_>) -> Self {
        let Begun { bed, .. } = ground.begun();
        let marks = bed.marks();
        let _ = ground.look(&bed).run().code(0);
        let looks = Asked::all(&bed, &marks);
        let marks = bed.marks();
        let _ = ground.command(&bed).run().code(0);
        let others = Asked::all(&bed, &marks).into_iter().filter(|asked| !looks.contains(asked)).collect();
        let once = once(&changes(&bed, &marks));
        let settled = || (ground.standing(&bed), thread::sleep(Duration::from_millis(500))).0;
        let (mut end, mut again) = (settled(), settled());
        while end != again {
            (end, again) = (again, settled());
        }
        Self { looks, others, once, end }
    }
}
