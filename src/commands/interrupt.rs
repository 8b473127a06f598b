//! Ctrl-C, and what else asks a program to end.

use std::io;

use tokio::signal;

use super::continuation::resume;
use crate::error::{Error, ErrorKind};

/// Waits for what has to be done before an interrupted command ends, or until somebody interrupts that, too.
///
/// A hangup does not: it often comes twice, from the terminal and from its shell.
pub(super) async fn before_ending<T>(tidying: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = tidying => Some(done),
        _ = stopped() => None,
    }
}

/// Waits until the program is interrupted: by Ctrl-C, by SIGTERM as from a CI job that is cancelled, or because its
/// terminal is gone.
pub async fn interrupted() -> Error {
    let asked = tokio::select! {
        asked = stopped() => asked,
        asked = hung_up() => asked,
    };
    match asked {
        Ok(()) => Error { resume: Some(resume()), ..Error::new(ErrorKind::Interrupted, "interrupted") },
        Err(error) => Error::from(error),
    }
}

#[cfg(unix)]
async fn stopped() -> io::Result<()> {
    let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        asked = signal::ctrl_c() => asked,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> io::Result<()> {
    signal::ctrl_c().await
}

#[cfg(unix)]
async fn hung_up() -> io::Result<()> {
    if nohup::is_in_force() {
        return std::future::pending().await;
    }
    signal::unix::signal(signal::unix::SignalKind::hangup())?.recv().await;
    Ok(())
}

/// There is no such signal.
#[cfg(not(unix))]
async fn hung_up() -> io::Result<()> {
    std::future::pending().await
}

/// Whether the program was started to outlive its terminal: waiting for a signal ends that it is ignored.
#[cfg(unix)]
mod nohup {
    use std::{fs, sync::OnceLock};

    /// What the program was started with; later it is no longer to be seen.
    static IN_FORCE: OnceLock<bool> = OnceLock::new();

    pub(super) fn is_in_force() -> bool {
        // Only Linux tells.
        *IN_FORCE.get_or_init(|| {
            fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
        })
    }

    /// The lowest bit of the mask is signal 1, SIGHUP.
    fn ignores_hangup(status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::ignores_hangup;

        #[test]
        fn a_hangup_is_ignored_where_its_bit_is_set() {
            assert!(ignores_hangup("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
            assert!(!ignores_hangup("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
            assert!(!ignores_hangup(""));
        }
    }
}
