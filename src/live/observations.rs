//! Everything of a cluster that shows how far its configuration is, as it changes.

use futures::{StreamExt as _, future, stream::BoxStream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::DynamicObject};
use kubesphere::{
    cluster::{HOST_LABEL, RegisteredCluster},
    cluster_configuration::{self, ClusterConfiguration, NAMESPACE},
    kubesphere_config,
    role::Role,
};

use super::{
    connection::Connection,
    follow::{LogUnavailable, News, follow},
    observation::{Selection, State, latest},
    observe::{as_value, clusters, config_of, configurations},
};
use crate::plan::{observed::Seen, reconciler::Observation};

/// The observations of a cluster that is to get this role, its log from `log_since` on. Never ends.
pub fn observations(
    connection: &Connection,
    role: &Role,
    log_since: Option<Timestamp>,
) -> BoxStream<'static, Observation> {
    let configuration = latest(configurations(connection).into(), named(cluster_configuration::NAME));
    let config_maps: Api<ConfigMap> = Api::namespaced(connection.client.clone(), NAMESPACE);
    let config = latest(config_maps, named(kubesphere_config::NAME));
    let log = follow(connection.client.clone(), log_since);
    let log = log.filter_map(|news| future::ready(log_sighted(news)));
    let mut all: Vec<BoxStream<'static, Observation>> = vec![
        configuration.map(sighted(connection, configuration_of)).boxed(),
        config.map(sighted(connection, config_map_of)).boxed(),
        log.boxed(),
    ];
    if *role == Role::Host {
        let host_cluster = latest(clusters(connection).into(), Selection::Label(HOST_LABEL));
        all.push(host_cluster.map(sighted(connection, host_cluster_of)).boxed());
    }
    futures::stream::select_all(all).boxed()
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

fn host_cluster_of(found: Option<&DynamicObject>) -> Observation {
    Observation::HostCluster(found.map(as_value).map(RegisteredCluster::new))
}
