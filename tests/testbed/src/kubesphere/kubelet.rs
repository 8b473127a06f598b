//! The kubelet of the only node, as far as the apiserver asks it: container logs.

use std::sync::{Arc, Weak};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use k8s_openapi::jiff::Timestamp;

use super::{installer_log::LogQuery, scenario::InstallerScenario, site::Site};
use crate::{
    Error,
    serve::{self, Body},
};

/// Answers the apiserver at the node's address, unless the scenario keeps the log from being read.
pub(super) fn register(site: &Arc<Site>) -> Result<(), Error> {
    if site.installation.installer == InstallerScenario::LogUnreadable {
        return Ok(());
    }
    let address = format!("{}:10250", site.node_address);
    let weak = Arc::downgrade(site);
    site.plane().peers().serve_https(&address, move |request| {
        let answer = answer(&weak, &request);
        async move { answer }
    })
}

/// `GET /containerLogs/NAMESPACE/POD/CONTAINER?follow=true&…`
fn answer(site: &Weak<Site>, request: &Request<Incoming>) -> Response<Body> {
    let path: Vec<&str> = request.uri().path().trim_start_matches('/').split('/').collect();
    let log = match path[..] {
        ["containerLogs", _, pod, _] => site.upgrade().and_then(|site| site.log(pod)),
        _ => None,
    };
    let Some(log) = log else {
        return serve::text(StatusCode::NOT_FOUND, "the server could not find the requested resource");
    };
    let query = LogQuery::parse(request.uri().query().unwrap_or_default(), Timestamp::now());
    let (reader, body) = serve::stream();
    tokio::spawn(async move { log.serve(&query, reader).await });
    Response::new(body)
}
