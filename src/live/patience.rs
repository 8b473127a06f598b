//! Asking again while a server is away: in the midst of a join an API server may restart.

use std::time::Duration;

use kubesphere::side::Side;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{
    failure::{Failure, LookAt},
    request_error::RequestError,
    retry::Passing,
};

/// Between two tries; each is itself repeated once or twice by the layer below.
const PAUSE: Duration = Duration::from_secs(1);

/// A webhook's new certificate is with all who need it by then: a failure within the server that lasts longer does not pass.
///
/// The kubelet brings a changed Secret within its sync period and its cache's (Kubernetes `pkg/kubelet/kubelet.go@v1.34`).
const RECOVERS_WITHIN: Duration = Duration::from_secs(150);

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

/// With the failures of one request that is sent over and over.
pub struct Patience<'a> {
    side: &'a Side,
    deadline: Instant,
    failing_since: Option<Instant>,
    last: String,
}

impl<'a> Patience<'a> {
    pub fn until(side: &'a Side, deadline: Instant) -> Self {
        Self { side, deadline, failing_since: None, last: "the server has not answered yet".to_owned() }
    }

    /// Waits for the next try. Fails where none helps, or the time is up.
    pub async fn bear(&mut self, error: RequestError) -> Result<(), Failure> {
        let now = Instant::now();
        self.failing_since = match error.cause.passing() {
            None => return Err(error.into()),
            Some(Passing::Failed) => self.failing_since.or(Some(now)),
            Some(Passing::Untouched | Passing::Unanswered) => None,
        };
        if self.failing_since.is_some_and(|since| since + RECOVERS_WITHIN < now) {
            return Err(error.into());
        }
        self.last = format!("{error}: {}", error.cause);
        if now + PAUSE >= self.deadline {
            return Err(self.timed_out());
        }
        sleep(PAUSE).await;
        Ok(())
    }

    fn timed_out(&self) -> Failure {
        timed_out(self.side, self.last.clone())
    }
}

/// Asks until there is an answer, or the time is up. Only for what may be sent twice.
pub async fn retry_until<T>(
    side: &Side,
    deadline: Instant,
    mut ask: impl AsyncFnMut() -> Result<T, RequestError>,
) -> Result<T, Failure> {
    let mut patience = Patience::until(side, deadline);
    loop {
        match timeout_at(deadline, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => patience.bear(error).await?,
            Err(_) => return Err(patience.timed_out()),
        }
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
    use super::{
        super::request_error::{Cause, Object, Verb},
        *,
    };

    fn failed(cause: Cause) -> RequestError {
        let object = Object::all("cluster.kubesphere.io", "clusters").named("edge-1");
        RequestError { side: Side::host("prod"), verb: Verb::Create, object, cause }
    }

    fn failing(message: &str) -> RequestError {
        failed(Cause::Api { code: 500, reason: "InternalError".to_owned(), message: message.to_owned() })
    }

    /// How long failures of this kind are borne, and what comes of it.
    async fn borne(time: Duration, error: RequestError) -> (Duration, Failure) {
        let begun = Instant::now();
        let ask = async || Err::<(), _>(error.clone());
        let failure = retry_until(&Side::host("prod"), begun + time, ask).await.unwrap_err();
        (begun.elapsed(), failure)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_waited_for_as_long_as_there_is_time() {
        let (time, failure) = borne(HOUR, failed(Cause::Unavailable { message: String::new() })).await;
        assert!(time + Duration::from_secs(2) > HOUR, "{time:?}");
        let Failure::TimedOut { missing, .. } = failure else { panic!("{failure}") };
        assert_eq!(missing, "host \"prod\": create clusters/edge-1: the server is unavailable");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_within_the_server_is_borne_for_minutes_and_no_longer() {
        let webhook = "failed calling webhook \"clusters.kubesphere.io\": x509: certificate signed by unknown authority";
        let (time, failure) = borne(HOUR, failing(webhook)).await;
        assert!(time > RECOVERS_WITHIN && time < 2 * RECOVERS_WITHIN, "{time:?}");
        assert!(matches!(failure, Failure::Request(_)), "{failure}");
        let mut answers = vec![Ok("there"), Err(failing("etcdserver: leader changed"))];
        let ask = async || answers.pop().unwrap();
        let answer = retry_until(&Side::host("prod"), Instant::now() + HOUR, ask).await;
        assert_eq!(answer.unwrap(), "there");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_ends_it_at_once() {
        for cause in [Cause::Unauthorized, Cause::NotFound, Cause::Conflict] {
            let (time, failure) = borne(HOUR, failed(cause)).await;
            assert!(time.is_zero() && matches!(failure, Failure::Request(_)), "{time:?} {failure}");
        }
    }

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
