use std::time::Duration;
use std::{fmt, io};

use kubesphere::side::Side;
use tokio::time::timeout;

use super::super::no_answer::RequestTimedOut;
use super::pod::{DEPLOYMENT, NAMESPACE};
use crate::live::request_error::{Cause, Object, RequestError, TooLong, Verb};

/// Why the installer's log cannot be read. Nothing that changes a cluster depends on the log: callers go on without it.
#[derive(Debug, thiserror::Error)]
pub enum LogUnavailable {
    /// The user may not do what reading the log takes.
    #[error("not allowed to {asked}")]
    Forbidden {
        asked: Asked,
        /// The server's answer.
        source: Box<kube::Error>,
    },
    /// There is no Deployment ks-installer.
    #[error("no deployment ks-installer in kubesphere-system")]
    NoInstaller,
    /// The Deployment wants no pod.
    #[error("the deployment ks-installer in kubesphere-system is scaled to 0")]
    ScaledDown,
    /// The Deployment has no pod whose container has started.
    #[error("ks-installer has no running pod{}", after_colon(why))]
    NoPod {
        /// What is known of the reason: of the newest pod, or why there is none. The cluster's words.
        why: String,
        /// Whether none is there, or nobody tries to start one any more.
        is_for_good: bool,
    },
    /// It failed again and again, or otherwise than by a lack of rights.
    #[error("failed to {asked}")]
    Unreadable {
        asked: Asked,
        /// The last cause.
        source: Box<kube::Error>,
    },
}

/// What reading the log asks of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The Deployment, for its selector.
    Deployment,
    Pods,
    /// The log of one of them.
    Log,
}

impl Asked {
    fn verb(self) -> Verb {
        match self {
            Self::Deployment | Self::Log => Verb::Get,
            Self::Pods => Verb::List,
        }
    }

    fn object(self) -> Object {
        match self {
            Self::Deployment => Object::all("apps", "deployments").named(DEPLOYMENT),
            Self::Pods => Object::all("", "pods"),
            Self::Log => Object::all("", "pods/log"),
        }
        .in_namespace(NAMESPACE)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb(), self.object())
    }
}

fn after_colon(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

impl LogUnavailable {
    fn from_error(asked: Asked, source: kube::Error) -> Self {
        let source = Box::new(source);
        match code(&source) {
            Some(401 | 403) => Self::Forbidden { asked, source },
            _ => Self::Unreadable { asked, source },
        }
    }

    /// The log broke off before its end, again.
    pub(super) fn broken_off() -> Self {
        let cause = io::Error::new(io::ErrorKind::UnexpectedEof, "the log breaks off before its end");
        Self::Unreadable { asked: Asked::Log, source: Box::new(kube::Error::Service(Box::new(cause))) }
    }

    /// It has not ended in time, though nothing is waited for.
    pub(super) fn endless(after: Duration) -> Self {
        let cause = kube::Error::Service(Box::new(RequestTimedOut { after }));
        Self::Unreadable { asked: Asked::Log, source: Box::new(cause) }
    }

    /// A line of it does not end.
    pub(super) fn too_long(too_long: TooLong) -> Self {
        Self::Unreadable { asked: Asked::Log, source: Box::new(kube::Error::Service(Box::new(too_long))) }
    }

    /// The request that failed, where one did.
    pub fn request_error(&self, side: &Side) -> Option<RequestError> {
        let (Self::Forbidden { asked, source } | Self::Unreadable { asked, source }) = self else {
            return None;
        };
        let (verb, object) = (asked.verb(), asked.object());
        Some(RequestError { side: side.clone(), verb, object, cause: Cause::from(&**source) })
    }

    /// With its cause.
    pub(super) fn in_full(&self) -> String {
        match self {
            Self::Forbidden { source, .. } | Self::Unreadable { source, .. } => {
                format!("{self}: {}", Cause::from(&**source))
            }
            Self::NoInstaller | Self::ScaledDown | Self::NoPod { .. } => self.to_string(),
        }
    }

    /// Whether what was asked for does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if code(source) == Some(404))
    }

    /// Whether a request failed.
    pub(super) fn is_request(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::Unreadable { .. })
    }

    /// Whether the Deployment runs nothing, by somebody's will.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::NoInstaller | Self::ScaledDown)
    }

    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Forbidden { .. } => false,
            Self::Unreadable { source, .. } => !matches!(Cause::from(&**source), Cause::TooLong(_)),
            Self::NoInstaller | Self::ScaledDown | Self::NoPod { .. } => true,
        }
    }

    /// Whether nothing is broken: the pod is gone (404), or its container has not started (400, `is waiting to start:
    /// ContainerCreating`; Kubernetes `pkg/registry/core/pod/strategy.go`, `LogLocation`).
    pub(super) fn is_awaited(&self) -> bool {
        match self {
            Self::Unreadable { source, .. } => matches!(code(source), Some(400 | 404)),
            Self::NoInstaller | Self::ScaledDown | Self::NoPod { .. } => true,
            Self::Forbidden { .. } => false,
        }
    }
}

/// kube has no read timeout: a server that never answers would be waited for for ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// The request's answer, or why there is none.
pub(super) async fn answered<T>(
    asked: Asked,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, LogUnavailable> {
    let timed_out = |_| Err(kube::Error::Service(Box::new(RequestTimedOut { after: ANSWERS_WITHIN })));
    let answer = timeout(ANSWERS_WITHIN, request).await.unwrap_or_else(timed_out);
    answer.map_err(|error| LogUnavailable::from_error(asked, error))
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
