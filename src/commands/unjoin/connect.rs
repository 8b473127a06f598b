//! From what was typed to connections and the intent.

use kubesphere::jwt_secret::JwtSecret;

use crate::{
    cli::{Global, Unjoin},
    commands::contexts::{member_options, open, select_host, select_members},
    error::Error,
    live::{connection::Connection, environment::Environment, fresh_secret::fresh_secret, places::Places},
    output::ui::Ui,
    plan::unjoin::plan::UnjoinIntent,
};

/// The clusters of an unjoin, and what is wanted of them.
pub(super) struct Clusters {
    pub(super) host: Connection,
    /// Where a context was named.
    pub(super) member: Option<Connection>,
    pub(super) intent: UnjoinIntent,
    /// Made once, so that planning again asks for the same.
    pub(super) fresh: JwtSecret,
    pub(super) places: Places,
}

/// Finds the contexts and opens the connections. Nothing is sent.
pub(super) async fn connect(
    unjoin: &Unjoin,
    name: &str,
    global: &Global,
    ui: &Ui,
) -> Result<Clusters, Error> {
    let environment = Environment::of_process();
    let host = select_host(global, &environment)?;
    let member: Vec<String> = unjoin.member_context.iter().cloned().collect();
    let member = select_members(&member, &member_options(global, &global.member), &environment)?;
    let mut hosts = open(vec![host], global, &environment, ui).await?;
    let member = open(member, global, &environment, ui).await?.pop();
    Ok(Clusters::new(unjoin, name, hosts.remove(0), member))
}

impl Clusters {
    pub(super) fn new(unjoin: &Unjoin, name: &str, host: Connection, member: Option<Connection>) -> Self {
        let intent = UnjoinIntent {
            name: name.to_owned(),
            with_member: member.is_some(),
            release_namespaces: unjoin.release_namespaces,
            uninstall: unjoin.uninstall,
            force: unjoin.force,
        };
        Self { host, member, intent, fresh: fresh_secret(), places: Places::of_one() }
    }
}
