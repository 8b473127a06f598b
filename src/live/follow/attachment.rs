use std::pin::Pin;

use futures::{AsyncBufRead, AsyncBufReadExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client};
use kubesphere::installer_log::LineAssembler;

use super::pod::NAMESPACE;
use super::position::whole_second;
use super::unavailable::{Asked, LogUnavailable, answered};
use crate::live::request_error::{Cause, TooLong};

/// A container's log while it is being read.
pub(super) struct Attachment {
    bytes: Pin<Box<dyn AsyncBufRead + Send>>,
    lines: LineAssembler,
}

/// Which log, and from where.
pub(super) struct Request<'a> {
    pub(super) pod: &'a str,
    pub(super) container: &'static str,
    pub(super) since: Option<Timestamp>,
    pub(super) extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is written, and what will be.
    Follow,
    /// What is written; of that the last lines, if a number is given.
    Written(Option<u32>),
    /// What the container wrote in its life before this one.
    Previous,
}

/// What reading gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Some bytes, with the lines that they completed.
    Lines(Vec<String>),
    /// The log ended; what was begun of a line, if any.
    End(Option<String>),
    /// The connection was cut; likewise.
    Cut(Option<String>),
    /// A line does not end.
    TooLong(TooLong),
}

impl Attachment {
    pub(super) async fn open(client: &Client, request: Request<'_>) -> Result<Self, LogUnavailable> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
        let parameters = parameters(&request);
        let bytes = answered(Asked::Log, pods.log_stream(request.pod, &parameters)).await?;
        Ok(Self { bytes: Box::pin(bytes), lines: LineAssembler::default() })
    }

    /// The next chunk. Nothing is lost when this is dropped while it waits: the bytes are taken after the wait.
    pub(super) async fn read(&mut self) -> Read {
        let chunk = match self.bytes.fill_buf().await {
            Ok(chunk) => chunk,
            Err(error) => {
                return match Cause::from(&kube::Error::ReadEvents(error)) {
                    Cause::TooLong(too_long) => Read::TooLong(too_long),
                    _ => Read::Cut(self.lines.finish()),
                };
            }
        };
        if chunk.is_empty() {
            return Read::End(self.lines.finish());
        }
        let length = chunk.len();
        let mut lines = Vec::new();
        self.lines.push(chunk, |line| lines.push(line.to_owned()));
        self.bytes.as_mut().consume(length);
        Read::Lines(lines)
    }
}

fn parameters(request: &Request<'_>) -> LogParams {
    let tail_lines = match request.extent {
        Extent::Written(lines) => lines.map(i64::from),
        Extent::Follow | Extent::Previous => None,
    };
    LogParams {
        container: Some(request.container.to_owned()),
        follow: request.extent == Extent::Follow,
        previous: request.extent == Extent::Previous,
        since_time: request.since.map(whole_second),
        tail_lines,
        timestamps: true,
        ..LogParams::default()
    }
}
