//! What a connection shows to its server of who one is: a refusal does not tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use kubesphere::command::Kubectl;
use kubesphere::side::Side;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use super::tls_failure::WayOut;

/// The credentials of a connection, without what is secret of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The last second of the client certificate, since 1970.
    pub certificate_until: Option<i64>,
    /// Whether there is a token, a password or the like.
    pub otherwise: bool,
    /// Whether the server has asked for a client certificate where there is none.
    pub was_asked: bool,
}

/// Shows a server no client certificate, and remembers whether it has asked for one.
#[derive(Clone, Debug, Default)]
pub(super) struct NoCertificate(Arc<AtomicBool>);

impl NoCertificate {
    pub(super) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Why a server refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the server sees `system:anonymous`: the context brings no credentials")]
    Nobody,
    #[error("the server sees `system:anonymous`: the credentials of the context do not reach it")]
    Unseen,
    #[error("the server does not accept the credentials: the client certificate expired on {on}")]
    Ended {
        /// The day.
        on: String,
    },
}

impl Refusal {
    pub(super) fn hint(&self, side: &Side) -> String {
        let (config, context) = (Kubectl::config(side), side.context());
        match self {
            Self::Nobody => format!(
                "give the context a user: `{}`, or pass {}",
                config.words("set-context").word(context).words("--user=USER"),
                side.option("token", "TOKEN")
            ),
            Self::Unseen => "name the API server's own address: a proxy on the way that ends TLS takes a client certificate \
                             away"
                .to_owned(),
            Self::Ended { .. } => WayOut::RenewClient.hint(side).unwrap_or_default(),
        }
    }
}

impl Shown {
    /// Whether there is nothing at all.
    pub fn is_nothing(self) -> bool {
        self.certificate_until.is_none() && !self.otherwise
    }

    /// Why a server answers with 401, or also with 403, as far as what was shown to it tells.
    pub(super) fn refusal(self, is_unauthorized: bool) -> Option<Refusal> {
        if self.is_nothing() {
            return Some(Refusal::Nobody);
        }
        self.ended().filter(|_| is_unauthorized).map(|on| Refusal::Ended { on })
    }

    /// The day on which the client certificate has ended, by this machine's clock.
    pub(super) fn ended(self) -> Option<String> {
        let until = Timestamp::from_second(self.certificate_until?).ok()?;
        (until < Timestamp::now()).then(|| until.strftime("%Y-%m-%d").to_string())
    }
}
