//! What has to be taken away before a command ends, however it ends.

use super::{narrowing::narrowed::Narrowed, reach::remains::Remains, unstored_users::UnstoredUsers};

/// It is kept outside of the future that carries out a plan: an interruption drops that future, wherever it stands.
#[derive(Default)]
pub struct Undo {
    /// Probe pods.
    pub pods: Remains,
    /// Users of client certificates.
    pub users: UnstoredUsers,
    /// The webhook before Clusters.
    pub webhook: Narrowed,
}
