//! What is wrong with a file, and where.

use std::fmt;

use kubesphere::{
    cluster_configuration::{GROUP, KIND, VERSION},
    shell_word::shell_word,
};

/// A place in a text, as editors count: from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where in a file, as compilers say it, so that editors find it.
pub fn place(file: &str, at: Option<Position>) -> String {
    match at {
        Some(Position { line, column }) => format!("{file}:{line}:{column}"),
        None => file.to_owned(),
    }
}

impl Position {
    /// The place after a text.
    pub(super) fn after(text: &str) -> Self {
        let last = text.rsplit('\n').next().unwrap_or_default();
        Self { line: text.matches('\n').count() + 1, column: last.chars().count() + 1 }
    }
}

/// A file that cannot be edited, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, unless it concerns the whole file.
    pub at: Option<Position>,
    /// What is wrong there.
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A byte that no UTF-8 text has there.
    #[error("not UTF-8: the byte 0x{byte:02x} at offset {offset}")]
    NotUtf8 {
        byte: u8,
        /// How many bytes stand before it.
        offset: usize,
    },
    /// The parser's reason, which quotes nothing of the file.
    #[error("not YAML: {0}")]
    NotYaml(String),
    /// A tab where YAML wants blanks.
    #[error("not YAML: a tab indents this line, where only spaces may")]
    Tab,
    /// A key that appears twice in one mapping.
    #[error("not YAML: the key `{key}` appears twice in one mapping (first in line {first})")]
    Duplicate {
        key: String,
        /// The line of the first one.
        first: usize,
    },
    /// A character that changes the meaning and is not seen.
    #[error(
        "the invisible character U+{:04X} {name} stands here, so that this means something else than it seems to",
        u32::from(*character)
    )]
    Invisible {
        character: char,
        /// Unicode's name.
        name: &'static str,
    },
    /// A file of SOPS, whose checksum would not fit any more.
    #[error("the file is encrypted by SOPS, which would not open it any more once it is edited")]
    Encrypted,
    /// Only one of kind and apiVersion is right.
    #[error("this is not a {KIND} of {GROUP}/{VERSION}: its {wrong}")]
    OtherKind {
        /// What is wrong: `apiVersion is kubeadm.k8s.io/v1beta3`.
        wrong: String,
    },
    /// Nothing of KubeSphere's installer in the file.
    #[error("there is no {KIND} of {GROUP} in it")]
    NoConfiguration,
    /// More than one, so that nobody knows which is meant.
    #[error("there are {} {KIND}s in it, in the lines {}", lines.len(), listed(lines))]
    SeveralConfigurations {
        /// The lines in which they begin.
        lines: Vec<usize>,
    },
    /// Something whose change would show elsewhere, or come from elsewhere.
    #[error("`{field}` {mark}")]
    Marked {
        /// The field, as `spec.multicluster`.
        field: String,
        /// What it has or is.
        mark: Mark,
    },
    /// No mapping, or several.
    #[error("values for the chart ks-core are one mapping")]
    NotValues,
    /// YAML of which no reader makes values: an anchor within itself, a tag, a key that is no text. The parser's reason may
    /// quote a secret.
    #[error("no values can be read from it: an anchor that repeats itself, a tag, or a key that is no text")]
    UnreadableValues,
    /// Something else where the chart's values need a mapping.
    #[error("`{field}` is not a mapping")]
    ValueNotAMapping { field: String },
    /// A value that has no effect.
    #[error("`{field}` is set by the host's controller, whatever stands here")]
    Overwritten { field: String },
    /// Something else where a mapping belongs.
    #[error("`{field}` is not a mapping")]
    NotAMapping { field: String },
    /// A mapping or a list where a text belongs.
    #[error("`{field}` is not a single value")]
    NotAValue { field: String },
    /// A text of its own lines, whose comments and end are not ours to cut.
    #[error("`{field}` is written as a block of lines (`|` or `>`)")]
    Block { field: String },
    /// The edited text does not say what it should.
    #[error("it is written in a way that cannot be edited without changing something else")]
    Unsafe,
}

/// What ties a value to other places of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `*name`.
    Alias,
    /// `&name`.
    Anchor,
    /// `!!str`.
    Tag,
    /// `<<:`.
    Merge,
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Alias => "is an alias (`*`): its value stands elsewhere",
            Self::Anchor => "has an anchor (`&`): other places of the file may repeat it",
            Self::Tag => "has a tag (`!`)",
            Self::Merge => "takes keys from elsewhere (`<<`)",
        })
    }
}

impl Problem {
    /// What is wrong at a place.
    pub fn at(position: Position, fault: Fault) -> Self {
        Self { at: Some(position), fault }
    }

    /// What is wrong with all of it.
    pub fn of_file(fault: Fault) -> Self {
        Self { at: None, fault }
    }

    /// What to do about it in this file, or in what came from stdin.
    pub fn hint(&self, file: Option<&str>) -> String {
        let hint = match &self.fault {
            Fault::Encrypted => return decryption(file),
            Fault::Invisible { .. } => {
                "put an ordinary space in its place, or nothing; one that is meant is written as an escape in double quotes (`\"\\u00a0\"`)"
            }
            Fault::OtherKind { .. } => "set kind and apiVersion right, or take the file of KubeSphere 3",
            Fault::NotUtf8 { .. } => "save the file as UTF-8",
            Fault::NotYaml(_) => "fix the line, or the ones before it, in an editor",
            Fault::Tab => "replace the tab with spaces",
            Fault::Duplicate { .. } => "remove one of the two",
            Fault::NoConfiguration => {
                "take the file that `kk create config --with-kubesphere` writes, or ks-installer's cluster-configuration.yaml; KubeSphere 4 needs no such step: its host takes a cluster by `kubectl mc join`"
            }
            Fault::SeveralConfigurations { .. } => "keep one in the file",
            Fault::Marked { .. } | Fault::Block { .. } => {
                "write the value out in this place, then run the same command again"
            }
            Fault::NotAMapping { .. } | Fault::NotAValue { .. } => {
                "compare with the cluster-configuration.yaml that ks-installer ships"
            }
            Fault::NotValues => "write the values as in the values.yaml of the chart ks-core",
            Fault::UnreadableValues => "write the values out, without `&`, `*`, `!` and `?`",
            Fault::ValueNotAMapping { .. } => "write a mapping there, or leave it out",
            Fault::Overwritten { .. } => "leave it out",
            Fault::Unsafe => "set the values in an editor",
        };
        hint.to_owned()
    }
}

fn decryption(file: Option<&str>) -> String {
    match file {
        Some(file) => format!(
            "decrypt it first, and encrypt it again afterwards: `sops --decrypt --in-place {}`",
            shell_word(file)
        ),
        None => "pass on what `sops --decrypt FILE` prints, and encrypt the result again".to_owned(),
    }
}

/// The text of a file's bytes.
pub fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..offset]);
        let byte = bytes.get(offset).copied().unwrap_or_default();
        Problem::at(Position::after(&before), Fault::NotUtf8 { byte, offset })
    })
}

fn listed(lines: &[usize]) -> String {
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    match lines.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => lines.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Position, Problem, text_of};

    #[test]
    fn a_byte_that_is_no_text_is_found() {
        let problem = text_of(b"a: 1\nb: \xc3\xa4\xff\n").unwrap_err();
        assert_eq!(problem.at, Some(Position { line: 2, column: 5 }));
        assert_eq!(problem.fault.to_string(), "not UTF-8: the byte 0xff at offset 10");
        assert_eq!(text_of(b"\xff\xfea\0").unwrap_err().at, Some(Position { line: 1, column: 1 }));
    }

    #[test]
    fn lines_are_listed() {
        let problem = Problem::of_file(Fault::SeveralConfigurations { lines: vec![3, 40, 77] });
        assert_eq!(
            problem.fault.to_string(),
            "there are 3 ClusterConfigurations in it, in the lines 3, 40 and 77"
        );
    }
}
