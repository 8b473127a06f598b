use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::time::timeout;

use super::attachment::{Attachment, Extent, Read, Request};
use super::news::Line;
use super::pod::CONTAINER;
use super::unavailable::LogUnavailable;
use crate::plan::observed::InstallerContainer;

/// How much of the log's end to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailBounds {
    /// At most so many lines.
    pub lines: u32,
    /// At most so many bytes of text. The oldest lines give way; the server's own `limitBytes` would cut off the newest.
    pub bytes: usize,
}

impl Default for TailBounds {
    /// A verbose run prints some 1500 lines; this holds two and their failures.
    fn default() -> Self {
        Self { lines: 5000, bytes: 4 * 1024 * 1024 }
    }
}

/// A log whose bytes stop to come is as long as it is then.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// The end of the installer's log, read once.
pub async fn installer_log_tail(
    client: &Client,
    container: &InstallerContainer,
    bounds: TailBounds,
) -> Result<Vec<Line>, LogUnavailable> {
    tail(client, (&container.pod, CONTAINER), None, bounds).await
}

/// The end of a container's log, of what is written `since`.
pub(super) async fn tail(
    client: &Client,
    (pod, container): (&str, &'static str),
    since: Option<Timestamp>,
    bounds: TailBounds,
) -> Result<Vec<Line>, LogUnavailable> {
    let request = Request { pod, container, since, extent: Extent::Written(Some(bounds.lines)) };
    let mut log = Attachment::open(client, request).await?;
    let mut tail = Tail { bounds, lines: VecDeque::new(), bytes: 0 };
    loop {
        match timeout(READ_WITHIN, log.read()).await.unwrap_or(Read::Cut(None)) {
            Read::Lines(lines) => lines.iter().for_each(|line| tail.push(line)),
            Read::TooLong(too_long) => return Err(LogUnavailable::too_long(too_long)),
            Read::End(begun) | Read::Cut(begun) => {
                if let Some(line) = &begun {
                    tail.push(line);
                }
                return Ok(tail.lines.into());
            }
        }
    }
}

struct Tail {
    bounds: TailBounds,
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: &str) {
        let Some(line) = Line::parse(line) else { return };
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > self.bounds.lines as usize || self.bytes > self.bounds.bytes {
            let Some(dropped) = self.lines.pop_front() else { return };
            self.bytes -= dropped.text.len();
        }
    }
}
