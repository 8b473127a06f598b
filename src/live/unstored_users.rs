//! The users of client certificates until a Cluster stores these, for a command that ends before one does: nobody else gets
//! their keys, and whoever finds the member joined makes no other.

use std::{cell::RefCell, time::Duration};

use kubesphere::side::Side;
use tokio::time::{Instant, timeout_at};

use super::{
    connection::Connection, observe::cluster_named, request_error::RequestError, user_binding::let_go,
};
use crate::plan::{
    credential::CredentialObject,
    result::{Effect, StepResult},
    steps::make_credential::made,
    superseded::stores_user,
};

/// A user is not left behind because the time is up.
const LET_GO_WITHIN: Duration = Duration::from_secs(30);

/// It is kept outside of the future that carries out a plan: an interruption drops that future, wherever it stands.
#[derive(Default)]
pub struct UnstoredUsers(RefCell<Vec<Unstored>>);

#[derive(Clone)]
struct Unstored {
    member: Connection,
    user: String,
    /// The host that was asked to store its certificate, and the name of the Cluster.
    asked: Option<(Connection, String)>,
}

impl UnstoredUsers {
    /// Notes a user before it is bound.
    pub(super) fn expect(&self, member: &Connection, user: &str) {
        let unstored = Unstored { member: member.clone(), user: user.to_owned(), asked: None };
        self.0.borrow_mut().push(unstored);
    }

    /// Notes that this host is about to be asked for the Cluster.
    pub(super) fn ask(&self, host: &Connection, member: &Side, cluster: &str) {
        for unstored in self.0.borrow_mut().iter_mut().filter(|unstored| unstored.member.side == *member) {
            unstored.asked = Some((host.clone(), cluster.to_owned()));
        }
    }

    /// Forgets those of a member about which the Cluster has decided.
    pub(super) fn forget(&self, member: &Side) {
        self.0.borrow_mut().retain(|unstored| unstored.member.side != *member);
    }

    /// Lets them go from bindings that others need. Returns what is no result any more; who could not be let go is left to the next
    /// renewal.
    pub async fn let_go(&self) -> Vec<StepResult> {
        let deadline = Instant::now() + LET_GO_WITHIN;
        let mut withdrawn = Vec::new();
        let all = self.0.borrow().clone();
        for unstored in all {
            let gone = timeout_at(deadline, Box::pin(unstored.let_go())).await;
            if matches!(gone, Ok(Ok(Some(_)))) {
                withdrawn.push(made(&unstored.member.side, CredentialObject::AddedUser));
            }
            self.0.borrow_mut().retain(|other| other.user != unstored.user);
        }
        withdrawn
    }
}

impl Unstored {
    async fn let_go(&self) -> Result<Option<Effect>, RequestError> {
        if self.may_be_stored().await? { Ok(None) } else { let_go(&self.member, &self.user).await }
    }

    /// A creation without an answer may arrive yet, unless somebody else's Cluster has the name.
    async fn may_be_stored(&self) -> Result<bool, RequestError> {
        let Some((host, name)) = &self.asked else { return Ok(false) };
        Ok(cluster_named(host, name).await?.is_none_or(|cluster| stores_user(&cluster, &self.user)))
    }
}
