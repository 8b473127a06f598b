//! `kubectl mc prepare`.

use std::future::ready;

use kubesphere::jwt_secret::JwtSecret;

use super::{
    given_secret::given_on_stdin,
    joining,
    request::{MemberRequest, Request},
};
use crate::{
    cli::{Global, Prepare, PrepareHost, PrepareMember},
    error::Error,
    output::ui::Ui,
    plan::operation::Operation,
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
        host_cluster_name: prepare.host_cluster_name.clone(),
        skipped: &prepare.skip.checks,
        manifests_to: prepare.manifests.manifests_to.as_deref(),
        is_confirmed: prepare.change.yes,
        ..Request::new(Operation::PrepareHost, Vec::new(), global)
    };
    joining::run(Operation::PrepareHost, ready(Ok(request)), &prepare.change, ui).await
}

async fn member(prepare: &PrepareMember, global: &Global, ui: &Ui) -> Result<(), Error> {
    let given_secret = if prepare.jwt_secret_stdin { Some(given_instead_of_host(global)?) } else { None };
    let member = MemberRequest {
        from_other_host: prepare.from_other_host,
        ..MemberRequest::of(&prepare.member, global)
    };
    let request = Request {
        given_secret,
        skipped: &prepare.skip.checks,
        manifests_to: prepare.manifests.manifests_to.as_deref(),
        is_confirmed: prepare.change.yes,
        ..Request::new(Operation::PrepareMember, vec![member], global)
    };
    joining::run(Operation::PrepareMember, ready(Ok(request)), &prepare.change, ui).await
}

/// With the secret given, no host is asked: who names one expects its checks.
fn given_instead_of_host(global: &Global) -> Result<JwtSecret, Error> {
    if global.host.context.is_some() {
        return Err(Error::usage(
            "--context names the host, which is not asked where --jwt-secret-stdin is given",
        )
        .hint("leave out --context, or let the host be read and leave out --jwt-secret-stdin"));
    }
    given_on_stdin()
}
