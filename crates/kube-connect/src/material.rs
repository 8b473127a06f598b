//! A certificate, key or token of a context: where it stands, and what is wrong with it.

use std::fmt;
use std::path::Path;

use kubesphere::command::Kubectl;
use kubesphere::go_base64;
use kubesphere::side::Side;

use super::connection::ConnectionError;
use super::local_file;

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    #[error("is not base64")]
    NotBase64,
    /// It holds something else.
    #[error("holds no {wanted} in PEM, but {}", found(labels))]
    Absent {
        wanted: &'static str,
        /// What the blocks in it say to be.
        labels: Vec<String>,
    },
    /// It is damaged.
    #[error("cannot be read as a {wanted}: it is damaged, or one byte too long or short")]
    Unreadable { wanted: &'static str },
    #[error("is encrypted with a passphrase, for which kubectl does not ask either")]
    Encrypted,
    /// kubectl can sign with it.
    #[error(
        "is {kind}, with which kubectl-mc cannot sign: it can with RSA of 2048 to 4096 bits, ECDSA on P-256 and P-384, \
         and Ed25519"
    )]
    Unsupported {
        /// The kind of key.
        kind: String,
    },
    /// It is another certificate's.
    #[error("is not the one of the client certificate: they do not belong together")]
    Mismatched,
    /// No header can carry it (net/http refuses it, too).
    #[error("contains a line end or another character that no request can carry")]
    Unsendable,
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
}

fn found(labels: &[String]) -> String {
    if labels.is_empty() { "no PEM at all".to_owned() } else { labels.join(", ") }
}

impl Defect {
    /// What to do about it.
    pub(super) fn hint(&self, side: &Side) -> String {
        let config = Kubectl::config(side);
        match self {
            Self::Unsupported { .. } => format!(
                "use a token, which kubectl makes with that key: `{}`, and {}; or have a certificate issued for a key of \
                 these kinds",
                Kubectl::on(side).words("create token SERVICEACCOUNT --namespace NAMESPACE"),
                side.option("token", "TOKEN")
            ),
            Self::Mismatched => format!(
                "name the two that were made together: `{config} set-credentials USER --client-certificate=FILE \
                 --client-key=FILE --embed-certs`"
            ),
            Self::Encrypted => "decrypt it: `openssl pkey -in KEY -out DECRYPTED`".to_owned(),
            Self::Unsendable => {
                "write it without a line end: a file of Windows has `\\r` before its own, and in YAML `token: |` keeps it, where \
                 `token: …` has none"
                    .to_owned()
            }
            _ => format!(
                "fix the cluster and user of context \"{}\", or use another context; `{config} view` shows them",
                side.context()
            ),
        }
    }
}

/// What of a context it is, and where it stands.
#[derive(Clone)]
pub(super) struct Material<'a> {
    pub(super) side: &'a Side,
    /// Such as `client key`.
    pub(super) what: &'static str,
    /// The entry of the kubeconfig, where there is one.
    pub(super) entry: Option<&'a str>,
    pub(super) file: Option<&'a str>,
}

impl Material<'_> {
    /// What stands in the kubeconfig, else what is in the file that it names (client-go `transport/transport.go@v0.34`,
    /// `dataFromSliceOrFile`).
    pub(super) fn text(self, data: Option<&str>) -> Result<Option<(Self, String)>, ConnectionError> {
        let data = data.map(go_base64::decoded);
        let data =
            data.map(|data| data.ok_or_else(|| self.within().invalid(Defect::NotBase64))).transpose()?;
        let bytes = match (data.filter(|data| !data.is_empty()), self.file) {
            (Some(data), _) => return Ok(Some((self.within(), text(&data)))),
            (None, Some(_)) => self.read()?,
            (None, None) => return Ok(None),
        };
        Ok(Some((self, text(&bytes))))
    }

    pub(super) fn read(&self) -> Result<Vec<u8>, ConnectionError> {
        let path = Path::new(self.file.unwrap_or_default());
        local_file::read(path).map_err(|source| ConnectionError::Unreadable {
            side: self.side.clone(),
            what: self.what,
            path: path.to_owned(),
            source,
        })
    }

    pub(super) fn invalid(&self, defect: Defect) -> ConnectionError {
        ConnectionError::Invalid { side: self.side.clone(), what: self.to_string(), defect }
    }

    /// It stands in the kubeconfig.
    fn within(&self) -> Self {
        Self { file: None, ..self.clone() }
    }
}

/// What stands around PEM may be anything.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for Material<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file, self.entry) {
            (Some(file), _) => write!(formatter, "{} `{file}`", self.what),
            (None, Some(entry)) => write!(formatter, "{} of {entry}", self.what),
            (None, None) => formatter.write_str(self.what),
        }
    }
}
