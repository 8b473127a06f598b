use jiff::Timestamp;

use kubesphere::installer_log::split_timestamp;

/// A line of the installer's log. Not masked: what is shown of it goes through
/// [`mask`](kubesphere::installer_log::mask).
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

/// What comes while a log is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The next line.
    Line(Line),
    /// All that was written so far has been given, once.
    CaughtUp,
    /// Another container's log begins.
    Container {
        pod: String,
        /// When it started, or its Deployment was last restarted: a run follows.
        started: Option<Timestamp>,
    },
    /// Nothing can be read now, or nothing will come: why, in the cluster's words. Each reason once.
    Waits(String),
    /// What could not be read can be read again.
    Resumed,
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
