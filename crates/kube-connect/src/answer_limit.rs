//! How much of an answer is taken: what never ends would fill the memory.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, Uri};
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

/// Lists are asked for by the page, and etcd stores no object above 1.5 MiB (etcd `server/embed/config.go`,
/// `DefaultMaxRequestBytes`).
pub(super) const LONGEST_BODY: usize = 64 << 20;

/// Of what is followed each line counts for itself: it is an event with one object, or a line of a log.
pub(super) const LONGEST_LINE: usize = 8 << 20;

/// A server that answers more than any API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    #[error("the answer is longer than {} MiB, which is no API server's", LONGEST_BODY >> 20)]
    Body,
    #[error("an event of the watch is longer than {} MiB, which is no API server's", LONGEST_LINE >> 20)]
    Event,
    #[error("a line of the log is longer than {} MiB", LONGEST_LINE >> 20)]
    LogLine,
}

/// What of an answer must not be longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    EachEvent,
    EachLogLine,
}

impl Extent {
    /// Of the answer to a request for this.
    pub(super) fn of(uri: &Uri) -> Self {
        if uri.path().ends_with("/log") {
            return Self::EachLogLine;
        }
        let mut options = uri.query().unwrap_or_default().split('&');
        let is_stream = options.any(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, "true"));
            matches!(name, "watch" | "follow") && matches!(value, "true" | "1")
        });
        if is_stream { Self::EachEvent } else { Self::Whole }
    }

    /// Nothing where one more byte is too much.
    fn taken(self, mut before: usize, data: &[u8]) -> Result<usize, TooLong> {
        if self == Self::Whole {
            let taken = before + data.len();
            return if taken > LONGEST_BODY { Err(TooLong::Body) } else { Ok(taken) };
        }
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            before += line.len();
            if before > LONGEST_LINE {
                return Err(if self == Self::EachEvent { TooLong::Event } else { TooLong::LogLine });
            }
            if line.ends_with(b"\n") {
                before = 0;
            }
        }
        Ok(before)
    }
}

/// A body that fails where it becomes too long.
pub(super) struct Bounded<B> {
    body: B,
    extent: Extent,
    taken: usize,
}

impl<B> Bounded<B> {
    /// What is no success has one `Status` in any case.
    pub(super) fn answer(response: Response<B>, extent: Extent) -> Response<Self> {
        let extent = if response.status().is_success() { extent } else { Extent::Whole };
        response.map(|body| Self { body, extent, taken: 0 })
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        if let Some(data) = frame.data_ref() {
            self.taken = self.extent.taken(self.taken, data)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_by_the_request() {
        let of = |uri: &str| Extent::of(&uri.parse().unwrap());
        assert!(of("/api/v1/pods?watch=true&limit=5") == Extent::EachEvent);
        assert!(of("/api/v1/pods?limit=5&watch=1") == Extent::EachEvent);
        assert!(of("/api/v1/namespaces/a/pods/b/log?follow=true") == Extent::EachLogLine);
        assert!(of("/api/v1/namespaces/a/pods/b/log") == Extent::EachLogLine);
        for whole in ["/api/v1/pods", "/api/v1/pods?watch=false", "/api/v1/pods?limit=5"] {
            assert!(of(whole) == Extent::Whole);
        }
    }

    #[test]
    fn a_body_counts_whole_and_a_line_by_itself() {
        let chunk = vec![b'x'; 1 << 20];
        let fed = |extent: Extent, chunks: usize, last: &[u8]| {
            (0..chunks)
                .try_fold(0, |taken, _| extent.taken(taken, &chunk))
                .and_then(|taken| extent.taken(taken, last))
        };
        assert!(fed(Extent::Whole, 64, b"").is_ok());
        assert_eq!(fed(Extent::Whole, 64, b"\n"), Err(TooLong::Body));
        for (extent, too_long) in
            [(Extent::EachEvent, TooLong::Event), (Extent::EachLogLine, TooLong::LogLine)]
        {
            assert_eq!(fed(extent, 7, b"\nx"), Ok(1));
            assert_eq!(fed(extent, 8, b"x"), Err(too_long));
        }
        let lines = [&chunk[..], b"\n"].concat().repeat(100);
        assert_eq!(Extent::EachEvent.taken(0, &lines), Ok(0));
    }
}
