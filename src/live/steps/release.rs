//! Taking a namespace from its workspace.

use kubesphere::object::ObjectKind;

use crate::{
    live::{
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        objects::{Change, Objects, Persistence},
        patience::retry_until,
        report::{Completed, Event},
        request_error::{Cause, RequestError},
        unjoin::namespaces::workspace_namespaces,
    },
    plan::{
        reconciler::ATTEMPTS,
        result::{Effect, StepResult},
        steps,
        unjoin::namespaces::{Release, WorkspaceNamespace},
    },
};

impl Execute for steps::release::Release {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let member = turn.connection(&self.cluster)?;
        let ask = async || release(member, &self.release, Persistence::Stored).await;
        if retry_until(&member.side, turn.run.deadline, ask).await? {
            turn.done(StepResult::new(&self.cluster, self.namespace(), Effect::Patched));
            turn.tell(&self.cluster, Event::Done(Completed::Released(self.release.namespace.clone())));
        }
        Ok(())
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        release(turn.connection(&self.cluster)?, &self.release, Persistence::DryRun).await?;
        Ok(())
    }
}

/// Sends the guarded patch; whether the server took it. Where somebody has changed the namespace meanwhile it is looked
/// at again, and one that no workspace of the host owns any more is left.
async fn release(
    member: &Connection,
    release: &Release,
    persistence: Persistence,
) -> Result<bool, RequestError> {
    let mut release = release.clone();
    for _ in 1..ATTEMPTS {
        match send(member, &release, persistence).await {
            Err(RequestError { cause: Cause::Invalid { .. } | Cause::Conflict, .. }) => {}
            Err(RequestError { cause: Cause::NotFound, .. }) => return Ok(false),
            answer => return answer.map(|()| true),
        }
        match owned(member, &release.namespace).await? {
            Some(fresh) => release = fresh,
            None => return Ok(false),
        }
    }
    send(member, &release, persistence).await.map(|()| true)
}

async fn send(member: &Connection, release: &Release, persistence: Persistence) -> Result<(), RequestError> {
    let (namespaces, change) =
        (Objects::of(member, ObjectKind::NAMESPACE), Change::json(release.document.clone()));
    namespaces.patch_metadata(&release.namespace, &change, persistence).await.map(drop)
}

async fn owned(member: &Connection, name: &str) -> Result<Option<Release>, RequestError> {
    let (namespaces, _) = workspace_namespaces(member).await?;
    let mut found = namespaces.present().into_iter().flatten();
    Ok(found
        .find(|namespace| namespace.name() == name && namespace.is_of_host())
        .map(WorkspaceNamespace::release))
}
