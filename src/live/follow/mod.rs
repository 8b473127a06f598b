//! The installer's log, read from its pod and followed across cuts and replaced pods; and other logs in kubesphere-system.

mod attachment;
mod follower;
mod news;
mod pod;
mod polled;
mod position;
mod tail;
mod unavailable;
mod waiting;

pub use follower::{follow, read};
pub use news::{Line, Manner, News};
pub use pod::find_of;
pub use polled::Polled;
pub use tail::{TailBounds, installer_log_tail};
pub use unavailable::{Asked, LogUnavailable};
pub(super) use waiting::{Stuck, has_given_up, why_no_pod, why_stuck};
