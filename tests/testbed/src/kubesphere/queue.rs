//! The queue of a controller: which Clusters are looked at now, next, and again after a failure.
//!
//! Source: Kubernetes `staging/src/k8s.io/client-go/util/workqueue`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

/// What follows a look that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// Another look as soon as after a failure.
    Again,
    /// Another look after so long.
    After(Duration),
}

/// One look at the Cluster of this name.
pub(super) type Look = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Next, String>> + Send + Sync>;

/// How a controller tries again, and how much it does at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// The delay before the first retry; it doubles with each.
    pub(super) first: Duration,
    pub(super) longest: Duration,
    /// How often a failing Cluster is tried again.
    pub(super) most_retries: u32,
    /// How many looks there are at once.
    pub(super) workers: usize,
}

/// Clusters to look at: each at most once at a time, and once more if something happened meanwhile.
pub(super) struct Queue {
    look: Look,
    policy: Policy,
    running: HashSet<String>,
    waiting: VecDeque<String>,
    again: HashSet<String>,
    failures: HashMap<String, u32>,
    looks: JoinSet<(String, Result<Next, String>)>,
    planned: HashMap<String, Instant>,
    later: mpsc::UnboundedSender<(String, Instant)>,
    due: mpsc::UnboundedReceiver<(String, Instant)>,
}

impl Queue {
    pub(super) fn new(policy: Policy, look: Look) -> Self {
        let (later, due) = mpsc::unbounded_channel();
        Self {
            look,
            policy,
            running: HashSet::new(),
            waiting: VecDeque::new(),
            again: HashSet::new(),
            failures: HashMap::new(),
            looks: JoinSet::new(),
            planned: HashMap::new(),
            later,
            due,
        }
    }

    pub(super) fn add(&mut self, name: &str) {
        if self.running.contains(name) {
            self.again.insert(name.to_owned());
        } else if !self.waiting.iter().any(|waiting| waiting == name) {
            self.waiting.push_back(name.to_owned());
        }
        self.take_up();
    }

    /// Takes what is due for another try, or the outcome of a look that has ended.
    pub(super) async fn step(&mut self) {
        tokio::select! {
            Some((name, at)) = self.due.recv() => self.come_due(&name, at),
            Some(Ok((name, outcome))) = self.looks.join_next() => self.finished(&name, &outcome),
            else => std::future::pending().await,
        }
    }

    fn take_up(&mut self) {
        while self.running.len() < self.policy.workers {
            let Some(name) = self.waiting.pop_front() else { return };
            self.running.insert(name.clone());
            let look = (self.look)(name.clone());
            self.looks.spawn(async move { (name, look.await) });
        }
    }

    fn finished(&mut self, name: &str, outcome: &Result<Next, String>) {
        self.running.remove(name);
        match outcome {
            Ok(Next::Nothing) => drop(self.failures.remove(name)),
            Ok(Next::After(delay)) => {
                self.failures.remove(name);
                self.plan(name, *delay);
            }
            Ok(Next::Again) | Err(_) => self.retry(name),
        }
        if self.again.remove(name) {
            self.add(name);
        }
        self.take_up();
    }

    fn retry(&mut self, name: &str) {
        let failures = self.failures.entry(name.to_owned()).or_default();
        if *failures >= self.policy.most_retries {
            self.failures.remove(name);
            return;
        }
        let delay = self.policy.first.saturating_mul(2_u32.saturating_pow(*failures));
        *failures += 1;
        self.plan(name, delay.min(self.policy.longest));
    }

    /// What is planned already and sooner stays so.
    fn plan(&mut self, name: &str, delay: Duration) {
        let at = Instant::now() + delay;
        if self.planned.get(name).is_some_and(|planned| *planned <= at) {
            return;
        }
        self.planned.insert(name.to_owned(), at);
        let (later, name) = (self.later.clone(), name.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            let _ = later.send((name, at));
        });
    }

    fn come_due(&mut self, name: &str, at: Instant) {
        if self.planned.get(name) == Some(&at) {
            self.planned.remove(name);
            self.add(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn queue(workers: usize, looks: &Arc<Mutex<Vec<String>>>, outcome: Result<Next, String>) -> Queue {
        let (first, longest) = (Duration::from_millis(5), Duration::from_secs(1000));
        let looks = Arc::clone(looks);
        let look: Look = Arc::new(move |name| {
            looks.lock().unwrap().push(name);
            let outcome = outcome.clone();
            Box::pin(async move { outcome })
        });
        Queue::new(Policy { first, longest, most_retries: u32::MAX, workers }, look)
    }

    #[tokio::test(start_paused = true)]
    async fn retries_come_later_and_later_up_to_a_limit() {
        let looks = Arc::default();
        let mut queue = queue(1, &looks, Err("it fails".to_owned()));
        let begun = Instant::now();
        queue.add("a");
        while looks.lock().unwrap().len() < 20 {
            queue.step().await;
        }
        let delays: u64 = (0..19).map(|retry| (5 << retry).min(1_000_000)).sum();
        let taken = begun.elapsed();
        let expected = Duration::from_millis(delays);
        assert!(
            taken >= expected && taken < expected + Duration::from_millis(100),
            "{taken:?}, {expected:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_third_waits_for_one_of_two_workers() {
        let looks = Arc::default();
        let mut queue = queue(2, &looks, Ok(Next::Nothing));
        for name in ["a", "b", "c", "a"] {
            queue.add(name);
        }
        assert_eq!(looks.lock().unwrap().len(), 2);
        queue.step().await;
        assert!(looks.lock().unwrap().contains(&"c".to_owned()));
    }
}
