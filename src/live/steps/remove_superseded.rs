use kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind};

use crate::{
    live::{
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
        credential::CredentialObject,
        result::{Effect, StepResult},
        steps::remove_superseded::RemoveSuperseded,
    },
};

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
                turn.done(StepResult::new(&self.member, object, Effect::Deleted));
                turn.tell(&self.member, Event::Done(Completed::EarlierDeleted(token.name.clone())));
            }
        }
        if superseded.users.is_empty() {
            return Ok(());
        }
        let ask = async || remove_users(member, &superseded.users).await;
        if let Some(effect) = retry_until(&member.side, deadline, ask).await? {
            let (object, name) =
                (CredentialObject::UserBinding.object(), CredentialObject::UserBinding.name());
            turn.done(StepResult::new(&self.member, object, effect));
            let deed = if effect == Effect::Deleted {
                Completed::EarlierDeleted
            } else {
                Completed::EarlierUsersRemoved
            };
            turn.tell(&self.member, Event::Done(deed(name)));
        }
        Ok(())
    }

    /// What is removed is not there to be refused before the new credential is.
    async fn dry_run(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
