//! The installer's log, read from its pod and followed across cuts and replaced pods.

mod attachment;
mod follower;
mod pod;
mod position;
mod tail;
mod unavailable;

pub use follower::{Line, follow};
pub use tail::{TailBounds, installer_log_tail};
pub use unavailable::LogUnavailable;
