//! A fresh jwtSecret for a host and all its members.

use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret,
    side::Side,
};

use super::observed::Observed;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub secrets: Secrets,
    /// Whether this command completes an earlier one: then it begins none, also where all agree at its end.
    pub completes: bool,
    /// The members that are left behind.
    pub unreached: Vec<Unreached>,
}

impl Rotation {
    /// Whether the host is to get the fresh secret.
    pub fn begins(&self, host: &Observed, members: &[&Observed]) -> bool {
        !self.completes && self.secrets.begin(host, members)
    }

    /// Whether the host's secret is one that is replaced.
    pub fn replaces(&self, host: &Observed) -> bool {
        !self.completes && self.secrets.are_before(host)
    }
}

/// A member that cannot be given another secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// The name of its Cluster.
    pub cluster: String,
    /// Why not, beside that no context leads there.
    pub why: String,
}

/// The secrets between which clusters change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The one that others know, too.
    pub former: JwtSecret,
    /// A random one, made for them.
    pub fresh: JwtSecret,
}

impl Secrets {
    /// Whether the host is to get the fresh one. Otherwise an earlier run has begun, and its members get what the host has: it
    /// has another one by now, or its ClusterConfiguration names one that is not in effect everywhere. A host whose
    /// configuration names none, as it is installed, was never given one.
    fn begin(&self, host: &Observed, members: &[&Observed]) -> bool {
        if !self.are_before(host) {
            return false;
        }
        // No member can be given it.
        if self.former.usable().is_err() {
            return true;
        }
        let in_effect = host.effective_secret() == Some(&self.former);
        given(host).is_none() || in_effect && lagging(&self.former, members).next().is_none()
    }

    /// Whether the host still asks for the former one, or keeps it by asking for none.
    fn are_before(&self, host: &Observed) -> bool {
        host.wanted_secret().as_ref() == Some(&self.former)
    }
}

/// The secret that the host was given, as a rotation gives it one.
pub fn given(host: &Observed) -> Option<JwtSecret> {
    host.configuration.present().and_then(ClusterConfiguration::jwt_secret)
}

/// Whether the host was given another secret than is in effect there, so that its members are still to get it.
pub fn is_begun(host: &Observed) -> bool {
    let is_member = |cluster: &RegisteredCluster| !cluster.is_host();
    let has_members = host.clusters.present().is_some_and(|clusters| clusters.iter().any(is_member));
    has_members && given(host).is_some_and(|given| host.effective_secret() != Some(&given))
}

/// Whether a rotation would give this member of the host the secret that its host was given.
pub fn is_completed_by(host: &Observed, member: &Observed) -> bool {
    given(host).is_some_and(|given| lagging(&given, &[member]).next().is_some())
}

/// The members that do not have this secret yet, or ask for another one.
pub fn lagging<'a>(secret: &JwtSecret, members: &[&'a Observed]) -> impl Iterator<Item = &'a Side> {
    let lags = |member: &&&Observed| {
        member.wanted_secret().as_ref() != Some(secret) || member.effective_secret() != Some(secret)
    };
    members.iter().filter(lags).map(|member| &member.side)
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;

    use super::Secrets;
    use crate::plan::{
        observed::{Observed, Seen, fixture},
        secret_places::{config_with, configuration_asking},
    };

    fn cluster(asked: &str, in_effect: &str) -> Observed {
        Observed {
            configuration: configuration_asking(&serde_json::json!({"authentication": {"jwtSecret": asked}})),
            config: config_with(in_effect),
            ..fixture("v1.27.4")
        }
    }

    fn begins(host: &Observed, members: &[Observed]) -> bool {
        let secrets = Secrets { former: JwtSecret::new("former"), fresh: JwtSecret::new("fresh") };
        secrets.begin(host, &members.iter().collect::<Vec<_>>())
    }

    #[test]
    fn where_all_agree_the_host_gets_a_fresh_one() {
        for asked in ["", "former"] {
            let host = cluster(asked, "former");
            assert!(begins(&host, &[]));
            assert!(begins(&host, &[cluster("", "former"), cluster("former", "former")]));
        }
    }

    #[test]
    fn a_member_that_lags_behind_what_the_host_was_given_gets_that() {
        let host = cluster("former", "former");
        for member in [cluster("older", "older"), cluster("former", "older"), cluster("older", "former")] {
            assert!(!begins(&host, &[cluster("former", "former"), member]));
        }
        let unread = Observed { config: Seen::Absent, ..cluster("former", "former") };
        assert!(!begins(&host, &[unread]));
    }

    #[test]
    fn a_host_that_was_never_given_one_gets_it_whatever_its_members_have() {
        assert!(begins(&cluster("", "former"), &[cluster("older", "older")]));
    }

    #[test]
    fn one_that_breaks_the_installer_is_given_to_nobody() {
        let secrets = Secrets { former: JwtSecret::new("a b"), fresh: JwtSecret::new("fresh") };
        assert!(secrets.begin(&cluster("a b", "a b"), &[&cluster("older", "older")]));
    }

    #[test]
    fn what_was_given_and_is_not_in_effect_is_gone_on_with() {
        assert!(!begins(&cluster("former", "older"), &[cluster("older", "older")]));
    }

    #[test]
    fn a_host_that_was_given_another_one_meanwhile_keeps_it() {
        assert!(!begins(&cluster("fresh", "former"), &[cluster("former", "former")]));
        assert!(!begins(&cluster("fresh", "fresh"), &[cluster("fresh", "fresh")]), "it is done");
        assert!(!begins(&cluster("another", "former"), &[cluster("former", "former")]), "another operator's");
    }
}
