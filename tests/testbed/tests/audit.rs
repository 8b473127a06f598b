//! The audit log as tests read it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testbed::{AuditEvent, ControlPlane, block_on, lease};

use crate::objects::{client, create, create_config_map, get, in_default};

fn of(plane: &ControlPlane, agent: &'static str) -> kube::Client {
    client(&std::fs::read_to_string(plane.kubeconfig_path()).unwrap(), agent)
}

fn lines(events: &[AuditEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{} {}/{} {}", event.verb, event.resource, event.name, event.code))
        .collect()
}

#[test]
fn a_request_is_in_the_log_when_it_is_answered() {
    let planes = lease(1).unwrap();
    let program = of(&planes[0], "program/1");
    let mark = planes[0].audit().mark();
    for number in 0..20 {
        create_config_map(&program, &format!("map-{number}"));
        assert_eq!(planes[0].audit().since_by(mark, "program/").len(), number + 1);
    }
}

#[test]
fn requests_of_others_do_not_count() {
    let planes = lease(1).unwrap();
    let (program, other) = (of(&planes[0], "program/1"), of(&planes[0], "other/1"));
    let mark = planes[0].audit().mark();
    create_config_map(&planes[0].client(), "by-the-test-bed");
    create_config_map(&other, "by-another");
    get(&program, "/api/v1/namespaces/default/configmaps/by-another").unwrap();
    let events = planes[0].audit().since_by(mark, "program/");
    assert_eq!(lines(&events), ["get configmaps/by-another 200"]);
    assert_eq!((events[0].user.as_str(), events[0].namespace.as_str()), (testbed::ADMIN, "default"));
    let names: Vec<_> = planes[0].audit().since(mark).into_iter().map(|event| event.user_agent).collect();
    assert!(names.contains(&"other/1".to_owned()) && !names.iter().any(|name| name.starts_with("testbed/")));
}

#[test]
fn reviews_and_dry_runs_are_told_apart_from_changes() {
    let planes = lease(1).unwrap();
    let program = of(&planes[0], "program/1");
    create_config_map(&program, "map");
    let mark = planes[0].audit().mark();
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    create(Api::<k8s_openapi::api::authorization::v1::SelfSubjectAccessReview>::all(program.clone()), review);
    let maps: Api<ConfigMap> = in_default(&program);
    block_on(async move {
        let patch = Patch::Merge(json!({"data": {"key": "value"}}));
        maps.patch("map", &PatchParams { dry_run: true, ..PatchParams::default() }, &patch).await.unwrap();
        maps.patch("map", &PatchParams::default(), &patch).await.unwrap();
    });
    let events = planes[0].audit().since_by(mark, "program/");
    assert_eq!(
        lines(&events),
        ["create selfsubjectaccessreviews/ 201", "patch configmaps/map 200", "patch configmaps/map 200"]
    );
    assert_eq!(events.iter().map(AuditEvent::changes).collect::<Vec<_>>(), [false, false, true]);
}
