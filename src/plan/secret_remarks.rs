//! What one must conclude from where the jwtSecrets stand, and what to do about it.

use kubesphere::{
    cluster_configuration,
    command::{Kubectl, Mc},
    devops_config,
    jwt_secret::JwtSecret,
    side::Side,
};

use super::{
    observed::Seen,
    secret_places::{Place, SecretPlaces, Value},
};

/// The places from which a run of the installer renders kubesphere-config.
const RENDERED_FROM: [Place; 2] = [Place::Configuration, Place::Secret];

/// Something to know about one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub side: Side,
    /// What is to be known.
    pub message: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}

/// All that is to be known of these clusters, the host's first.
pub fn remarks(host: &SecretPlaces, members: &[SecretPlaces]) -> Vec<Remark> {
    let of_members = members.iter().flat_map(|member| {
        let about = About { cluster: member, host };
        about.same_cluster().into_iter().chain(about.all())
    });
    About { cluster: host, host }.all().into_iter().chain(of_members).collect()
}

/// How devops-config gets the secret in effect; `printed` says what prints that.
pub fn devops_hints(side: &Side, printed: &str) -> [String; 2] {
    let [edit, restart] = [devops_config::edit, devops_config::restart].map(|command| command(side));
    [
        format!("set authentication.jwtSecret there to the one in effect{printed}: `{edit}`"),
        format!("then restart what reads it: `{restart}`"),
    ]
}

/// What is to be known of the secret that a host shows.
pub fn of_shown(host: &SecretPlaces) -> Vec<Remark> {
    let about = About { cluster: host, host };
    about.stands_in().into_iter().chain(about.under_way()).collect()
}

/// What is to be known of the copies that one cluster has. `unfinished`: that a run has still to bring them into effect
/// is said elsewhere.
pub fn of_places(cluster: &SecretPlaces, host: &SecretPlaces, unfinished: bool) -> Vec<Remark> {
    let about = About { cluster, host };
    about.under_way().filter(|_| !unfinished).into_iter().chain(about.stale_devops()).collect()
}

struct About<'a> {
    cluster: &'a SecretPlaces,
    host: &'a SecretPlaces,
}

impl About<'_> {
    fn all(&self) -> Vec<Remark> {
        if self.cluster.is_without_kubesphere() || self.cluster.is_version_4() != self.host.is_version_4() {
            return self.other_kubesphere().into_iter().collect();
        }
        let remarks = [
            self.wrong_host(),
            self.missing(),
            self.stands_in(),
            self.under_way(),
            self.another(),
            self.stale_devops(),
            self.unreadable(),
        ];
        remarks.into_iter().flatten().collect()
    }

    fn is_host(&self) -> bool {
        matches!(self.cluster.side, Side::Host { .. })
    }

    fn remark(&self, message: impl Into<String>) -> Remark {
        Remark { side: self.cluster.side.clone(), message: message.into(), hints: Vec::new() }
    }

    fn same_cluster(&self) -> Option<Remark> {
        let uid = self.cluster.uid.as_ref().filter(|uid| self.host.uid.as_ref() == Some(uid))?;
        let message = format!("it is the host itself (the UID of kube-system is {uid} in both)");
        Some(self.remark(message).hint("name the context of another cluster"))
    }

    /// A host's is what ends the command, with its own words.
    fn other_kubesphere(&self) -> Option<Remark> {
        if self.is_host() {
            return None;
        }
        if self.cluster.is_without_kubesphere() {
            let remark = self.remark("KubeSphere is not installed");
            let join = Mc::new("join").member(&self.cluster.side).host(&self.host.side);
            return Some(if self.host.is_version_4() {
                remark.hint(format!("have the host install it, with its jwtSecret: `{join}`"))
            } else {
                remark
            });
        }
        // Which KubeSphere the host has is not known then, and that ends the command.
        self.host.config.present()?;
        let [own, hosts] = if self.cluster.is_version_4() { [4, 3] } else { [3, 4] };
        Some(self.remark(format!(
            "KubeSphere {own} is installed, and the host has {hosts}: neither joins the other's clusters"
        )))
    }

    fn wrong_host(&self) -> Option<Remark> {
        (self.is_host() && self.cluster.is_member()).then(|| {
            self.remark("it is a member, and everything is compared with its secret").hint(NAME_THE_HOST)
        })
    }

    fn missing(&self) -> Option<Remark> {
        if self.cluster.in_effect().is_some() {
            return None;
        }
        let what = match self.cluster.value(Place::Config) {
            Seen::Present(Value::Empty) => "is empty: ks-apiserver does not start with it",
            Seen::Absent => "is not there",
            Seen::Present(_) => "is missing",
            // What could not be read ends the command.
            Seen::Unreadable(_) | Seen::Malformed(_) => return None,
        };
        let message = format!("it has no jwtSecret: {} in {} {what}", self.cluster.key(), Place::Config);
        let remark = self.remark(message);
        Some(if self.cluster.is_version_4() {
            remark
        } else {
            remark.hint(self.run_installer("let the installer run to its end"))
        })
    }

    /// The Secret takes the place of kubesphere-config.
    fn stands_in(&self) -> Option<Remark> {
        let in_effect = self.cluster.in_effect().filter(|found| found.place == Place::Secret)?;
        let why = match self.cluster.value(Place::Config) {
            Seen::Absent => "is not there".to_owned(),
            Seen::Present(_) => "has no jwtSecret".to_owned(),
            Seen::Unreadable(why) => format!("cannot be read ({why})"),
            Seen::Malformed(why) => format!("cannot be understood ({why})"),
        };
        let message = format!(
            "{} {why}: the secret in {}, from which it is rendered, is assumed to be the one in effect",
            Place::Config,
            in_effect.place
        );
        let unfinished = matches!(self.cluster.config, Seen::Absent | Seen::Present(_));
        let remark = self.remark(message);
        Some(if unfinished {
            remark.hint(self.run_installer("let the installer run to its end"))
        } else {
            remark
        })
    }

    /// The configuration asks for, or its copy already is, another secret than the one in effect.
    fn under_way(&self) -> Option<Remark> {
        let places = self.ahead();
        let whose = if self.brings_the_hosts(&places) { "the host's jwtSecret" } else { "another jwtSecret" };
        let names: Vec<String> = places.iter().map(|(place, _)| place.to_string()).collect();
        let verb = match names.len() {
            0 => return None,
            1 => "has",
            _ => "have",
        };
        let message = format!(
            "{} {verb} {whose}, and {} does not have it yet: a run of the installer is under way or was cut short",
            names.join(" and "),
            Place::Config
        );
        let remark =
            self.remark(message).hint(self.read_log()).hint(self.run_installer(
                "where the run was cut short, fix its cause, then let the installer run again",
            ));
        let asks = places.iter().any(|(place, _)| *place == Place::Configuration);
        Some(if self.is_host() && asks {
            remark.hint(format!("once it is in effect, give it to every member: `{}`", self.rotate()))
        } else {
            remark
        })
    }

    /// Where another secret than kubesphere-config's stands that a run would bring there.
    fn ahead(&self) -> Vec<(Place, JwtSecret)> {
        let Some(present) = self.cluster.secret_in(Place::Config) else { return Vec::new() };
        let places = RENDERED_FROM.into_iter().filter(|place| self.cluster.places().contains(place));
        let found = places.filter_map(|place| Some((place, self.cluster.secret_in(place)?)));
        found.filter(|(_, secret)| *secret != present).collect()
    }

    fn brings_the_hosts(&self, ahead: &[(Place, JwtSecret)]) -> bool {
        let hosts = self.host.in_effect().map(|found| found.secret);
        !self.is_host() && !ahead.is_empty() && ahead.iter().all(|(_, secret)| Some(secret) == hosts.as_ref())
    }

    fn another(&self) -> Option<Remark> {
        let (own, hosts) = (self.cluster.in_effect()?, self.host.in_effect()?);
        if own.secret == hosts.secret || self.brings_the_hosts(&self.ahead()) {
            return None;
        }
        if self.cluster.is_version_4() && self.cluster.is_member() {
            return Some(self.another_on_4());
        }
        let join = Mc::new("join").member(&self.cluster.side).host(&self.host.side).words("--dry-run=client");
        let message = "its jwtSecret in effect is not the host's: it is not joined to this host, or one of the two was changed since";
        let remark = self.remark(message);
        let remark = if self.was_left_by_rotation(&hosts.secret) {
            remark.hint(format!(
                "if it is joined, a rotation was broken off, which the same command completes: `{}`",
                self.rotate()
            ))
        } else {
            remark
        };
        Some(remark.hint(format!("see what joining it takes: `{join}`")))
    }

    /// A member has the secret of the host that has installed it last.
    fn another_on_4(&self) -> Remark {
        let check = Mc::new("check").member(&self.cluster.side).host(&self.host.side);
        self.remark("its jwtSecret in effect is not the host's: the host was given another one since, or another host has it")
            .hint(format!("see whose it is, and what gives it the host's: `{check}`"))
    }

    /// A rotation gives the host its secret first.
    fn was_left_by_rotation(&self, hosts: &JwtSecret) -> bool {
        let given = self.host.secret_in(Place::Configuration);
        !self.cluster.is_version_4() && self.cluster.is_member() && given.as_ref() == Some(hosts)
    }

    fn rotate(&self) -> Mc {
        Mc::new("rotate jwt-secret").host(&self.host.side)
    }

    /// What checks the tokens of DevOps' requests is the cluster's own secret, whatever the host's is.
    fn stale_devops(&self) -> Option<Remark> {
        let present = self.cluster.in_effect().filter(|_| !self.cluster.is_version_4())?.secret;
        self.cluster.secret_in(Place::Devops).filter(|secret| *secret != present)?;
        let message = format!(
            "{} has another jwtSecret than is in effect, because the installer sets it only when it installs DevOps: DevOps pages answer 401",
            Place::Devops
        );
        let is_the_hosts = self.host.in_effect().is_some_and(|hosts| hosts.secret == present);
        let print = Mc::new("jwt-secret").words("--reveal").host(&self.host.side);
        let printed = if is_the_hosts { format!(" (`{print}` prints it)") } else { String::new() };
        Some(devops_hints(&self.cluster.side, &printed).into_iter().fold(self.remark(message), Remark::hint))
    }

    /// What the answer does not depend on. What it depends on ends the command where it cannot be read.
    fn unreadable(&self) -> Option<Remark> {
        if matches!(self.cluster.config, Seen::Unreadable(_) | Seen::Malformed(_)) {
            return None;
        }
        let places = self.cluster.places().iter();
        let unknown: Vec<String> = places
            .filter_map(|place| match self.cluster.value(*place) {
                Seen::Unreadable(why) | Seen::Malformed(why) => Some(format!("{place} ({why})")),
                Seen::Present(_) | Seen::Absent => None,
            })
            .collect();
        (!unknown.is_empty())
            .then(|| self.remark(format!("it is not known what stands in {}", unknown.join(", "))))
    }

    fn read_log(&self) -> String {
        let logs = Mc::new("logs");
        let logs = if self.is_host() { logs } else { logs.member(&self.cluster.side) };
        format!("see how the run ends: `{}`", logs.host(&self.host.side))
    }

    fn run_installer(&self, what: &str) -> String {
        format!("{what}: `{}`", run_installer(&self.cluster.side))
    }
}

impl Remark {
    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// What to do where a member was named as the host.
pub const NAME_THE_HOST: &str = "name the host with `--context NAME`";

/// What makes the installer run again.
pub fn run_installer(side: &Side) -> String {
    let kubectl = Kubectl::on(side).namespace(cluster_configuration::NAMESPACE);
    kubectl.words("rollout restart deployment").words(cluster_configuration::NAME).to_string()
}

#[cfg(test)]
#[path = "secret_remarks_tests.rs"]
mod tests;
