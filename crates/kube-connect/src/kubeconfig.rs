//! Reading kubeconfigs as kubectl reads them.
//!
//! kube 5.0.0 fails on a missing file of `$KUBECONFIG`, where kubectl skips it, and takes an empty
//! `current-context` for a name.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use kube::config::Kubeconfig;
use kube::config::{AuthInfo, Cluster, KubeconfigError as ParseError};
use secrecy::{ExposeSecret as _, SecretString};

use super::environment::Environment;
use kubesphere::{command::Kubectl, side::Side};

/// kubectl's connection options, for one side.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// Whether that was given for the host, and holds for a member because none was given for it.
    pub kubeconfig_is_hosts: bool,
    /// `--context`, or MEMBER.
    pub context: Option<String>,
    /// `--cluster`: the name of a kubeconfig cluster.
    pub cluster: Option<String>,
    /// `--user`: the name of a kubeconfig user.
    pub user: Option<String>,
    /// `--server`.
    pub server: Option<String>,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--certificate-authority`.
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: bool,
    /// `--as`.
    pub impersonate: Option<String>,
    /// `--as-group`.
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`.
    pub impersonate_uid: Option<String>,
    /// `--as-user-extra`.
    pub impersonate_user_extra: Vec<(String, String)>,
    /// `--request-timeout`: absent means the default, zero means none.
    pub request_timeout: Option<Duration>,
}

/// Why no context could be taken from the kubeconfigs. Never repeats what a file contains.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// The file cannot be read.
    #[error("cannot read kubeconfig `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The file is not a kubeconfig.
    #[error("kubeconfig `{}` is malformed{}", path.display(), place.as_deref().unwrap_or_default())]
    Malformed {
        path: PathBuf,
        /// ` at line L, column C`, where known.
        place: Option<String>,
    },
    /// Two files of `$KUBECONFIG` are of different kinds.
    #[error("kubeconfig `{}` is of another kind or apiVersion than the files before it", path.display())]
    Unmergeable {
        /// The later file.
        path: PathBuf,
    },
    /// No file has a context.
    #[error("no kubeconfig with a context was found (looked at {looked_at})")]
    Empty {
        /// The files, in words.
        looked_at: String,
    },
    /// No context was named and none is current.
    #[error("current-context is not set")]
    NoCurrentContext { contexts: Vec<String> },
    /// The context does not exist.
    #[error("no context exists with the name \"{name}\"")]
    UnknownContext {
        /// The name asked for.
        name: String,
        /// What was probably meant.
        similar: Option<String>,
        contexts: Vec<String>,
    },
    /// The context, or an option, names a cluster that does not exist.
    #[error("context \"{}\" refers to cluster \"{cluster}\", which does not exist", side.context())]
    UnknownCluster { side: Side, cluster: String },
    /// The context, or an option, names a user that does not exist.
    #[error("context \"{}\" refers to user \"{user}\", which does not exist", side.context())]
    UnknownUser {
        side: Side,
        /// The user's name.
        user: String,
    },
    /// The cluster has no server.
    #[error("cluster \"{cluster}\" has no server")]
    NoServer {
        /// Whose cluster.
        side: Side,
        cluster: String,
    },
    /// The server is not an address.
    #[error("\"{server}\" is not a server's address: it must be a URL or a host:port pair")]
    InvalidServer {
        /// The address, without user and password.
        server: String,
    },
    /// Both a certificate authority and no verification are asked for.
    #[error("a certificate authority together with insecure-skip-tls-verify is not allowed")]
    InsecureWithAuthority,
    /// What belongs to an impersonated user is given without one.
    #[error("requesting uid, groups or user-extra without impersonating a user")]
    ImpersonationWithoutUser,
}

impl KubeconfigError {
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => {
                vec!["name another file with `--kubeconfig` or `$KUBECONFIG`".to_owned()]
            }
            Self::Malformed { .. } => {
                vec!["fix the file, or name another with `--kubeconfig` or `$KUBECONFIG`".to_owned()]
            }
            Self::Empty { .. } => vec!["name a file with `--kubeconfig` or `$KUBECONFIG`".to_owned()],
            Self::NoCurrentContext { contexts } => {
                vec!["name the context with `--context`".to_owned(), there_are(contexts)]
            }
            Self::UnknownContext { similar, contexts, .. } => {
                let similar = similar.iter().map(|name| format!("did you mean \"{name}\"?"));
                similar.chain([there_are(contexts)]).collect()
            }
            Self::InvalidServer { .. } => vec!["write it as `https://HOST:PORT`".to_owned()],
            Self::InsecureWithAuthority => {
                vec!["leave out one of `--certificate-authority` and `--insecure-skip-tls-verify`".to_owned()]
            }
            Self::ImpersonationWithoutUser => vec!["add `--as USER`".to_owned()],
            Self::UnknownCluster { side, .. }
            | Self::UnknownUser { side, .. }
            | Self::NoServer { side, .. } => {
                let config = Kubectl::config(side);
                vec![format!(
                    "complete it with `{config}`, or name another context; `{config} view` shows all"
                )]
            }
            Self::Unmergeable { .. } => vec!["leave that file out of `$KUBECONFIG`".to_owned()],
        }
    }
}

fn there_are(contexts: &[String]) -> String {
    if contexts.is_empty() {
        return "the kubeconfig has no contexts".to_owned();
    }
    format!("the contexts are: {}", contexts.join(", "))
}

/// Reads the kubeconfigs that kubectl would read. Relative paths in them become absolute.
pub fn load(options: &ConnectionOptions, environment: &Environment) -> Result<Kubeconfig, KubeconfigError> {
    let (files, must_exist) = files(options, environment);
    let mut merged = Kubeconfig::default();
    for path in &files {
        let next = match read(path) {
            Err(KubeconfigError::Unreadable { source, .. })
                if !must_exist && source.kind() == io::ErrorKind::NotFound =>
            {
                continue;
            }
            next => next?,
        };
        merged = merged.merge(next).map_err(|_| KubeconfigError::Unmergeable { path: path.clone() })?;
    }
    // An address on the command line needs no kubeconfig.
    if merged.contexts.is_empty() && options.server.is_none() {
        return Err(KubeconfigError::Empty { looked_at: in_words(&files) });
    }
    Ok(merged)
}

pub(super) fn files(options: &ConnectionOptions, environment: &Environment) -> (Vec<PathBuf>, bool) {
    if let Some(file) = &options.kubeconfig {
        return (vec![file.clone()], true);
    }
    let listed: Vec<PathBuf> = environment
        .kubeconfig
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if !listed.is_empty() {
        return (listed, false);
    }
    (environment.home.iter().map(|home| home.join(".kube").join("config")).collect(), false)
}

fn in_words(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "no file: neither `$KUBECONFIG` nor a home directory is set".to_owned();
    }
    let files: Vec<String> = files.iter().map(|path| format!("`{}`", path.display())).collect();
    files.join(", ")
}

pub(super) fn read(path: &Path) -> Result<Kubeconfig, KubeconfigError> {
    // kube resolves the paths inside against the file's own: it has to be absolute for that.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut kubeconfig = Kubeconfig::read_from(absolute).map_err(|error| without_content(path, error))?;
    kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
    for named in &mut kubeconfig.clusters {
        named.cluster.iter_mut().for_each(drop_empty_of_cluster);
    }
    for named in &mut kubeconfig.auth_infos {
        named.auth_info.iter_mut().for_each(drop_empty_of_user);
    }
    Ok(kubeconfig)
}

/// The parser's own message quotes the lines around the error, which may be a key.
fn without_content(path: &Path, error: ParseError) -> KubeconfigError {
    let path = path.to_owned();
    match error {
        ParseError::ReadConfig(source, _) if source.kind() == io::ErrorKind::InvalidData => {
            KubeconfigError::Malformed { path, place: Some(": it is not text".to_owned()) }
        }
        ParseError::ReadConfig(source, _) => KubeconfigError::Unreadable { path, source },
        ParseError::Parse(error) => {
            let place = error.location().map(|it| format!(" at line {}, column {}", it.line(), it.column()));
            KubeconfigError::Malformed { path, place }
        }
        _ => KubeconfigError::Malformed { path, place: None },
    }
}

/// Empty means absent in Go; kube would take an empty certificate for one.
fn drop_empty_of_cluster(cluster: &mut Cluster) {
    for field in [
        &mut cluster.server,
        &mut cluster.certificate_authority,
        &mut cluster.certificate_authority_data,
        &mut cluster.proxy_url,
        &mut cluster.tls_server_name,
    ] {
        *field = field.take().filter(|value| !value.is_empty());
    }
}

fn drop_empty_of_user(user: &mut AuthInfo) {
    for field in [
        &mut user.username,
        &mut user.token_file,
        &mut user.client_certificate,
        &mut user.client_certificate_data,
        &mut user.client_key,
        &mut user.impersonate,
        &mut user.impersonate_uid,
    ] {
        *field = field.take().filter(|value| !value.is_empty());
    }
    for field in [&mut user.password, &mut user.token, &mut user.client_key_data] {
        *field = field.take().filter(|value| !value.expose_secret().is_empty());
    }
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
