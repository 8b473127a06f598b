//! `-f`: the members that a fleet file names, in the place of words.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use config_file::problem::place;
use fleet_file::{
    fleet::{Credentials, Host},
    problem::{Fault, Problem},
    reading::{Fleet, FleetMember, Places, read},
};
use kubesphere::{fleet_entry::FleetEntry, side::Side};

use crate::{
    cli::{Global, HostConnection, MemberConnection},
    commands::{
        contexts::{of_one_member, select_host},
        request::{ClusterRequest, MemberRequest, Request},
    },
    error::Error,
    live::{environment::Environment, local_file::read_from, similarity::did_you_mean},
    output::{clusters, ui::Ui},
    plan::{credential::Choice, intent::Description, operation::Operation},
};

/// What stands for stdin, as with kubectl.
const STDIN: &str = "-";
/// More than any fleet file has; what never ends is ended here.
const LONGEST: u64 = 1 << 22;

/// A fleet file that was read.
pub(in crate::commands) struct FleetFile {
    /// What it is called in messages.
    name: String,
    is_stdin: bool,
    /// What its paths are relative to.
    folder: PathBuf,
    fleet: Fleet,
    /// With the host that the file names, unless the command line names another.
    pub(in crate::commands) global: Global,
}

impl FleetFile {
    /// Reads it, and says where it means another host than the command line.
    pub(in crate::commands) fn open(path: &Path, global: &Global, ui: &Ui) -> Result<Self, Error> {
        let file = Self::read(path, global)?;
        if let Some((host, place)) = file.other_host(global) {
            clusters::warn_of_other_host(ui, &host, &place);
        }
        Ok(file)
    }

    /// Reads it, and says what is wrong with it as compilers do.
    pub(in crate::commands) fn read(path: &Path, global: &Global) -> Result<Self, Error> {
        if let Some(option) = of_one_member(global) {
            return Err(Error::usage(format!("{option} is for one MEMBER, and `-f` names several"))
                .hint("write it in the file, at its member"));
        }
        let is_stdin = path == Path::new(STDIN);
        let name = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
        let bytes = bytes(path, is_stdin).map_err(|error| {
            Error::usage(format!("cannot read {name}: {error}"))
                .hint("name a fleet file with `-f`; `kubectl mc fleet init` writes one")
        })?;
        let fleet =
            read(&bytes).map_err(|problem| refused(&name, (!is_stdin).then_some(name.as_str()), &problem))?;
        let folder = if is_stdin { None } else { path.parent() };
        let folder = folder.unwrap_or(Path::new("")).to_owned();
        let mut file = Self { name, is_stdin, folder, fleet, global: global.clone() };
        file.global.host = file.host(&global.host);
        Ok(file)
    }

    /// As the file says it, where the command line does not.
    fn host(&self, given: &HostConnection) -> HostConnection {
        let Host { context, kubeconfig, .. } = &self.fleet.host;
        let kubeconfig = kubeconfig.as_ref().map(|path| self.folder.join(path));
        let mut entry = self.entry(&self.fleet.host_places, None, Vec::new());
        let overridden = [("context", given.context.is_some()), ("kubeconfig", given.kubeconfig.is_some())];
        for (field, _) in overridden.into_iter().filter(|(_, is_given)| *is_given) {
            entry.fields.remove(field);
        }
        HostConnection {
            context: given.context.clone().or_else(|| context.clone()),
            kubeconfig: given.kubeconfig.clone().or(kubeconfig),
            entry: Some(entry),
            ..given.clone()
        }
    }

    /// The host, and where the file names another one. What cannot be looked up is another.
    fn other_host(&self, given: &Global) -> Option<(Side, String)> {
        let own = self.host(&HostConnection::default());
        let entry = own.entry.as_ref().filter(|entry| entry.says("context") || entry.says("kubeconfig"))?;
        let place = entry.place_of(if entry.says("context") { "context" } else { "kubeconfig" }).to_owned();
        let environment = Environment::of_process();
        let selected = |host| select_host(&Global { host, ..given.clone() }, &environment).ok();
        let meant = selected(self.host(&given.host))?;
        let is_same = selected(own).is_some_and(|own| own.server == meant.server);
        (!is_same).then_some((meant.side, place))
    }

    fn entry(&self, places: &Places, name: Option<&str>, skips: Vec<String>) -> FleetEntry {
        let place = |at| place(&self.name, at);
        let fields = places.fields.iter().map(|(field, at)| (field.clone(), place(Some(*at))));
        FleetEntry {
            file: self.option().to_owned(),
            name: name.map(str::to_owned),
            place: place(places.at),
            fields: fields.collect(),
            skips,
        }
    }

    /// A join of its members or those of these names, or the look at it.
    pub(in crate::commands) fn request(
        &self,
        operation: Operation,
        names: &[String],
    ) -> Result<Request<'static>, Error> {
        Ok(Request {
            host_cluster_name: self.fleet.host.cluster_name.clone(),
            ..Request::new(operation, self.members(names)?, &self.global)
        })
    }

    /// What it is called in messages.
    pub(in crate::commands) fn name(&self) -> &str {
        &self.name
    }

    /// What names it behind `-f`.
    pub(in crate::commands) fn option(&self) -> &str {
        if self.is_stdin { STDIN } else { &self.name }
    }

    /// The names of its members' Clusters.
    pub(in crate::commands) fn names(&self) -> Vec<&str> {
        self.fleet.members.iter().map(|member| member.member.cluster_name()).collect()
    }

    /// All its members, or those of these names.
    pub(in crate::commands) fn members(&self, names: &[String]) -> Result<Vec<MemberRequest>, Error> {
        if names.is_empty() {
            return Ok(self.fleet.members.iter().map(|member| self.member(member)).collect());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(Error::usage(format!("\"{twice}\" is named twice")).hint("name each member once"));
        }
        let chosen = names.iter().map(|name| {
            let mut members = self.fleet.members.iter();
            let member = members.find(|member| member.member.cluster_name() == name);
            member.map(|member| self.member(member)).ok_or_else(|| self.without(name))
        });
        chosen.collect()
    }

    fn without(&self, name: &str) -> Error {
        let known = self.names();
        let error = Error::usage(format!("{} has no member \"{name}\"", self.name));
        let error = did_you_mean(name, &known).into_iter().fold(error, Error::hint);
        error.hint(format!("with `-f`, members go by the names of their Clusters: {}", known.join(", ")))
    }

    fn member(&self, FleetMember { member, places, values }: &FleetMember) -> MemberRequest {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| self.folder.join(path));
        let others = &self.global.member;
        let skipped = member.skip_checks.clone().unwrap_or_default();
        let connection = MemberConnection {
            member_kubeconfig: path(&member.kubeconfig).or_else(|| others.member_kubeconfig.clone()),
            member_server: member.server.clone(),
            member_certificate_authority: path(&member.certificate_authority),
            member_tls_server_name: member.tls_server_name.clone(),
            entry: Some(self.entry(places, Some(member.cluster_name()), skipped.clone())),
            ..others.clone()
        };
        let description = Description {
            alias: member.alias.clone(),
            description: member.description.clone(),
            group: member.group.clone(),
            region: member.region.clone(),
            provider: member.provider.clone(),
            labels: member.labels.clone().unwrap_or_default(),
            annotations: member.annotations.clone().unwrap_or_default(),
        };
        MemberRequest {
            context: member.context.clone(),
            connection,
            from_other_host: false,
            cluster: Some(ClusterRequest {
                name: Some(member.cluster_name().to_owned()),
                credential: member.credentials.map(Choice::from),
                description,
                values: values.clone(),
            }),
            renewed: None,
            skipped,
        }
    }
}

impl From<Credentials> for Choice {
    fn from(credentials: Credentials) -> Self {
        match credentials {
            Credentials::Auto => Self::Auto,
            Credentials::Context => Self::Context,
            Credentials::ServiceAccount => Self::ServiceAccount,
        }
    }
}

fn bytes(path: &Path, is_stdin: bool) -> io::Result<Vec<u8>> {
    if is_stdin { read_from(io::stdin(), LONGEST) } else { read_from(File::open(path)?, LONGEST) }
}

fn refused(name: &str, file: Option<&str>, problem: &Problem) -> Error {
    let error = Error::usage(format!("{}: {}", place(name, problem.at), problem.fault));
    let similar = match &problem.fault {
        Fault::UnknownField { field, known } => did_you_mean(field, known),
        _ => None,
    };
    similar.into_iter().fold(error, Error::hint).hint(problem.hint(file))
}
