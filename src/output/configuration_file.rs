//! What is said of a configuration file and what was set in it.

use config_file::advice::Advice;
use kubesphere::shell_word::shell_word;

use super::ui::Ui;
use crate::error::Error;

/// What of a file not everybody should read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The jwtSecret that was put into it.
    JwtSecret,
    /// What stood in it before.
    Others,
}

/// Who may read a file after it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// Its owner, and not any longer those who could before.
    NoLonger,
    /// Everybody, as before.
    Still,
}

/// What a person should know, though it hinders nobody.
pub fn advise(ui: &Ui, name: &str, advice: &[Advice]) {
    for advice in advice {
        ui.warning(format!("{name}: {advice}"));
    }
}

/// That stdout goes to a file that everybody may read.
pub fn warn_of_results(ui: &Ui, secrets: Secrets) {
    let secrets = secrets.as_str();
    ui.warning(format!("stdout: everybody may read the file that it goes to, and it holds {secrets}"));
    ui.hint("close it with `chmod o-r FILE`; the next one is closed from the start with `umask 077`");
}

/// That everybody may read the file, or that others could until now.
pub fn warn_of_readers(ui: &Ui, name: &str, secrets: Secrets, readable: Readable) {
    let secrets = secrets.as_str();
    ui.warning(&match readable {
        Readable::NoLonger => {
            format!("{name}: nobody but its owner may read it any longer, because it holds {secrets} now")
        }
        Readable::Still => {
            format!("{name}: everybody may read it, and it holds {secrets}: `chmod o-r {}`", shell_word(name))
        }
    });
}

/// The result line, as kubectl writes it.
pub fn result(ui: &Ui, name: &str, is_changed: bool) -> Result<(), Error> {
    ui.result(format!("{name} {}", if is_changed { "configured" } else { "unchanged" }))
}

impl Secrets {
    fn as_str(self) -> &'static str {
        match self {
            Self::JwtSecret => "the jwtSecret",
            Self::Others => "secrets",
        }
    }
}
