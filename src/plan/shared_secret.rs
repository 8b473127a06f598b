//! Whether host and members share their jwtSecret. Decided on the values, never on fingerprints.

use kubesphere::{
    jwt_secret::{JwtSecret, Unusable},
    side::Side,
};

use super::{
    observed::Seen,
    secret_places::{InEffect, Place, SecretPlaces, Value},
};

/// Host and members, place by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The host first, then the members as they were given.
    pub clusters: Vec<Compared>,
    /// Whether all agree; `None` where it cannot be told.
    pub agree: Option<bool>,
}

/// One cluster, compared with the host's secret in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub side: Side,
    /// Its places, what is in effect first.
    pub places: Vec<ComparedPlace>,
    /// Whether all that stands in them is the host's secret in effect; `None` where it cannot be told.
    pub agree: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedPlace {
    /// Which.
    pub place: Place,
    /// What stands there.
    pub value: Seen<Value>,
    /// Whether it is the host's secret in effect; `None` where one of the two is not there.
    pub agree: Option<bool>,
}

/// Compares every place with the host's secret in effect.
pub fn compare(host: &SecretPlaces, members: &[SecretPlaces]) -> Comparison {
    let reference = host.in_effect();
    let clusters: Vec<Compared> = std::iter::once(host)
        .chain(members)
        .map(|places| compared(places, host, reference.as_ref()))
        .collect();
    let agree = all(clusters.iter().map(|cluster| cluster.agree));
    Comparison { clusters, agree }
}

/// A cluster without KubeSphere gets the host's, and has it where the host does.
fn compared(cluster: &SecretPlaces, host: &SecretPlaces, reference: Option<&InEffect>) -> Compared {
    let places = if cluster.is_without_kubesphere() { host.places() } else { cluster.places() };
    let places: Vec<ComparedPlace> = places
        .iter()
        .map(|&place| {
            let secret = cluster.secret_in(place);
            let agree = secret.zip(reference).map(|(secret, reference)| secret == reference.secret);
            ComparedPlace { place, value: cluster.value(place), agree }
        })
        .collect();
    let differs = places.iter().any(|place| place.agree == Some(false));
    let agree = match cluster.in_effect() {
        Some(_) if reference.is_some() => Some(!differs),
        // A cluster without a secret shares none, but what cannot be read may yet be the host's.
        None if reference.is_some() && !hides_its_secret(cluster) => Some(false),
        _ => None,
    };
    Compared { side: cluster.side.clone(), places, agree }
}

fn hides_its_secret(cluster: &SecretPlaces) -> bool {
    matches!(cluster.config, Seen::Unreadable(_) | Seen::Malformed(_))
}

/// One that differs decides; else one that cannot be told leaves it open.
fn all(mut agree: impl Iterator<Item = Option<bool>> + Clone) -> Option<bool> {
    if agree.clone().any(|agree| agree == Some(false)) {
        return Some(false);
    }
    agree.all(|agree| agree.is_some()).then_some(true)
}

/// Why a host's secret is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// There is no KubeSphere.
    WithoutKubesphere,
    /// The cluster is a member: it may have another secret than the host that was meant.
    Member,
    /// There is none.
    Missing,
    /// It cannot be used.
    Unusable(Unusable),
}

/// The secret of a host that its members are to have.
pub fn revealed(host: &SecretPlaces) -> Result<JwtSecret, Withheld> {
    if host.is_without_kubesphere() {
        return Err(Withheld::WithoutKubesphere);
    }
    if host.is_member() {
        return Err(Withheld::Member);
    }
    // Nothing but helm, which quotes it, brings it anywhere.
    if host.is_version_4() {
        return host.in_effect().map(|found| found.secret).ok_or(Withheld::Missing);
    }
    if host.value(Place::Config) == Seen::Present(Value::Empty) {
        return Err(Withheld::Unusable(Unusable::Empty));
    }
    let secret = host.in_effect().ok_or(Withheld::Missing)?.secret;
    secret.usable().map_err(Withheld::Unusable)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use kubesphere::{
        jwt_secret::{JwtSecret, Unusable},
        kubesphere_config::KubesphereConfig,
        side::Side,
    };
    use serde_json::json;

    use super::{Comparison, Withheld, compare, revealed};
    use crate::plan::{
        observed::Seen,
        secret_places::{SecretPlaces, config_with, configuration_asking, fixture},
    };

    fn host() -> SecretPlaces {
        fixture(Side::host("prod"), "abc")
    }

    fn member(secret: &str) -> SecretPlaces {
        fixture(Side::member("edge-1"), secret)
    }

    fn places(comparison: &Comparison, cluster: usize) -> Vec<Option<bool>> {
        comparison.clusters[cluster].places.iter().map(|place| place.agree).collect()
    }

    #[test]
    fn a_joined_member_agrees_in_every_place_that_says_something() {
        let comparison = compare(&host(), &[member("abc")]);
        assert_eq!(comparison.agree, Some(true));
        assert_eq!(places(&comparison, 1), [Some(true), Some(true), None, None]);
    }

    #[test]
    fn one_member_with_another_secret_decides() {
        let comparison = compare(&host(), &[member("abc"), member("abd")]);
        assert_eq!(comparison.agree, Some(false));
        let clusters: Vec<_> = comparison.clusters.iter().map(|cluster| cluster.agree).collect();
        assert_eq!(clusters, [Some(true), Some(true), Some(false)]);
        assert_eq!(places(&comparison, 2), [Some(false), Some(false), None, None]);
    }

    #[test]
    fn a_stale_copy_of_one_place_is_enough_to_differ() {
        let stale = SecretPlaces { devops: config_with("old"), ..member("abc") };
        assert_eq!(compare(&host(), &[stale]).agree, Some(false));
        let asking = configuration_asking(&json!({"authentication": {"jwtSecret": "new"}}));
        let asking = SecretPlaces { configuration: asking, ..host() };
        assert_eq!(compare(&asking, &[]).agree, Some(false));
    }

    #[test]
    fn a_cluster_that_was_not_seen_leaves_it_open() {
        let unseen = SecretPlaces::unseen(Side::member("edge-2"), "refused");
        assert_eq!(compare(&host(), &[member("abc"), unseen.clone()]).agree, None);
        assert_eq!(compare(&host(), &[member("abd"), unseen]).agree, Some(false));
        let nothing = SecretPlaces::unseen(Side::host("prod"), "refused");
        assert_eq!(compare(&nothing, &[member("abc")]).agree, None);
    }

    #[test]
    fn what_may_not_be_read_besides_changes_nothing() {
        let forbidden = || "forbidden".to_owned();
        let secret = Seen::Unreadable(forbidden());
        let member = SecretPlaces { secret, devops: Seen::Unreadable(forbidden()), ..member("abc") };
        assert_eq!(compare(&host(), &[member]).agree, Some(true));
    }

    #[test]
    fn a_cluster_without_a_secret_shares_none() {
        let bare = SecretPlaces {
            config: Seen::Absent,
            secret: Seen::Absent,
            configuration: Seen::Absent,
            ..member("")
        };
        assert_eq!(compare(&host(), &[bare]).agree, Some(false));
    }

    #[test]
    fn only_a_hosts_usable_secret_is_revealed() {
        assert_eq!(revealed(&host()), Ok(JwtSecret::new("abc")));
        let rendered_from = SecretPlaces { config: Seen::Absent, ..host() };
        assert_eq!(revealed(&rendered_from), Ok(JwtSecret::new("abc")));
        let cases = [
            (SecretPlaces { config: config_with(""), ..host() }, Withheld::Unusable(Unusable::Empty)),
            (SecretPlaces { config: config_with("a b"), ..host() }, Withheld::Unusable(Unusable::Breaking)),
            (SecretPlaces { config: Seen::Absent, secret: Seen::Absent, ..host() }, Withheld::Missing),
            (
                SecretPlaces {
                    configuration: configuration_asking(&json!({"multicluster": {"clusterRole": "member"}})),
                    ..host()
                },
                Withheld::Member,
            ),
        ];
        for (host, withheld) in cases {
            assert_eq!(revealed(&host), Err(withheld));
        }
    }

    fn of_4(places: SecretPlaces, secret: &str) -> SecretPlaces {
        let text = format!("authentication: {{issuer: {{jwtSecret: {}}}}}", json!(secret));
        SecretPlaces { config: Seen::Present(KubesphereConfig::parse(&text).unwrap()), ..places }
    }

    #[test]
    fn version_4_has_one_place_and_what_3_4_has_left_there_counts_for_nothing() {
        let comparison =
            compare(&of_4(host(), "x y"), &[of_4(member("abc"), "x y"), of_4(member("x y"), "z")]);
        let agree: Vec<_> = comparison.clusters.iter().map(|cluster| cluster.agree).collect();
        assert_eq!(agree, [Some(true), Some(true), Some(false)]);
        assert_eq!(places(&comparison, 1), [Some(true)]);
        let bare = SecretPlaces { config: Seen::Absent, configuration: Seen::Absent, ..member("") };
        assert_eq!(places(&compare(&of_4(host(), "abc"), &[bare]), 1), [None]);
        assert_eq!(revealed(&of_4(host(), "x y")), Ok(JwtSecret::new("x y")));
        assert_eq!(revealed(&of_4(host(), "")), Err(Withheld::Missing));
    }
}
