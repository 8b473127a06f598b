//! Leases: alone, clean, together.

use std::{collections::HashSet, thread, time::Instant};

use k8s_openapi::{
    api::{core::v1::ConfigMap, core::v1::Namespace, core::v1::Service},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, ResourceExt as _, api::DeleteParams};
use serde_json::{Value, json};
use testbed::{Assets, ControlPlane, Kubernetes, block_on, lease, lease_in_memory};

use crate::objects::{create, create_config_map, get, in_default};

fn definition() -> Value {
    let version = json!({
        "name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    });
    let names = json!({"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"});
    json!({
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]},
    })
}

#[test]
fn many_tests_share_few_planes_and_each_has_its_own() {
    let held = std::sync::Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for count in [2, 1, 3, 2, 1, 2] {
            let held = &held;
            scope.spawn(move || {
                let planes = lease(count).unwrap();
                let names: Vec<_> = planes.iter().map(|plane| plane.name().to_owned()).collect();
                assert_eq!(names.len(), count);
                assert!(names.iter().all(|name| held.lock().unwrap().insert(name.clone())), "{names:?}");
                assert!(names.iter().all(|name| held.lock().unwrap().remove(name)));
            });
        }
    });
}

#[test]
fn a_wipe_takes_what_was_created_and_brings_back_what_was_deleted() {
    let plane = ControlPlane::start(&Assets::find().unwrap(), "wiped").unwrap();
    let client = plane.client();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    create(Api::<CustomResourceDefinition>::all(client.clone()), definition());
    create(namespaces.clone(), json!({"metadata": {"name": "kubesphere-system"}}));
    let kept = create_config_map(&client, "kept");
    plane.mark_clean().unwrap();

    create_config_map(&client, "held-by-a-finalizer");
    create(namespaces.clone(), json!({"metadata": {"name": "new"}}));
    create(
        in_default::<Service>(&client),
        json!({"metadata": {"name": "new"}, "spec": {"ports": [{"port": 80}]}}),
    );
    let deleted = namespaces.clone();
    block_on(async move { deleted.delete("kubesphere-system", &DeleteParams::default()).await }).unwrap();
    let begun = Instant::now();
    plane.wipe().unwrap();
    assert!(begun.elapsed().as_secs() < 1, "{:?}", begun.elapsed());

    let maps: Api<ConfigMap> = in_default(&client);
    let left = block_on(async move { maps.list(&kube::api::ListParams::default()).await }).unwrap();
    assert_eq!(
        left.iter().map(|map| (map.name_any(), map.uid())).collect::<Vec<_>>(),
        [("kept".into(), kept.uid())]
    );
    assert!(get(&client, "/api/v1/namespaces/default/services/new").is_err());
    assert!(get(&client, "/api/v1/namespaces/new").is_err());
    assert!(get(&client, "/api/v1/namespaces/kubesphere-system").unwrap().contains("\"phase\":\"Active\""));
    assert!(get(&client, "/apis/example.com/v1/things").unwrap().contains("ThingList"));
    create(
        in_default::<Service>(&client),
        json!({"metadata": {"name": "new"}, "spec": {"ports": [{"port": 80}]}}),
    );
}

#[test]
fn a_way_back_leads_to_its_own_state_again_and_again_and_a_wipe_to_the_clean_one() {
    let real = lease(1).unwrap();
    let in_memory = lease_in_memory(&[Kubernetes::default()]).unwrap();
    for plane in [&real[0], &in_memory[0]] {
        let client = plane.client();
        let there =
            |name: &str| get(&client, &format!("/api/v1/namespaces/default/configmaps/{name}")).is_ok();
        create_config_map(&client, "earlier");
        let mut way_back = plane.way_back().unwrap();
        for later in ["later", "later-again"] {
            create_config_map(&client, later);
            way_back().unwrap();
            assert_eq!((there("earlier"), there(later)), (true, false), "{}", plane.name());
        }
        plane.wipe().unwrap();
        assert!(!there("earlier"), "{}", plane.name());
    }
}

#[test]
fn a_plane_that_was_killed_is_not_handed_out_again() {
    let planes = lease(1).unwrap();
    let killed = planes[0].name().to_owned();
    planes[0].kill_apiserver();
    drop(planes);
    let all = lease(8).unwrap();
    assert!(all.iter().all(|plane| plane.name() != killed && plane.is_healthy()));
}
