//! Ctrl-Z: what is drawn goes before the shell writes there, and is drawn again when the program goes on.

use crate::output::ui::Ui;

/// Sees to it as long as the program runs, where something is drawn at all.
#[cfg(unix)]
pub fn prepare(ui: &Ui) {
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    if !ui.draws() {
        return;
    }
    let ui = ui.clone();
    let Ok(mut asked) = signal(SignalKind::from_raw(Signal::TSTP.as_raw())) else { return };
    tokio::spawn(async move {
        while asked.recv().await.is_some() {
            if has_shell() {
                ui.above_progress(stop);
            }
        }
    });
}

/// There is no such signal.
#[cfg(not(unix))]
pub fn prepare(_: &Ui) {}

/// Returns when the program is continued.
#[cfg(unix)]
fn stop() {
    use rustix::process::{Signal, getpid, kill_process};

    // Never refused to oneself.
    kill_process(getpid(), Signal::STOP).ok();
}

/// Whether somebody would continue it: without, the system lets no Ctrl-Z stop a program (POSIX, "orphaned process group").
#[cfg(unix)]
fn has_shell() -> bool {
    use rustix::process::{getpgrp, getppid, getsid};

    let Ok(session) = getsid(None) else { return false };
    getpgrp() != session && getppid().is_some_and(|parent| getsid(Some(parent)) == Ok(session))
}
