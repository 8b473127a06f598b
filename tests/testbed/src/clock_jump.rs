//! A cluster whose clocks jump, its server's and its nodes': what its clients see of that.

use std::{io, sync::LazyLock};

use http::{Request, Response, Uri, header::CONTENT_LENGTH};
use http_body_util::BodyExt as _;
use k8s_openapi::jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::rfc2822::DateTimePrinter};
use regex::{Captures, Regex};

use crate::serve::{self, Body};

/// Up to the second, and the rest.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let second = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d";
    Regex::new(&format!(r"({second})((?:\.\d+)?(?:Z|[+-]\d\d:\d\d))")).expect("a valid pattern")
});
static SINCE: LazyLock<Regex> = LazyLock::new(|| Regex::new("sinceTime=([^&]+)").expect("a valid pattern"));

/// From one moment on all clocks are so far ahead; what was written before keeps its time.
#[derive(Clone, Debug)]
pub struct ClockJump {
    at: Timestamp,
    by: SignedDuration,
}

impl ClockJump {
    /// By whole seconds, backwards when they are negative.
    pub fn now(seconds: i64) -> Self {
        let second = Timestamp::from_second(Timestamp::now().as_second()).expect("a time of today");
        Self { at: second, by: SignedDuration::from_secs(seconds) }
    }

    /// What the cluster's clock says at a moment.
    pub(crate) fn at(&self, moment: Timestamp) -> Timestamp {
        if moment < self.at { moment } else { moment + self.by }
    }

    fn in_text(&self, text: &str) -> String {
        let shown = |time: &Captures<'_>| {
            let moment: Option<Timestamp> = time[0].parse().ok();
            let second: Option<DateTime> = time[1].parse().ok();
            match (moment, second) {
                (Some(moment), Some(second)) if moment >= self.at => {
                    format!("{}{}", (second + self.by).strftime("%Y-%m-%dT%H:%M:%S"), &time[2])
                }
                _ => time[0].to_owned(),
            }
        };
        TIME.replace_all(text, shown).into_owned()
    }

    /// The request as one who keeps true time understands it, and since when its lines of a log shall be.
    pub(crate) fn undone<B>(&self, mut request: Request<B>) -> (Request<B>, Option<Timestamp>) {
        let uri = request.uri().to_string();
        let since = SINCE.captures(&uri).and_then(|found| found[1].replace("%3A", ":").parse().ok());
        if let Some(since) = since {
            let earliest = Timestamp::min(since, since - self.by).strftime("sinceTime=%Y-%m-%dT%H:%M:%SZ");
            let asked: Option<Uri> = SINCE.replace(&uri, earliest.to_string()).parse().ok();
            *request.uri_mut() = asked.expect("a time is valid in an address");
        }
        (request, since)
    }

    /// The answer with the times of this cluster's clocks, without lines of a log that are older than was asked for: the
    /// kubelet compares each line's own time (Kubernetes `staging/src/k8s.io/cri-client/pkg/logs/logs.go@v1.34.3`, `logWriter.write`).
    pub(crate) fn done(self, response: Response<Body>, since: Option<Timestamp>) -> Response<Body> {
        let (mut parts, mut body) = response.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.at(Timestamp::now()));
        let date = date.ok().and_then(|date| date.parse().ok());
        parts.headers.extend(date.map(|date: http::HeaderValue| (http::header::DATE, date)));
        let (sender, shown) = serve::stream();
        tokio::spawn(async move {
            let mut rest = Vec::new();
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else {
                    let _ = sender.send(Err(io::ErrorKind::ConnectionReset.into()));
                    return;
                };
                rest.extend(frame.into_data().unwrap_or_default());
                let lines = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines: Vec<u8> = rest.drain(..lines).collect();
                if sender.send(Ok(self.shown(&lines, since).into())).is_err() {
                    return;
                }
            }
            let _ = sender.send(Ok(self.shown(&rest, since).into()));
        });
        Response::from_parts(parts, shown)
    }

    fn shown(&self, lines: &[u8], since: Option<Timestamp>) -> String {
        let text = self.in_text(&String::from_utf8_lossy(lines));
        let is_asked = |line: &&str| {
            let time = line.split(' ').next().and_then(|time| time.parse::<Timestamp>().ok());
            !matches!((time, since), (Some(time), Some(since)) if time < since)
        };
        text.split_inclusive('\n').filter(is_asked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jump(seconds: i64) -> ClockJump {
        ClockJump { at: "2026-01-01T10:00:00Z".parse().unwrap(), by: SignedDuration::from_secs(seconds) }
    }

    #[test]
    fn what_was_written_before_keeps_its_time() {
        let text =
            "2026-01-01T09:59:59Z 2026-01-01T10:00:00Z 2026-01-01T23:30:01.5Z 2026-01-01T18:00:00+08:00";
        let ahead =
            "2026-01-01T09:59:59Z 2026-01-01T11:00:00Z 2026-01-02T00:30:01.5Z 2026-01-01T19:00:00+08:00";
        assert_eq!(jump(3600).in_text(text), ahead);
    }

    #[test]
    fn a_log_since_the_time_before_a_jump_back_has_none_of_the_lines_after_it() {
        let asked = Request::get("/log?sinceTime=2026-01-01T09%3A59%3A58Z&follow=true").body(()).unwrap();
        let (request, since) = jump(-3600).undone(asked);
        assert_eq!(request.uri(), "/log?sinceTime=2026-01-01T09:59:58Z&follow=true");
        let lines = b"2026-01-01T09:59:59Z before\n2026-01-01T10:00:01Z after\n";
        assert_eq!(jump(-3600).shown(lines, since), "2026-01-01T09:59:59Z before\n");
        assert_eq!(jump(3600).shown(lines, since).lines().count(), 2);
    }
}
