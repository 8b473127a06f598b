//! Everything of a cluster that shows how far its configuration is, as it changes.

use futures::{
    StreamExt as _, future,
    stream::{BoxStream, SelectAll, select_all},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::DynamicObject};
use kubesphere::{
    cluster_configuration::{self, ClusterConfiguration, NAMESPACE},
    kubesphere_config,
    role::Role,
};

use super::{
    connection::Connection,
    follow::{LogUnavailable, News, follow},
    observation::{Selection, State, latest},
    observe::{as_value, config_of, configurations},
    registrations::{Roll, watch},
};
use crate::plan::{
    observed::{InstallerContainer, Observed, Seen},
    reconciler::Observation,
};

/// What is seen, by several ways.
pub type Observations<'a> = SelectAll<BoxStream<'a, Observation>>;

/// The objects of a cluster that is to get this role, as they have changed since they were observed. Never ends.
pub fn objects<'a>(connection: &'a Connection, role: &Role, observed: &Observed) -> Observations<'a> {
    let since = observed.configuration.present().map(ClusterConfiguration::resource_version);
    let since = since.map(str::to_owned);
    let configuration = latest(configurations(connection).into(), named(cluster_configuration::NAME), since);
    let config_maps: Api<ConfigMap> = Api::namespaced(connection.client.clone(), NAMESPACE);
    let since = observed.config.present().and_then(|config| config.resource_version.clone());
    let config = latest(config_maps, named(kubesphere_config::NAME), since);
    let mut all: Vec<BoxStream<'a, Observation>> = vec![
        configuration.map(sighted(connection, configuration_of)).boxed(),
        config.map(sighted(connection, config_map_of)).boxed(),
    ];
    if *role == Role::Host {
        all.push(watch(connection, None).map(|roll| clusters_of(connection, roll)).boxed());
    }
    select_all(all)
}

/// The installer's log from `since` on, first of this container where one is known.
pub fn log(
    connection: &Connection,
    since: Option<Timestamp>,
    container: Option<InstallerContainer>,
) -> BoxStream<'static, Observation> {
    let log = follow(connection.client.clone(), since, container);
    log.filter_map(|news| future::ready(log_sighted(news))).boxed()
}

fn log_sighted(news: Result<News, LogUnavailable>) -> Option<Observation> {
    match news {
        Ok(News::Line(line)) => Some(Observation::Line { at: line.at, text: line.text }),
        Ok(News::Waits(why)) => Some(Observation::LogWaits(why)),
        Ok(News::Container { .. } | News::Resumed) => Some(Observation::LogReadable),
        Ok(News::CaughtUp) => None,
        Err(unavailable) => Some(Observation::LogUnreadable(unavailable.to_string())),
    }
}

fn named(name: &str) -> Selection {
    Selection::Name(name.to_owned())
}

fn sighted<K>(
    connection: &Connection,
    seen: fn(Option<&K>) -> Observation,
) -> impl FnMut(State<K>) -> Observation + Send + 'static
where
    K: 'static,
{
    let clock = connection.clock.clone();
    move |state| match state {
        State::Seen(found) => seen(found.as_ref()),
        State::Interrupted(why) => Observation::Interrupted { at: clock.now(), why },
    }
}

fn config_map_of(found: Option<&ConfigMap>) -> Observation {
    Observation::Config(found.map_or(Seen::Absent, config_of))
}

fn configuration_of(found: Option<&DynamicObject>) -> Observation {
    let found = found.map(as_value).map(ClusterConfiguration::new);
    Observation::Configuration(found.map_or(Seen::Absent, Seen::Present))
}

fn clusters_of(connection: &Connection, roll: Roll) -> Observation {
    match roll {
        Roll::Seen(clusters) => Observation::Clusters(clusters),
        Roll::Interrupted(why) => {
            Observation::Interrupted { at: connection.clock.now(), why: why.to_string() }
        }
    }
}
