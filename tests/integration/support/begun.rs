//! Beds on which one thing after the other begins alike.

use std::{
    ops::Deref,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
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
}

impl Begun {
    pub fn of(bed: Watched) -> Self {
        let standing = settled(&bed);
        let ways_back = bed.clusters().map(|cluster| cluster.plane().way_back().unwrap()).collect();
        Self { bed, ways_back, standing }
    }

    /// Takes back everything that was stored since; nothing where the controllers and installers do not come to rest with that.
    pub fn gone_back(mut self) -> Option<Self> {
        self.ways_back.iter_mut().for_each(|way_back| way_back().unwrap());
        let (begun, mut before) = (Instant::now(), self.installed());
        while begun.elapsed() < GOES_BACK_WITHIN {
            thread::sleep(SEEN_WITHIN);
            let now = self.installed();
            if now == before && standing(&self.bed) == self.standing {
                let_the_second_pass();
                return Some(self);
            }
            before = now;
        }
        None
    }

    fn installed(&self) -> Vec<String> {
        self.bed.clusters().flat_map(Cluster::installer_logs).collect()
    }
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
