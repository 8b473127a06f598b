use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::DynamicObject;
use kubesphere::{cluster_configuration::NAMESPACE, known_secrets::learn, object::ObjectKind};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::{
    live::{
        account::{newest, owner, tokens},
        client_certificate::Requested,
        connection::Connection,
        execute::{Execute, Run, Turn},
        failure::{Failure, LookAt},
        objects::{Objects, Persistence},
        patience::{Pace, retry_until},
        report::{Activity, Completed, Event, Reporter},
        request_error::{Cause, RequestError},
        steps::remove_superseded::{withdraw_account, withdraw_token},
        undo::Undo,
        user_binding::add_user,
        verification::verify,
    },
    plan::{
        credential::{Asked, CredentialKind, CredentialObject, Ownership},
        credential_step::CredentialStep,
        member_kubeconfig::{Problem, StoredUser, kubeconfig},
        steps::make_credential::MakeCredential,
    },
};

/// kube-controller-manager fills a token Secret within a second; one that is away for longer has to be looked at.
const FILLED_WITHIN: Duration = Duration::from_secs(60);

/// A credential that is being made.
pub(in crate::live) struct Making<'a> {
    pub(in crate::live) member: &'a Connection,
    pub(in crate::live) step: &'a MakeCredential,
    pub(in crate::live) deadline: Instant,
    pub(in crate::live) undo: &'a Undo,
    report: &'a dyn Reporter,
}

impl Execute for MakeCredential {
    /// A join that is run again goes on with what this one has made. A renewal may find no Cluster any more.
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let made = self.make(turn).await;
        if let (Err(_), Some(token)) = (&made, self.credential.another_token()) {
            Box::pin(withdraw_token(turn, &self.member, token)).await;
            Box::pin(withdraw_account(turn, &self.member)).await;
        }
        made
    }

    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let endpoint = self.storable(&self.endpoint)?;
        dry_run(turn.connection(&self.member)?, &self.credential).await?;
        turn.entry.kubeconfig = Some(kubeconfig(&self.cluster, endpoint, None));
        Ok(())
    }

    /// The credential that is there already, and works.
    async fn read(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let endpoint = self.storable(&self.endpoint)?;
        let member = turn.connection(&self.member)?;
        let Some(user) = self.making(member, turn).present_user().await? else { return Ok(()) };
        verify(member, &user, &self.uid, turn.run.deadline).await?;
        turn.entry.kubeconfig = Some(kubeconfig(&self.cluster, endpoint, Some(&user)));
        Ok(())
    }
}

impl MakeCredential {
    async fn make(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let endpoint = self.storable(&self.endpoint)?;
        let member = turn.connection(&self.member)?;
        let making = self.making(member, turn);
        let mut made = Vec::new();
        let user = making.user(&mut made).await;
        for made in made {
            turn.made(&self.member, made);
        }
        let user = user?;
        verify(member, &user, &self.uid, turn.run.deadline).await?;
        turn.tell(&self.member, Event::Done(Completed::CredentialTried));
        turn.entry.kubeconfig = Some(kubeconfig(&self.cluster, endpoint, Some(&user)));
        Ok(())
    }

    fn making<'a>(&'a self, member: &'a Connection, turn: &Turn<'a>) -> Making<'a> {
        let Run { deadline, undo, report, .. } = *turn.run;
        Making { member, step: self, deadline, undo, report }
    }

    /// The check member-credential lets no other pass.
    fn storable<'a, T>(&self, value: &'a Result<T, Vec<Problem>>) -> Result<&'a T, Failure> {
        value
            .as_ref()
            .map_err(|problems| Failure::Unstorable { side: self.member.clone(), problems: problems.clone() })
    }
}

/// Sends everything that is missing with `dryRun=All`.
async fn dry_run(member: &Connection, step: &CredentialStep) -> Result<(), Failure> {
    let requested = Requested::new(step.host);
    // What belongs into a namespace is refused while that is not there.
    let is_new = step.missing.contains(&CredentialObject::Namespace);
    for piece in step.missing.iter().filter(|piece| !is_new || piece.namespace().is_none()) {
        let ensured = match piece {
            CredentialObject::Certificate => {
                create(member, *piece, Some(requested.asked()), Persistence::DryRun).await?;
                continue;
            }
            CredentialObject::UserBinding | CredentialObject::Rebinding | CredentialObject::AddedUser => {
                add_user(member, requested.asked(), Persistence::DryRun).await?
            }
            piece => ensure(member, *piece, Persistence::DryRun).await?,
        };
        made_of(member, *piece, ensured)?;
    }
    Ok(())
}

/// What came of making sure that a piece is there.
pub(in crate::live) enum Ensured {
    Made(Made),
    /// It was there.
    Found,
    /// Its name is taken: what is wrong with what is there.
    Taken(String),
}

/// A piece that was made, with its UID where that is what it is taken back by.
pub(in crate::live) struct Made {
    pub(in crate::live) piece: CredentialObject,
    pub(in crate::live) uid: Option<String>,
}

impl Ensured {
    /// A user is let go from its binding, which may be others', too.
    pub(in crate::live) fn bound(piece: CredentialObject) -> Self {
        Self::Made(Made { piece, uid: None })
    }
}

/// Creates a piece, unless somebody has just done the same.
async fn ensure(
    member: &Connection,
    piece: CredentialObject,
    persistence: Persistence,
) -> Result<Ensured, RequestError> {
    match create(member, piece, None, persistence).await {
        Ok(made) => return Ok(Ensured::Made(Made { piece, uid: made.metadata.uid })),
        Err(RequestError { cause: Cause::AlreadyExists, .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(match owner(member, piece).await? {
        Some(Ownership::Foreign(why)) => Ensured::Taken(why),
        Some(Ownership::Ours) | None => Ensured::Found,
    })
}

fn made_of(member: &Connection, piece: CredentialObject, ensured: Ensured) -> Result<Option<Made>, Failure> {
    match ensured {
        Ensured::Made(made) => Ok(Some(made)),
        Ensured::Found => Ok(None),
        Ensured::Taken(why) => Err(Failure::NotOurs { side: member.side.clone(), piece, why }),
    }
}

pub(in crate::live) async fn create(
    member: &Connection,
    piece: CredentialObject,
    asked: Option<Asked<'_>>,
    persistence: Persistence,
) -> Result<DynamicObject, RequestError> {
    let objects = Objects::like(member, &piece.object());
    // A certificate's request has a name that tells nobody anything.
    let words = objects.object().named(piece.name());
    objects.in_words(words).create(&piece.manifest(asked), persistence).await
}

impl Making<'_> {
    /// Makes what is missing; `made` tells what was created, however it ends.
    async fn user(&self, made: &mut Vec<Made>) -> Result<StoredUser, Failure> {
        match self.step.credential.kind {
            CredentialKind::Context => self.step.storable(&self.step.user).cloned(),
            CredentialKind::ServiceAccount => self.service_account(made).await,
            CredentialKind::Certificate => self.certificate(made).await,
        }
    }

    /// None where something of it has to be made first.
    async fn present_user(&self) -> Result<Option<StoredUser>, Failure> {
        match self.step.credential.kind {
            CredentialKind::Context => self.step.storable(&self.step.user).cloned().map(Some),
            CredentialKind::ServiceAccount if self.step.credential.missing.is_empty() => {
                let ask = async || self.filled_token(None).await;
                Ok(match retry_until(&self.member.side, self.deadline, ask).await? {
                    Token::Filled(token) => Some(StoredUser::Token(token)),
                    Token::Absent | Token::Empty(_) => None,
                })
            }
            CredentialKind::ServiceAccount | CredentialKind::Certificate => Ok(None),
        }
    }

    async fn service_account(&self, made: &mut Vec<Made>) -> Result<StoredUser, Failure> {
        let mut secret = None;
        for piece in &self.step.credential.missing {
            secret = self.ensure(*piece, made).await?.or(secret);
        }
        self.token(secret, made).await.map(StoredUser::Token)
    }

    /// The name of the token's Secret, where that is what was made.
    async fn ensure(&self, piece: CredentialObject, made: &mut Vec<Made>) -> Result<Option<String>, Failure> {
        let ask = async || ensure(self.member, piece, Persistence::Stored).await;
        let ensured = retry_until(&self.member.side, self.deadline, ask).await?;
        let is_made = matches!(ensured, Ensured::Made(_));
        self.record(piece, ensured, made)?;
        Ok((is_made && piece.kind() == ObjectKind::SECRET).then(|| piece.name()))
    }

    pub(in crate::live) fn record(
        &self,
        piece: CredentialObject,
        ensured: Ensured,
        made: &mut Vec<Made>,
    ) -> Result<(), Failure> {
        if let Some(new) = made_of(self.member, piece, ensured)? {
            self.tell(Event::Done(Completed::Made(new.piece)));
            made.push(new);
        }
        Ok(())
    }

    /// Waits until Kubernetes has written the token of the account into its newest Secret, by looking at it: a watch would
    /// take one more right on all Secrets there.
    async fn token(&self, mut secret: Option<String>, made: &mut Vec<Made>) -> Result<SecretString, Failure> {
        let deadline = self.deadline.min(Instant::now() + FILLED_WITHIN);
        let mut pace = Pace::until(deadline);
        let mut told = false;
        loop {
            let ask = async || self.filled_token(secret.clone()).await;
            secret = match retry_until(&self.member.side, deadline, ask).await? {
                Token::Filled(token) => return Ok(token),
                // Removed with an earlier account of the same name.
                Token::Absent => {
                    self.account_stands().await?;
                    self.ensure(self.token_piece(), made).await?
                }
                Token::Empty(secret) => Some(secret),
            };
            if !told {
                self.tell(Event::Begins(Activity::Token(self.token_piece().name())));
                told = true;
            }
            if !pace.goes_on().await {
                return Err(self.never_filled());
            }
        }
    }

    /// A token for an account that somebody has removed meanwhile is removed again and again.
    async fn account_stands(&self) -> Result<(), Failure> {
        let piece = CredentialObject::ServiceAccount;
        let accounts = Objects::like(self.member, &piece.object());
        let ask = async || accounts.get_metadata(&piece.name()).await;
        retry_until(&self.member.side, self.deadline, ask).await.map(drop)
    }

    /// The token Secret that is made: a renewal has its own.
    fn token_piece(&self) -> CredentialObject {
        let credential = &self.step.credential;
        credential.another_token().unwrap_or(CredentialObject::Token(credential.host))
    }

    /// The name of the Secret whose token is stored.
    async fn token_secret(&self) -> Result<Option<String>, RequestError> {
        let member = self.member;
        if let Some(made) = self.step.credential.another_token() {
            return Ok(Some(made.name()));
        }
        let piece = CredentialObject::ServiceAccount;
        let account = Objects::like(member, &piece.object()).get_metadata(&piece.name()).await?;
        let tokens = tokens(member).await?;
        let newest = newest(tokens, account.uid.as_deref().unwrap_or_default(), self.step.credential.host);
        Ok(newest.map(|newest| newest.name))
    }

    /// What there is in this Secret, where it is known already which it is.
    async fn filled_token(&self, secret: Option<String>) -> Result<Token, RequestError> {
        let known = match secret {
            Some(name) => Some(name),
            None => self.token_secret().await?,
        };
        let Some(name) = known else { return Ok(Token::Absent) };
        let secret = Objects::<Secret>::on(self.member).in_namespace(NAMESPACE).find(&name).await?;
        let token = |secret| token_in(&secret).map_or(Token::Empty(name), Token::Filled);
        Ok(secret.map_or(Token::Absent, token))
    }

    fn never_filled(&self) -> Failure {
        let side = self.member.side.clone();
        Failure::TimedOut {
            look_at: LookAt::TokenController(side.clone()),
            side,
            waiting: "waiting for the service account's token",
            missing: format!("Secret {} in {NAMESPACE} has no token yet", self.token_piece().name()),
            known: Vec::new(),
        }
    }

    pub(in crate::live) fn tell(&self, event: Event) {
        self.report.tell(&self.member.side, event);
    }
}

enum Token {
    Absent,
    /// The name of its Secret.
    Empty(String),
    Filled(SecretString),
}

fn token_in(secret: &Secret) -> Option<SecretString> {
    let bytes = &secret.data.as_ref()?.get("token")?.0;
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    learn(text);
    Some(SecretString::from(text))
}
