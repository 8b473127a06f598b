//! `kubectl mc renew`.

use std::path::Path;

use super::{
    fleet::file::FleetFile,
    joining,
    renew_all::{All, find},
    request::{ClusterRequest, MemberRequest, Renewed, Request},
};
use crate::{
    cli::{Global, Renew},
    error::{Error, Resume},
    output::ui::Ui,
    plan::{context_mapping::LeftOut, operation::Operation},
};

/// Gives the Cluster, or every Cluster, a new kubeconfig.
pub async fn run(renew: &Renew, global: &Global, ui: &Ui) -> Result<(), Error> {
    let request = async {
        match (&renew.fleet.filename, &renew.member_context) {
            (Some(path), _) => in_file(path, renew, global, ui),
            (None, Some(context)) => of_one(renew, context, global),
            (None, None) => all(renew, global, ui).await,
        }
    };
    joining::run(Operation::Renew, request, &renew.change, ui).await
}

fn of_one<'a>(renew: &'a Renew, context: &str, global: &Global) -> Result<Request<'a>, Error> {
    let [name] = renew.names.as_slice() else {
        return Err(Error::usage("`--member-context` is for one NAME").hint("renew one Cluster at a time"));
    };
    let renewed = Renewed { name: name.clone(), server: None };
    Ok(request(renew, vec![member(renew, context, renewed, global)], Vec::new(), global))
}

fn in_file<'a>(path: &Path, renew: &'a Renew, global: &Global, ui: &Ui) -> Result<Request<'a>, Error> {
    let file = FleetFile::open(path, global, ui)?;
    let members = file.members(&renew.names)?.into_iter().map(|member| {
        let said = member.cluster.clone().unwrap_or_default();
        let name = said.name.clone().unwrap_or_default();
        let credential = said.credential.or(Some(renew.credentials.into()));
        // What the Cluster says of the member stays.
        let cluster = ClusterRequest { name: said.name, credential, ..ClusterRequest::default() };
        MemberRequest { cluster: Some(cluster), renewed: Some(Renewed { name, server: None }), ..member }
    });
    Ok(request(renew, members.collect(), Vec::new(), &file.global))
}

async fn all<'a>(renew: &'a Renew, global: &Global, ui: &Ui) -> Result<Request<'a>, Error> {
    // Boxed, because it is more state than a stack should carry around.
    let All { found, left_out } = Box::pin(find(renew.parallel, global, ui)).await?;
    let members = found.into_iter().map(|(context, renewed)| member(renew, &context, renewed, global));
    Ok(request(renew, members.collect(), left_out, global))
}

fn member(renew: &Renew, context: &str, renewed: Renewed, global: &Global) -> MemberRequest {
    let cluster = ClusterRequest { credential: Some(renew.credentials.into()), ..ClusterRequest::default() };
    let (cluster, renewed) = (Some(cluster), Some(renewed));
    MemberRequest { cluster, renewed, ..MemberRequest::of(context, global) }
}

fn request<'a>(
    renew: &'a Renew,
    members: Vec<MemberRequest>,
    left_out: Vec<LeftOut>,
    global: &Global,
) -> Request<'a> {
    Request {
        reachability: renew.reachability.into(),
        skipped: &renew.skip.checks,
        left_out,
        resume: Resume::StartsAnew,
        is_confirmed: renew.change.yes,
        parallel: renew.parallel,
        ..Request::new(Operation::Renew, members, global)
    }
}
