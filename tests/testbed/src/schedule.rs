//! Two clients whose requests are answered one after the other, in an order that a seed gives.
//!
//! A client is known by the user whom it impersonates. The order is one of two kinds: each request is anybody's (a walk), or
//! one client goes first and they change places a few times (Burckhardt et al., "A Randomized Scheduler with Probabilistic
//! Guarantees of Finding Bugs", ASPLOS 2010), which finds what a walk does not: one who acts long after it has looked.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fastrand::Rng;
use http::{Method, Request, Uri};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

/// How often it is looked whether a client has stopped to compute.
const LOOKS_EVERY: Duration = Duration::from_millis(2);
/// For how long a client that goes first does nothing until the other one goes on: it may wait for an answer that is on its
/// way, for a controller, or for the other one.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(6), Duration::from_millis(40), Duration::from_millis(400)];
/// How often they change places at most.
const CHANGES: usize = 3;

/// How many requests are held, of both together: where only writes are, and where all are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Length {
    pub writes: usize,
    pub all: usize,
}

/// An order of the requests of two clients, as long as it stands.
#[derive(Clone, Debug)]
pub struct Schedule(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clients: [&'static str; 2],
    holds_all: bool,
    patience: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    order: Order,
    /// Of whom the next request is, if there is one.
    first: usize,
    /// Their processes, once they have begun.
    processes: Option<[u32; 2]>,
    waiting: [VecDeque<usize>; 2],
    next_ticket: usize,
    under_way: Option<usize>,
    idle_since: Option<Instant>,
    answered: Vec<String>,
}

#[derive(Debug)]
enum Order {
    Walk(Rng),
    /// After so many requests they change places.
    Priorities(BTreeSet<usize>),
}

/// A request's place among those that wait, and then its turn; dropped, the next one goes.
#[derive(Debug)]
pub(crate) struct Turn {
    shared: Arc<Shared>,
    client: usize,
    ticket: usize,
}

impl Schedule {
    /// The order that this seed gives to the requests of who impersonates these users.
    pub fn new(clients: [&'static str; 2], seed: u64, length: Length) -> Self {
        let mut rng = Rng::with_seed(seed);
        let holds_all = rng.bool();
        let patience = PATIENCE[rng.usize(..PATIENCE.len())];
        let first = rng.usize(..2);
        let length = if holds_all { length.all } else { length.writes };
        let order = if rng.u8(..4) == 0 {
            Order::Walk(rng)
        } else {
            let changes = 1 + rng.usize(..CHANGES);
            Order::Priorities((0..changes).map(|_| rng.usize(..=length)).collect())
        };
        let state = State {
            order,
            first,
            processes: None,
            waiting: Default::default(),
            next_ticket: 0,
            under_way: None,
            idle_since: None,
            answered: Vec::new(),
        };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { clients, holds_all, patience, state, changed: Notify::new() }))
    }

    /// Lets requests pass from now on, these being the clients' processes.
    pub fn begin(&self, processes: [u32; 2]) {
        self.0.state().processes = Some(processes);
        self.0.changed.notify_waiters();
    }

    /// What was held, in the order in which it was answered, each with its client.
    pub fn answered(&self) -> Vec<String> {
        self.0.state().answered.clone()
    }

    /// Waits for the turn of a request that is held.
    pub(crate) async fn turn<B>(&self, request: &Request<B>) -> Option<Turn> {
        let user = request.headers().get("impersonate-user")?.to_str().ok()?;
        let client = self.0.clients.iter().position(|client| *client == user)?;
        let (method, uri) = (request.method(), request.uri());
        if !(is_write(method, uri) || self.0.holds_all && !is_followed(uri)) {
            return None;
        }
        let turn = Turn { shared: Arc::clone(&self.0), client, ticket: self.0.state().queue(client) };
        loop {
            let changed = self.0.changed.notified();
            let polls = {
                let mut state = self.0.state();
                if state.takes(client, turn.ticket, self.0.patience) {
                    let path = uri.path_and_query().map_or("", |path| path.as_str());
                    state.answered.push(format!("{user} {method} {path}"));
                    break;
                }
                state.waits_for_another(client, turn.ticket)
            };
            if polls {
                let _ = timeout(LOOKS_EVERY, changed).await;
            } else {
                changed.await;
            }
        }
        Some(turn)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl State {
    fn queue(&mut self, client: usize) -> usize {
        self.next_ticket += 1;
        self.waiting[client].push_back(self.next_ticket);
        self.next_ticket
    }

    /// Whether this request is the next one; if so, it is under way from now on.
    fn takes(&mut self, client: usize, ticket: usize, patience: Duration) -> bool {
        let is_next = self.under_way.is_none()
            && self.waiting[client].front() == Some(&ticket)
            && (client == self.first || self.does_nothing(self.first, patience));
        if is_next {
            self.waiting[client].pop_front();
            self.under_way = Some(ticket);
            self.idle_since = None;
            self.first = match &mut self.order {
                Order::Walk(rng) => rng.usize(..2),
                Order::Priorities(changes) if changes.contains(&self.answered.len()) => 1 - self.first,
                Order::Priorities(_) => self.first,
            };
        }
        is_next
    }

    /// Whether this request is only not the next one because the other client goes first.
    fn waits_for_another(&self, client: usize, ticket: usize) -> bool {
        self.under_way.is_none() && client != self.first && self.waiting[client].front() == Some(&ticket)
    }

    /// Whether this client has ended, or nothing has come of it for so long in which it has not computed.
    fn does_nothing(&mut self, client: usize, patience: Duration) -> bool {
        let Some(processes) = self.processes else { return false };
        if !self.waiting[client].is_empty() {
            return false;
        }
        match state_of(processes[client]) {
            None | Some('Z' | 'X') => true,
            Some('S') => self.idle_since.get_or_insert_with(Instant::now).elapsed() >= patience,
            Some(_) => {
                self.idle_since = None;
                false
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.waiting[self.client].retain(|ticket| *ticket != self.ticket);
        if state.under_way == Some(self.ticket) {
            state.under_way = None;
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

/// What a process does, as `ps` shows it; nothing where there is none.
fn state_of(process: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn is_write(method: &Method, uri: &Uri) -> bool {
    method != Method::GET && !uri.path().ends_with("reviews") && !asks(uri, "dryRun=All")
}

fn is_followed(uri: &Uri) -> bool {
    asks(uri, "watch=true") || asks(uri, "watch=1") || asks(uri, "follow=true")
}

fn asks(uri: &Uri, word: &str) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|found| found == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(order: Order) -> State {
        State {
            order,
            first: 0,
            processes: None,
            waiting: Default::default(),
            next_ticket: 0,
            under_way: None,
            idle_since: None,
            answered: Vec::new(),
        }
    }

    #[test]
    fn one_request_is_under_way_and_they_change_places_where_the_order_says() {
        let mut state = ordered(Order::Priorities(BTreeSet::from([0])));
        let (one, other) = (state.queue(0), state.queue(1));
        assert!(!state.takes(1, other, Duration::ZERO), "the other one goes first");
        assert!(state.takes(0, one, Duration::ZERO));
        let again = state.queue(0);
        assert!(!state.takes(1, other, Duration::ZERO) && !state.takes(0, again, Duration::ZERO));
        state.under_way = None;
        assert!(!state.takes(0, again, Duration::ZERO), "they have changed places");
        assert!(state.takes(1, other, Duration::ZERO));
    }

    #[test]
    fn who_has_ended_is_not_waited_for_and_who_has_not_begun_is() {
        let mut state = ordered(Order::Priorities(BTreeSet::new()));
        let other = state.queue(1);
        assert!(!state.takes(1, other, Duration::ZERO));
        // The kernel's own, and one that there cannot be.
        state.processes = Some([u32::MAX, 1]);
        assert!(state.takes(1, other, Duration::ZERO));
    }

    #[test]
    fn writes_are_told_from_what_only_asks() {
        let uri = |text: &'static str| Uri::from_static(text);
        assert!(is_write(&Method::POST, &uri("/api/v1/namespaces/a/secrets?fieldManager=kubectl-mc")));
        assert!(!is_write(&Method::POST, &uri("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")));
        assert!(!is_write(&Method::PATCH, &uri("/api/v1/namespaces/a?dryRun=All&fieldManager=kubectl-mc")));
        assert!(is_followed(&uri("/api/v1/pods?allowWatchBookmarks=true&watch=true")));
    }
}
