//! When those who ask stop waiting, whatever they ask: their requests end then, each with an error that says what it was about.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::cause::Cause;

tokio::task_local! {
    static UNTIL: Instant;
}

/// What is awaited, whose requests end by then. Those that begin later are not sent.
pub async fn until<T>(deadline: Instant, awaited: impl Future<Output = T>) -> T {
    UNTIL.scope(within_limit(deadline), awaited).await
}

/// So long from now, unless the time is up sooner.
pub fn within(time: Duration) -> Instant {
    within_limit(Instant::now() + time)
}

fn within_limit(instant: Instant) -> Instant {
    limit().map_or(instant, |limit| limit.min(instant))
}

fn limit() -> Option<Instant> {
    UNTIL.try_with(|limit| *limit).ok()
}

/// Whether nothing more is asked.
pub fn is_up() -> bool {
    limit().is_some_and(|limit| Instant::now() >= limit)
}

/// What came of a request before the time was up; otherwise whether there was no answer, or no request.
pub(super) async fn in_time<T>(request: impl Future<Output = T>) -> Result<T, Cause> {
    match limit() {
        None => Ok(request.await),
        Some(_) if is_up() => Err(Cause::NotAsked),
        Some(limit) => timeout_at(limit, request).await.map_err(|_| Cause::TimeUp),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::{Instant, sleep};

    use super::{Cause, in_time, until, within};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_ends_with_the_time_and_nothing_is_asked_later() {
        let asked = until(Instant::now() + SECOND, async {
            let first = in_time(async { "an answer" }).await;
            (first, in_time(pending::<&str>()).await, in_time(async { "another" }).await)
        });
        assert_eq!(asked.await, (Ok("an answer"), Err(Cause::TimeUp), Err(Cause::NotAsked)));
        assert_eq!(in_time(sleep(2 * SECOND)).await, Ok(()), "whoever has no limit waits");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_less_time_of_its_own_keeps_it() {
        let now = Instant::now();
        let limits = until(now + 2 * SECOND, async {
            let sooner = until(now + 5 * SECOND, async { within(SECOND) });
            (sooner.await, until(now + 5 * SECOND, async { within(9 * SECOND) }).await)
        });
        assert_eq!(limits.await, (now + SECOND, now + 2 * SECOND));
    }
}
