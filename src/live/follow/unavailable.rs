use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;

/// Why the installer's log cannot be read. Nothing that a command does depends on the log: callers go on without it.
#[derive(Debug, Error)]
pub enum LogUnavailable {
    /// The user may not do what reading the log takes.
    #[error("not allowed to {action}")]
    Forbidden {
        /// Verb and object, as a rule would name them.
        action: &'static str,
        /// The server's answer.
        source: Box<kube::Error>,
    },
    /// There is no Deployment ks-installer.
    #[error("no deployment ks-installer in kubesphere-system")]
    NoInstaller,
    /// The Deployment has no pod whose container has started.
    #[error("ks-installer has no running pod")]
    NoPod,
    /// It failed again and again, or otherwise than by a lack of rights.
    #[error("failed to {action}")]
    Unreadable {
        /// Verb and object.
        action: &'static str,
        /// The last cause.
        source: Box<kube::Error>,
    },
}

impl LogUnavailable {
    fn from_error(action: &'static str, source: kube::Error) -> Self {
        let source = Box::new(source);
        match code(&source) {
            Some(401 | 403) => Self::Forbidden { action, source },
            _ => Self::Unreadable { action, source },
        }
    }

    /// Whether what was asked for does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if code(source) == Some(404))
    }

    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Forbidden { .. } => false,
            Self::NoInstaller | Self::NoPod | Self::Unreadable { .. } => true,
        }
    }

    /// Whether nothing is broken: the pod is gone (404), or its container has not started (400, `is waiting to start:
    /// ContainerCreating`; Kubernetes `pkg/registry/core/pod/strategy.go`, `LogLocation`).
    pub(super) fn is_awaited(&self) -> bool {
        match self {
            Self::Unreadable { source, .. } => matches!(code(source), Some(400 | 404)),
            Self::NoInstaller | Self::NoPod => true,
            Self::Forbidden { .. } => false,
        }
    }
}

/// kube has no read timeout: a server that never answers would be waited for for ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// The request's answer, or why there is none.
pub(super) async fn answered<T>(
    action: &'static str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, LogUnavailable> {
    let timed_out = |_| Err(kube::Error::Service("the server did not answer within 30 s".into()));
    let answer = timeout(ANSWERS_WITHIN, request).await.unwrap_or_else(timed_out);
    answer.map_err(|error| LogUnavailable::from_error(action, error))
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
