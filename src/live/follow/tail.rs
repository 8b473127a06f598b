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

/// So many lines are written already: what does not end within this time is no end of a log.
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
    let log = Attachment::open(client, request).await?;
    let read = timeout(READ_WITHIN, read_to_its_end(log, bounds));
    read.await.unwrap_or_else(|_| Err(LogUnavailable::endless(READ_WITHIN)))
}

async fn read_to_its_end(mut log: Attachment, bounds: TailBounds) -> Result<Vec<Line>, LogUnavailable> {
    let mut tail = Tail { bounds, lines: VecDeque::new(), bytes: 0 };
    loop {
        match log.read().await {
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

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use bytes::Bytes;
    use futures::{StreamExt as _, stream};
    use http::{Request, Response};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use kube::{Client, client::Body};
    use tokio::time::{Instant, sleep};

    use super::{LogUnavailable, READ_WITHIN, TailBounds, tail};

    /// A server that asks nobody how much of the log is wanted.
    fn dripping() -> Client {
        let service = tower::service_fn(|_: Request<Body>| async {
            let drops = stream::repeat("2024-03-01T10:00:00Z a line\n").then(async |line| {
                sleep(Duration::from_secs(1)).await;
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(line.as_bytes())))
            });
            Ok::<_, Infallible>(Response::new(StreamBody::new(Box::pin(drops))))
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_and_does_not_end_is_no_log() {
        let begun = Instant::now();
        let read = tail(&dripping(), ("ks-installer-a", "installer"), None, TailBounds::default()).await;
        assert!(matches!(read, Err(LogUnavailable::Unreadable { .. })), "{read:?}");
        assert!(begun.elapsed() < READ_WITHIN * 2);
    }
}
