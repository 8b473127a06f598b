//! Ctrl-C.

use tokio::signal;

use crate::error::{Error, Kind};

/// Waits for the person to interrupt the program.
pub async fn interrupted() -> Error {
    match signal::ctrl_c().await {
        Ok(()) => {
            Error::new(Kind::Interrupted, "interrupted").hint("run the same command again: it continues")
        }
        Err(error) => Error::from(error),
    }
}
