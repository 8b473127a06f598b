//! A jwtSecret that is handed over.

use std::io::{self, IsTerminal as _, Read as _};

use crate::{error::Error, kubesphere::jwt_secret::JwtSecret};

/// A secret is some tens of characters; whoever pipes in something else shall not fill the memory.
const READ_AT_MOST: u64 = 4096;

/// Reads the secret, up to its end, from stdin. A line end after it is not part of it.
///
/// It must be usable: what a wrong pipe brings, an error message or nothing, ends here.
pub(super) fn read_from_stdin() -> Result<JwtSecret, Error> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Error::usage(
            "the jwtSecret is read from stdin, and stdin is a terminal, where it would be seen",
        )
        .hint("pipe it in: `kubectl mc jwt-secret --reveal --context HOST | kubectl mc …`"));
    }
    let mut text = String::new();
    stdin
        .lock()
        .take(READ_AT_MOST)
        .read_to_string(&mut text)
        .map_err(|error| Error::usage(format!("the jwtSecret cannot be read from stdin: {error}")))?;
    usable(&text)
}

fn usable(text: &str) -> Result<JwtSecret, Error> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let secret = JwtSecret::new(line.strip_suffix('\r').unwrap_or(line));
    match secret.usable() {
        Ok(()) => Ok(secret),
        Err(why) => Err(Error::usage(format!("what stdin holds cannot be a jwtSecret: {why}"))
            .hint("hand over just the secret, as `kubectl mc jwt-secret --reveal --context HOST` prints it")),
    }
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn the_line_end_is_not_part_of_the_secret() {
        for text in ["gfIwilcc0WjNGKJ5", "gfIwilcc0WjNGKJ5\n", "gfIwilcc0WjNGKJ5\r\n"] {
            assert_eq!(usable(text).unwrap().expose(), "gfIwilcc0WjNGKJ5");
        }
    }

    #[test]
    fn what_a_wrong_pipe_brings_is_refused() {
        for text in ["", "\n", "error: no context", "gfIwilcc0WjNGKJ5\n\n"] {
            assert!(usable(text).is_err(), "{text:?}");
        }
    }
}
