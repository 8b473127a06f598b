//! An apiserver of 1.27 in a control plane, with the etcd and the kube-controller-manager of the newest.

use k8s_openapi::api::{
    certificates::v1::CertificateSigningRequest,
    core::v1::{ConfigMap, Namespace, Secret, ServiceAccount},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    Bed, Kubernetes, block_on,
    kubesphere::{
        Installation, Role, Scenario, Version, objects,
        webhook::{CONFIGURATION, WEBHOOK},
    },
    lease_of,
};

use crate::objects::{create, in_default};

/// Waits for what another process brings about.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed().as_secs() < 60, "{what} does not come");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn planes_of_both_kinds_are_leased_in_the_order_asked_for() {
    let planes = lease_of(&[Kubernetes::V1_27, Kubernetes::V1_34]).unwrap();
    let told = [0, 1].map(|index| {
        let client = planes[index].client();
        block_on(async move { client.apiserver_version().await }).unwrap().git_version
    });
    assert_eq!(told, ["v1.27.4", "v1.34.3"]);
}

#[test]
fn the_controllers_of_the_newest_serve_an_apiserver_of_1_27() {
    let planes = lease_of(&[Kubernetes::V1_27]).unwrap();
    let client = planes[0].client();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    create(namespaces.clone(), json!({"metadata": {"name": "somewhere"}}));
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "somewhere");
    eventually("a service account", || {
        let accounts = accounts.clone();
        block_on(async move { accounts.get_opt("default").await }).unwrap()
    });
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "somewhere");
    let annotations = json!({"kubernetes.io/service-account.name": "default"});
    create(
        secrets.clone(),
        json!({
            "type": "kubernetes.io/service-account-token", "metadata": {"name": "token", "annotations": annotations},
        }),
    );
    eventually("a token", || {
        let secrets = secrets.clone();
        block_on(async move { secrets.get("token").await }).unwrap().data?.remove("token")
    });
    let owner = create(in_default::<ConfigMap>(&client), json!({"metadata": {"name": "owner"}}));
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid()});
    let maps = in_default::<ConfigMap>(&client);
    create(maps.clone(), json!({"metadata": {"name": "owned", "ownerReferences": [reference]}}));
    let deleting = (maps.clone(), namespaces.clone());
    block_on(async move {
        deleting.0.delete("owner", &DeleteParams::default()).await.unwrap();
        deleting.1.delete("somewhere", &DeleteParams::default()).await.unwrap();
    });
    eventually("the end of what was owned", || {
        let maps = maps.clone();
        block_on(async move { maps.get_opt("owned").await }).unwrap().is_none().then_some(())
    });
    eventually("the namespace's end", || {
        let namespaces = namespaces.clone();
        block_on(async move { namespaces.get_opt("somewhere").await }).unwrap().is_none().then_some(())
    });
    signed_requests(&client);
}

/// A CSR that is approved gets its certificate.
fn signed_requests(client: &kube::Client) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let requests: Api<CertificateSigningRequest> = Api::all(client.clone());
    create(
        requests.clone(),
        json!({
            "metadata": {"name": "jane"},
            "spec": {"request": testbed::kubesphere::secret::base64(request.as_bytes()), "usages": ["client auth"],
                     "signerName": "kubernetes.io/kube-apiserver-client"},
        }),
    );
    let approved = json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Test",
                                                     "message": "", "lastUpdateTime": null}]}});
    let approving = requests.clone();
    block_on(async move {
        approving.patch_approval("jane", &PatchParams::default(), &Patch::Merge(approved)).await
    })
    .unwrap();
    eventually("a certificate", || {
        let requests = requests.clone();
        block_on(async move { requests.get("jane").await }).unwrap().status?.certificate
    });
}

#[test]
fn conditions_of_a_webhook_do_not_persist_on_1_27() {
    for (kubernetes, persist) in [(Kubernetes::V1_27, false), (Kubernetes::V1_34, true)] {
        let host = Installation::new(Version::V3_4).role(Role::Host);
        let scenario = Scenario::new(Version::V3_4).host(host).members(Vec::new());
        let bed = Bed::lease(&scenario.host_kubernetes(kubernetes).on_control_planes());
        let condition = json!({"name": "not-m1", "expression": "object.metadata.name != 'm1'"});
        let patch =
            Patch::Strategic(json!({"webhooks": [{"name": WEBHOOK, "matchConditions": [condition]}]}));
        let api = objects::validating_webhooks(&bed.host().client());
        let patched =
            block_on(async move { api.patch(CONFIGURATION, &PatchParams::default(), &patch).await }).unwrap();
        let webhook: &Value = &patched.data["webhooks"][0];
        assert_eq!(webhook["matchConditions"].is_array(), persist, "{kubernetes:?}");
    }
}
