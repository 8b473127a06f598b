use std::collections::VecDeque;
use std::time::Duration;

use futures::Stream;
use jiff::Timestamp;
use kube::Client;
use tokio::time::{Instant, sleep, timeout};

use super::attachment::{Attachment, Extent, Read, Request};
use super::news::{Line, Manner, News};
use super::pod::{self, CONTAINER};
use super::position::Position;
use super::unavailable::LogUnavailable;
use crate::plan::observed::InstallerContainer;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// While nothing is broken and there is only nothing to read yet: what has an end is seen in the objects.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A connection that is silent for so long is opened anew: it may be dead without a sign (kube has no read timeout), and
/// some kubelets stop following at a rotation. Costs three requests in a minute in which nothing is printed.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// Who does not wait for a pod looks for its successor for so long.
const REPLACED_WITHIN: Duration = Duration::from_secs(5);

/// That a pod is just gone, or its container just starting, is no news for so long.
const NO_NEWS_FOR: Duration = Duration::from_secs(10);

/// An apiserver or a kubelet that restarts is back by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2 * 60);

/// Follows the installer's log from `since` (or its beginning) on, across cut connections, rotated logs, restarted
/// containers and replaced pods, without losing or repeating a line that the kubelet still has.
///
/// Waits for a pod that is not there or not started, as long as the Deployment was there at first. Ends only after an
/// error: when reading is forbidden at once, otherwise after two minutes of failures in a row. Nothing runs on when it
/// is dropped.
///
/// Begins with `container`, where one is known, and else looks for it.
pub fn follow(
    client: Client,
    since: Option<Timestamp>,
    container: Option<InstallerContainer>,
) -> impl Stream<Item = Result<News, LogUnavailable>> + Send {
    stream(Follower { known: container, ..Follower::new(client, since, Manner::Patiently) })
}

/// As [`follow`], from the log's beginning. What the container's life before this one wrote is given first. Read
/// [`Manner::Once`], it ends with [`News::CaughtUp`].
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
    /// Where to begin, without looking for it.
    known: Option<InstallerContainer>,
    life: Option<InstallerContainer>,
    position: Position,
    reading: Reading,
    /// The beginning of a line that a cut left; it stands only if the line cannot be read again.
    begun: Option<String>,
    ready: VecDeque<News>,
    pause: Duration,
    opened: Instant,
    failing_since: Option<Instant>,
    awaited_since: Option<Instant>,
    found: Found,
    previous_was_read: bool,
    caught_up: bool,
    told: Option<String>,
}

/// What there was to read, at least once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Installer,
    Log,
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
            known: None,
            life: None,
            position: Position::default(),
            reading: Reading::Nothing,
            begun: None,
            ready: VecDeque::new(),
            pause: Duration::ZERO,
            opened: Instant::now(),
            failing_since: None,
            awaited_since: None,
            found: Found::Nothing,
            previous_was_read: false,
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
                self.failing_since = None;
                match std::mem::replace(&mut self.reading, Reading::Nothing) {
                    Reading::Rest(_) => self.leave(),
                    Reading::Written(_) => self.catch_up(),
                    Reading::Nothing | Reading::Followed(_) | Reading::Ended => {}
                }
            }
            Read::TooLong(too_long) => return Err(LogUnavailable::too_long(too_long)),
            Read::Cut(begun) => {
                self.begun = begun;
                return self.cut();
            }
        }
        Ok(())
    }

    /// That a quiet connection ends is usual. One that brings nothing new, again and again, is broken.
    fn cut(&mut self) -> Result<(), LogUnavailable> {
        let was_quiet =
            matches!(std::mem::replace(&mut self.reading, Reading::Nothing), Reading::Followed(_))
                && self.opened.elapsed() > LONGEST_PAUSE;
        if was_quiet {
            self.failing_since = None;
        }
        if was_quiet || self.pause.is_zero() { Ok(()) } else { Err(LogUnavailable::broken_off()) }
    }

    fn offer(&mut self, line: &str) {
        let Some(line) = Line::parse(line) else { return };
        let wanted = self.since.is_none_or(|since| line.at >= since);
        if wanted && self.position.accept(line.at, &line.text) {
            self.pause = Duration::ZERO;
            self.failing_since = None;
            self.resume();
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
        let longest = if self.awaited_since.is_some() { LONGEST_WAIT } else { LONGEST_PAUSE };
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, longest);
        let life = match self.known.take() {
            Some(life) => life,
            None => pod::find(&self.client).await?,
        };
        self.found = self.found.max(Found::Installer);
        if let Some(before) = self.life.clone().filter(|before| !before.is(&life)) {
            return self.read_rest(&before, &life).await;
        }
        let begins = self.life.is_none() && !self.caught_up && !self.previous_was_read;
        if begins && life.has_previous && self.read_previous(&life).await? {
            return Ok(());
        }
        self.read_life(life).await
    }

    async fn read_life(&mut self, life: InstallerContainer) -> Result<(), LogUnavailable> {
        self.reading = if self.caught_up {
            Reading::Followed(self.open(&life, Extent::Follow).await?)
        } else {
            Reading::Written(self.open(&life, Extent::Written(None)).await?)
        };
        self.found = Found::Log;
        self.awaited_since = None;
        if self.life.is_none() {
            self.told = None;
            let (pod, started) = (life.pod.clone(), life.started);
            self.ready.push_back(News::Container { pod, started });
        }
        if self.failing_since.is_none() {
            self.resume();
        }
        let known = self.life.as_ref().and_then(|life| life.trouble.as_ref());
        let trouble = life.trouble.clone().filter(|trouble| Some(trouble) != known);
        self.ready.extend(trouble.map(News::Waits));
        self.life = Some(life);
        Ok(())
    }

    /// Before another container is followed, the rest of the one before is read, if the kubelet still has it.
    async fn read_rest(
        &mut self,
        before: &InstallerContainer,
        now: &InstallerContainer,
    ) -> Result<(), LogUnavailable> {
        let extent = if now.follows_in_pod(before) { Extent::Previous } else { Extent::Written(None) };
        match self.open(before, extent).await {
            Ok(log) => self.reading = Reading::Rest(log),
            Err(reason) if reason.is_awaited() || self.has_failed_for(REPLACED_WITHIN) => {
                self.failing_since = None;
                self.leave();
            }
            Err(reason) => return Err(reason),
        }
        Ok(())
    }

    /// What the container wrote before it was restarted, for who begins only now; whether there is something.
    async fn read_previous(&mut self, life: &InstallerContainer) -> Result<bool, LogUnavailable> {
        match self.open(life, Extent::Previous).await {
            Ok(log) => {
                self.found = Found::Log;
                self.reading = Reading::Rest(log);
                Ok(true)
            }
            Err(reason) if reason.is_awaited() => {
                self.previous_was_read = true;
                Ok(false)
            }
            Err(reason) => Err(reason),
        }
    }

    async fn open(
        &mut self,
        life: &InstallerContainer,
        extent: Extent,
    ) -> Result<Attachment, LogUnavailable> {
        let since = self.position.resume_from().or(self.since);
        let request = Request { pod: &life.pod, container: CONTAINER, since, extent };
        let log = Attachment::open(&self.client, request).await?;
        self.position.replay();
        self.begun = None;
        self.opened = Instant::now();
        Ok(log)
    }

    /// Nothing more can be read of the container.
    fn leave(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.offer(&begun);
        }
        self.life = None;
        self.previous_was_read = true;
        self.position = Position::default();
        self.pause = Duration::ZERO;
    }

    fn has_failed_for(&self, duration: Duration) -> bool {
        self.failing_since.is_some_and(|since| since.elapsed() >= duration)
    }

    fn may_try_again(&mut self, reason: &LogUnavailable) -> bool {
        if self.found == Found::Nothing && reason.is_absence() {
            return false;
        }
        if reason.is_awaited() {
            self.awaited_since.get_or_insert_with(Instant::now);
        }
        if reason.is_awaited() && self.manner != Manner::Once {
            self.failing_since = None;
            return true;
        }
        let failing_for = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        match self.manner {
            // A pod may be replaced between the listing and the reading.
            Manner::Once if self.found < Found::Log => {
                reason.is_request() && reason.is_awaited() && failing_for < REPLACED_WITHIN
            }
            Manner::Once => reason.may_pass() && failing_for < REPLACED_WITHIN,
            Manner::Readily if self.found < Found::Log => false,
            Manner::Readily | Manner::Patiently => reason.may_pass() && failing_for < GIVE_UP_AFTER,
        }
    }

    fn tell_of(&mut self, reason: &LogUnavailable) {
        let is_usual = reason.is_request()
            && reason.is_awaited()
            && self.awaited_since.is_none_or(|since| since.elapsed() < NO_NEWS_FOR);
        if !is_usual {
            self.tell(reason.in_full());
        }
    }

    fn resume(&mut self) {
        if self.told.take().is_some() {
            self.ready.push_back(News::Resumed);
        }
    }

    fn tell(&mut self, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.told = Some(why.clone());
            self.ready.push_back(News::Waits(why));
        }
    }
}
