//! `kubectl mc prepare`.

use std::slice;

use super::{given_secret::given_on_stdin, pipeline, request::Request};
use crate::{
    cli::{Global, Prepare, PrepareHost, PrepareMember},
    error::Error,
    output::ui::Ui,
    plan::intent::Part,
};

/// Prepares the host or a member.
pub async fn run(prepare: &Prepare, global: &Global, ui: &Ui) -> Result<(), Error> {
    match prepare {
        Prepare::Host(prepare) => host(prepare, global, ui).await,
        Prepare::Member(prepare) => member(prepare, global, ui).await,
    }
}

async fn host(prepare: &PrepareHost, global: &Global, ui: &Ui) -> Result<(), Error> {
    let request = Request {
        host_cluster_name: prepare.host_cluster_name.as_deref(),
        ..Request::new(Part::PrepareHost, &[], &prepare.change)
    };
    pipeline::run(&request, global, ui).await
}

async fn member(prepare: &PrepareMember, global: &Global, ui: &Ui) -> Result<(), Error> {
    let given_secret = if prepare.jwt_secret_stdin { Some(given_on_stdin()?) } else { None };
    let request = Request {
        given_secret,
        from_other_host: prepare.from_other_host,
        ..Request::new(Part::PrepareMember, slice::from_ref(&prepare.member), &prepare.change)
    };
    pipeline::run(&request, global, ui).await
}
