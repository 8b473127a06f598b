//! A container's log as the kubelet keeps and serves it.

use std::{io, sync::Mutex};

use bytes::Bytes;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc::UnboundedSender, watch};

use super::clock;

/// The log of one container: it grows, is read and followed, and ends with its pod.
pub struct Log {
    lines: Mutex<Vec<Line>>,
    state: watch::Sender<State>,
}

struct Line {
    at: Timestamp,
    text: String,
}

#[derive(Clone, Copy, Default)]
struct State {
    lines: usize,
    ended: bool,
}

/// What a reader asks for; the parameters of the kubelet's `/containerLogs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Whether to go on with what is written later.
    pub follow: bool,
    /// Only what was written then or later. The kubelet is given whole seconds.
    pub since: Option<Timestamp>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
    /// Only so many of the last lines.
    pub tail: Option<usize>,
    /// Only so many bytes.
    pub limit: Option<usize>,
}

impl LogQuery {
    /// Reads the query of a request to the kubelet.
    ///
    /// Source: Kubernetes `pkg/kubelet/server/server.go@v1.34.3` (`getContainerLogs`).
    pub fn parse(query: &str, now: Timestamp) -> Self {
        let mut parsed = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = value.replace("%3A", ":").replace("%2B", "+");
            match key {
                "follow" => parsed.follow = value == "true",
                "timestamps" => parsed.timestamps = value == "true",
                "tailLines" => parsed.tail = value.parse().ok(),
                "limitBytes" => parsed.limit = value.parse().ok(),
                "sinceTime" => parsed.since = value.parse().ok(),
                "sinceSeconds" => {
                    parsed.since = value.parse().ok().map(|seconds| now - SignedDuration::from_secs(seconds));
                }
                _ => {}
            }
        }
        parsed
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { lines: Mutex::default(), state: watch::Sender::new(State::default()) }
    }
}

impl Log {
    /// Writes one or several lines now.
    pub fn write(&self, text: &str) {
        self.write_at(Timestamp::now(), text);
    }

    /// Writes one or several lines at a given time.
    pub fn write_at(&self, at: Timestamp, text: &str) {
        let mut lines = self.lines.lock().expect("no holder panics");
        lines.extend(text.split('\n').map(|text| Line { at, text: text.to_owned() }));
        let written = lines.len();
        drop(lines);
        self.state.send_modify(|state| state.lines = written);
    }

    /// Ends the log with its container: whoever follows it sees the end.
    pub fn end(&self) {
        self.state.send_modify(|state| state.ended = true);
    }

    /// All text so far.
    pub fn text(&self) -> String {
        let lines = self.lines.lock().expect("no holder panics");
        lines.iter().fold(String::new(), |text, line| text + &line.text + "\n")
    }

    /// Sends what the query asks for, until the log ends or the reader goes away.
    pub async fn serve(&self, query: &LogQuery, reader: UnboundedSender<io::Result<Bytes>>) {
        let mut state = self.state.subscribe();
        let mut next = self.first(query);
        let mut left = query.limit.unwrap_or(usize::MAX);
        loop {
            let ended = state.borrow_and_update().ended;
            let mut chunk = self.chunk(&mut next, query);
            chunk.truncate(left);
            left -= chunk.len();
            if !chunk.is_empty() && reader.send(Ok(chunk.into())).is_err() {
                return;
            }
            if !query.follow || ended || left == 0 {
                return;
            }
            tokio::select! {
                _ = state.changed() => {}
                () = reader.closed() => return,
            }
        }
    }

    /// The kubelet seeks the last lines first and drops the older of them afterwards.
    fn first(&self, query: &LogQuery) -> usize {
        let lines = self.lines.lock().expect("no holder panics").len();
        query.tail.map_or(0, |tail| lines.saturating_sub(tail))
    }

    fn chunk(&self, next: &mut usize, query: &LogQuery) -> Vec<u8> {
        let lines = self.lines.lock().expect("no holder panics");
        let wanted = lines[*next..].iter().filter(|line| query.since.is_none_or(|since| line.at >= since));
        let mut chunk = String::new();
        for line in wanted {
            if query.timestamps {
                chunk += &clock::of_kubelet(line.at);
                chunk.push(' ');
            }
            chunk += &line.text;
            chunk.push('\n');
        }
        *next = lines.len();
        chunk.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    async fn read(log: &Log, query: &str) -> String {
        let (sender, mut receiver) = unbounded_channel();
        let query = LogQuery::parse(query, at(10));
        log.serve(&query, sender).await;
        let mut text = Vec::new();
        while let Some(chunk) = receiver.recv().await {
            text.extend(chunk.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn reads_as_the_kubelet_does() {
        let log = Log::default();
        log.write_at(at(1), "one");
        log.write_at(at(5), "two\nthree");
        assert_eq!(read(&log, "").await, "one\ntwo\nthree\n");
        assert_eq!(read(&log, "tailLines=1").await, "three\n");
        assert_eq!(read(&log, "sinceTime=2023-11-14T22%3A13%3A25Z").await, "two\nthree\n");
        assert_eq!(read(&log, "sinceSeconds=4&tailLines=9").await, "");
        assert_eq!(read(&log, "limitBytes=5").await, "one\nt");
        assert_eq!(read(&log, "timestamps=true&tailLines=1").await, "2023-11-14T22:13:25.000000000Z three\n");
    }

    #[tokio::test]
    async fn following_ends_with_the_pod() {
        let log = Arc::new(Log::default());
        log.write("one");
        let (sender, mut receiver) = unbounded_channel();
        let reader = tokio::spawn({
            let log = log.clone();
            async move { log.serve(&LogQuery { follow: true, ..LogQuery::default() }, sender).await }
        });
        assert_eq!(receiver.recv().await.unwrap().unwrap(), "one\n");
        log.write("two");
        assert_eq!(receiver.recv().await.unwrap().unwrap(), "two\n");
        log.end();
        tokio::time::timeout(Duration::from_secs(5), reader).await.unwrap().unwrap();
    }
}
