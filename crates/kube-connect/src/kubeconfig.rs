//! Reading kubeconfigs as kubectl reads them.
//!
//! kube 5.0.0 fails on a missing file of `$KUBECONFIG`, where kubectl skips it, takes an empty `current-context` for a name
//! and the first of two entries with one name, and reads no file that has an odd entry.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::environment::Environment;
use super::kubeconfig_entry::FiledEntry;
use super::local_file;
use kubesphere::{
    command::Kubectl,
    fleet_entry::FleetEntry,
    kubeconfig_document::{KubeconfigDocument, Malformed},
    side::Side,
};

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
    /// Where a fleet file says some of these.
    pub entry: Option<FleetEntry>,
}

/// Why no context could be taken from the kubeconfigs. Never repeats what a file contains.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// The file cannot be read.
    #[error("cannot read kubeconfig `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The file is not a kubeconfig.
    #[error("kubeconfig `{}` is malformed: {why}", path.display())]
    Malformed { path: PathBuf, why: Malformed },
    /// What is to be used of it is not as it should be.
    #[error("{place} cannot be used: {why}")]
    Unusable {
        /// Which entry of which file.
        place: String,
        why: String,
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
    /// One cannot be chosen (client-go `tools/clientcmd/validation.go@v0.34`).
    #[error("the user of context \"{}\" has both a token and a username, of which one is allowed", side.context())]
    TokenAndPassword { side: Side },
    /// What belongs to an impersonated user is given without one.
    #[error("requesting uid, groups or user-extra without impersonating a user")]
    ImpersonationWithoutUser,
}

/// The field of a fleet file that names a kubeconfig.
const FILE: &str = "kubeconfig";
/// The one that names a context.
const CONTEXT: &str = "context";

impl KubeconfigError {
    /// Where a fleet file names what is wrong, where it does.
    pub fn place<'a>(&self, entry: Option<&'a FleetEntry>) -> Option<&'a str> {
        let entry = entry?;
        let is_members = entry.name.is_some();
        (is_members || entry.says(self.field())).then(|| entry.place_of(self.field()))
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Malformed { .. } | Self::Unusable { .. } | Self::Empty { .. } => {
                FILE
            }
            _ => CONTEXT,
        }
    }

    pub fn hints(&self, entry: Option<&FleetEntry>) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => {
                vec![format!("name another file {}", by(entry))]
            }
            Self::Malformed { why: Malformed::Duplicate { what, .. }, .. } => {
                vec![format!("rename or remove one {what} of the two: kubectl refuses the file, too")]
            }
            Self::Malformed { .. } | Self::Unusable { .. } => {
                vec![format!("fix the file, or name another {}", by(entry))]
            }
            Self::Empty { .. } => vec![format!("name a file {}", by(entry))],
            Self::NoCurrentContext { contexts } => {
                let place = entry.and_then(|entry| self.place(Some(entry)));
                let how =
                    place.map_or_else(|| "`--context`".to_owned(), |place| format!("`context` at {place}"));
                vec![format!("name the context with {how}"), there_are(contexts)]
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
            Self::TokenAndPassword { side } => {
                vec![format!("leave one out: `{} unset users.NAME.username`", Kubectl::config(side))]
            }
            Self::UnknownCluster { side, .. }
            | Self::UnknownUser { side, .. }
            | Self::NoServer { side, .. } => {
                let config = Kubectl::config(side);
                vec![format!(
                    "complete it with `{config}`, or name another context; `{config} view` shows all"
                )]
            }
        }
    }
}

/// How a kubeconfig is named, which may be the one of both sides.
fn by(entry: Option<&FleetEntry>) -> String {
    match entry.filter(|entry| entry.says(FILE)) {
        Some(entry) => format!("with `{FILE}` at {}", entry.place_of(FILE)),
        None => "with `--kubeconfig` or `$KUBECONFIG`, or a member's with `--member-kubeconfig`".to_owned(),
    }
}

fn there_are(contexts: &[String]) -> String {
    if contexts.is_empty() {
        return "the kubeconfig has no contexts".to_owned();
    }
    format!("the contexts are: {}", contexts.join(", "))
}

/// What kubeconfigs say, as one. It is confidential, so it is never shown.
#[derive(Clone, Default)]
pub struct Kubeconfig {
    pub current_context: Option<String>,
    clusters: Vec<FiledEntry>,
    users: Vec<FiledEntry>,
    contexts: Vec<FiledEntry>,
}

impl Kubeconfig {
    /// One that stands in no file.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        Ok(Self::default().with(KubeconfigDocument::parse(text)?, None))
    }

    /// The names of its contexts.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        names(&self.contexts)
    }

    /// The names of its clusters.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        names(&self.clusters)
    }

    /// The names of its users.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        names(&self.users)
    }

    pub(super) fn context(&self, name: &str) -> Option<&FiledEntry> {
        named(&self.contexts, name)
    }

    pub(super) fn cluster(&self, name: &str) -> Option<&FiledEntry> {
        named(&self.clusters, name)
    }

    pub(super) fn user(&self, name: &str) -> Option<&FiledEntry> {
        named(&self.users, name)
    }

    /// With what another one adds: the first that says something counts.
    fn with(mut self, document: KubeconfigDocument, file: Option<&Path>) -> Self {
        let KubeconfigDocument { current_context, clusters, users, contexts } = document;
        self.current_context = self.current_context.or(current_context);
        for (own, what, added) in [
            (&mut self.clusters, "cluster", clusters),
            (&mut self.users, "user", users),
            (&mut self.contexts, "context", contexts),
        ] {
            for entry in added {
                if named(own, &entry.name).is_none() {
                    own.push(FiledEntry::new(what, entry, file));
                }
            }
        }
        self
    }
}

fn named<'a>(entries: &'a [FiledEntry], name: &str) -> Option<&'a FiledEntry> {
    entries.iter().find(|entry| entry.name() == name)
}

fn names(entries: &[FiledEntry]) -> impl Iterator<Item = &str> {
    entries.iter().map(FiledEntry::name).filter(|name| !name.is_empty())
}

/// Reads the kubeconfigs that kubectl would read. Relative paths in them become absolute.
pub fn load(options: &ConnectionOptions, environment: &Environment) -> Result<Kubeconfig, KubeconfigError> {
    let (files, must_exist) = files(options, environment);
    let mut merged = Kubeconfig::default();
    for path in &files {
        let document = match read(path) {
            Err(KubeconfigError::Unreadable { source, .. })
                if !must_exist && source.kind() == io::ErrorKind::NotFound =>
            {
                continue;
            }
            document => document?,
        };
        // Files that are named in it are looked for from there.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        merged = merged.with(document, Some(&absolute));
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

pub(super) fn read(path: &Path) -> Result<KubeconfigDocument, KubeconfigError> {
    let text = local_file::read(path)
        .map_err(|source| KubeconfigError::Unreadable { path: path.to_owned(), source })?;
    KubeconfigDocument::parse(&text).map_err(|why| KubeconfigError::Malformed { path: path.to_owned(), why })
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
