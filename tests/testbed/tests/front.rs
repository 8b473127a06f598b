//! Faults on the way to an apiserver, and what goes through unharmed.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{WatchEvent, WatchParams},
};
use testbed::{Fault, Front, Lease, Rule, block_on, kubeconfig::Credentials, lease, pki::Validity};

use crate::objects::{client, create_config_map, get, in_default, refused};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn front() -> (Front, Lease, kube::Client) {
    let planes = lease(1).unwrap();
    let front = Front::start(&planes[0]).unwrap();
    let client = client(front.kubeconfig(), "through-the-front/1");
    (front, planes, client)
}

#[test]
fn user_and_user_agent_arrive() {
    let (_front, planes, client) = front();
    let mark = planes[0].audit().mark();
    create_config_map(&client, "one");
    let events = planes[0].audit().since_by(mark, "through-the-front/");
    assert_eq!((events.len(), events[0].user.as_str()), (1, testbed::ADMIN));
}

#[test]
fn credentials_that_do_not_hold_are_refused() {
    let (front, planes, _) = front();
    let through = |yaml: String| client(&yaml.replace(&planes[0].server(), &front.server()), "test/1");
    let hour = Duration::from_secs(3600);
    let ended = through(planes[0].kubeconfig_for("jane", None, Validity::ended(hour)).unwrap());
    assert_eq!(refused(get(&ended, MAPS)), 401);
    let jane = through(planes[0].kubeconfig_for("jane", None, hour.into()).unwrap());
    assert_eq!(refused(get(&jane, MAPS)), 403);
    let token = through(planes[0].kubeconfig_with("token", &Credentials::Token("nobody".into())));
    assert_eq!(refused(get(&token, MAPS)), 401);
}

#[test]
fn another_version_is_told() {
    let (front, _planes, client) = front();
    front.add(Rule::on("GET", "/version", Fault::Version("v1.23.17".into())));
    let told = block_on(async move { client.apiserver_version().await }).unwrap();
    assert_eq!((told.git_version.as_str(), told.minor.as_str()), ("v1.23.17", "23"));
}

#[test]
fn a_status_is_answered_so_often() {
    let (front, planes, client) = front();
    let mark = planes[0].audit().mark();
    let unavailable = Fault::Status { code: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(1) };
    let hits = front.add(Rule::on("GET", MAPS, unavailable).times(2));
    assert_eq!([refused(get(&client, MAPS)), refused(get(&client, MAPS))], [503, 503]);
    assert!(get(&client, MAPS).is_ok());
    assert_eq!(hits.count(), 2);
    assert_eq!(planes[0].audit().since_by(mark, "through-the-front/").len(), 1);
}

#[test]
fn an_answer_is_late_or_never_comes() {
    let (front, _planes, client) = front();
    front.add(Rule::on("GET", MAPS, Fault::Delay(Duration::from_millis(300))));
    let begun = Instant::now();
    get(&client, MAPS).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    front.clear();
    front.add(Rule::on("GET", MAPS, Fault::Hang));
    let maps: Api<ConfigMap> = in_default(&client);
    let waited =
        block_on(
            async move { tokio::time::timeout(Duration::from_millis(300), maps.get("one")).await.is_err() },
        );
    assert!(waited);
    front.clear();
    front.add(Rule::on("GET", MAPS, Fault::Drop).times(1));
    assert!(matches!(get(&client, MAPS), Err(error) if !matches!(error, kube::Error::Api(_))));
    get(&client, MAPS).unwrap();
}

#[test]
fn a_watch_is_passed_on_event_by_event_until_it_is_cut() {
    let (front, planes, client) = front();
    front.add(Rule::on("GET", "watch=true", Fault::CutAfter(Duration::from_secs(2))));
    let maps: Api<ConfigMap> = in_default(&client);
    let admin = planes[0].client();
    let begun = Instant::now();
    let events = block_on(async move {
        let mut watch = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
        let created = tokio::task::spawn_blocking(move || create_config_map(&admin, "seen"));
        let mut events = 0;
        // kube takes a connection that breaks for the watch's end.
        while let Some(Ok(event)) = watch.next().await {
            events += usize::from(matches!(event, WatchEvent::Added(_)));
        }
        created.await.unwrap();
        events
    });
    assert!(
        events >= 1 && begun.elapsed() < Duration::from_secs(5),
        "{events} events, {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_body_is_cut_after_so_many_bytes() {
    let (front, _planes, client) = front();
    create_config_map(&client, "one");
    front.add(Rule::on("GET", MAPS, Fault::CutAfterBytes(40)));
    assert!(get(&client, MAPS).is_err());
}

#[test]
fn a_watch_is_told_that_its_version_is_gone() {
    let (front, _planes, client) = front();
    front.add(Rule::on("GET", "watch=true", Fault::Gone).times(1));
    let maps: Api<ConfigMap> = in_default(&client);
    let events: Vec<_> =
        block_on(async move { maps.watch(&WatchParams::default(), "1").await.unwrap().try_collect().await })
            .unwrap();
    assert!(matches!(&events[..], [WatchEvent::Error(status)] if status.code == 410), "{events:?}");
}

#[test]
fn the_front_closes_and_comes_back() {
    let (front, _planes, client) = front();
    get(&client, MAPS).unwrap();
    front.close();
    assert!(get(&client, MAPS).is_err());
    front.reopen().unwrap();
    get(&client, MAPS).unwrap();
    front.cut_connections();
    assert!((0..20).any(|_| get(&client, MAPS).is_ok()));
}
