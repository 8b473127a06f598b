//! A member's jwtSecret, from where the command line says: never from the command line itself.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use kubesphere::{command::Mc, jwt_secret::JwtSecret};
use secrecy::zeroize::Zeroizing;

use super::{
    contexts::{open, select_host},
    host_secret::host_secret,
};
use crate::{
    cli::{Global, HostConnection, SecretSource},
    error::{Error, ErrorKind},
    live::environment::Environment,
    output::{jwt_secrets::warn_of_role, ui::Ui},
};

/// The three ways, for messages.
pub(super) const SOURCES: &str = "--jwt-secret-from-context, --jwt-secret-file or --jwt-secret-stdin";

/// More than any usable secret has, so that one that was cut off here is refused as too long.
const LONGEST: usize = 1 << 16;

/// Whether a secret was given at all.
pub(super) fn is_given(source: &SecretSource) -> bool {
    source.jwt_secret_from_context.is_some() || source.jwt_secret_file.is_some() || source.jwt_secret_stdin
}

/// Reads the secret, and says what is wrong with it without showing it.
pub(super) async fn given_secret(
    source: &SecretSource,
    global: &Global,
    ui: &Ui,
) -> Result<JwtSecret, Error> {
    let (place, secret) = if let Some(context) = &source.jwt_secret_from_context {
        (format!("host \"{context}\""), of_host(context, global, ui).await?)
    } else if let Some(path) = &source.jwt_secret_file {
        (path.display().to_string(), of_file(path)?)
    } else {
        ("stdin".to_owned(), of_stdin()?)
    };
    confirm_usable(&place, &secret)?;
    Ok(secret)
}

/// The secret that is piped in. What a wrong pipe brings, an error message or nothing, ends here.
pub(super) fn given_on_stdin() -> Result<JwtSecret, Error> {
    let secret = of_stdin()?;
    confirm_usable("stdin", &secret)?;
    Ok(secret)
}

fn confirm_usable(place: &str, secret: &JwtSecret) -> Result<(), Error> {
    secret.usable().map_err(|why| {
        Error::new(ErrorKind::Obstacle, format!("{place}: the jwtSecret cannot be used: {why}"))
            .hint("take just the host's, as `kubectl mc jwt-secret --reveal --context HOST` prints it")
    })
}

async fn of_host(context: &str, global: &Global, ui: &Ui) -> Result<JwtSecret, Error> {
    let environment = Environment::of_process();
    let host = HostConnection { context: Some(context.to_owned()), ..global.host.clone() };
    let selected = select_host(&Global { host, ..global.clone() }, &environment)?;
    let connection = open(vec![selected], global, &environment, ui).await?.remove(0);
    let (places, secret) = host_secret(&connection, ui).await?;
    if places.is_version_4() {
        let side = &places.side;
        let message = "KubeSphere 4 needs no such step: it installs KubeSphere on its members itself, with the role member and its \
                       jwtSecret";
        let join = Mc::new("join MEMBER").host(side);
        return Err(Error::new(ErrorKind::Obstacle, format!("{side}: {message}"))
            .hint(format!("leave the cluster without KubeSphere, and join it: `{join}`")));
    }
    warn_of_role(ui, &connection.side, places.is_host());
    Ok(secret)
}

fn of_file(path: &Path) -> Result<JwtSecret, Error> {
    let place = path.display().to_string();
    let unreadable = |error: io::Error| {
        let kind =
            if error.kind() == io::ErrorKind::NotFound { ErrorKind::Usage } else { ErrorKind::Obstacle };
        Error::new(kind, format!("{place} cannot be read: {error}"))
            .hint("name a file with the jwtSecret alone in it")
    };
    read(File::open(path).map_err(unreadable)?).map_err(unreadable)
}

/// Whoever types a secret sees it.
pub(super) fn confirm_piped() -> Result<(), Error> {
    if Ui::has_keyboard() {
        return Err(Error::usage(
            "--jwt-secret-stdin reads no terminal: the jwtSecret would appear on the screen",
        )
        .hint("pipe it in: `kubectl mc jwt-secret --reveal --context HOST | kubectl mc …`"));
    }
    Ok(())
}

fn of_stdin() -> Result<JwtSecret, Error> {
    confirm_piped()?;
    read(io::stdin().lock())
        .map_err(|error| Error::new(ErrorKind::Obstacle, format!("stdin cannot be read: {error}")))
}

/// The text without the newline that every editor and `echo` put at its end.
fn read(source: impl Read) -> io::Result<JwtSecret> {
    // One that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
    source.take(LONGEST as u64).read_to_end(&mut bytes)?;
    // What is no text is refused like any other character that breaks the installer.
    let text = String::from_utf8_lossy(&bytes);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(JwtSecret::new(line.strip_suffix('\r').unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use std::io;

    use kubesphere::jwt_secret::Unusable;

    use super::read;

    #[test]
    fn one_newline_at_the_end_does_not_count() {
        for (bytes, secret) in
            [(&b"abc\n"[..], "abc"), (b"abc\r\n", "abc"), (b"abc", "abc"), (b"abc\n\n", "abc\n"), (b"\n", "")]
        {
            assert_eq!(read(bytes).unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_part_of_a_long_text_makes_no_secret() {
        assert_eq!(read(io::repeat(b'a')).unwrap().usable(), Err(Unusable::TooLong));
    }

    #[test]
    fn bytes_that_are_no_text_make_no_secret() {
        assert!(read(&b"abc\xff"[..]).unwrap().usable().is_err());
        assert!(read(&b"\xff\xfea\0b\0"[..]).unwrap().usable().is_err());
    }
}
