//! What is remembered while a Cluster is waited for.

use std::collections::BTreeSet;

use kubesphere::cluster::RegisteredCluster;
use tokio::time::Instant;

use super::{connection::Connection, identify::identified};
use crate::plan::renewal::Before;

/// What was seen of the Cluster so far.
pub(super) struct Waiting {
    pub(super) missing: String,
    pub(super) interrupted: Option<String>,
    pub(super) seen: bool,
    pub(super) version_by: Option<Instant>,
    pub(super) noted: BTreeSet<String>,
    /// What the conditions said before a renewal.
    pub(super) before: Option<Before>,
    /// The object whose identity was established, and the member behind it.
    pub(super) known: Option<(String, Option<String>)>,
}

impl Waiting {
    pub(super) fn new(ours: Option<&RegisteredCluster>) -> Self {
        Self {
            missing: "the Cluster is not there".to_owned(),
            interrupted: None,
            seen: false,
            version_by: None,
            noted: BTreeSet::new(),
            before: None,
            // What we have created leads to the member that we have talked to.
            known: ours.map(|ours| (ours.object_uid().to_owned(), None)),
        }
    }

    /// In words, for an error.
    pub(super) fn still_missing(&self) -> String {
        match &self.interrupted {
            Some(why) => format!("{}, as far as was seen before this: {why}", self.missing),
            None => self.missing.clone(),
        }
    }

    /// Another object under the name may be another member; 3.1 and 3.2 never tell in its status.
    pub(super) async fn identified(
        &mut self,
        host: &Connection,
        cluster: Option<RegisteredCluster>,
    ) -> Option<RegisteredCluster> {
        let mut cluster = cluster?;
        match &self.known {
            Some((object, uid)) if object == cluster.object_uid() => cluster.asked_uid.clone_from(uid),
            _ => {
                cluster = identified(host, cluster).await;
                self.known = Some((cluster.object_uid().to_owned(), cluster.asked_uid.clone()));
            }
        }
        Some(cluster)
    }
}
