//! Beds on which one thing after the other begins alike.

use std::{
    ops::Deref,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use testbed::{WayBack, bed::Cluster};

use super::{Standing, Watched, settled, standing};

/// A bed that takes longer is not used again.
const GOES_BACK_WITHIN: Duration = Duration::from_secs(8);
/// Controllers have seen by then what was taken back.
const SEEN_WITHIN: Duration = Duration::from_millis(300);

/// A bed that goes back to how all stands there now.
pub struct Begun {
    bed: Watched,
    ways_back: Vec<WayBack>,
    standing: Standing,
    specs: Vec<Value>,
}

impl Begun {
    pub fn of(bed: Watched) -> Self {
        let standing = settled(&bed);
        let ways_back = bed.clusters().map(|cluster| cluster.plane().way_back().unwrap()).collect();
        let specs = bed.clusters().map(spec).collect();
        Self { bed, ways_back, standing, specs }
    }

    /// Takes back everything that was stored since, and what controllers and installers store because of that; nothing where they
    /// do not come to rest.
    pub fn gone_back(mut self) -> Option<Self> {
        let runs = self.bed.clusters().zip(&self.specs).map(|(cluster, before)| {
            let of_changed_spec = usize::from(spec(cluster) != *before);
            runs(&cluster.installer_logs()) + of_changed_spec
        });
        let runs: Vec<usize> = runs.collect();
        self.take_back();
        let (begun, mut before) = (Instant::now(), Vec::new());
        while begun.elapsed() < GOES_BACK_WITHIN {
            thread::sleep(SEEN_WITHIN);
            let now: Vec<_> = self.bed.clusters().map(Cluster::installer_logs).collect();
            let has_run = now.iter().zip(&runs).all(|(logs, expected)| self::runs(logs) >= *expected);
            if has_run && now == before {
                if standing(&self.bed) == self.standing {
                    let_the_second_pass();
                    return Some(self);
                }
                self.take_back();
            }
            before = now;
        }
        None
    }

    fn take_back(&mut self) {
        self.ways_back.iter_mut().for_each(|way_back| way_back().unwrap());
    }
}

fn spec(cluster: &Cluster) -> Value {
    cluster.cluster_configuration()["spec"].take()
}

/// How many runs of the installer have begun.
fn runs(logs: &[String]) -> usize {
    logs.iter().map(|log| log.matches("HookRun@KUBE_EVENTS").count()).sum()
}

/// A run that was over within the second of a change would be taken for that change's: managedFields tell whole seconds. Real runs
/// take minutes.
fn let_the_second_pass() {
    let now = Timestamp::now().subsec_nanosecond();
    thread::sleep(Duration::from_nanos(1_000_000_000 - u64::try_from(now).unwrap()));
}

impl Deref for Begun {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.bed
    }
}
