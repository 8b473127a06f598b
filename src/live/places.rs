//! How many members are dealt with at a time, whatever their number: each has its turn in a place, and leaves it with its
//! connections closed where others wait for one.

use std::num::NonZeroUsize;

use futures::{StreamExt as _, stream};
use kubesphere::side::Side;
use tokio::sync::Semaphore;

use super::connection::Connection;

/// What bounds the members that are asked or changed at a time, and so connections, open files and memory.
pub struct Places {
    free: Semaphore,
    count: usize,
    /// Whether every member can have one for good.
    suffice: bool,
}

impl Places {
    /// So many places, for this many members.
    pub fn new(count: NonZeroUsize, members: usize) -> Self {
        let count = count.get().min(Semaphore::MAX_PERMITS);
        Self { free: Semaphore::new(count), count, suffice: members <= count }
    }

    /// For what is about one member.
    pub fn of_one() -> Self {
        Self::new(NonZeroUsize::MIN, 1)
    }

    /// What comes of everybody's turn, in their order.
    pub async fn each<I, T>(
        &self,
        everybody: impl IntoIterator<Item = I>,
        turn: impl AsyncFn(I) -> T,
    ) -> Vec<T> {
        let turns = everybody.into_iter().enumerate().map(async |(number, one)| {
            let _place = self.free.acquire().await;
            (number, turn(one).await)
        });
        let mut outcomes: Vec<_> = stream::iter(turns).buffer_unordered(self.count).collect().await;
        outcomes.sort_unstable_by_key(|(number, _)| *number);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// The turn of who is reached by this connection.
    pub fn stay<'a>(&self, connection: &'a Connection) -> Stay<'a> {
        let is_closed = !self.suffice && matches!(connection.side, Side::Member { .. });
        Stay { closed: is_closed.then_some(connection) }
    }
}

/// At its end what is open to a member is closed, unless the next turn may have it.
#[must_use]
pub struct Stay<'a> {
    closed: Option<&'a Connection>,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.closed {
            connection.line.hang_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, num::NonZeroUsize, time::Duration};

    use tokio::{join, time::sleep};

    use super::Places;

    fn places(count: usize) -> Places {
        Places::new(NonZeroUsize::new(count).unwrap(), 100)
    }

    /// Who comes first takes longest.
    async fn turn(number: u64, (now, most): (&Cell<usize>, &Cell<usize>)) -> u64 {
        now.set(now.get() + 1);
        most.set(most.get().max(now.get()));
        sleep(Duration::from_millis(100 - number)).await;
        now.set(now.get() - 1);
        number
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_bounded_and_outcomes_in_order() {
        let (places, seen) = (places(3), (Cell::new(0), Cell::new(0)));
        let outcomes = places.each(0..20, async |number| turn(number, (&seen.0, &seen.1)).await).await;
        assert_eq!(outcomes, (0..20).collect::<Vec<_>>());
        assert_eq!((seen.0.get(), seen.1.get()), (0, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn different_turns_at_once_share_the_places() {
        let (places, seen) = (places(4), (Cell::new(0), Cell::new(0)));
        let each = || places.each(0..20, async |number| turn(number, (&seen.0, &seen.1)).await);
        join!(each(), each());
        assert_eq!(seen.1.get(), 4);
    }

    #[test]
    fn there_may_be_more_places_than_anything_could_take() {
        Places::new(NonZeroUsize::MAX, 1);
    }
}
