//! Who stands behind the Clusters of a host, as far as that was found out while this process has run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// By the UID of each Cluster object the UID of the cluster behind it, or that it did not answer.
#[derive(Clone, Default)]
pub struct KnownMembers(Arc<Mutex<HashMap<String, Option<String>>>>);

impl KnownMembers {
    /// The cluster behind this object.
    pub fn behind(&self, object: &str) -> Option<String> {
        self.all().get(object).cloned().flatten()
    }

    /// Whether nothing else is known of it than that it did not answer.
    pub fn is_silent(&self, object: &str) -> bool {
        self.all().get(object).is_some_and(Option::is_none)
    }

    pub fn remember(&self, object: &str, cluster: Option<&str>) {
        self.all().insert(object.to_owned(), cluster.map(str::to_owned));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
