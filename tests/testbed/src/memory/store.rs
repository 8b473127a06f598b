//! Everything that a cluster stores, with its history: etcd, as an API server uses it.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use serde_json::Value;
use tokio::sync::watch;

/// How many changes can be looked back at, as etcd keeps some minutes of them.
const KEPT_CHANGES: usize = 20_000;

/// A resource, whatever its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GroupResource {
    pub(super) group: String,
    pub(super) plural: String,
}

impl GroupResource {
    pub(super) fn new(group: &str, plural: &str) -> Self {
        Self { group: group.to_owned(), plural: plural.to_owned() }
    }

    /// `clusters.cluster.kubesphere.io`, `pods`
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Where one object lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) resource: GroupResource,
    /// Empty where the resource is cluster-wide.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(resource: &GroupResource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}/{}", self.resource.qualified(), self.namespace, self.name)
    }
}

pub(super) type Object = Arc<Value>;

/// One object's way from one revision to the next.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    pub(super) before: Option<Object>,
    pub(super) after: Option<Object>,
}

/// What was asked for is older than what is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compacted {
    /// The oldest revision that is kept.
    pub(super) oldest: u64,
}

pub(super) struct Store {
    objects: BTreeMap<Key, Object>,
    history: VecDeque<Change>,
    revision: u64,
    compacted: u64,
    changed: watch::Sender<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            revision: 1,
            compacted: 0,
            changed: watch::Sender::new(1),
        }
    }
}

impl Store {
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Tells the newest revision whenever it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The objects of a resource, in one namespace or (empty) in all, in the order of their keys.
    pub(super) fn list(&self, resource: &GroupResource, namespace: &str) -> Vec<(Key, Object)> {
        let first = Key::new(resource, namespace, "");
        let of_resource = self.objects.range(first..).take_while(|(key, _)| key.resource == *resource);
        let in_place = of_resource.take_while(|(key, _)| namespace.is_empty() || key.namespace == namespace);
        in_place.map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
    }

    /// As [`Self::list`], at an earlier revision.
    pub(super) fn list_at(
        &self,
        resource: &GroupResource,
        namespace: &str,
        revision: u64,
    ) -> Result<Vec<(Key, Object)>, Compacted> {
        let mut objects: BTreeMap<Key, Object> = self.list(resource, namespace).into_iter().collect();
        let later = self.since(revision)?;
        for change in later.into_iter().rev() {
            let is_meant = change.key.resource == *resource
                && (namespace.is_empty() || change.key.namespace == namespace);
            match change.before {
                _ if !is_meant => {}
                Some(before) => drop(objects.insert(change.key, before)),
                None => drop(objects.remove(&change.key)),
            }
        }
        Ok(objects.into_iter().collect())
    }

    /// Forgets how it came to be as it is.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.revision;
    }

    /// Every object, for who looks across resources.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// What has changed since a revision.
    pub(super) fn since(&self, revision: u64) -> Result<Vec<Change>, Compacted> {
        if revision < self.compacted {
            return Err(Compacted { oldest: self.compacted });
        }
        let first = self.history.partition_point(|change| change.revision <= revision);
        Ok(self.history.range(first..).cloned().collect())
    }

    /// Stores an object, with a new resourceVersion.
    pub(super) fn write(&mut self, key: Key, mut value: Value) -> Object {
        let revision = self.revision + 1;
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        let object = Arc::new(value);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.note(Change { revision, key, before, after: Some(Arc::clone(&object)) });
        object
    }

    /// Removes an object and returns its last state, whose resourceVersion is that of the removal.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Object> {
        let before = self.objects.remove(key)?;
        let revision = self.revision + 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = revision.to_string().into();
        self.note(Change { revision, key: key.clone(), before: Some(before), after: None });
        Some(Arc::new(last))
    }

    /// Returns to these objects; those who watch are told of each difference.
    pub(super) fn restore(&mut self, objects: &BTreeMap<Key, Object>) {
        let gone: Vec<Key> = self.objects.keys().filter(|key| !objects.contains_key(*key)).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
        for (key, object) in objects {
            if self.objects.get(key) != Some(object) {
                self.write(key.clone(), Value::clone(object));
            }
        }
    }

    pub(super) fn snapshot(&self) -> BTreeMap<Key, Object> {
        self.objects.clone()
    }

    /// Forgets the oldest changes.
    fn forget(&mut self, count: usize) {
        self.compacted =
            self.history.drain(..count).next_back().map_or(self.compacted, |change| change.revision);
    }

    fn note(&mut self, change: Change) {
        self.revision = change.revision;
        self.history.push_back(change);
        if self.history.len() > KEPT_CHANGES {
            self.forget(KEPT_CHANGES / 2);
        }
        self.changed.send_replace(self.revision);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods() -> GroupResource {
        GroupResource::new("", "pods")
    }

    fn names(listed: &[(Key, Object)]) -> Vec<&str> {
        listed.iter().map(|(key, _)| key.name.as_str()).collect()
    }

    #[test]
    fn an_earlier_revision_can_be_listed_until_it_is_compacted() {
        let mut store = Store::default();
        for name in ["a", "b"] {
            store.write(Key::new(&pods(), "n", name), json!({"metadata": {"name": name}}));
        }
        let then = store.revision();
        store.remove(&Key::new(&pods(), "n", "a"));
        store.write(Key::new(&pods(), "n", "c"), json!({"metadata": {"name": "c"}}));
        assert_eq!(names(&store.list(&pods(), "n")), ["b", "c"]);
        assert_eq!(names(&store.list_at(&pods(), "", then).unwrap()), ["a", "b"]);
        assert_eq!(store.since(then).unwrap().len(), 2);
        store.forget(store.history.len());
        assert_eq!(store.since(then).unwrap_err(), Compacted { oldest: store.revision() });
    }
}
