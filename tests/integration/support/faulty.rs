//! A test bed that is reached through proxies with faults: between any two of our requests something may happen.

use std::ops::Deref;

use testbed::{Fault, Front, Gate, Rule, kubesphere::Scenario};

use super::{KubectlMc, Run, Started, Watched};

/// A bed with a proxy before each of its clusters.
pub struct Faulty {
    watched: Watched,
    fronts: Vec<Front>,
    kubeconfig: String,
}

impl Faulty {
    pub fn lease(scenario: &Scenario) -> Self {
        let watched = Watched::lease(scenario);
        let mut kubeconfig = std::fs::read_to_string(watched.kubeconfig()).unwrap();
        let clusters = std::iter::once(watched.host()).chain(watched.members());
        let fronts = clusters
            .map(|cluster| {
                let front = Front::start(cluster.plane()).unwrap();
                kubeconfig = kubeconfig.replace(&cluster.server(), &front.server());
                front
            })
            .collect();
        Self { watched, fronts, kubeconfig }
    }

    /// As [`Watched::kubectl_mc`], through the proxies.
    pub fn kubectl_mc(&self) -> KubectlMc {
        self.watched.searched(KubectlMc::new(&self.kubeconfig, self.watched.secrets()))
    }

    /// As [`Watched::join`], through the proxies.
    pub fn join(&self, words: &str) -> KubectlMc {
        self.kubectl_mc().join(words)
    }

    /// The proxy before the host.
    pub fn before_host(&self) -> &Front {
        &self.fronts[0]
    }

    /// The proxy before a member, counted from 1.
    pub fn before_member(&self, number: usize) -> &Front {
        &self.fronts[number]
    }

    /// Starts the command, and returns as soon as a request at this proxy has met this rule, which holds for that one alone.
    pub fn start_until(&self, what: &str, command: KubectlMc, front: &Front, rule: Rule) -> Started {
        let hits = front.add(rule.times(1));
        let started = command.start();
        self.wait_for(what, |_| hits.count() > 0);
        started
    }

    /// Runs the command until its first such request at this proxy, which never arrives, and kills it then.
    pub fn killed_in(&self, command: KubectlMc, front: &Front, method: &str, path: &str) {
        drop(self.signalled_in("KILL", command, front, method, path));
    }

    /// As [`Self::killed_in`], with another signal.
    pub fn signalled_in(
        &self,
        signal: &str,
        command: KubectlMc,
        front: &Front,
        method: &str,
        path: &str,
    ) -> Run {
        let request = Rule::on(method, path, Fault::Hang);
        self.start_until(&format!("{method} {path}"), command, front, request).signal(signal)
    }

    /// Runs the command, and `meanwhile` while its first such request at this proxy is held back.
    pub fn run_with(
        &self,
        command: KubectlMc,
        front: &Front,
        method: &str,
        path: &str,
        meanwhile: impl FnOnce(),
    ) -> Run {
        let gate = Gate::closed();
        let request = Rule::on(method, path, Fault::Hold(gate.clone()));
        let started = self.start_until(&format!("{method} {path}"), command, front, request);
        meanwhile();
        gate.open();
        started.end()
    }
}

impl Deref for Faulty {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}
