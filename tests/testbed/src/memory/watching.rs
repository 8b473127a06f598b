//! Watches: what changes, as it changes.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/watch.go`, `…/pkg/storage/cacher`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use super::{
    objects::Call,
    selection::Selection,
    server::Core,
    status::Refusal,
    store::{Change, Store},
};
use crate::serve::{self, Body};

/// How long a watch goes on whose client names no limit: between 30 and 60 minutes.
const LONGEST: Duration = Duration::from_secs(45 * 60);

/// How often a client that takes bookmarks gets one.
const BOOKMARKS_EVERY: Duration = Duration::from_secs(60);

type Sender = UnboundedSender<std::io::Result<Bytes>>;

/// Answers with events until the client leaves, its time is over or history is lost.
pub(super) fn watch(core: &Arc<Core>, call: Call) -> Result<Response<Body>, Refusal> {
    let selection = Selection::of(&call.query)?;
    let (sender, body) = serve::stream();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let watch = Watch { call, selection, sender };
    let start = watch.start(&core.store());
    let core = Arc::clone(core);
    tokio::spawn(async move {
        if let Some(seen) = start {
            watch.go_on(&core, seen).await;
        }
    });
    Ok(response)
}

struct Watch {
    call: Call,
    selection: Selection,
    sender: Sender,
}

impl Watch {
    /// Sends what stands now, where that is wanted; the revision after which changes follow.
    fn start(&self, store: &Store) -> Option<u64> {
        let query = &self.call.query;
        let wanted = query.text("resourceVersion");
        let begins_with_state = matches!(wanted, "" | "0") || query.is("sendInitialEvents");
        if !begins_with_state || query.get("sendInitialEvents") == Some("false") {
            return Some(wanted.parse().unwrap_or_else(|_| store.revision()));
        }
        let revision = store.revision();
        for (_, object) in store.list(&self.call.group_resource(), &self.namespace()) {
            if self.selection.takes(&object) {
                self.send("ADDED", &object)?;
            }
        }
        if query.is("sendInitialEvents") {
            self.bookmark(revision, json!({"k8s.io/initial-events-end": "true"}))?;
        }
        Some(revision)
    }

    async fn go_on(&self, core: &Core, mut seen: u64) {
        let limit = self.call.query.number("timeoutSeconds").filter(|seconds| *seconds > 0);
        let end = Instant::now() + limit.map_or(LONGEST, Duration::from_secs);
        let mut news = core.store().subscribe();
        loop {
            let since = core.store().since(seen);
            core.while_thawed().await;
            match since {
                Err(compacted) => return self.expire(seen, compacted.oldest),
                Ok(since) => {
                    seen = since.last().map_or(seen, |change| change.revision);
                    if since.iter().any(|change| self.tell(change).is_none()) {
                        return;
                    }
                }
            }
            tokio::select! {
                outcome = news.changed() => if outcome.is_err() { return },
                () = self.sender.closed() => return,
                () = tokio::time::sleep_until(end) => return,
                () = tokio::time::sleep(BOOKMARKS_EVERY), if self.call.query.is("allowWatchBookmarks") => {
                    if self.bookmark(seen, Value::Null).is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Empty for all namespaces.
    fn namespace(&self) -> String {
        if self.call.resource.is_namespaced { self.call.request.namespace.clone() } else { String::new() }
    }

    /// An object enters and leaves what is selected as it changes.
    fn tell(&self, change: &Change) -> Option<()> {
        let namespace = self.namespace();
        let is_meant = change.key.resource == self.call.group_resource()
            && (namespace.is_empty() || change.key.namespace == namespace);
        let takes = |object: &Option<Arc<Value>>| {
            object.as_ref().filter(|object| is_meant && self.selection.takes(object)).cloned()
        };
        match (takes(&change.before), takes(&change.after)) {
            (None, Some(after)) => self.send("ADDED", &after),
            (Some(_), Some(after)) => self.send("MODIFIED", &after),
            (Some(before), None) => {
                let mut last = Value::clone(&before);
                last["metadata"]["resourceVersion"] = change.revision.to_string().into();
                self.send("DELETED", &last)
            }
            (None, None) => Some(()),
        }
    }

    fn send(&self, kind: &str, object: &Value) -> Option<()> {
        let shown = self.call.form.one(&self.call.resource, self.call.in_version(object));
        self.line(&json!({"type": kind, "object": shown}))
    }

    fn bookmark(&self, revision: u64, annotations: Value) -> Option<()> {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if !annotations.is_null() {
            metadata["annotations"] = annotations;
        }
        self.send("BOOKMARK", &json!({ "metadata": metadata }))
    }

    fn expire(&self, asked: u64, oldest: u64) {
        let refusal = Refusal::expired(format!("too old resource version: {asked} ({oldest})"));
        self.line(&json!({"type": "ERROR", "object": refusal.json()}));
    }

    fn line(&self, event: &Value) -> Option<()> {
        self.sender.send(Ok(format!("{event}\n").into())).ok()
    }
}
