//! Asking again while a server is away: in the midst of a join an API server may restart.

use std::time::Duration;

use kubesphere::side::Side;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{
    failure::{Failure, LookAt},
    request_error::{Cause, RequestError},
};

/// Between two tries; each is itself repeated once or twice by the layer below.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the first of a [`Pace`]'s pauses lasts.
const FIRST: Duration = Duration::from_millis(25);

/// The pauses between looks at what is nearly always there at once. Each is as long as all before: what comes is seen
/// after twice its time at the latest, and a minute in vain costs six looks, those of the first second aside.
pub(super) struct Pace {
    pause: Duration,
    until: Instant,
}

impl Pace {
    pub(super) fn until(until: Instant) -> Self {
        Self { pause: FIRST, until }
    }

    /// Waits for the next look; whether there is time for one.
    pub(super) async fn goes_on(&mut self) -> bool {
        let now = Instant::now();
        sleep_until(self.until.min(now + self.pause)).await;
        self.pause *= 2;
        now < self.until
    }
}

/// Whether the request may succeed later, unchanged, though it is not known whether it was carried out.
pub(super) fn may_pass(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Unavailable { .. }
            | Cause::TooManyRequests
            | Cause::TimedOut { .. }
            | Cause::ConnectTimedOut { .. }
            | Cause::Refused { .. }
            | Cause::Disconnected { .. }
    )
}

/// Asks until there is an answer, or the time is up. Only for what may be sent twice.
pub async fn retry_until<T>(
    side: &Side,
    deadline: Instant,
    mut ask: impl AsyncFnMut() -> Result<T, RequestError>,
) -> Result<T, Failure> {
    let mut last = "the server has not answered yet".to_owned();
    loop {
        match timeout_at(deadline, ask()).await {
            Ok(Err(error)) if may_pass(&error.cause) => last = format!("{error}: {}", error.cause),
            Ok(answer) => return answer.map_err(Failure::from),
            Err(_) => return Err(timed_out(side, last)),
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(timed_out(side, last));
        }
        sleep(PAUSE).await;
    }
}

/// Waits for one answer, no longer than until the time is up.
pub async fn in_time<T>(
    side: &Side,
    deadline: Instant,
    answer: impl Future<Output = Result<T, RequestError>>,
) -> Result<Result<T, RequestError>, Failure> {
    let answer = timeout_at(deadline, answer).await;
    answer.map_err(|_| timed_out(side, "the server has not answered yet".to_owned()))
}

fn timed_out(side: &Side, missing: String) -> Failure {
    Failure::TimedOut {
        side: side.clone(),
        waiting: "waiting for the API server",
        look_at: LookAt::ApiServer(side.clone()),
        missing,
        known: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn looks_are_soon_at_first_and_rare_later() {
        let begun = Instant::now();
        let mut pace = Pace::until(begun + Duration::from_secs(60));
        let mut looks = vec![Duration::ZERO];
        while pace.goes_on().await {
            looks.push(begun.elapsed());
        }
        assert!(looks.windows(2).all(|pair| pair[1] <= 2 * pair[0] + FIRST), "{looks:?}");
        let later = looks.iter().filter(|at| **at > Duration::from_secs(1));
        assert!(later.count() <= 8, "{looks:?}");
        assert_eq!(looks.last(), Some(&Duration::from_secs(60)), "the last look is at the end");
    }
}
