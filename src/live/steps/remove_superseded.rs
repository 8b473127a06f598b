use crate::{
    kubesphere::{cluster_configuration::NAMESPACE, object::ObjectKind},
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        objects::{Deletion, Objects},
        observe::seen,
        patience::patiently,
        registrations::list,
        report::{Deed, Event, Note},
        user_binding::remove_users,
    },
    plan::{
        credential::Piece,
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
        let listed = patiently(&host.side, deadline, ask).await?;
        let Some(listed) = listed.present() else {
            let why = listed.unreadable().unwrap_or("there are none").to_owned();
            turn.tell(&self.member, Event::Note(Note::EarlierStay(why)));
            return Ok(());
        };
        let superseded = self.superseded.without(listed.iter());
        let secrets = Objects::of(member, ObjectKind::SECRET).in_namespace(NAMESPACE);
        for token in &superseded.tokens {
            let ask = async || secrets.remove(&token.name, &Deletion::of(&token.uid)).await;
            if patiently(&member.side, deadline, ask).await? {
                let object = ObjectKind::SECRET.named(&token.name).in_namespace(NAMESPACE);
                turn.done(StepResult::new(&self.member, object, Effect::Deleted));
                turn.tell(&self.member, Event::Done(Deed::EarlierDeleted(token.name.clone())));
            }
        }
        if superseded.users.is_empty() {
            return Ok(());
        }
        let ask = async || remove_users(member, &superseded.users).await;
        if let Some(effect) = patiently(&member.side, deadline, ask).await? {
            let (object, name) = (Piece::UserBinding.object(), Piece::UserBinding.name());
            turn.done(StepResult::new(&self.member, object, effect));
            let deed =
                if effect == Effect::Deleted { Deed::EarlierDeleted } else { Deed::EarlierUsersRemoved };
            turn.tell(&self.member, Event::Done(deed(name)));
        }
        Ok(())
    }

    /// What is removed is not there to be refused before the new credential is.
    async fn rehearse(&self, _: &mut Turn<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
