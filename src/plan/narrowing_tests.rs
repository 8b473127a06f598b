use jiff::Timestamp;
use kubesphere::cluster_webhook::{ClusterWebhook, WEBHOOK};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    ANNOTATION, CONDITION, Field, Guarded, Narrowing, NotNarrowed, Outcome, Remark, Restoration, Standing,
    narrow, standing,
};

const FIELDS: [Field; 2] = [Field::MatchConditions, Field::Rules];

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn rule() -> Value {
    json!({"apiGroups": ["cluster.kubesphere.io"], "apiVersions": ["v1alpha1"], "operations": ["UPDATE"],
           "resources": ["clusters"], "scope": "*"})
}

/// As the chart renders it, after another webhook.
fn shipped() -> Value {
    json!({"metadata": {"name": "cluster.kubesphere.io"}, "webhooks": [
        {"name": "other.example.com", "rules": [rule()], "matchConditions": []},
        {"name": WEBHOOK, "rules": [rule()], "clientConfig": {"caBundle": "b2xk"}, "timeoutSeconds": 30},
    ]})
}

fn with(mut object: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut object);
    object
}

fn narrowing(object: &Value, field: Field) -> Narrowing {
    narrow(&ClusterWebhook::new(object.clone()), "edge-1", field, now()).unwrap()
}

/// As the API server applies it: a `test` for null holds where nothing is; empty lists and maps are not kept.
fn apply(object: &Value, patch: &Guarded) -> Option<Value> {
    for guard in &patch.guards {
        let present = object.pointer(guard["path"].as_str().unwrap()).unwrap_or(&Value::Null);
        if *present != guard["value"] {
            return None;
        }
    }
    let mut object = object.clone();
    let operations: json_patch::Patch = serde_json::from_value(json!(patch.operations)).unwrap();
    json_patch::patch(&mut object, &operations).unwrap();
    Some(stored(object))
}

fn stored(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    if metadata.get("annotations") == Some(&json!({})) {
        metadata.remove("annotations");
    }
    for webhook in object["webhooks"].as_array_mut().unwrap() {
        webhook.as_object_mut().unwrap().retain(|_, value| *value != json!([]));
    }
    object
}

fn narrowed(object: &Value, field: Field) -> Value {
    apply(object, &narrowing(object, field).patch).unwrap()
}

fn restoration(object: &Value) -> Restoration {
    match standing(&ClusterWebhook::new(object.clone())) {
        Standing::Narrowed(restoration) => *restoration,
        other => panic!("{other:?}"),
    }
}

fn restored(object: &Value) -> (Outcome, Value) {
    let restoration = restoration(object);
    (restoration.outcome, apply(object, &restoration.patch).unwrap())
}

#[test]
fn a_condition_is_added_to_that_one_webhook() {
    let patch = narrowing(&shipped(), Field::MatchConditions).patch.document();
    let set = json!([{"name": CONDITION, "expression": "request.name != \"edge-1\""}]);
    let expected = json!([
        {"op": "test", "path": "/webhooks/1/name", "value": WEBHOOK},
        {"op": "test", "path": "/metadata/resourceVersion", "value": null},
        {"op": "test", "path": "/webhooks/1/matchConditions", "value": null},
        {"op": "test", "path": "/metadata/annotations", "value": null},
        {"op": "add", "path": "/webhooks/1/matchConditions", "value": set},
        {"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: patch[5]["value"][ANNOTATION]}},
    ]);
    assert_eq!(patch, expected);
    let record: Value = serde_json::from_str(patch[5]["value"][ANNOTATION].as_str().unwrap()).unwrap();
    assert_eq!(
        record,
        json!({"webhook": WEBHOOK, "field": "matchConditions", "original": null, "set": set, "cluster": "edge-1",
               "since": "2026-01-01T00:00:00Z"})
    );
}

#[test]
fn conditions_and_annotations_of_others_stay() {
    let others = json!([{"name": "theirs", "expression": "true"}]);
    let object = with(shipped(), |object| {
        object["webhooks"][1]["matchConditions"] = others.clone();
        object["metadata"]["annotations"] = json!({"example.com/a": "b"});
    });
    let narrowed = narrowed(&object, Field::MatchConditions);
    assert_eq!(narrowed["webhooks"][1]["matchConditions"].as_array().unwrap().len(), 2);
    assert_eq!(narrowed["webhooks"][1]["matchConditions"][0], others[0]);
    assert_eq!(narrowed["metadata"]["annotations"]["example.com/a"], "b");
    assert_eq!(restored(&narrowed), (Outcome::Restored, stored(object)));
}

#[test]
fn rules_lose_updates_of_clusters_and_nothing_else() {
    let other = with(rule(), |rule| rule["resources"] = json!(["labels"]));
    let several = with(rule(), |rule| rule["operations"] = json!(["CREATE", "UPDATE"]));
    let all = with(rule(), |rule| rule["operations"] = json!(["*"]));
    let object =
        with(shipped(), |object| object["webhooks"][1]["rules"] = json!([rule(), other, several, all]));
    let narrowed = narrowed(&object, Field::Rules);
    let creations = with(rule(), |rule| rule["operations"] = json!(["CREATE"]));
    let the_rest = with(rule(), |rule| rule["operations"] = json!(["CREATE", "DELETE", "CONNECT"]));
    assert_eq!(narrowed["webhooks"][1]["rules"], json!([other, creations, the_rest]));
    assert!(!ClusterWebhook::new(narrowed.clone()).looks_at_updates());
    assert_eq!(restored(&narrowed), (Outcome::Restored, stored(object)));
}

#[test]
fn a_webhook_that_looks_at_no_update_is_not_narrowed() {
    let without = with(shipped(), |object| object["webhooks"] = json!([]));
    let off = with(shipped(), |object| object["webhooks"][1]["rules"] = json!([]));
    for object in [without, off, json!({"metadata": {}})] {
        let result = narrow(&ClusterWebhook::new(object), "edge-1", Field::Rules, now());
        assert_eq!(result, Err(NotNarrowed::DoesNotStand));
    }
}

#[test]
fn a_narrowing_for_the_same_cluster_is_taken_over_and_another_one_restored_first() {
    for field in FIELDS {
        let object = ClusterWebhook::new(narrowed(&shipped(), field));
        let record = restoration(&narrowed(&shipped(), field)).record;
        assert_eq!(narrow(&object, "edge-1", field, now()), Err(NotNarrowed::Already(record)));
        let other = narrow(&object, "edge-2", field, now());
        assert!(matches!(other, Err(NotNarrowed::Left(_))), "{other:?}");
    }
    let rendered_anew = with(narrowed(&shipped(), Field::Rules), |object| {
        object["webhooks"][1]["rules"] = json!([rule()]);
    });
    let result = narrow(&ClusterWebhook::new(rendered_anew), "edge-1", Field::Rules, now());
    assert!(matches!(result, Err(NotNarrowed::Left(_))), "{result:?}");
}

#[test]
fn what_was_rendered_anew_loses_the_annotation_only() {
    for field in FIELDS {
        let rendered_anew = with(narrowed(&shipped(), field), |object| {
            object["webhooks"] = shipped()["webhooks"].clone();
            object["webhooks"][1]["clientConfig"]["caBundle"] = json!("bmV3");
        });
        let (outcome, object) = restored(&rendered_anew);
        assert_eq!(outcome, Outcome::AlreadyOriginal);
        assert_eq!(object["webhooks"], stored(rendered_anew)["webhooks"]);
        assert!(object["metadata"].get("annotations").is_none());
    }
}

#[test]
fn what_others_made_of_the_field_stays() {
    let theirs = with(rule(), |rule| rule["operations"] = json!(["CREATE"]));
    let changed =
        with(narrowed(&shipped(), Field::Rules), |object| object["webhooks"][1]["rules"] = json!([theirs]));
    let restoration = restoration(&changed);
    assert_eq!(restoration.outcome, Outcome::LeftToOthers);
    assert_eq!(restoration.remark(), Some(Remark::LeftToOthers(Field::Rules)));
    let (_, object) = restored(&changed);
    assert_eq!(object["webhooks"], changed["webhooks"]);
    assert!(object["metadata"].get("annotations").is_none());
}

#[test]
fn our_condition_goes_from_among_those_that_others_added() {
    let added = json!({"name": "theirs", "expression": "true"});
    let changed = with(narrowed(&shipped(), Field::MatchConditions), |object| {
        object["webhooks"][1]["matchConditions"].as_array_mut().unwrap().insert(0, added.clone());
    });
    let (outcome, object) = restored(&changed);
    assert_eq!((outcome, &object["webhooks"][1]["matchConditions"]), (Outcome::OursTaken, &json!([added])));
    let rewritten = with(changed, |object| {
        object["webhooks"][1]["matchConditions"][1]["expression"] = json!("false");
    });
    assert_eq!(restored(&rewritten).0, Outcome::LeftToOthers);
}

#[test]
fn without_the_webhook_the_annotation_goes() {
    let gone = with(narrowed(&shipped(), Field::Rules), |object| {
        object["webhooks"].as_array_mut().unwrap().pop();
    });
    let (outcome, object) = restored(&gone);
    assert_eq!(outcome, Outcome::WebhookGone);
    assert!(object["metadata"].get("annotations").is_none());
}

#[test]
fn an_annotation_that_is_not_ours_is_told_and_left() {
    for text in ["", "x", "{}", "[]", "{\"webhook\": 1}", "{\"field\": \"caBundle\"}"] {
        let object = with(shipped(), |object| object["metadata"]["annotations"] = json!({ANNOTATION: text}));
        let webhook = ClusterWebhook::new(object);
        assert!(matches!(standing(&webhook), Standing::Malformed(_)), "{text}");
        let narrowed = narrow(&webhook, "edge-1", Field::Rules, now());
        assert!(matches!(narrowed, Err(NotNarrowed::Malformed(_))), "{text}");
    }
    assert_eq!(standing(&ClusterWebhook::new(shipped())), Standing::Untouched);
}

#[test]
fn a_patch_of_what_has_moved_or_changed_is_refused() {
    let patch = narrowing(&shipped(), Field::Rules).patch;
    let moved = with(shipped(), |object| object["webhooks"].as_array_mut().unwrap().reverse());
    let changed = with(shipped(), |object| object["webhooks"][1]["rules"][0]["scope"] = json!("Cluster"));
    let annotated = with(shipped(), |object| object["metadata"]["annotations"] = json!({"a": "b"}));
    for object in [moved, changed, annotated] {
        assert_eq!(apply(&object, &patch), None, "{object}");
    }
    let back = restoration(&narrowed(&shipped(), Field::Rules)).patch;
    let moved = with(narrowed(&shipped(), Field::Rules), |object| {
        object["webhooks"].as_array_mut().unwrap().reverse();
    });
    assert_eq!(apply(&moved, &back), None);
    assert_eq!(restored(&moved).0, Outcome::Restored, "found at its new place");
}

#[test]
fn the_version_foretells_whether_conditions_are_kept() {
    let foretold = |version: &str| Field::foretold_by(version);
    assert_eq!(foretold("v1.28.0"), Field::MatchConditions);
    assert_eq!(foretold("v1.34.3+k3s1"), Field::MatchConditions);
    assert_eq!(foretold("v1.27.16"), Field::Rules);
    assert_eq!(foretold("nightly"), Field::Rules);
}

fn any_conditions() -> impl Strategy<Value = Value> {
    let entry = ("[a-z]{1,4}", "[a-z]{0,4}")
        .prop_map(|(name, expression)| json!({"name": name, "expression": expression}));
    prop::collection::vec(entry, 0..3).prop_map(Value::from)
}

fn any_webhook() -> impl Strategy<Value = Value> {
    (any_conditions(), "[a-z]{0,6}").prop_map(|(conditions, bundle)| {
        json!({"rules": [rule()], "matchConditions": conditions, "clientConfig": {"caBundle": bundle}})
    })
}

proptest! {
    /// Whatever the installer and others do meanwhile to all but that one field.
    #[test]
    fn narrowed_and_restored_everything_is_as_it_was(
        webhooks in prop::collection::vec(any_webhook(), 1..4),
        ours in 0..3_usize,
        by_rules in any::<bool>(),
        annotations in prop::option::of(prop::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..3)),
        inserted in 0..2_usize,
        bundle in "[a-z]{0,6}",
    ) {
        let mut webhooks = webhooks;
        let ours = ours % webhooks.len();
        for (number, webhook) in webhooks.iter_mut().enumerate() {
            webhook["name"] = if number == ours { json!(WEBHOOK) } else { json!(format!("w{number}.example.com")) };
        }
        let mut object = json!({"metadata": {"name": "x"}, "webhooks": webhooks});
        if let Some(annotations) = &annotations {
            object["metadata"]["annotations"] = json!(annotations);
        }
        let object = stored(object);
        let field = FIELDS[usize::from(by_rules)];
        let meanwhile = |mut object: Value| {
            object["webhooks"][ours]["clientConfig"]["caBundle"] = json!(bundle);
            let webhooks = object["webhooks"].as_array_mut().unwrap();
            (0..inserted).for_each(|_| webhooks.insert(0, json!({"name": "new.example.com"})));
            object
        };
        let (outcome, restored) = restored(&meanwhile(narrowed(&object, field)));
        prop_assert_eq!(outcome, Outcome::Restored);
        prop_assert_eq!(restored, meanwhile(object));
    }

    #[test]
    fn no_annotation_makes_it_crash(text in ".{0,40}") {
        let object = with(shipped(), |object| object["metadata"]["annotations"] = json!({ANNOTATION: text}));
        standing(&ClusterWebhook::new(object));
    }
}

#[test]
fn what_a_narrowing_lets_pass_depends_on_its_field() {
    let by = |field| restoration(&narrowed(&shipped(), field));
    let concerned = |field: Field| ["edge-1", "edge-2"].map(|cluster| by(field).concerns(cluster));
    assert_eq!(concerned(Field::MatchConditions), [true, false]);
    assert_eq!(concerned(Field::Rules), [true, true]);
    assert_eq!(["edge-1", "edge-2"].map(|cluster| by(Field::Rules).serves(cluster)), [true, false]);
    let rendered_anew = with(narrowed(&shipped(), Field::Rules), |object| {
        object["webhooks"][1]["rules"] = json!([rule()]);
    });
    assert!(!restoration(&rendered_anew).concerns("edge-1"));
}
