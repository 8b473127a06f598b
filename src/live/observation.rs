//! An object as it changes: a watch that survives cuts, compaction and restarts, or polling where watching is
//! forbidden.

use std::{fmt::Debug, time::Duration};

use backon::ExponentialBuilder;
use futures::{
    Stream, StreamExt as _, TryStreamExt as _, future,
    stream::{self, BoxStream},
};
use kube::{
    Api, Resource,
    api::{ListParams, WatchEvent, WatchParams},
    runtime::{
        utils::StreamBackoff,
        watcher::{Config, Error, Event, ExponentialBackoff, watcher},
    },
};
use serde::de::DeserializeOwned;

use super::cause::Cause;

/// After an error the watch is tried again, at first soon: an API server restarts within seconds.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// And never rarer than this.
const SLOWEST_RETRY: Duration = Duration::from_secs(5);
/// How often is asked where watching is forbidden.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(3);
/// The server ends a watch after so many seconds; one that stays silent for longer is dead and opened anew. Over HTTP/2
/// pings find that out sooner.
const WATCH_SECONDS: u32 = 120;
/// How much longer, so that the server's end comes first.
const WATCH_MARGIN: Duration = Duration::from_secs(5);

/// Which one object is awaited.
#[derive(Clone, Debug)]
pub enum Selection {
    /// The one with this name; by name, because the installer may re-create it with another UID.
    Name(String),
    /// The first one with this label.
    Label(&'static str),
}

impl Selection {
    fn config(&self) -> Config {
        let config = Config::default();
        match self {
            Self::Name(name) => config.fields(&format!("metadata.name={name}")),
            Self::Label(label) => config.labels(label),
        }
    }

    fn parameters(&self) -> ListParams {
        match self {
            Self::Name(name) => ListParams::default().fields(&format!("metadata.name={name}")),
            Self::Label(label) => ListParams::default().labels(label),
        }
    }
}

/// What a look at an object gave.
#[derive(Clone, Debug)]
pub enum State<K> {
    /// The object; `None` while there is none.
    Seen(Option<K>),
    /// It cannot be seen at present, and why; it is looked at again.
    Interrupted(String),
}

/// The object's states, the present one first; or those that came after the one that was read `since`, as long as the
/// server remembers that. Never ends.
pub fn latest<K>(
    api: Api<K>,
    selection: Selection,
    since: Option<String>,
) -> impl Stream<Item = State<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let source = Source::watch(&api, &selection, since);
    stream::unfold((source, api, selection), |(mut source, api, selection)| async move {
        loop {
            match source.next(&api, &selection).await {
                Next::State(state) => return Some((State::Seen(state), (source, api, selection))),
                Next::Interrupted(why) => return Some((State::Interrupted(why), (source, api, selection))),
                Next::Nothing => {}
                Next::Forbidden => source = Source::poll(),
            }
        }
    })
}

/// A watch that is opened anew after every error, at first soon and then rarer; a dead one is noticed.
pub(super) fn patient_watch<K>(api: Api<K>, config: Config) -> BoxStream<'static, Result<Event<K>, Error>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let backoff = ExponentialBuilder::default()
        .with_min_delay(FIRST_RETRY)
        .with_max_delay(SLOWEST_RETRY)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times();
    let config = config.timeout(WATCH_SECONDS);
    StreamBackoff::new(watcher(api, config), ExponentialBackoff::from(backoff)).boxed()
}

/// What has changed since this resource version. Ends with the watch, whatever ends it.
fn changes<K>(
    api: Api<K>,
    selection: &Selection,
    since: String,
) -> impl Stream<Item = Result<Event<K>, Error>> + Send + 'static
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let ListParams { field_selector, label_selector, .. } = selection.parameters();
    let timeout = Some(WATCH_SECONDS);
    let parameters = WatchParams { field_selector, label_selector, timeout, ..WatchParams::default() };
    let watch = async move { api.watch(&parameters, &since).await };
    let changes = stream::once(watch).try_flatten().try_filter_map(|change| future::ready(event_of(change)));
    let changes = changes.take_while(|event| future::ready(event.is_ok())).map_err(Error::WatchFailed);
    let ends = tokio::time::sleep(Duration::from_secs(WATCH_SECONDS.into()) + WATCH_MARGIN);
    changes.take_until(ends)
}

fn event_of<K>(change: WatchEvent<K>) -> Result<Option<Event<K>>, kube::Error> {
    match change {
        WatchEvent::Added(object) | WatchEvent::Modified(object) => Ok(Some(Event::Apply(object))),
        WatchEvent::Deleted(object) => Ok(Some(Event::Delete(object))),
        WatchEvent::Bookmark(_) => Ok(None),
        WatchEvent::Error(status) => Err(kube::Error::Api(status)),
    }
}

enum Next<K> {
    State(Option<K>),
    Nothing,
    Interrupted(String),
    Forbidden,
}

enum Source<K> {
    Watch { events: BoxStream<'static, Result<Event<K>, Error>>, listed: Option<K> },
    Poll(tokio::time::Interval),
}

impl<K> Source<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    fn watch(api: &Api<K>, selection: &Selection, since: Option<String>) -> Self {
        let events = patient_watch(api.clone(), selection.config());
        let events = match since {
            Some(since) => changes(api.clone(), selection, since).chain(events).boxed(),
            None => events,
        };
        Self::Watch { events, listed: None }
    }

    fn poll() -> Self {
        Self::Poll(tokio::time::interval(POLL_EVERY))
    }

    async fn next(&mut self, api: &Api<K>, selection: &Selection) -> Next<K> {
        match self {
            Self::Watch { events, listed } => match events.next().await {
                Some(Ok(event)) => state_of(event, listed),
                Some(Err(error)) if is_forbidden(&error) => Next::Forbidden,
                Some(Err(error)) => why_interrupted(&error)
                    .map_or(Next::Nothing, |cause| Next::Interrupted(cause.to_string())),
                None => Next::Forbidden,
            },
            Self::Poll(interval) => {
                interval.tick().await;
                match poll(api, selection).await {
                    Ok(state) => Next::State(state),
                    Err(error) => Next::Interrupted(Cause::from(&error).to_string()),
                }
            }
        }
    }
}

/// Reads the object without the right to watch: by GET where the name is known, which needs the least rights.
async fn poll<K>(api: &Api<K>, selection: &Selection) -> Result<Option<K>, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    match selection {
        Selection::Name(name) => api.get_opt(name).await,
        Selection::Label(_) => Ok(api.list(&selection.parameters()).await?.items.into_iter().next()),
    }
}

fn state_of<K>(event: Event<K>, listed: &mut Option<K>) -> Next<K> {
    match event {
        Event::Init => {
            *listed = None;
            Next::Nothing
        }
        Event::InitApply(object) => {
            *listed = Some(object);
            Next::Nothing
        }
        Event::InitDone => Next::State(listed.take()),
        Event::Apply(object) => Next::State(Some(object)),
        Event::Delete(_) => Next::State(None),
    }
}

/// A watch that ends, or whose starting point is too old, is opened anew without a word.
pub(super) fn why_interrupted(error: &Error) -> Option<Cause> {
    let cause = match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
            Cause::from(error)
        }
        Error::WatchError(status) => Cause::from(&kube::Error::Api(status.clone())),
        Error::NoResourceVersion => return None,
    };
    (cause != Cause::Gone).then_some(cause)
}

pub(super) fn is_forbidden(error: &Error) -> bool {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchError(status) => status.code == 403,
        _ => false,
    }
}
