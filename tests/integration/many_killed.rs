//! Twenty members at once, and the join of them killed anywhere: the same command again comes to the end of one that nobody
//! disturbed, with nothing done twice.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use testbed::{
    Fault, Rule,
    bed::Cluster,
    faults::Hits,
    kubesphere::{Installation, Scenario, Version},
};

use crate::support::{KubectlMc, Standing, Watched, other_than, settled};

const MEMBERS: usize = 20;
const MOMENTS: usize = 10;
const SEED: u64 = 17;
/// Beds of so many clusters.
const AT_ONCE: usize = 2;

fn lease() -> Watched {
    let members = vec![Installation::new(Version::V3_4); MEMBERS];
    Watched::lease(&Scenario::new(Version::V3_4).members(members).in_memory().at_once())
}

fn join(bed: &Watched) -> KubectlMc {
    let names: Vec<&str> = bed.members().iter().map(Cluster::name).collect();
    bed.join(&names.join(" ")).words("--reachability off")
}

/// A run's requests, to whichever cluster, as they come.
struct Requests {
    come: Arc<AtomicUsize>,
    met: Vec<Hits>,
}

impl Requests {
    /// The so manyth of them, counted from 0, meets the fault.
    fn of(bed: &Watched, nth: usize, fault: &Fault) -> Self {
        let come = Arc::<AtomicUsize>::default();
        let rule = || {
            let come = Arc::clone(&come);
            let is_it = move |_: &http::Method, _: &http::Uri| come.fetch_add(1, Ordering::Relaxed) == nth;
            Rule::when(is_it, fault.clone()).by("kubectl-mc/")
        };
        let met = bed.clusters().map(|cluster| cluster.faults().add(rule())).collect();
        Self { come, met }
    }

    fn count(&self) -> usize {
        self.come.load(Ordering::Relaxed)
    }

    fn have_met_it(&self) -> bool {
        self.met.iter().any(|hits| hits.count() > 0)
    }
}

/// Every member is joined, each Cluster was created once, and each ClusterConfiguration patched once: all of them have been
/// changed, so that as many patches as there are clusters are one of each.
#[track_caller]
fn assert_done_once(bed: &Watched) {
    let stored = bed.stored();
    let times = |write: &str| stored.iter().filter(|stored| *stored == write).count();
    for (member, number) in bed.members().iter().zip(1..) {
        bed.assert_joined(number, member.name());
        assert_eq!(times(&format!("create clusters/{}", member.name())), 1, "{stored:?}");
    }
    assert_eq!(times("patch clusterconfigurations/ks-installer"), 1 + MEMBERS, "{stored:?}");
}

/// The requests of a run that nobody disturbs, and what it comes to.
fn undisturbed() -> (usize, Standing) {
    let bed = lease();
    let requests = Requests::of(&bed, usize::MAX, &Fault::Hang);
    let _ = join(&bed).run().code(0);
    assert_done_once(&bed);
    (requests.count(), settled(&bed))
}

/// Kills the run at its so manyth request, before or after that was applied, and runs the same command again. How much the killed
/// one had written.
fn goes_on_where_it_was_killed(nth: usize, is_applied: bool, end: &Standing) -> usize {
    let bed = lease();
    let fault = if is_applied { Fault::Applied(Box::new(Fault::Hang)) } else { Fault::Hang };
    let requests = Requests::of(&bed, nth, &fault);
    let mut started = join(&bed).start();
    assert!(started.until(|| requests.have_met_it()), "there is no request {nth}: {}", started.end());
    let killed = started.signal("KILL");
    bed.clusters().for_each(|cluster| cluster.faults().clear());
    let stored = bed.stored().len();
    let again = join(&bed).run().code(0);
    assert_done_once(&bed);
    let differences = other_than(&bed, &[end]);
    assert_eq!(differences, "", "killed at {nth}\n{killed}\n=== again\n{again}");
    stored
}

#[test]
fn killed_at_any_request_of_twenty_members_the_same_command_ends_alike() {
    let (requests, end) = undisturbed();
    let mut rng = fastrand::Rng::with_seed(SEED);
    let moments: Vec<_> = (0..MOMENTS).map(|_| (rng.usize(..requests), rng.bool())).collect();
    println!("of {requests} requests: {moments:?}");
    let moments = Mutex::new(moments.into_iter());
    let work = || {
        while let Some((nth, is_applied)) = { moments.lock().unwrap().next() } {
            let stored = goes_on_where_it_was_killed(nth, is_applied, &end);
            println!("killed at request {nth}, applied: {is_applied}, after {stored} writes");
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
}
