//! The stand-ins against the facts of KubeSphere, on real control planes.

mod controller;
mod installation;
mod installer;
mod session;
mod v4;
mod webhook;

use std::time::Duration;

/// As long as something that must not happen is given to happen: longer than a resync.
pub(crate) const A_WHILE: Duration = Duration::from_millis(2500);
