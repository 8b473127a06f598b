//! `kubectl mc jwt-secret`.

use kubesphere::side::Side;

use super::{
    contexts::{confirm_members, member_options, open, open_in, select_host, select_members},
    host_secret::{host_secret, unreadable, withheld},
    interrupt::interrupted,
};
use crate::{
    cli::{Global, ShowJwtSecret},
    error::{Error, ErrorKind},
    live::{connection::Connection, environment::Environment, places::Places, secret_places::secret_places},
    output::{
        ending::{Object as _, conclude},
        jwt_secrets::{JwtSecretsDocument, show_remarks, table},
        ui::Ui,
        words::count,
    },
    plan::{
        secret_places::SecretPlaces,
        secret_remarks::remarks,
        shared_secret::{Withheld, compare},
    },
};

/// Shows where the secrets stand, or the host's itself; whatever happens, `-o` prints its one object.
pub async fn run(show: &ShowJwtSecret, global: &Global, ui: &Ui) -> Result<(), Error> {
    if show.reveal {
        return Box::pin(reveal(global, ui)).await;
    }
    let mut document = JwtSecretsDocument::new();
    let result = tokio::select! {
        result = compare_all(show, global, ui, &mut document) => result,
        error = interrupted() => Err(error),
    };
    conclude(ui, show.output, &mut document, result)
}

async fn compare_all(
    show: &ShowJwtSecret,
    global: &Global,
    ui: &Ui,
    document: &mut JwtSecretsDocument,
) -> Result<(), Error> {
    let environment = Environment::of_process();
    confirm_members(&show.members, global, &[])?;
    let mut contexts = vec![select_host(global, &environment)?];
    contexts.extend(select_members(&show.members, &member_options(global, &global.member), &environment)?);
    let places = Places::new(show.parallel.parallel, show.members.len());
    let connections = open_in(&places, contexts, global, &environment, ui).await?;
    let looks = places.each(&connections, async |connection| {
        let _stay = places.stay(connection);
        look(connection).await
    });
    let looks = looks.await;
    let (mut places, errors): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
    let host = places.remove(0);
    let comparison = compare(&host, &places);
    let remarks = remarks(&host, &places);
    document.compared(&comparison, &remarks);
    if show.output.is_none() {
        ui.results(table(&comparison))?;
    }
    show_remarks(ui, &remarks);
    sum_up(errors, ui, document)
}

/// A cluster's places, and what is wrong where they do not answer the question.
async fn look(connection: &Connection) -> (SecretPlaces, Option<Error>) {
    match secret_places(connection).await {
        Ok(places) => {
            let error = unusable(&places);
            (places, error)
        }
        Err(error) => {
            let unseen = SecretPlaces::unseen(connection.side.clone(), &error.cause.to_string());
            (unseen, Some(error.into()))
        }
    }
}

/// What a cluster has instead of a secret that can be compared, where it is the host; and what cannot be read of
/// kubesphere-config.
fn unusable(places: &SecretPlaces) -> Option<Error> {
    if matches!(places.side, Side::Host { .. }) && places.is_without_kubesphere() {
        return Some(withheld(places, Withheld::WithoutKubesphere));
    }
    unreadable(places)
}

/// One error for all clusters that could not be read, the host's first.
fn sum_up(errors: Vec<Option<Error>>, ui: &Ui, document: &mut JwtSecretsDocument) -> Result<(), Error> {
    let clusters = errors.len();
    let host_failed = errors.first().is_some_and(Option::is_some);
    let mut errors: Vec<Error> = errors.into_iter().flatten().collect();
    if errors.is_empty() {
        return Ok(());
    }
    if host_failed {
        // Without the host's secret nothing is answered, so its error stands last, where it is read.
        let of_host = errors.remove(0);
        show(&errors, ui, document);
        return Err(of_host);
    }
    let members = clusters - 1;
    if members == 1 {
        return Err(errors.remove(0));
    }
    show(&errors, ui, document);
    Err(Error::new(ErrorKind::Partial, format!("{} of {} failed", errors.len(), count(members, "member"))))
}

fn show(errors: &[Error], ui: &Ui, document: &mut JwtSecretsDocument) {
    for error in errors {
        ui.error(error);
    }
    document.ending().failed_of_several(errors);
}

/// Prints the host's secret, and nothing else, on stdout.
async fn reveal(global: &Global, ui: &Ui) -> Result<(), Error> {
    let environment = Environment::of_process();
    let host = open(vec![select_host(global, &environment)?], global, &environment, ui).await?.remove(0);
    let (_, secret) = host_secret(&host, ui).await?;
    ui.reveal(&secret)
}
