//! `kubectl mc configure`.

use std::{
    io::{self, Read as _},
    path::Path,
};

use super::given_secret::{SOURCES, confirm_piped, given_secret, is_given};
use crate::{
    cli::{Configure, ConfiguredRole, Global},
    config_file::{
        configuration_file::ConfigurationFile,
        problem::{Position, Problem, text_of},
        store::{self, Readers, Stored},
    },
    error::{Error, Kind},
    kubesphere::{names::is_host_cluster_name, role::Role},
    output::{
        diff::{self, Version},
        ui::Ui,
    },
    plan::configuration_patch::Wanted,
};

/// How stdin and stdout are named as FILE.
const STREAM: &str = "-";

/// More than any configuration has.
const LONGEST: u64 = 1 << 20;

/// Edits the file, or shows what would change in it.
pub async fn run(configure: &Configure, global: &Global, ui: &Ui) -> Result<(), Error> {
    confirm_role(configure)?;
    confirm_streams(configure)?;
    let result = configure_file(configure, global, ui).await;
    result.map_err(|error| match error.kind {
        // With --diff, 1 says that there are differences and nothing else.
        Kind::Error if configure.diff => Error { kind: Kind::Obstacle, ..error },
        _ => error,
    })
}

fn confirm_role(configure: &Configure) -> Result<(), Error> {
    let name = configure.host_cluster_name.as_deref();
    match configure.role {
        ConfiguredRole::Host if is_given(&configure.secret) => {
            Err(Error::usage("a host makes its own jwtSecret, and takes none")
                .hint(format!("leave out {SOURCES}, or pass `--role member`")))
        }
        ConfiguredRole::Host => match name.filter(|name| !is_host_cluster_name(name)) {
            Some(name) => Err(Error::usage(format!("\"{name}\" cannot be the name of the host's Cluster"))
                .hint("use lower case letters, digits, `-` and `.`, at most 63, beginning and ending with a letter or digit")),
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
    let refused = |problem| refused(&name, &problem);
    let text = text_of(source.bytes()).map_err(refused)?;
    let file = ConfigurationFile::parse(text).map_err(refused)?;
    let wanted = wanted(configure, global, ui).await?;
    let edited = file.edit(&wanted).map_err(refused)?;
    file.advice(&wanted).iter().for_each(|advice| ui.warning(&format!("{name}: {advice}")));
    let edit = Edit { name: &name, text, edited: &edited, file: &file };
    match &source {
        _ if configure.diff => {
            let new = ConfigurationFile::parse(&edited).map_err(refused)?;
            edit.show(&new, global, ui)
        }
        Source::Stdin(_) => ui.text(&edited),
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
    Stdin(Vec<u8>),
    File(Box<Stored>),
}

impl Source {
    fn read(path: &Path) -> Result<Self, Error> {
        if path != Path::new(STREAM) {
            return Ok(Self::File(Box::new(store::read(path)?)));
        }
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
        read.map_err(|error| Error::new(Kind::Obstacle, format!("stdin cannot be read: {error}")))?;
        if bytes.len() as u64 > LONGEST {
            return Err(Error::new(
                Kind::Obstacle,
                "stdin is longer than 1 MiB, which no configuration file is",
            ));
        }
        Ok(Self::Stdin(bytes))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Stdin(bytes) => bytes,
            Self::File(stored) => &stored.bytes,
        }
    }

    fn name(&self, path: &Path) -> String {
        match self {
            Self::Stdin(_) => "stdin".to_owned(),
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
    fn show(&self, new: &ConfigurationFile<'_>, global: &Global, ui: &Ui) -> Result<(), Error> {
        let old = Version { text: self.text, shown: &self.file.shown() };
        let new = Version { text: self.edited, shown: &new.shown() };
        diff::show(ui, global.color, self.name, old, new)?;
        if self.text == self.edited { Ok(()) } else { Err(Error::differs()) }
    }

    fn store(&self, stored: &Stored, configure: &Configure, ui: &Ui) -> Result<(), Error> {
        let Self { name, text, edited, .. } = self;
        let is_exposed = configure.role == ConfiguredRole::Member && stored.is_everybodys();
        if text == edited {
            if is_exposed {
                ui.warning(&format!(
                    "{name}: everybody may read it, and it holds the jwtSecret: `chmod o-r {name}`"
                ));
            }
            return ui.result(&format!("{name} unchanged"));
        }
        stored.confirm_writable()?;
        if configure.backup {
            stored.back_up(readers(self.file.holds_secrets()))?;
        }
        stored.replace(edited, readers(is_exposed))?;
        if is_exposed {
            ui.warning(&format!(
                "{name}: it is no longer readable by everybody, because it holds the jwtSecret now"
            ));
        }
        ui.result(&format!("{name} configured"))
    }
}

fn readers(holds_secrets: bool) -> Readers {
    if holds_secrets { Readers::NotEverybody } else { Readers::Unchanged }
}

/// As compilers say it, so that editors find the place.
fn refused(name: &str, problem: &Problem) -> Error {
    let place = match problem.at {
        Some(Position { line, column }) => format!("{name}:{line}:{column}"),
        None => name.to_owned(),
    };
    Error::new(Kind::Obstacle, format!("{place}: {}", problem.fault)).hint(problem.hint())
}
