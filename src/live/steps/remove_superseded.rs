use kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind, side::Side};
use tokio::time::timeout_at;

use crate::{
    live::{
        account::earlier,
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
        steps::remove_superseded::RemoveSuperseded,
        superseded::{EarlierToken, Superseded},
    },
};

/// The token that was made for a Cluster which somebody else has changed meanwhile is nobody's. What cannot be removed is left
/// to be told with the failure.
pub(super) async fn withdraw_tokens(turn: &mut Turn<'_>, host: &Side, member: &Side) {
    let is_token = |result: &StepResult| {
        result.cluster == *member
            && result.effect == Effect::Created
            && result.object.kind == ObjectKind::SECRET
    };
    let made: Vec<StepResult> =
        turn.entry.results.iter().filter(|result| is_token(result)).cloned().collect();
    let (Ok(host), Ok(member)) = (turn.connection(host), turn.connection(member)) else { return };
    let uid = HostUid::new(turn.run.host.map_or("", |host| host.uid.as_str()));
    if made.is_empty() {
        return;
    }
    let looked = async { tokio::join!(list(host, None), earlier(member, uid)) };
    let Ok((Ok(listed), Ok(earlier))) = timeout_at(turn.run.deadline, Box::pin(looked)).await else { return };
    let all = Superseded { tokens: earlier.tokens, ..Superseded::default() };
    let unused = all.without(listed.iter());
    let secrets = Objects::of(member, ObjectKind::SECRET).in_namespace(NAMESPACE);
    for result in made {
        let named = |token: &&EarlierToken| token.name == result.object.name;
        let is_gone = match unused.tokens.iter().find(named) {
            Some(token) => secrets.remove(&token.name, &Deletion::of(&token.uid)).await.is_ok(),
            // The other renewal may have removed it with what it has superseded.
            None => !all.tokens.iter().any(|token| named(&token)),
        };
        if is_gone {
            turn.run.journal.withdraw(&result);
            turn.entry.results.retain(|other| *other != result);
        }
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
