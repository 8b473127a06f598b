//! Control planes that the tests of one process share, one after the other.

use std::{
    ops::Deref,
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
};

use crate::{Assets, ControlPlane, Error, Kubernetes};

/// The bed that many tests share, and three of a host and a member. They need some 3 GB, and more would only wait for
/// one another on few cores.
pub const MOST_ALIVE: usize = 8;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// Who starts control planes does it alone: on few cores, those of all leases at once would take too long to get ready.
static STARTING: Mutex<()> = Mutex::new(());

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
    /// Those in memory end with their lease, and so do more than the pool holds.
    goes_back: bool,
}

/// Leases so many control planes at once, each in its clean state; waits until they are to be had.
///
/// # Errors
/// As [`lease_of`].
pub fn lease(count: usize) -> Result<Lease, Error> {
    lease_of(&vec![Kubernetes::default(); count])
}

/// Leases a control plane of each such Kubernetes at once, in their order, each in its clean state; waits until they are
/// to be had.
///
/// What is missing is started, at the same time, and idle ones of another Kubernetes make room for it. They are handed
/// over all together, so leases cannot wait for each other in a circle. A plane that was damaged while it was leased is
/// not handed out again. More than the pool ever holds are started for this lease, and end with it.
///
/// # Errors
/// When the binaries cannot be brought or a control plane does not start.
pub fn lease_of(wanted: &[Kubernetes]) -> Result<Lease, Error> {
    for kubernetes in wanted {
        Assets::find_for(*kubernetes)?; // Before anybody waits for what they take.
    }
    if wanted.len() > MOST_ALIVE {
        return lease_apart(wanted);
    }
    let Taken { mut planes, missing, displaced } = POOL.take(wanted);
    drop(displaced);
    let count = missing.len();
    let starts = missing.into_iter().map(|(kubernetes, name)| Ok((Assets::find_for(kubernetes)?, name)));
    match starts.collect::<Result<_, Error>>().and_then(start_all) {
        Ok(started) => {
            planes.extend(started);
            Ok(Lease { planes: in_order(planes, wanted), goes_back: true })
        }
        Err(error) => {
            POOL.give_back(planes, count);
            Err(error)
        }
    }
}

/// Starts control planes beside the pool, as many at a time as it holds.
fn lease_apart(wanted: &[Kubernetes]) -> Result<Lease, Error> {
    let mut planes = Vec::new();
    for wanted in wanted.chunks(MOST_ALIVE) {
        let starts =
            wanted.iter().map(|kubernetes| Ok((Assets::find_for(*kubernetes)?, POOL.state().next_name())));
        planes.extend(start_all(starts.collect::<Result<_, Error>>()?)?);
    }
    Ok(Lease { planes, goes_back: false })
}

/// Makes clusters in memory that answer as those of each such Kubernetes do.
///
/// # Errors
/// When a port cannot be had.
pub fn lease_in_memory(wanted: &[Kubernetes]) -> Result<Lease, Error> {
    let wanted = wanted.to_vec();
    let planes = crate::block_on(async move {
        let mut planes = Vec::new();
        for (kubernetes, number) in wanted.into_iter().zip(1..) {
            planes.push(ControlPlane::launch_in_memory(&format!("memory-{number}"), kubernetes).await?);
        }
        Ok::<_, Error>(planes)
    })?;
    Ok(Lease { planes, goes_back: false })
}

/// What a lease starts, when those of others are ready.
fn start_all(starts: Vec<(Assets, String)>) -> Result<Vec<ControlPlane>, Error> {
    if starts.is_empty() {
        return Ok(Vec::new());
    }
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    ControlPlane::start_all(starts)
}

/// What the pool gives for a lease.
struct Taken {
    /// Idle planes of the kinds that are wanted.
    planes: Vec<ControlPlane>,
    /// What is to be started, with its name.
    missing: Vec<(Kubernetes, String)>,
    /// Idle planes that nobody wants now and for which there is no room.
    displaced: Vec<ControlPlane>,
}

/// The planes in the order in which their kinds are wanted.
fn in_order(mut planes: Vec<ControlPlane>, wanted: &[Kubernetes]) -> Vec<ControlPlane> {
    let of_kind = |planes: &mut Vec<ControlPlane>, kubernetes: Kubernetes| {
        let found = planes.iter().position(|plane| plane.kubernetes() == kubernetes);
        planes.remove(found.expect("a plane of each wanted kind was taken or started"))
    };
    wanted.iter().map(|kubernetes| of_kind(&mut planes, *kubernetes)).collect()
}

impl Pool {
    /// Idle planes, and names for those that are to be started.
    fn take(&self, wanted: &[Kubernetes]) -> Taken {
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let mut state = self
            .changed
            .wait_while(state, |state| state.now_serving != ticket || !state.can_give(wanted.len()))
            .expect("no holder panics");
        state.now_serving += 1;
        let taken = state.take(wanted);
        drop(state);
        self.changed.notify_all();
        taken
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
    /// Idle planes of another kind make room.
    fn can_give(&self, count: usize) -> bool {
        self.idle.len() + (MOST_ALIVE - self.alive) >= count
    }

    fn take(&mut self, wanted: &[Kubernetes]) -> Taken {
        let mut taken = Taken { planes: Vec::new(), missing: Vec::new(), displaced: Vec::new() };
        for kubernetes in wanted {
            match self.idle.iter().rposition(|plane| plane.kubernetes() == *kubernetes) {
                Some(idle) => taken.planes.push(self.idle.remove(idle)),
                None => taken.missing.push((*kubernetes, self.next_name())),
            }
        }
        let room = MOST_ALIVE - self.alive;
        let too_many = taken.missing.len().saturating_sub(room);
        taken.displaced = self.idle.drain(..too_many).collect();
        self.alive = self.alive + taken.missing.len() - too_many;
        taken
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
        if !self.goes_back {
            return;
        }
        std::thread::spawn(move || {
            for plane in planes {
                // One that is frozen would let the wipe wait for ever.
                let clean = !plane.is_frozen() && plane.wipe().is_ok() && plane.is_healthy();
                POOL.give_back(if clean { vec![plane] } else { Vec::new() }, usize::from(!clean));
            }
        });
    }
}
