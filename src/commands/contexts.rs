//! From the contexts that were named to connections.

use std::{collections::BTreeSet, path::PathBuf};

use kubesphere::{given_options::Choice, side::Side};

use crate::{
    cli::{Global, MemberConnection, completion::Of},
    error::Error,
    live::{
        connection::Connection,
        environment::Environment,
        kubeconfig::{ConnectionOptions, Kubeconfig, KubeconfigError, load},
        places::Places,
        selected_context::{SelectedContext, select},
        shared_names::Files,
        whereabouts::{NoAnswer, Unanswered},
    },
    output::{clusters, ui::Ui},
};

/// The host's context.
pub(super) fn select_host(global: &Global, environment: &Environment) -> Result<SelectedContext, Error> {
    let options = host_options(global);
    let selected =
        load(&options, environment).and_then(|kubeconfig| select(&kubeconfig, Side::host, &options));
    selected.map_err(|error| Error::of_kubeconfig(&error, options.entry.as_ref()))
}

/// What can be named on one side; nothing where it cannot be read.
pub(super) fn kubeconfig(of: Of, global: &Global, environment: &Environment) -> Kubeconfig {
    let options = match of {
        Of::Host => host_options(global),
        Of::Member => member_options(global, &global.member),
    };
    load(&options, environment).unwrap_or_default()
}

/// The members' contexts, in the order in which they were named.
pub(super) fn select_members(
    members: &[String],
    options: &ConnectionOptions,
    environment: &Environment,
) -> Result<Vec<SelectedContext>, Error> {
    let mut kubeconfigs = Kubeconfigs::new(environment);
    let selected = members.iter().map(|member| {
        let options = ConnectionOptions { context: Some(member.clone()), ..options.clone() };
        kubeconfigs.select_member(&options)
    });
    selected.collect()
}

/// Kubeconfigs of members, of which mostly many have one.
pub(super) struct Kubeconfigs<'a> {
    environment: &'a Environment,
    last: Option<(Option<PathBuf>, Kubeconfig)>,
}

impl<'a> Kubeconfigs<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, last: None }
    }

    /// The context that the options name, or their kubeconfig's current one.
    pub(super) fn select_member(&mut self, options: &ConnectionOptions) -> Result<SelectedContext, Error> {
        let selected = self.loaded(options).and_then(|kubeconfig| select(kubeconfig, Side::member, options));
        selected.map_err(|error| Error::of_kubeconfig(&error, options.entry.as_ref()))
    }

    fn loaded(&mut self, options: &ConnectionOptions) -> Result<&Kubeconfig, KubeconfigError> {
        let last = self.last.take().filter(|(path, _)| *path == options.kubeconfig);
        let kubeconfig = match last {
            Some((_, kubeconfig)) => kubeconfig,
            None => load(options, self.environment)?,
        };
        let (_, kubeconfig) = self.last.insert((options.kubeconfig.clone(), kubeconfig));
        Ok(kubeconfig)
    }
}

/// Every context of the members' kubeconfig that can be used at all, and the others.
pub(super) fn every_member(
    global: &Global,
    environment: &Environment,
) -> Result<(Vec<SelectedContext>, Vec<Unanswered>), Error> {
    let options = member_options(global, &global.member);
    let kubeconfig = load(&options, environment)?;
    let (mut usable, mut broken) = (Vec::new(), Vec::new());
    for context in kubeconfig.contexts().map(str::to_owned) {
        let options = ConnectionOptions { context: Some(context.clone()), ..options.clone() };
        match select(&kubeconfig, Side::member, &options) {
            Ok(selected) => usable.push(selected),
            Err(error) => {
                broken.push(Unanswered { context, why: NoAnswer::Because(error.to_string()) });
            }
        }
    }
    Ok((usable, broken))
}

/// What names one cluster cannot be meant for several, and no MEMBER is named twice. `others` are the command's own
/// options that suit one MEMBER only, with whether they were given.
pub(super) fn confirm_members(
    members: &[String],
    global: &Global,
    others: &[(&str, bool)],
) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = members.iter().find(|member| !seen.insert(*member)) {
        return Err(Error::usage(format!("MEMBER \"{twice}\" is named twice")).hint("name each member once"));
    }
    if members.len() < 2 {
        return Ok(());
    }
    let single = of_one_member(global).map(|option| (option, true));
    match others.iter().copied().chain(single).find(|(_, given)| *given) {
        Some((option, _)) => {
            Err(Error::usage(format!("{option} is for one MEMBER, and {} are named", members.len()))
                .hint("name one member at a time"))
        }
        None => Ok(()),
    }
}

/// The option that was given and names one cluster.
pub(super) fn of_one_member(global: &Global) -> Option<&'static str> {
    let member = &global.member;
    let single = [
        ("--member-cluster", member.member_cluster.is_some()),
        ("--member-user", member.member_user.is_some()),
        ("--member-server", member.member_server.is_some()),
        ("--member-token", member.member_token.is_some()),
        ("--member-certificate-authority", member.member_certificate_authority.is_some()),
        ("--member-client-certificate", member.member_client_certificate.is_some()),
        ("--member-client-key", member.member_client_key.is_some()),
        ("--member-tls-server-name", member.member_tls_server_name.is_some()),
        ("--member-insecure-skip-tls-verify", member.member_insecure_skip_tls_verify.is_some()),
    ];
    single.into_iter().find_map(|(option, given)| given.then_some(option))
}

/// Opens a connection or two, and says what is odd about them. Nothing is sent.
pub(super) async fn open(
    contexts: Vec<SelectedContext>,
    global: &Global,
    environment: &Environment,
    ui: &Ui,
) -> Result<Vec<Connection>, Error> {
    open_in(&Places::of_one(), contexts, global, environment, ui).await
}

/// As [`open`], of however many members. Credential plugins run in the places.
pub(super) async fn open_in(
    places: &Places,
    contexts: Vec<SelectedContext>,
    global: &Global,
    environment: &Environment,
    ui: &Ui,
) -> Result<Vec<Connection>, Error> {
    let timeout = global.request_timeout;
    let of_host = Files::read(&host_options(global), environment);
    let of_members = Files::read(&member_options(global, &global.member), environment);
    for context in &contexts {
        // A file that was named is one alone.
        let is_named = context.side.given().iter().any(|option| option.choice == Choice::Kubeconfig);
        let files = match context.side {
            Side::Host { .. } => &of_host,
            Side::Member { .. } => &of_members,
        };
        if let Some(shared) = files.shared_names(context).filter(|_| !is_named) {
            clusters::warn_of_shared_names(ui, &context.side, &shared);
        }
    }
    let connections =
        places.each(contexts, async |context| Connection::open(context, environment, timeout).await);
    let connections = connections.await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let insecure = connections.iter().filter(|connection| connection.context.is_insecure());
    insecure.for_each(|connection| clusters::warn_of_insecurity(ui, &connection.side));
    Ok(connections)
}

fn options_of_both(global: &Global) -> ConnectionOptions {
    ConnectionOptions {
        impersonate: global.impersonate.clone(),
        impersonate_groups: global.impersonate_groups.clone(),
        impersonate_uid: global.impersonate_uid.clone(),
        impersonate_user_extra: global.impersonate_user_extra.clone(),
        request_timeout: global.request_timeout,
        ..ConnectionOptions::default()
    }
}

fn host_options(global: &Global) -> ConnectionOptions {
    let host = global.host.clone();
    ConnectionOptions {
        kubeconfig: host.kubeconfig,
        context: host.context,
        cluster: host.cluster,
        user: host.user,
        server: host.server,
        token: host.token,
        certificate_authority: host.certificate_authority,
        client_certificate: host.client_certificate,
        client_key: host.client_key,
        tls_server_name: host.tls_server_name,
        insecure_skip_tls_verify: host.insecure_skip_tls_verify.unwrap_or(false),
        entry: host.entry,
        ..options_of_both(global)
    }
}

/// `context` is each MEMBER's.
pub(super) fn member_options(global: &Global, member: &MemberConnection) -> ConnectionOptions {
    let member = member.clone();
    ConnectionOptions {
        kubeconfig_is_hosts: member.member_kubeconfig.is_none(),
        kubeconfig: member.member_kubeconfig.or_else(|| global.host.kubeconfig.clone()),
        context: None,
        cluster: member.member_cluster,
        user: member.member_user,
        server: member.member_server,
        token: member.member_token,
        certificate_authority: member.member_certificate_authority,
        client_certificate: member.member_client_certificate,
        client_key: member.member_client_key,
        tls_server_name: member.member_tls_server_name,
        insecure_skip_tls_verify: member.member_insecure_skip_tls_verify.unwrap_or(false),
        entry: member.entry,
        ..options_of_both(global)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::cli::Cli;

    /// Kubectl's options of a connection, all of which take a value.
    const OPTIONS: [&str; 9] = [
        "kubeconfig",
        "cluster",
        "user",
        "server",
        "token",
        "certificate-authority",
        "client-certificate",
        "client-key",
        "tls-server-name",
    ];

    fn typed(words: impl Iterator<Item = String>) -> Global {
        Cli::try_parse_from(["kubectl-mc", "get"].map(str::to_owned).into_iter().chain(words)).unwrap().global
    }

    /// The values in the order of [`OPTIONS`].
    fn values(options: &ConnectionOptions) -> [Option<&str>; 9] {
        [
            options.kubeconfig.as_deref().and_then(Path::to_str),
            options.cluster.as_deref(),
            options.user.as_deref(),
            options.server.as_deref(),
            options.token.as_ref().map(ExposeSecret::expose_secret),
            options.certificate_authority.as_deref().and_then(Path::to_str),
            options.client_certificate.as_deref().and_then(Path::to_str),
            options.client_key.as_deref().and_then(Path::to_str),
            options.tls_server_name.as_deref(),
        ]
    }

    #[test]
    fn each_option_has_its_own_place_on_its_own_side() {
        for prefix in ["", "member-"] {
            let words = OPTIONS.iter().map(|option| format!("--{prefix}{option}=of-{prefix}{option}"));
            let global = typed(words);
            let (host, member) = (host_options(&global), member_options(&global, &global.member));
            let (own, other) = if prefix.is_empty() { (host, member) } else { (member, host) };
            let expected = OPTIONS.map(|option| format!("of-{prefix}{option}"));
            assert_eq!(values(&own), expected.each_ref().map(|value| Some(value.as_str())));
            let kubeconfig_of_both = prefix.is_empty().then_some("of-kubeconfig");
            assert_eq!(values(&other)[0], kubeconfig_of_both, "members are looked for where the host is");
            assert_eq!(values(&other)[1..], [None; 8]);
        }
    }

    #[test]
    fn skipping_verification_holds_for_one_side() {
        for (word, sides) in [
            ("--insecure-skip-tls-verify", (true, false)),
            ("--member-insecure-skip-tls-verify=true", (false, true)),
            ("--insecure-skip-tls-verify=false", (false, false)),
        ] {
            let global = typed(std::iter::once(word.to_owned()));
            let skipped = |options: ConnectionOptions| options.insecure_skip_tls_verify;
            assert_eq!(
                (skipped(host_options(&global)), skipped(member_options(&global, &global.member))),
                sides,
                "{word}"
            );
        }
    }
}
