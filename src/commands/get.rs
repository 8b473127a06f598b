//! `kubectl mc get`.

use std::time::Duration;

use kubesphere::{
    cluster::RegisteredCluster, command::Mc, jwt_secret::JwtSecret, kubesphere_config::KubesphereConfig,
    role::Role,
};
use tokio::sync::OnceCell;

use super::{
    contexts::{open, select_host},
    fleet::file::FleetFile,
    get_watch::watch,
    interrupt::interrupted,
};
use crate::{
    cli::{Get, GetFormat, Global},
    error::{Error, ErrorKind},
    live::{
        connection::Connection,
        environment::Environment,
        identify,
        narrowing::webhook,
        observe::{config, configuration},
        places::Places,
        registrations::list_as,
        request_error::{Cause, RequestError},
        similarity::did_you_mean,
    },
    output::{
        ending::{Object as _, conclude},
        registrations::{self, Form, RegistrationTable, Width, name},
        registrations_document::ClustersDocument,
        ui::Ui,
        words::count,
    },
    plan::registration::{Probe, Registration, Standard, registration, registrations as judged, together},
};

/// A member that is gone must not hold up the others.
const PROBED_WITHIN: Duration = Duration::from_secs(10);

/// Lists the Clusters; whatever happens, `-o json|yaml` prints its one object.
pub async fn run(get: &Get, global: &Global, ui: &Ui) -> Result<(), Error> {
    let mut document = ClustersDocument::new();
    let mut watched = false;
    let result = tokio::select! {
        biased;
        result = show(get, global, ui, &mut document, &mut watched) => result,
        error = interrupted() => Err(error),
    };
    match result {
        // What a watch has shown is whole, and ending it is how it ends.
        Err(error) if watched && error.kind == ErrorKind::Interrupted => {
            Err(Error::new(ErrorKind::Interrupted, ""))
        }
        result if watched => result,
        result => conclude(ui, get.object(), &mut document, result),
    }
}

async fn show(
    get: &Get,
    global: &Global,
    ui: &Ui,
    document: &mut ClustersDocument,
    watched: &mut bool,
) -> Result<(), Error> {
    let file = get.filename.as_deref().map(|path| FleetFile::open(path, global, ui)).transpose()?;
    let global = file.as_ref().map_or(global, |file| &file.global);
    let environment = Environment::of_process();
    let host = open(vec![select_host(global, &environment)?], global, &environment, ui).await?.remove(0);
    let shown = Shown { file: file.as_ref(), ..Shown::new(get, &host, ui) };
    if get.watch {
        return Box::pin(watch(shown, watched)).await;
    }
    Box::pin(shown.once(document, global.request_timeout)).await
}

/// What is seen of the host besides its Clusters.
pub(super) struct HostSeen {
    pub(super) config: Option<KubesphereConfig>,
    /// Whether its ClusterConfiguration asks for another jwtSecret than is in effect there, where the members are asked for theirs.
    pending: bool,
    /// What is to be known of it, whatever it says of its members.
    pub(super) warnings: Vec<String>,
}

/// The Clusters as they were judged, and those that are to be asked themselves.
type Judged = (Vec<Registration>, Vec<RegisteredCluster>);

/// What was asked for, on its way to the streams.
pub(super) struct Shown<'a> {
    pub(super) get: &'a Get,
    pub(super) host: &'a Connection,
    pub(super) ui: &'a Ui,
    /// What they are compared with.
    file: Option<&'a FleetFile>,
    pub(super) table: RegistrationTable,
}

impl<'a> Shown<'a> {
    fn new(get: &'a Get, host: &'a Connection, ui: &'a Ui) -> Self {
        let form = Form {
            width: if get.output == Some(GetFormat::Wide) { Width::Wide } else { Width::Narrow },
            probed: get.probe,
            awaits_reasons: get.watch,
            headings: !get.no_headers,
        };
        Self { get, host, ui, file: None, table: RegistrationTable::new(form) }
    }

    async fn once(mut self, document: &mut ClustersDocument, within: Option<Duration>) -> Result<(), Error> {
        let seen = OnceCell::new();
        let (listed, HostSeen { config, pending, warnings }) =
            tokio::join!(self.listed(&seen), self.seen(&seen));
        let (all, clusters) = listed.map_err(unlisted)?;
        let mut all = self.named(together(all));
        if self.get.probe {
            let within = within.filter(|within| !within.is_zero()).unwrap_or(PROBED_WITHIN);
            let places = Places::new(self.get.parallel.parallel, all.len());
            // A host of KubeSphere 4 gives it to its members itself.
            let hosts = config.as_ref().filter(|config| !config.has_issuer());
            let hosts = hosts.and_then(KubesphereConfig::effective_secret);
            let asking = (&clusters[..], hosts);
            let probes = places.each(&all, async |registration| probe(registration, asking, within).await);
            let probes = probes.await;
            all.iter_mut().zip(probes).for_each(|(registration, probe)| registration.probe = probe);
        }
        match self.get.object() {
            Some(_) => document.registered(&all, self.host.clock.now()),
            None => self.show_first(&all)?,
        }
        let others = all.iter().filter(|one| one.probe == Some(Probe::OtherSecret));
        let others: Vec<&str> = others.map(|one| one.name.as_str()).collect();
        let unlike = registrations::not_rotated(&self.host.side, *pending, &others);
        let warnings: Vec<String> = warnings.iter().cloned().chain(unlike).collect();
        registrations::warn(self.ui, &warnings);
        document.warned(&warnings);
        match self.file {
            Some(file) => self.compare(file, &all, document),
            None => self.missing(&all, document),
        }
    }

    /// One error for all members of the file that are not there.
    fn compare(
        &self,
        file: &FleetFile,
        all: &[Registration],
        document: &mut ClustersDocument,
    ) -> Result<(), Error> {
        let listed = file.names();
        let is_unlisted = |one: &&Registration| !one.is_host && !listed.contains(&one.name.as_str());
        let unlisted: Vec<&str> = all.iter().filter(is_unlisted).map(|one| one.name.as_str()).collect();
        let missing: Vec<&str> =
            listed.iter().copied().filter(|name| all.iter().all(|one| one.name != *name)).collect();
        document.compared(&missing, &unlisted);
        registrations::warn_of_unlisted(self.ui, file.name(), &unlisted);
        if missing.is_empty() {
            return Ok(());
        }
        let are = if missing.len() == 1 { "that is" } else { "that are" };
        let message = format!(
            "{}: {} names {} {are} not registered: {}",
            self.host.side,
            file.name(),
            count(missing.len(), "member"),
            missing.join(", ")
        );
        let join = self.host.side.entry().into_iter().fold(Mc::new("join"), Mc::of_file);
        let join = missing.iter().fold(join, |join, name| join.word(name)).host(&self.host.side);
        Err(Error::new(ErrorKind::Error, message).hint(format!("join what is missing: `{join}`")))
    }

    /// All Clusters, judged as their pages come. The host's own may stand on the last page, and tell of another version
    /// than was supposed.
    async fn listed(&self, seen: &OnceCell<HostSeen>) -> Result<Judged, RequestError> {
        let judged = self.judged(seen, None).await?;
        let host = judged.0.iter().find(|one| one.is_host).and_then(|one| one.kubesphere.as_deref());
        let config = self.seen(seen).await.config.as_ref();
        let is_version_4 = |host| Standard::new(self.host.clock.now(), config, host).is_version_4;
        if is_version_4(host) == is_version_4(None) { Ok(judged) } else { self.judged(seen, host).await }
    }

    async fn judged(&self, seen: &OnceCell<HostSeen>, host: Option<&str>) -> Result<Judged, RequestError> {
        let judged = list_as(self.host, self.get.selector.as_deref(), |cluster| async move {
            let config = self.seen(seen).await.config.as_ref();
            let standard = Standard::new(self.host.clock.now(), config, host);
            (registration(&cluster, &standard), self.get.probe.then_some(cluster))
        });
        let (all, clusters): (Vec<_>, Vec<_>) = judged.await?.into_iter().unzip();
        Ok((all, clusters.into_iter().flatten().collect()))
    }

    /// What is seen of the host, looked at once.
    async fn seen<'b>(&self, seen: &'b OnceCell<HostSeen>) -> &'b HostSeen {
        seen.get_or_init(|| self.host()).await
    }

    /// What cannot be read of the host is done without: its default period is as good a guess as any.
    pub(super) async fn host(&self) -> HostSeen {
        let asked = async {
            let configuration = if self.get.probe { configuration(self.host).await.ok() } else { None };
            configuration.and_then(|configuration| configuration.present()?.jwt_secret())
        };
        let (config, narrowed, asked) = tokio::join!(config(self.host), webhook::warning(self.host), asked);
        let config = config.ok().and_then(|config| config.present().cloned());
        let in_effect = config.as_ref().and_then(KubesphereConfig::effective_secret);
        let pending = asked.is_some_and(|asked| in_effect.is_some_and(|in_effect| asked != *in_effect));
        // Nobody looks at the Clusters of a host whose multicluster is off; KubeSphere 4 has no such switch.
        let off = config.as_ref().filter(|config| !config.multicluster_enabled && !config.has_issuer());
        let off = off.map(|_| registrations::without_controller(&self.host.side));
        let is_member = config.as_ref().is_some_and(|config| config.role == Some(Role::Member));
        let member = is_member.then(|| registrations::of_member(&self.host.side));
        HostSeen { config, pending, warnings: member.or(off).into_iter().chain(narrowed).collect() }
    }

    /// Those that were asked for.
    pub(super) fn judge(
        &self,
        clusters: &[RegisteredCluster],
        config: Option<&KubesphereConfig>,
    ) -> Vec<Registration> {
        let host = clusters.iter().find(|cluster| cluster.is_host());
        let version = host.and_then(RegisteredCluster::kubesphere_version);
        let standard = Standard::new(self.host.clock.now(), config, version);
        self.named(judged(clusters, &standard))
    }

    /// Those that were asked for, in the order in which they were named.
    fn named(&self, all: Vec<Registration>) -> Vec<Registration> {
        if self.get.names.is_empty() {
            return all;
        }
        let mut named: Vec<Registration> = Vec::new();
        for name in &self.get.names {
            let is_new = named.iter().all(|one| one.name != *name);
            named.extend(all.iter().find(|one| is_new && one.name == *name).cloned());
        }
        named
    }

    fn show_first(&mut self, all: &[Registration]) -> Result<(), Error> {
        if all.is_empty() && self.get.names.is_empty() {
            registrations::show_none(self.ui);
            return Ok(());
        }
        let lines = match self.get.output {
            Some(GetFormat::Name) => all.iter().map(name).collect(),
            _ if all.is_empty() => Vec::new(),
            _ => self.table.first(all, self.host.clock.now()),
        };
        self.ui.results(lines)
    }

    /// One error for each name that is not there.
    pub(super) fn missing(&self, all: &[Registration], document: &mut ClustersDocument) -> Result<(), Error> {
        let missing = self.get.names.iter().filter(|name| all.iter().all(|one| one.name != **name));
        let known: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        let mut errors: Vec<Error> = missing.map(|name| self.not_found(name, &known)).collect();
        let Some(last) = errors.pop() else { return Ok(()) };
        for error in &errors {
            self.ui.error(error);
        }
        document.ending().failed_of_several(&errors);
        Err(last)
    }

    fn not_found(&self, name: &str, known: &[&str]) -> Error {
        let context = &self.host.side;
        let error = Error::new(
            ErrorKind::Error,
            format!("{context}: clusters.cluster.kubesphere.io \"{name}\" not found"),
        );
        did_you_mean(name, known).into_iter().fold(error, Error::hint)
    }
}

/// Without its definition there are no Clusters: the list's own error says no more than that something was not found.
pub(super) fn unlisted(error: RequestError) -> Error {
    let is_missing = matches!(error.cause, Cause::NotFound);
    let error = Error::from(error);
    if !is_missing {
        return error;
    }
    Error { causes: vec!["the cluster does not know clusters.cluster.kubesphere.io".to_owned()], ..error }
        .hint("KubeSphere with multicluster (3.1 or newer) provides them: is `--context` the host's?")
}

/// The host itself has answered already.
async fn probe(
    registration: &Registration,
    (clusters, hosts): (&[RegisteredCluster], Option<&JwtSecret>),
    within: Duration,
) -> Option<Probe> {
    let cluster = clusters.iter().find(|cluster| cluster.name() == registration.name);
    let cluster = cluster.filter(|cluster| !cluster.is_host())?;
    Some(identify::probe(cluster, hosts, within).await)
}
