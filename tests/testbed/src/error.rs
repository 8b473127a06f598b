//! What can go wrong in the test bed, in words for the person who runs it.

use std::{io, path::PathBuf};

/// A failure of the test bed itself, never of what it tests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A binary of a control plane is missing and could not be brought.
    #[error("{0}")]
    Assets(String),

    /// A file or a folder could not be used.
    #[error("{action} `{path}`")]
    File {
        /// What was to be done, as "write" or "create the folder".
        action: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// A process, socket or stream failed.
    #[error("{action}")]
    Io {
        /// What was to be done.
        action: String,
        /// Why it failed.
        source: io::Error,
    },

    /// A certificate could not be made.
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),

    /// TLS could not be set up with the test bed's own certificates.
    #[error("set up TLS")]
    Tls(#[from] tokio_rustls::rustls::Error),

    /// A process of a control plane ended or never became ready.
    #[error("control plane `{name}` does not start: {reason}\n{log}")]
    Start {
        /// The control plane.
        name: String,
        /// What was seen instead.
        reason: String,
        /// The last lines of the log that tells why.
        log: String,
    },

    /// This machine lacks what real nodes need.
    #[error("real nodes need {0}")]
    Machine(String),

    /// A node ended or never became ready.
    #[error("node `{name}`: {reason}\n{log}")]
    Node {
        /// The node.
        name: String,
        /// What was seen instead.
        reason: String,
        /// The last lines of its logs.
        log: String,
    },

    /// A request of the test bed was refused.
    #[error("request to a control plane")]
    Kube(#[from] Box<kube::Error>),

    /// Etcd answered what was not expected.
    #[error("etcd: {0}")]
    Etcd(String),
}

impl Error {
    /// Says which file or folder an I/O error is about; for `map_err`.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Says what an I/O error interrupted; for `map_err`.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Whether somebody else listens on a port that was free when it was chosen.
    pub(crate) fn is_taken_port(&self) -> bool {
        match self {
            Self::Start { log, .. } => log.contains("address already in use"),
            Self::Io { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            _ => false,
        }
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Kube(Box::new(error))
    }
}
