use std::collections::VecDeque;
use std::time::Duration;

use futures::Stream;
use jiff::Timestamp;
use kube::Client;
use tokio::time::{Instant, sleep, timeout};

use super::attachment::{Attachment, Extent, Read, Request};
use super::pod::{self, ContainerLife};
use super::position::Position;
use super::unavailable::LogUnavailable;
use crate::kubesphere::installer_log::split_timestamp;

/// A line of the installer's log. Not masked: what is shown of it goes through
/// [`mask`](crate::kubesphere::installer_log::mask).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When the container wrote it.
    pub at: Timestamp,
    /// What it wrote, with its colours.
    pub text: String,
}

impl Line {
    /// `None` for what the container did not write: the kubelet puts a time before each of its lines, and none before
    /// the complaints of its own that it mixes in (`failed to watch file …`).
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (at, text) = split_timestamp(line);
        Some(Self { at: at?, text: text.to_owned() })
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A connection that is silent for so long is opened anew: it may be dead without a sign (kube has no read timeout), and
/// some kubelets stop following at a rotation. Costs three requests in a minute in which nothing is printed.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// An apiserver or a kubelet that restarts is back by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2 * 60);

/// Follows the installer's log from `since` (or its beginning) on, across cut connections, rotated logs, restarted
/// containers and replaced pods, without losing or repeating a line that the kubelet still has.
///
/// Waits for a pod that is not there or not started, as long as the Deployment was there at first. Ends only after an
/// error: when reading is forbidden at once, otherwise after two minutes of failures in a row. Nothing runs on when it
/// is dropped.
pub fn follow(
    client: Client,
    since: Option<Timestamp>,
) -> impl Stream<Item = Result<Line, LogUnavailable>> + Send {
    futures::stream::unfold(Follower::new(client, since), |mut follower| async move {
        let item = follower.next().await?;
        Some((item, follower))
    })
}

struct Follower {
    client: Client,
    since: Option<Timestamp>,
    life: Option<ContainerLife>,
    position: Position,
    reading: Reading,
    /// The beginning of a line that a cut left; it stands only if the line cannot be read again.
    begun: Option<String>,
    ready: VecDeque<Line>,
    pause: Duration,
    failing_since: Option<Instant>,
    installer_seen: bool,
    ended: bool,
}

enum Reading {
    Nothing,
    Followed(Attachment),
    /// The rest of a container that another one has replaced.
    Rest(Attachment),
}

impl Follower {
    fn new(client: Client, since: Option<Timestamp>) -> Self {
        Self {
            client,
            since,
            life: None,
            position: Position::default(),
            reading: Reading::Nothing,
            begun: None,
            ready: VecDeque::new(),
            pause: Duration::ZERO,
            failing_since: None,
            installer_seen: false,
            ended: false,
        }
    }

    async fn next(&mut self) -> Option<Result<Line, LogUnavailable>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            if let Err(reason) = self.advance().await
                && !self.may_try_again(&reason)
            {
                self.ended = true;
                return Some(Err(reason));
            }
        }
    }

    async fn advance(&mut self) -> Result<(), LogUnavailable> {
        let (Reading::Followed(attachment) | Reading::Rest(attachment)) = &mut self.reading else {
            return self.attach().await;
        };
        let read = timeout(SILENT_FOR, attachment.read()).await.unwrap_or(Read::Cut(None));
        let was_rest = matches!(self.reading, Reading::Rest(_));
        match read {
            Read::Lines(lines) => {
                for line in &lines {
                    self.offer(line);
                }
                return Ok(());
            }
            Read::End(begun) if was_rest => {
                self.begun = begun;
                self.leave();
            }
            Read::End(begun) | Read::Cut(begun) => self.begun = begun,
        }
        self.reading = Reading::Nothing;
        Ok(())
    }

    fn offer(&mut self, line: &str) {
        let Some(line) = Line::parse(line) else { return };
        let wanted = self.since.is_none_or(|since| line.at >= since);
        if wanted && self.position.accept(line.at, &line.text) {
            self.pause = Duration::ZERO;
            self.ready.push_back(line);
        }
    }

    /// Each try waits longer than the one before, until a line comes.
    async fn attach(&mut self) -> Result<(), LogUnavailable> {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let life = pod::find(&self.client).await?;
        self.installer_seen = true;
        if let Some(before) = self.life.clone().filter(|before| *before != life) {
            self.read_rest(&before, &life).await;
            return Ok(());
        }
        let log = self.open(&life, Extent::Follow).await?;
        self.reading = Reading::Followed(log);
        self.life = Some(life);
        self.failing_since = None;
        Ok(())
    }

    /// Before another container is followed, the rest of the one before is read, if the kubelet still has it.
    async fn read_rest(&mut self, before: &ContainerLife, now: &ContainerLife) {
        let extent = if now.follows_in_pod(before) { Extent::Previous } else { Extent::Written(None) };
        match self.open(before, extent).await {
            Ok(log) => self.reading = Reading::Rest(log),
            Err(_gone) => self.leave(),
        }
    }

    async fn open(&mut self, life: &ContainerLife, extent: Extent) -> Result<Attachment, LogUnavailable> {
        let since = self.position.resume_from().or(self.since);
        let log = Attachment::open(&self.client, Request { life, since, extent }).await?;
        self.position.replay();
        self.begun = None;
        Ok(log)
    }

    /// Nothing more can be read of the container.
    fn leave(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.offer(&begun);
        }
        self.life = None;
        self.position = Position::default();
        self.pause = Duration::ZERO;
    }

    fn may_try_again(&mut self, reason: &LogUnavailable) -> bool {
        if !self.installer_seen && matches!(reason, LogUnavailable::NoInstaller) {
            return false;
        }
        if reason.is_awaited() {
            self.failing_since = None;
            return true;
        }
        let failing_since = *self.failing_since.get_or_insert_with(Instant::now);
        reason.may_pass() && failing_since.elapsed() < GIVE_UP_AFTER
    }
}
