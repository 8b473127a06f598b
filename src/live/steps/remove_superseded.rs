use kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind, side::Side};
use tokio::time::timeout_at;

use crate::{
    live::{
        account::{earlier, has_tokens},
        connection::Connection,
        execute::{Execute, Turn},
        failure::Failure,
        objects::{Deletion, Objects},
        observe::seen,
        patience::retry_until,
        registrations::list,
        report::{Completed, Event, Notice},
        user_binding::remove_users,
    },
    plan::{
        credential::{CredentialObject, HostUid},
        result::{Effect, StepResult},
        steps::{make_credential::made, remove_superseded::RemoveSuperseded},
        superseded::{Earlier, Superseded},
    },
};

/// The credential that was made for a Cluster which somebody else has changed meanwhile is nobody's. What cannot be removed is
/// left to be told with the failure.
pub(super) async fn withdraw_credential(turn: &mut Turn<'_>, host: &Side, member: &Side) {
    let is_made =
        |result: &&StepResult| result.cluster == *member && CredentialObject::is_credential(&result.object);
    let made: Vec<StepResult> = turn.entry.results.iter().filter(is_made).cloned().collect();
    let (Ok(host), Ok(kubeconfig)) = (turn.connection(host), turn.kubeconfig(member)) else { return };
    let Ok(member) = turn.connection(member) else { return };
    let uid = HostUid::new(turn.run.host.map_or("", |host| host.uid.as_str()));
    if made.is_empty() {
        return;
    }
    let looked = async { tokio::join!(list(host, None), earlier(member, uid)) };
    let Ok((Ok(listed), Ok(earlier))) = timeout_at(turn.run.deadline, Box::pin(looked)).await else { return };
    let own = earlier.held_by(&kubeconfig);
    let unused = own.without(listed.iter());
    for result in made {
        let is_gone = if result.object.kind == ObjectKind::SECRET {
            is_token_gone(member, &result.object.name, &unused, &earlier).await
        } else {
            // Nobody else gets the key of its user.
            unused.users == own.users && remove_users(member, &unused.users).await.is_ok()
        };
        if is_gone {
            forget(turn, &result);
        }
    }
}

/// A token that was made for a renewal, and that no Cluster was asked to store.
pub(super) async fn withdraw_token(turn: &mut Turn<'_>, member: &Side, token: CredentialObject) {
    withdraw(turn, member, &[token]).await;
}

/// An account that was made for the credential has all rights on the member, and nobody to use them.
pub(super) async fn withdraw_account(turn: &mut Turn<'_>, member: &Side) {
    let account = [CredentialObject::Binding, CredentialObject::ServiceAccount];
    let is_made = turn.entry.made.iter().any(|made| account.contains(&made.piece));
    let Ok(connection) = turn.connection(member) else { return };
    // Whoever has a token of it by now goes on with it.
    let deadline = turn.run.deadline;
    if is_made && matches!(timeout_at(deadline, has_tokens(connection)).await, Ok(Ok(false))) {
        withdraw(turn, member, &account).await;
    }
}

/// Of these pieces the very objects that were made: somebody else may have made others since.
async fn withdraw(turn: &mut Turn<'_>, member: &Side, pieces: &[CredentialObject]) {
    let Ok(connection) = turn.connection(member) else { return };
    let wanted = turn.entry.made.iter().rev().filter(|made| pieces.contains(&made.piece));
    let wanted: Vec<_> = wanted.filter_map(|made| Some((made.piece, made.uid.clone()?))).collect();
    for (piece, uid) in wanted {
        let objects = Objects::like(connection, &piece.object());
        if objects.remove(&piece.name(), &Deletion::of(uid)).await.is_ok() {
            forget(turn, &made(member, piece));
        }
    }
}

/// What was made and is gone again is no result.
fn forget(turn: &mut Turn<'_>, result: &StepResult) {
    turn.run.journal.withdraw(result);
    turn.entry.results.retain(|other| other != result);
}

/// The other renewal may have removed it with what it has superseded.
async fn is_token_gone(member: &Connection, name: &str, unused: &Superseded, earlier: &Earlier) -> bool {
    let secrets = Objects::of(member, ObjectKind::SECRET).in_namespace(NAMESPACE);
    match unused.tokens.iter().find(|token| token.name == name) {
        Some(token) => secrets.remove(&token.name, &Deletion::of(&token.uid)).await.is_ok(),
        None => !earlier.tokens.iter().any(|token| token.name == name),
    }
}

impl Execute for RemoveSuperseded {
    /// Only now that the host has taken the new one, and except for what a Cluster stores by now.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (host, member) = (turn.connection(&self.host)?, turn.connection(&self.member)?);
        let deadline = turn.run.deadline;
        // Only what they store matters, so no member is asked who it is.
        let ask = async || seen(list(host, None).await);
        let listed = retry_until(&host.side, deadline, ask).await?;
        let Some(listed) = listed.present() else {
            let why = listed.unreadable().unwrap_or("there are none").to_owned();
            turn.tell(&self.member, Event::Notice(Notice::EarlierStay(why)));
            return Ok(());
        };
        let superseded = self.superseded.without(listed.iter());
        let secrets = Objects::of(member, ObjectKind::SECRET).in_namespace(NAMESPACE);
        for token in &superseded.tokens {
            let ask = async || secrets.remove(&token.name, &Deletion::of(&token.uid)).await;
            if retry_until(&member.side, deadline, ask).await? {
                let object = ObjectKind::SECRET.named(&token.name).in_namespace(NAMESPACE);
                turn.done(StepResult::new(&self.member, object.clone(), Effect::Deleted));
                turn.tell(&self.member, Event::Done(Completed::EarlierDeleted(object)));
            }
        }
        if superseded.users.is_empty() {
            return Ok(());
        }
        let ask = async || remove_users(member, &superseded.users).await;
        if let Some(effect) = retry_until(&member.side, deadline, ask).await? {
            let object = CredentialObject::UserBinding.object();
            turn.done(StepResult::new(&self.member, object.clone(), effect));
            let deed = match effect {
                Effect::Deleted => Completed::EarlierDeleted(object),
                _ => Completed::EarlierUsersRemoved(CredentialObject::UserBinding.name()),
            };
            turn.tell(&self.member, Event::Done(deed));
        }
        Ok(())
    }

    /// What is removed is not there to be refused before the new credential is.
    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
