//! How much of an answer is taken: what never ends would fill the memory.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, Uri};
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

use super::answer_values::{MOST_OBJECTS, MOST_VALUES, Values};

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
    #[error("the answer has more than {MOST_VALUES} values, which is no API server's")]
    Values,
    #[error("the list has more than {MOST_OBJECTS} objects, which is no API server's")]
    Objects,
    #[error("a page of the list is empty and said not to be the last, which is no API server's")]
    EmptyPage,
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

    fn take(self, taken: &mut Taken, data: &[u8]) -> Result<(), TooLong> {
        match self {
            Self::Whole => taken.whole(data),
            Self::EachEvent => taken.lines(data, TooLong::Event),
            Self::EachLogLine => taken.lines(data, TooLong::LogLine),
        }
    }
}

/// What was taken so far.
#[derive(Default)]
struct Taken {
    bytes: usize,
    values: Values,
}

impl Taken {
    fn whole(&mut self, data: &[u8]) -> Result<(), TooLong> {
        self.bytes += data.len();
        self.values.count(data);
        match self.values {
            _ if self.bytes > LONGEST_BODY => Err(TooLong::Body),
            Values { objects, .. } if objects > MOST_OBJECTS => Err(TooLong::Objects),
            Values { all, .. } if all > MOST_VALUES => Err(TooLong::Values),
            _ => Ok(()),
        }
    }

    fn lines(&mut self, data: &[u8], too_long: TooLong) -> Result<(), TooLong> {
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            self.bytes += line.len();
            if self.bytes > LONGEST_LINE {
                return Err(too_long);
            }
            if line.ends_with(b"\n") {
                self.bytes = 0;
            }
        }
        Ok(())
    }
}

/// A body that fails where it becomes too long.
pub(super) struct Bounded<B> {
    body: B,
    extent: Extent,
    taken: Taken,
}

impl<B> Bounded<B> {
    /// What is no success has one `Status` in any case.
    pub(super) fn answer(response: Response<B>, extent: Extent) -> Response<Self> {
        let extent = if response.status().is_success() { extent } else { Extent::Whole };
        response.map(|body| Self { body, extent, taken: Taken::default() })
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Bounded<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, extent, taken } = self.get_mut();
        let Some(frame) = ready!(Pin::new(body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        if let Some(data) = frame.data_ref() {
            extent.take(taken, data)?;
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
    use std::iter;

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

    fn fed<'a>(extent: Extent, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<usize, TooLong> {
        let mut taken = Taken::default();
        chunks.into_iter().try_for_each(|chunk| extent.take(&mut taken, chunk))?;
        Ok(taken.bytes)
    }

    #[test]
    fn a_body_counts_whole_and_a_line_by_itself() {
        let chunk = vec![b'x'; 1 << 20];
        let of = |extent: Extent, chunks: usize, last| {
            fed(extent, iter::repeat_n(&chunk[..], chunks).chain([last]))
        };
        assert!(of(Extent::Whole, 64, b"").is_ok());
        assert_eq!(of(Extent::Whole, 64, b"\n"), Err(TooLong::Body));
        for (extent, too_long) in
            [(Extent::EachEvent, TooLong::Event), (Extent::EachLogLine, TooLong::LogLine)]
        {
            assert_eq!(of(extent, 7, b"\nx"), Ok(1));
            assert_eq!(of(extent, 8, b"x"), Err(too_long));
        }
        let lines = [&chunk[..], b"\n"].concat().repeat(100);
        assert_eq!(fed(Extent::EachEvent, [&lines[..]]), Ok(0));
    }

    #[test]
    fn few_bytes_are_no_more_objects_and_values_than_an_api_server_answers() {
        let listed = |objects| format!(r#"{{"items": [{}{{}}]}}"#, "{},".repeat(objects - 1));
        assert!(fed(Extent::Whole, [listed(MOST_OBJECTS).as_bytes()]).is_ok());
        assert_eq!(fed(Extent::Whole, [listed(MOST_OBJECTS + 1).as_bytes()]), Err(TooLong::Objects));
        let values = format!("[{}0]", "0,".repeat(MOST_VALUES));
        assert_eq!(fed(Extent::Whole, [values.as_bytes()]), Err(TooLong::Values));
    }
}
