//! Files and pipes that somebody has named: what never ends would fill the memory.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// A kubeconfig of ten thousand contexts has as much.
const LONGEST: u64 = 64 << 20;

/// All of a file.
///
/// # Errors
/// When it cannot be read, or is longer than anything that is named so.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, LONGEST)
}

/// All that comes, where it is no more than so many bytes, whole MiB.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::other(format!("it is longer than {} MiB", longest >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read as _},
        path::Path,
    };

    use super::{read, read_from};

    #[test]
    fn what_never_ends_is_not_read_to_its_end() {
        assert_eq!(read_from(io::repeat(b'a').take(1 << 20), 1 << 20).unwrap().len(), 1 << 20);
        let error = read_from(io::repeat(b'a'), 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 1 MiB");
        assert!(read(Path::new("/dev/zero")).is_err());
    }
}
