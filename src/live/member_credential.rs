//! Making the credential by which a host reaches its member, and proving that it works.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{
    account::{api, newest, object, owner, tokens},
    apply::{FIELD_MANAGER, Persistence},
    client_certificate::Requested,
    connection::Connection,
    failure::{Failure, LookAt},
    patience::patiently,
    report::{Event, Report},
    request_error::{Cause, Object, RequestError, Verb, request},
    verification::verify,
};
use crate::{
    kubesphere::cluster_configuration::NAMESPACE,
    plan::{
        credential::{CredentialStep, Kind, Ownership, Piece, TOKEN_SECRET},
        intent::ClusterIntent,
        member_kubeconfig::StoredUser,
    },
};

/// kube-controller-manager fills a token Secret within a second; one that is away for longer has to be looked at.
const FILLED_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOKS_EVERY: Duration = Duration::from_millis(200);

/// A credential that shall be made.
pub struct Making<'a> {
    /// The member.
    pub member: &'a Connection,
    /// Its Cluster.
    pub cluster: &'a ClusterIntent,
    /// The UID of the member's kube-system.
    pub uid: &'a str,
    /// What is missing.
    pub step: &'a CredentialStep,
    /// When to give up.
    pub deadline: Instant,
    /// Who shows what happens.
    pub report: &'a dyn Report,
}

/// Makes what is missing and proves that the credential works; `made` tells what was created, however it ends.
///
/// # Panics
/// If the context's own user is wanted and cannot be stored: the checks let no such member through.
pub async fn make(making: &Making<'_>, made: &mut Vec<Piece>) -> Result<StoredUser, Failure> {
    let user = match making.step.kind {
        Kind::Context => making.cluster.user.clone().expect("the check member-credential has passed"),
        Kind::ServiceAccount => making.service_account(made).await?,
        Kind::Certificate => making.certificate(made).await?,
    };
    making.verify(&user).await?;
    Ok(user)
}

/// Sends the creation of everything that is missing with `dryRun=All`.
pub async fn rehearse(member: &Connection, step: &CredentialStep) -> Result<(), RequestError> {
    for piece in &step.missing {
        let requested = (*piece == Piece::Certificate).then(Requested::new);
        let signed = requested.as_ref().map(|requested| requested.request.as_str());
        create(member, *piece, signed, Persistence::DryRun).await?;
    }
    Ok(())
}

pub(super) async fn create(
    member: &Connection,
    piece: Piece,
    signed: Option<&str>,
    persistence: Persistence,
) -> Result<DynamicObject, RequestError> {
    let manifest = piece.manifest(signed);
    let manifest: DynamicObject = serde_json::from_value(manifest).expect("the planner writes an object");
    let parameters = PostParams {
        dry_run: persistence == Persistence::DryRun,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    };
    let api = api(member, piece);
    request(&member.side, Verb::Create, &object(piece), api.create(&parameters, &manifest)).await
}

impl Making<'_> {
    async fn service_account(&self, made: &mut Vec<Piece>) -> Result<StoredUser, Failure> {
        for piece in &self.step.missing {
            self.ensure(*piece, made).await?;
        }
        self.token(made).await.map(StoredUser::Token)
    }

    /// Creates it, unless somebody has just done the same.
    pub(super) async fn ensure(&self, piece: Piece, made: &mut Vec<Piece>) -> Result<(), Failure> {
        let ask = async || match create(self.member, piece, None, Persistence::Stored).await {
            Ok(_) => Ok(true),
            Err(RequestError { cause: Cause::AlreadyExists, .. }) => Ok(false),
            Err(error) => Err(error),
        };
        if patiently(&self.member.side, self.deadline, ask).await? {
            self.created(piece, made);
            return Ok(());
        }
        let ask = async || owner(self.member, piece).await;
        match patiently(&self.member.side, self.deadline, ask).await? {
            Some(Ownership::Foreign(why)) => {
                Err(Failure::NotOurs { side: self.member.side.clone(), piece, why })
            }
            Some(Ownership::Ours) | None => Ok(()),
        }
    }

    fn created(&self, piece: Piece, made: &mut Vec<Piece>) {
        made.push(piece);
        self.tell(Event::Done(format!("{} {} created", piece.type_meta().1, piece.name())));
    }

    /// Waits until Kubernetes has written the token of the account into its newest Secret.
    async fn token(&self, made: &mut Vec<Piece>) -> Result<SecretString, Failure> {
        let deadline = self.deadline.min(Instant::now() + FILLED_WITHIN);
        let mut told = false;
        loop {
            let ask = async || self.filled_token().await;
            match patiently(&self.member.side, deadline, ask).await? {
                Token::Filled(token) => return Ok(token),
                // Removed with an earlier account of the same name.
                Token::Absent => self.ensure(Piece::Token, made).await?,
                Token::Empty => {}
            }
            if !told {
                self.tell(Event::Begins(format!("waiting for the token in Secret {TOKEN_SECRET}")));
                told = true;
            }
            if Instant::now() + LOOKS_EVERY >= deadline {
                return Err(self.never_filled());
            }
            sleep(LOOKS_EVERY).await;
        }
    }

    async fn filled_token(&self) -> Result<Token, RequestError> {
        let member = self.member;
        let piece = Piece::ServiceAccount;
        let accounts = api(member, piece);
        let account = accounts.get_metadata(piece.name());
        let account = request(&member.side, Verb::Get, &object(piece), account).await?;
        let tokens = tokens(member).await?;
        let Some(newest) = newest(tokens, account.metadata.uid.as_deref().unwrap_or_default()) else {
            return Ok(Token::Absent);
        };
        let api: Api<Secret> = Api::namespaced(member.client.clone(), NAMESPACE);
        let named = Object::all("", "secrets").named(&newest.name).in_namespace(NAMESPACE);
        match request(&member.side, Verb::Get, &named, api.get(&newest.name)).await {
            Ok(secret) => Ok(token_in(&secret).map_or(Token::Empty, Token::Filled)),
            Err(RequestError { cause: Cause::NotFound, .. }) => Ok(Token::Absent),
            Err(error) => Err(error),
        }
    }

    fn never_filled(&self) -> Failure {
        let side = self.member.side.clone();
        Failure::TimedOut {
            look_at: LookAt::TokenController(side.clone()),
            side,
            waiting: "waiting for the service account's token",
            missing: format!("Secret {TOKEN_SECRET} in {NAMESPACE} has no token yet"),
            installer: None,
        }
    }

    /// Over the context's own connection, as the new user.
    async fn verify(&self, user: &StoredUser) -> Result<(), Failure> {
        verify(self.member, user, self.uid, self.deadline).await?;
        self.tell(Event::Done("the credential for the host works, and is a cluster-admin's".to_owned()));
        Ok(())
    }

    pub(super) fn tell(&self, event: Event) {
        self.report.tell(&self.member.side, event);
    }
}

enum Token {
    Absent,
    Empty,
    Filled(SecretString),
}

fn token_in(secret: &Secret) -> Option<SecretString> {
    let bytes = &secret.data.as_ref()?.get("token")?.0;
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    Some(SecretString::from(text))
}
