//! SHA256SUMS, as `sha256sum --check` reads it.

use std::{collections::BTreeMap, fmt, fmt::Write as _, path::Path};

use sha2::{Digest as _, Sha256};

use crate::{Failure, read, read_text};

/// The file's name.
pub const FILE: &str = "SHA256SUMS";

/// Names of files and their sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums(BTreeMap<String, String>);

impl Checksums {
    /// What a folder's file says.
    pub fn in_folder(folder: &Path) -> Result<Self, Failure> {
        let text = read_text(&folder.join(FILE))?;
        Self::parse(&text).ok_or_else(|| format!("{FILE} is not one that `sha256sum` writes").into())
    }

    /// What a file says.
    pub fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(|line| {
            let (sum, name) = line.split_once("  ")?;
            let is_sum = sum.len() == 64 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_sum.then(|| (name.to_owned(), sum.to_owned()))
        });
        lines.collect::<Option<_>>().map(Self)
    }

    /// Adds a file of a folder.
    pub fn add(&mut self, folder: &Path, name: &str) -> Result<(), Failure> {
        self.0.insert(name.to_owned(), of_bytes(&read(&folder.join(name))?));
        Ok(())
    }

    /// Names and sums, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, sum)| (name.as_str(), sum.as_str()))
    }

    /// A file's sum.
    pub fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Display for Checksums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, sum)| writeln!(formatter, "{sum}  {name}"))
    }
}

/// The SHA-256 of bytes, as hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_is_written_is_read() {
        let text = format!("{ABC}  a.tar.gz\n{ABC}  b.zip\n");
        let sums = Checksums::parse(&text).unwrap();
        assert_eq!((sums.to_string(), sums.of("b.zip")), (text, Some(ABC)));
        assert_eq!(of_bytes(b"abc"), ABC);
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        assert_eq!(Checksums::parse("abc  a.tar.gz\n"), None);
        assert_eq!(Checksums::parse(&format!("{}  a.tar.gz\n", ABC.to_uppercase())), None);
    }
}
