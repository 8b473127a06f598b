//! A server that goes away in each wait of a command, for seconds or minutes, or whose clock jumps: the command goes on by
//! itself and reaches the undisturbed end.

use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use http::{Method, Uri};
use testbed::{
    ClockJump, Fault, Front, Gate, Rule,
    bed::Cluster,
    kubesphere::{Scenario, Version},
};

use crate::support::{Faulty, KubectlMc, Standing, other_than, settled};

const JOIN: &str = "join member1 --context host --yes --skip-check member-server-loopback";
const RENEW: &str =
    "renew member1 --member-context member1 --context host --yes --skip-check member-server-loopback";
const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";
const UNINSTALL: &str = "unjoin member1 --member-context member1 --context host --yes --uninstall";

/// Each wait for the server that is away longest, and some others: most of them do nothing.
const AT_ONCE: usize = WAITS.len() + 4;

const CONFIGURATION: &str = "/clusterconfigurations/ks-installer";

/// What a command waits for, from the answer to a request on.
#[derive(Clone, Copy)]
struct Wait {
    name: &'static str,
    version: Version,
    before: &'static str,
    command: &'static str,
    /// Counted from the host.
    cluster: usize,
    method: &'static str,
    path: &'static str,
    /// Whether it is for what a watch shows that was there before.
    is_watched: bool,
}

const WAITS: [Wait; 13] = [
    wait("the host's installer", ["", JOIN], (0, "PATCH", CONFIGURATION)),
    wait("the member's installer", ["", JOIN], (1, "PATCH", CONFIGURATION)),
    // A host of 3.3 gets a certificate.
    Wait {
        version: Version::V3_3,
        ..wait("the signer", ["", JOIN], (1, "POST", "/certificatesigningrequests?"))
    },
    watched(wait("the Cluster to be ready", ["", JOIN], (0, "POST", "/clusters?"))),
    wait("the last look", ["", JOIN], (0, "POST", "/clusters?")),
    wait("the controller to take the credential", [JOIN, RENEW], (0, "PATCH", "/clusters/member1?")),
    wait("the Cluster's deletion", [JOIN, UNJOIN], (0, "DELETE", "/clusters/member1?")),
    wait("the namespace's deletion", [JOIN, UNJOIN], (1, "DELETE", "/namespaces/kube-federation-system?")),
    wait("the former member's installer", [JOIN, UNJOIN], (1, "PATCH", CONFIGURATION)),
    watched(of_4(wait("the host to install its member", ["", JOIN], (0, "POST", "/clusters?")))),
    of_4(wait("the controller to look twice", [JOIN, RENEW], (0, "PATCH", "/clusters/member1?"))),
    of_4(wait("the member's release", [JOIN, UNJOIN], (0, "DELETE", "/clusters/member1?"))),
    // The last that helm deletes.
    of_4(wait("what helm has installed to go", [JOIN, UNINSTALL], (1, "DELETE", "/users/admin?"))),
];

const fn wait(
    name: &'static str,
    [before, command]: [&'static str; 2],
    (cluster, method, path): (usize, &'static str, &'static str),
) -> Wait {
    Wait { name, version: Version::V3_4, before, command, cluster, method, path, is_watched: false }
}

const fn watched(wait: Wait) -> Wait {
    Wait { is_watched: true, ..wait }
}

/// Where it is of another kind than in 3.
const fn of_4(wait: Wait) -> Wait {
    Wait { version: Version::V4_1_3, ..wait }
}

impl Wait {
    fn bed(&self, scenario: &Scenario) -> Faulty {
        let bed = Faulty::lease(scenario);
        if !self.before.is_empty() {
            let _ = bed.kubectl_mc().words(self.before).run().code(0);
        }
        bed
    }

    fn command(&self, bed: &Faulty) -> KubectlMc {
        bed.kubectl_mc().words(self.command)
    }

    /// Who is waited for.
    fn of<'a>(&self, bed: &'a Faulty) -> (&'a Cluster, &'a Front) {
        match self.cluster {
            0 => (bed.host(), bed.before_host()),
            number => (bed.member(number), bed.before_member(number)),
        }
    }

    /// The first request of the wait, held back.
    fn begins(&self, gate: &Gate) -> Rule {
        let (method, path, waits) = (self.method, self.path, AtomicBool::new(false));
        let is_first = move |asked: &Method, uri: &Uri| {
            let uri = uri.to_string();
            let begins = asked == method && uri.contains(path) && !uri.contains("dryRun");
            waits.fetch_or(begins, Ordering::Relaxed)
        };
        Rule::when(is_first, Fault::Hold(gate.clone())).by("kubectl-mc/")
    }

    /// As [`Self::run_on`], in memory.
    fn run(&self, meanwhile: impl FnOnce(&Cluster, &Front)) -> Faulty {
        self.run_on(&self.scenario().in_memory(), meanwhile)
    }

    fn scenario(&self) -> Scenario {
        Scenario::new(self.version).at_once()
    }

    /// Runs the command, and `meanwhile` once it waits.
    fn run_on(&self, scenario: &Scenario, meanwhile: impl FnOnce(&Cluster, &Front)) -> Faulty {
        let (bed, gate) = (self.bed(scenario), Gate::closed());
        let (cluster, front) = self.of(&bed);
        let held = front.add(self.begins(&gate).times(1));
        let started = self.command(&bed).start();
        let is_registered = || !bed.host().cluster("member1").is_null();
        bed.wait_for(self.name, |_| held.count() > 0 || self.is_watched && is_registered());
        meanwhile(cluster, front);
        gate.open();
        let _ = started.end().code(0);
        bed
    }

    /// What is done to the server makes no difference at the end.
    fn bears(&self, disturbance: Disturbance, end: &Standing) {
        let bed = self.run(|cluster, front| disturbance.happens(cluster, front));
        assert_eq!(other_than(&bed, &[end]), "", "{disturbance:?} in the wait for {}", self.name);
    }
}

/// What happens to the server that is waited for.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// Nobody answers for so many seconds.
    Away(u64),
    /// The cluster's clocks are so many seconds ahead from now on.
    Jump(i64),
    /// As before, and all connections are cut: how a log goes on is not told by the times of its lines any more.
    JumpAndCut(i64),
    /// The server has forgotten what was watched from, and all connections are cut.
    Compacted,
}

const HOUR: i64 = 3600;

/// The longest first.
const DISTURBANCES: [Disturbance; 8] = [
    Disturbance::Away(120),
    Disturbance::Away(30),
    Disturbance::Away(5),
    Disturbance::Jump(HOUR),
    Disturbance::Jump(-HOUR),
    Disturbance::JumpAndCut(HOUR),
    Disturbance::JumpAndCut(-HOUR),
    Disturbance::Compacted,
];

impl Disturbance {
    fn happens(self, cluster: &Cluster, front: &Front) {
        let jump = |seconds| drop(front.add(Rule::when(|_, _| true, Fault::Jumped(ClockJump::now(seconds)))));
        match self {
            Self::Away(seconds) => {
                front.close();
                thread::sleep(Duration::from_secs(seconds));
                front.reopen().unwrap();
            }
            Self::Jump(seconds) => jump(seconds),
            Self::JumpAndCut(seconds) => {
                jump(seconds);
                front.cut_connections();
            }
            Self::Compacted => {
                cluster.plane().compact().unwrap();
                front.cut_connections();
            }
        }
    }
}

#[test]
fn a_server_that_is_away_or_whose_clocks_jump_in_a_wait_changes_nothing() {
    let waits = WAITS.map(|wait| (wait, OnceLock::new()));
    let trials =
        DISTURBANCES.iter().flat_map(|disturbance| waits.iter().map(move |wait| (wait, *disturbance)));
    let trials = Mutex::new(trials);
    let work = || {
        while let Some(((wait, end), disturbance)) = { trials.lock().unwrap().next() } {
            wait.bears(disturbance, end.get_or_init(|| settled(&wait.run(|_, _| ()))));
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
}

/// Etcd itself, and kube-apiserver's own memory of it.
#[test]
fn a_compacted_etcd_in_a_wait_changes_nothing() {
    for wait in &WAITS {
        let scenario = wait.scenario().on_control_planes();
        drop(wait.run_on(&scenario, |cluster, front| Disturbance::Compacted.happens(cluster, front)));
    }
}
