//! `kubectl mc configure`.

use std::{io, path::Path};

use config_file::{
    configuration_file::ConfigurationFile,
    problem::{Problem, place, text_of},
    store::{self, Readers, Stored},
};
use kubesphere::{
    jwt_secret::JwtSecret,
    names::{HOST_CLUSTER_NAME_HINT, is_host_cluster_name},
    role::Role,
};
use secrecy::zeroize::Zeroizing;

use super::given_secret::{SOURCES, confirm_piped, given_secret, is_given};
use crate::{
    cli::{Configure, ConfiguredRole, Global},
    error::{Error, ErrorKind},
    output::{
        configuration_file::{self, Readable, Secrets},
        diff::{self, Version},
        ui::Ui,
    },
    plan::configuration_patch::Wanted,
};

/// How stdin and stdout are named as FILE.
const STREAM: &str = "-";

/// How stdin is named in messages.
const STDIN: &str = "stdin";

/// Edits the file, or shows what would change in it.
pub async fn run(configure: &Configure, global: &Global, ui: &Ui) -> Result<(), Error> {
    confirm_role(configure)?;
    confirm_one_context(configure, global)?;
    confirm_streams(configure)?;
    let result = configure_file(configure, global, ui).await;
    result.map_err(|error| match error.kind {
        // With --diff, 1 says that there are differences and nothing else.
        ErrorKind::Error if configure.diff => Error { kind: ErrorKind::Obstacle, ..error },
        _ => error,
    })
}

fn confirm_role(configure: &Configure) -> Result<(), Error> {
    let name = configure.host_cluster_name.as_deref();
    match configure.role {
        ConfiguredRole::Host if is_given(&configure.secret) => {
            Err(Error::usage("a host generates its own jwtSecret, and none can be given")
                .hint(format!("leave out {SOURCES}, or pass `--role member`")))
        }
        ConfiguredRole::Host => match name.filter(|name| !is_host_cluster_name(name)) {
            Some(name) => Err(Error::usage(format!("\"{name}\" cannot be the name of the host's Cluster"))
                .hint(HOST_CLUSTER_NAME_HINT)),
            None => Ok(()),
        },
        ConfiguredRole::Member if name.is_some() => {
            Err(Error::usage("--host-cluster-name is for `--role host`")
                .hint("leave it out: a member gets its name when it is joined"))
        }
        ConfiguredRole::Member if !is_given(&configure.secret) => {
            Err(Error::usage("a member needs the jwtSecret of its host").hint(format!("pass {SOURCES}")))
        }
        ConfiguredRole::Member => Ok(()),
    }
}

fn confirm_one_context(configure: &Configure, global: &Global) -> Result<(), Error> {
    if configure.secret.jwt_secret_from_context.is_some() && global.host.context.is_some() {
        return Err(Error::usage("--jwt-secret-from-context and --context both name the host's context")
            .hint("leave out `--context`"));
    }
    Ok(())
}

fn confirm_streams(configure: &Configure) -> Result<(), Error> {
    if configure.secret.jwt_secret_stdin {
        confirm_piped()?;
    }
    if !is_stream(configure) {
        return Ok(());
    }
    if configure.backup {
        return Err(Error::usage("--backup keeps a file, and FILE is stdin").hint("leave out `--backup`"));
    }
    if configure.secret.jwt_secret_stdin {
        return Err(Error::usage("FILE and the jwtSecret cannot both be stdin")
            .hint("name the file, or pass `--jwt-secret-file` or `--jwt-secret-from-context`"));
    }
    if configure.role == ConfiguredRole::Member && !configure.diff && Ui::shows_results() {
        return Err(Error::usage("the jwtSecret would appear on the screen")
            .hint("write to a file with `> FILE`, or look at the change with `--diff`"));
    }
    Ok(())
}

fn is_stream(configure: &Configure) -> bool {
    configure.file == Path::new(STREAM)
}

async fn configure_file(configure: &Configure, global: &Global, ui: &Ui) -> Result<(), Error> {
    let source = Source::read(&configure.file)?;
    let name = source.name(&configure.file);
    let refused = |problem| refused(&source, &name, &problem);
    let text = text_of(source.bytes()).map_err(refused)?;
    let file = ConfigurationFile::parse(text).map_err(refused)?;
    let wanted = wanted(configure, global, ui).await?;
    let edited = Zeroizing::new(file.edit(&wanted).map_err(refused)?);
    configuration_file::advise(ui, &name, &file.advice(&wanted));
    let edit = Edit { name: &name, text, edited: &edited, file: &file };
    match &source {
        _ if configure.diff => {
            let new = ConfigurationFile::parse(&edited).map_err(refused)?;
            edit.show(&new, ui)
        }
        Source::Stdin(_) => edit.filter(configure.role, ui),
        Source::File(stored) => edit.store(stored, configure, ui),
    }
}

async fn wanted(configure: &Configure, global: &Global, ui: &Ui) -> Result<Wanted, Error> {
    Ok(match configure.role {
        ConfiguredRole::Host => Wanted {
            role: Role::Host,
            host_cluster_name: configure.host_cluster_name.clone(),
            jwt_secret: None,
        },
        ConfiguredRole::Member => Wanted {
            role: Role::Member,
            host_cluster_name: None,
            jwt_secret: Some(given_secret(&configure.secret, global, ui).await?),
        },
    })
}

/// Where the text comes from, and goes to.
enum Source {
    Stdin(Zeroizing<Vec<u8>>),
    File(Box<Stored>),
}

impl Source {
    fn read(path: &Path) -> Result<Self, Error> {
        if path == Path::new(STREAM) {
            return Ok(Self::Stdin(store::bytes_of(io::stdin().lock(), Path::new(STDIN))?));
        }
        Ok(Self::File(Box::new(store::read(path)?)))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Stdin(bytes) => bytes,
            Self::File(stored) => &stored.bytes,
        }
    }

    fn name(&self, path: &Path) -> String {
        match self {
            Self::Stdin(_) => STDIN.to_owned(),
            Self::File(_) => path.display().to_string(),
        }
    }
}

/// A text and what becomes of it.
struct Edit<'a> {
    name: &'a str,
    text: &'a str,
    edited: &'a str,
    file: &'a ConfigurationFile<'a>,
}

impl Edit<'_> {
    fn show(&self, new: &ConfigurationFile<'_>, ui: &Ui) -> Result<(), Error> {
        let secrets = [self.file.jwt_secret(), new.jwt_secret()];
        let known: Vec<&JwtSecret> = secrets.iter().flatten().collect();
        let old = Version { text: self.text, shown: &self.file.shown(&known) };
        let new = Version { text: self.edited, shown: &new.shown(&known) };
        diff::show(ui, self.name, old, new)?;
        if self.text == self.edited { Ok(()) } else { Err(Error::differs()) }
    }

    fn filter(&self, role: ConfiguredRole, ui: &Ui) -> Result<(), Error> {
        ui.file(self.edited)?;
        if let Some(secrets) = self.secrets(role).filter(|_| Ui::everybody_reads_results()) {
            configuration_file::warn_of_results(ui, secrets);
        }
        Ok(())
    }

    fn store(&self, stored: &Stored, configure: &Configure, ui: &Ui) -> Result<(), Error> {
        let name = self.name;
        let is_changed = self.text != self.edited;
        let closes = is_changed && configure.role == ConfiguredRole::Member;
        stored.sweep();
        if is_changed {
            stored.confirm_writable()?;
            if configure.backup {
                stored.back_up(readers(self.file.holds_secrets()))?;
            }
            stored.replace(self.edited, readers(closes))?;
        }
        let readable = if closes {
            stored.is_shared().then_some(Readable::NoLonger)
        } else {
            stored.is_everybodys().then_some(Readable::Still)
        };
        if let (Some(secrets), Some(readable)) = (self.secrets(configure.role), readable) {
            configuration_file::warn_of_readers(ui, name, secrets, readable);
        }
        configuration_file::result(ui, name, is_changed)
    }

    /// What of the new text not everybody should read.
    fn secrets(&self, role: ConfiguredRole) -> Option<Secrets> {
        match role {
            ConfiguredRole::Member => Some(Secrets::JwtSecret),
            ConfiguredRole::Host => self.file.holds_secrets().then_some(Secrets::Others),
        }
    }
}

fn readers(holds_secrets: bool) -> Readers {
    if holds_secrets { Readers::Owner } else { Readers::Unchanged }
}

fn refused(source: &Source, name: &str, problem: &Problem) -> Error {
    let place = place(name, problem.at);
    let file = matches!(source, Source::File(_)).then_some(name);
    Error::new(ErrorKind::Obstacle, format!("{place}: {}", problem.fault)).hint(problem.hint(file))
}
