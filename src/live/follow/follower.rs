use std::collections::VecDeque;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
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

/// Who does not wait for a pod looks for its successor for so long.
const REPLACED_WITHIN: Duration = Duration::from_secs(5);

/// An apiserver or a kubelet that restarts is back by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2 * 60);

/// What comes while a log is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The next line.
    Line(Line),
    /// All that was written so far has been given, once.
    CaughtUp,
    /// Another container's log begins.
    Container {
        /// Its pod.
        pod: String,
        /// When it started, or its Deployment was last restarted: a run follows.
        started: Option<Timestamp>,
    },
    /// Nothing can be read now, or nothing will come: why, in the cluster's words. Each reason once.
    Waits(String),
}

/// How a log is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// For as long as it takes, also before there is a pod, and from the first try on.
    Patiently,
    /// As `Patiently`, but what is written first, so that its end is known; and what cannot be read at the first try
    /// is an error.
    Readily,
    /// Only what is written.
    Once,
}

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
    let news = stream(Follower::new(client, since, Manner::Patiently));
    news.filter_map(async |news| match news {
        Ok(News::Line(line)) => Some(Ok(line)),
        Ok(_) => None,
        Err(reason) => Some(Err(reason)),
    })
}

/// As [`follow`], from the log's beginning and with all that comes beside its lines. What the container's life before
/// this one wrote is given first. Read [`Manner::Once`], it ends with [`News::CaughtUp`].
pub fn read(client: Client, manner: Manner) -> impl Stream<Item = Result<News, LogUnavailable>> + Send {
    stream(Follower::new(client, None, manner))
}

fn stream(follower: Follower) -> impl Stream<Item = Result<News, LogUnavailable>> + Send {
    futures::stream::unfold(follower, |mut follower| async move {
        let item = follower.next().await?;
        Some((item, follower))
    })
}

struct Follower {
    client: Client,
    since: Option<Timestamp>,
    manner: Manner,
    life: Option<ContainerLife>,
    position: Position,
    reading: Reading,
    /// The beginning of a line that a cut left; it stands only if the line cannot be read again.
    begun: Option<String>,
    ready: VecDeque<News>,
    pause: Duration,
    failing_since: Option<Instant>,
    installer_seen: bool,
    attached: bool,
    caught_up: bool,
    told: Option<String>,
}

enum Reading {
    Nothing,
    /// What is written so far.
    Written(Attachment),
    Followed(Attachment),
    /// The rest of a container that another one has replaced.
    Rest(Attachment),
    /// Nothing any more.
    Ended,
}

impl Follower {
    fn new(client: Client, since: Option<Timestamp>, manner: Manner) -> Self {
        Self {
            client,
            since,
            manner,
            life: None,
            position: Position::default(),
            reading: Reading::Nothing,
            begun: None,
            ready: VecDeque::new(),
            pause: Duration::ZERO,
            failing_since: None,
            installer_seen: false,
            attached: false,
            caught_up: manner == Manner::Patiently,
            told: None,
        }
    }

    async fn next(&mut self) -> Option<Result<News, LogUnavailable>> {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return Some(Ok(news));
            }
            if let Reading::Ended = self.reading {
                return None;
            }
            if let Err(reason) = self.advance().await {
                if !self.may_try_again(&reason) {
                    self.reading = Reading::Ended;
                    return Some(Err(reason));
                }
                self.tell_of(&reason);
            }
        }
    }

    async fn advance(&mut self) -> Result<(), LogUnavailable> {
        let (Reading::Written(attachment) | Reading::Followed(attachment) | Reading::Rest(attachment)) =
            &mut self.reading
        else {
            return self.attach().await;
        };
        match timeout(SILENT_FOR, attachment.read()).await.unwrap_or(Read::Cut(None)) {
            Read::Lines(lines) => {
                for line in &lines {
                    self.offer(line);
                }
            }
            Read::End(begun) => {
                self.begun = begun;
                match std::mem::replace(&mut self.reading, Reading::Nothing) {
                    Reading::Rest(_) => self.leave(),
                    Reading::Written(_) => self.catch_up(),
                    Reading::Nothing | Reading::Followed(_) | Reading::Ended => {}
                }
            }
            Read::Cut(begun) => {
                self.begun = begun;
                self.reading = Reading::Nothing;
            }
        }
        Ok(())
    }

    fn offer(&mut self, line: &str) {
        let Some(line) = Line::parse(line) else { return };
        let wanted = self.since.is_none_or(|since| line.at >= since);
        if wanted && self.position.accept(line.at, &line.text) {
            self.pause = Duration::ZERO;
            self.ready.push_back(News::Line(line));
        }
    }

    /// All that was written is read. Who reads no more takes the line that is begun, too.
    fn catch_up(&mut self) {
        self.caught_up = true;
        if self.manner == Manner::Once {
            self.leave();
            self.reading = Reading::Ended;
        }
        self.ready.push_back(News::CaughtUp);
        self.pause = Duration::ZERO;
    }

    /// Each try waits longer than the one before, until a line comes.
    async fn attach(&mut self) -> Result<(), LogUnavailable> {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let life = pod::find(&self.client).await?;
        self.installer_seen = true;
        if let Some(before) = self.life.clone().filter(|before| !before.is(&life)) {
            self.read_rest(&before, &life).await;
            return Ok(());
        }
        if self.life.is_none() && !self.attached && life.has_previous && !self.caught_up {
            self.read_previous(&life).await;
        }
        if let Reading::Nothing = self.reading {
            self.read_life(life).await?;
        }
        Ok(())
    }

    async fn read_life(&mut self, life: ContainerLife) -> Result<(), LogUnavailable> {
        self.reading = if self.caught_up {
            Reading::Followed(self.open(&life, Extent::Follow).await?)
        } else {
            Reading::Written(self.open(&life, Extent::Written(None)).await?)
        };
        self.attached = true;
        self.failing_since = None;
        self.told = None;
        if self.life.is_none() {
            let (pod, started) = (life.pod.clone(), life.started);
            self.ready.push_back(News::Container { pod, started });
        }
        if let Some(trouble) = &life.trouble {
            self.tell(trouble.clone());
        }
        self.life = Some(life);
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

    /// What the container wrote before it was restarted, for who begins only now.
    async fn read_previous(&mut self, life: &ContainerLife) {
        self.attached = true;
        if let Ok(log) = self.open(life, Extent::Previous).await {
            self.reading = Reading::Rest(log);
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
        if !self.installer_seen && reason.is_absence() {
            return false;
        }
        if reason.is_awaited() && self.manner != Manner::Once {
            self.failing_since = None;
            return true;
        }
        let failing_for = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        match self.manner {
            // A pod may be replaced between the listing and the reading.
            Manner::Once => reason.is_request() && reason.is_awaited() && failing_for < REPLACED_WITHIN,
            Manner::Readily if !self.attached => false,
            Manner::Readily | Manner::Patiently => reason.may_pass() && failing_for < GIVE_UP_AFTER,
        }
    }

    /// That a pod is just gone, or its container just starting, is no news.
    fn tell_of(&mut self, reason: &LogUnavailable) {
        if !reason.is_request() || !reason.is_awaited() {
            self.tell(reason.in_full());
        }
    }

    fn tell(&mut self, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.told = Some(why.clone());
            self.ready.push_back(News::Waits(why));
        }
    }
}
