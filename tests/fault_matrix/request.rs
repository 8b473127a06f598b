//! The requests of a command.

use std::{
    collections::HashMap,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use testbed::{AuditEvent, Fault, Mark, Rule, bed::Cluster};

use crate::support::{
    Watched,
    standing::{plain, remembered},
};

/// One request of a command: the so manyth of those that are alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub cluster: usize,
    method: &'static str,
    uri: String,
    pub nth: usize,
    pub is_watch: bool,
    /// Whether it is meant to change the cluster.
    pub changes: bool,
    /// How many changes had been answered when it came.
    pub after: usize,
    /// What is alike for who sends it.
    pub kind: (String, String),
}

impl Asked {
    pub fn all(bed: &Watched, marks: &[Mark]) -> Vec<Self> {
        let mut seen: HashMap<(usize, &str, String), usize> = HashMap::new();
        let of_cluster = |(cluster, events): (usize, Vec<AuditEvent>)| {
            events.into_iter().map(move |event| (cluster, event))
        };
        let mut events: Vec<_> = ours(bed, marks).into_iter().enumerate().flat_map(of_cluster).collect();
        events.sort_by_key(|(_, event)| event.received);
        let changing = events.iter().filter(|(_, event)| event.changes());
        let answered: Vec<_> = changing.map(|(_, event)| event.answered).collect();
        let asked = events.into_iter().map(|(cluster, event)| {
            let (method, uri) = (method(&event.verb), plain(&event.request_uri));
            let count = seen.entry((cluster, method, uri.clone())).or_default();
            let nth = *count;
            *count += 1;
            let (is_watch, changes) = (event.is_followed(), event.changes());
            let after = answered.iter().filter(|answered| **answered <= event.received).count();
            Self {
                cluster,
                method,
                uri,
                nth,
                is_watch,
                changes,
                after,
                kind: (event.verb, event.subresource),
            }
        });
        asked.collect()
    }

    pub fn rule(&self, fault: &Fault) -> Rule {
        let (asked, met) = (self.clone(), AtomicUsize::new(0));
        let is_it = move |method: &http::Method, uri: &http::Uri| {
            let uri = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            method == asked.method
                && *remembered(uri.clone(), || plain(&uri)).1 == *asked.uri
                && met.fetch_add(1, Ordering::Relaxed) == asked.nth
        };
        Rule::when(is_it, fault.clone()).by("kubectl-mc/").times(1)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, method, uri, nth, .. } = self;
        let side = if *cluster == 0 { "host" } else { "member" };
        write!(formatter, "{side} {method} {uri} ({})", nth + 1)
    }
}

fn method(verb: &str) -> &'static str {
    match verb {
        "create" | "post" => "POST",
        "patch" => "PATCH",
        "update" | "put" => "PUT",
        "delete" | "deletecollection" => "DELETE",
        _ => "GET",
    }
}

pub fn clusters(bed: &Watched) -> [&Cluster; 2] {
    [bed.host(), bed.member(1)]
}

/// Our requests since the marks, of each cluster.
fn ours(bed: &Watched, marks: &[Mark]) -> Vec<Vec<AuditEvent>> {
    let clusters = clusters(bed).into_iter().zip(marks);
    clusters.map(|(cluster, mark)| cluster.audit().since_by(*mark, "kubectl-mc/")).collect()
}

/// What we have changed since the marks.
pub fn changes(bed: &Watched, marks: &[Mark]) -> Vec<String> {
    let events = ours(bed, marks).into_iter().flatten();
    let accepted = events.filter(|event| event.changes() && event.code < 300);
    accepted.map(|event| format!("{} {}", event.verb, event.resource)).collect()
}

/// How often something was done that restarts what runs, or registers a member.
pub fn once(changes: &[String]) -> [usize; 3] {
    let times = |change: &str| changes.iter().filter(|done| *done == change).count();
    [times("patch clusterconfigurations"), times("patch deployments"), times("create clusters")]
}
