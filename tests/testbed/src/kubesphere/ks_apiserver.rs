//! ks-apiserver, as far as a host asks it through the member's Service proxy.

use std::sync::{Arc, Weak};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Generation, Version, configuration::Loaded, site::Site, v4};
use crate::serve::{self, Body};

/// The port of the container.
pub const PORT: u16 = 9090;

/// Answers at a pod's address, as this version.
pub fn register(site: &Arc<Site>, pod_address: &str, version: Version) {
    let weak = Arc::downgrade(site);
    site.plane().peers().serve_http(&format!("{pod_address}:{PORT}"), move |request| {
        let answer = answer(&weak, version, &request);
        async move { answer }
    });
}

/// Stops answering at a pod's address.
pub fn unregister(site: &Site, pod_address: &str) {
    site.plane().peers().unregister(&format!("{pod_address}:{PORT}"));
}

fn answer(site: &Weak<Site>, told: Version, request: &Request<Incoming>) -> Response<Body> {
    let Some(site) = site.upgrade() else {
        return serve::text(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    if told.generation() == Generation::Four {
        return v4::answer(told, request.uri().path());
    }
    match request.uri().path() {
        "/kapis/version" => serve::json(StatusCode::OK, &version(told)),
        "/kapis/config.kubesphere.io/v1alpha2/configs/configz" => {
            serve::json(StatusCode::OK, &configz(site.loaded.borrow().as_ref()))
        }
        _ => serve::text(StatusCode::NOT_FOUND, "404 page not found\n"),
    }
}

/// Source: kubesphere `pkg/version/version.go@v3.4.1`.
fn version(version: Version) -> Value {
    json!({
        "gitVersion": version.git_version(), "gitMajor": "3", "gitMinor": "4+", "gitTreeState": "clean",
        "gitCommit": "0000000000000000000000000000000000000000", "buildDate": "2023-11-09T08:19:59Z",
        "goVersion": "go1.19.13", "compiler": "gc", "platform": "linux/amd64", "kubernetes": Value::Null,
    })
}

/// Which parts are configured, as booleans only.
///
/// Source: kubesphere `pkg/apiserver/config/config.go@v3.4.1` (`ToMap`): a multicluster section without `enable: true`
/// counts as absent.
fn configz(loaded: Option<&Loaded>) -> Value {
    let configured = |name: &str| {
        loaded.is_some_and(|loaded| match name {
            "multicluster" => loaded.multicluster,
            _ => loaded.sections.iter().any(|section| section == name),
        })
    };
    let names = [
        "alerting",
        "auditing",
        "authentication",
        "devops",
        "events",
        "gateway",
        "kubeedge",
        "logging",
        "monitoring",
        "multicluster",
        "network",
        "notification",
        "openpitrix",
        "servicemesh",
    ];
    let mut map: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), configured(name).into())).collect();
    for never in ["network.ippool", "network.topology", "openpitrix.appstore"] {
        map.insert(never.to_owned(), false.into());
    }
    map.into()
}
