//! The installer's log, read from its pod and followed across cuts and replaced pods.

mod attachment;
mod follower;
mod pod;
mod position;
mod tail;
mod unavailable;
mod waiting;

pub use follower::{Line, Manner, News, follow, read};
pub use tail::{TailBounds, installer_log_tail};
pub use unavailable::{Asked, LogUnavailable};
