//! Control planes that the tests of one process share, one after the other.

use std::{
    ops::Deref,
    sync::{Condvar, LazyLock, Mutex, MutexGuard},
};

use crate::{Assets, ControlPlane, Error};

/// More at once would need more than 2 GB, and on few cores would only wait for one another.
const MOST_ALIVE: usize = 6;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// The control planes of this process; see [`lease`].
#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<ControlPlane>,
    /// Idle, leased, being started and being wiped.
    alive: usize,
    /// How many were ever started, for their names.
    started: usize,
    /// Who comes first is served first, so that who wants many is not passed by for ever.
    next_ticket: u64,
    now_serving: u64,
}

/// Control planes that are the holder's alone; dropped, they are wiped and go back.
pub struct Lease {
    planes: Vec<ControlPlane>,
}

/// Leases so many control planes at once, each in its clean state; waits until they are to be had.
///
/// What is missing is started, at the same time. They are handed over all together, so leases cannot wait for each
/// other in a circle. A plane that was damaged while it was leased is not handed out again.
///
/// # Errors
/// When the binaries cannot be brought or a control plane does not start.
///
/// # Panics
/// When more are wanted than a pool ever holds (6).
pub fn lease(count: usize) -> Result<Lease, Error> {
    assert!(count <= MOST_ALIVE, "the pool holds {MOST_ALIVE} control planes, {count} are wanted");
    let assets = Assets::find()?;
    let (mut planes, names) = POOL.take(count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match ControlPlane::start_all(&assets, &names) {
        Ok(started) => {
            planes.extend(started);
            Ok(Lease { planes })
        }
        Err(error) => {
            POOL.give_back(planes, names.len());
            Err(error)
        }
    }
}

impl Pool {
    /// Idle planes, and names for those that are to be started.
    fn take(&self, count: usize) -> (Vec<ControlPlane>, Vec<String>) {
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let mut state = self
            .changed
            .wait_while(state, |state| state.now_serving != ticket || !state.can_give(count))
            .expect("no holder panics");
        state.now_serving += 1;
        let keep = state.idle.len().saturating_sub(count);
        let planes = state.idle.split_off(keep);
        let names: Vec<String> = (planes.len()..count).map(|_| state.next_name()).collect();
        state.alive += names.len();
        drop(state);
        self.changed.notify_all();
        (planes, names)
    }

    /// Takes back what is clean, and counts down what is lost.
    fn give_back(&self, planes: Vec<ControlPlane>, lost: usize) {
        let mut state = self.state();
        state.idle.extend(planes);
        state.alive -= lost;
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl State {
    fn can_give(&self, count: usize) -> bool {
        self.idle.len() + (MOST_ALIVE - self.alive) >= count
    }

    fn next_name(&mut self) -> String {
        self.started += 1;
        format!("plane-{}", self.started)
    }
}

impl Deref for Lease {
    type Target = [ControlPlane];

    fn deref(&self) -> &[ControlPlane] {
        &self.planes
    }
}

impl Drop for Lease {
    /// Wipes beside the next test: who returns planes does not wait for it.
    fn drop(&mut self) {
        let planes = std::mem::take(&mut self.planes);
        std::thread::spawn(move || {
            for plane in planes {
                let clean = plane.wipe().is_ok() && plane.is_healthy();
                POOL.give_back(if clean { vec![plane] } else { Vec::new() }, usize::from(!clean));
            }
        });
    }
}
