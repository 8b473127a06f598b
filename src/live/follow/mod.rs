//! The installer's log, read from its pod and followed across cuts and replaced pods.

mod attachment;
mod follower;
mod news;
mod pod;
mod position;
mod tail;
mod unavailable;
mod waiting;

pub use follower::{follow, read};
pub use news::{Line, Manner, News};
pub use pod::find_of;
pub use tail::{TailBounds, installer_log_tail};
pub use unavailable::{Asked, LogUnavailable};
pub(super) use waiting::{has_given_up, why_no_pod, why_stuck};
