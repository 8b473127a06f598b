//! The address that will be stored is not this machine's own.

use super::{Check, Report, Situation};
use crate::{kubesphere::side::Side, plan::intent::ClusterIntent};

pub(super) const CHECK: Check = Check {
    id: "member-server-loopback",
    title: "each member's server is an address that the host can reach",
    skippable: true,
    run,
};

fn run(situation: &Situation<'_>) -> Vec<Report> {
    let clusters = situation.new_clusters().filter(|(_, cluster)| is_loopback(&cluster.server));
    clusters.map(|(side, cluster)| report(&side, cluster)).collect()
}

fn report(side: &Side, cluster: &ClusterIntent) -> Report {
    Report::failure(
        side,
        format!("its server {} is this machine's loopback: the host's pods would reach themselves", cluster.server),
    )
    .cure(format!(
        "give the cluster of context \"{}\" an address that the host reaches: `kubectl config set-cluster … --server=https://ADDRESS:PORT`",
        side.context()
    ))
    .cure("if both clusters really run on this machine, pass `--skip-check member-server-loopback`")
}

/// Whether a server's address means the machine that asks.
fn is_loopback(server: &str) -> bool {
    let after_scheme = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::{CHECK, is_loopback};
    use crate::checks::fixture::{Case, cluster};

    #[test]
    fn only_what_will_be_stored_matters() {
        let local =
            || Case::new().wanting_cluster(|cluster| cluster.server = "https://127.0.0.1:6443".to_owned());
        assert_eq!(
            local().says(&CHECK),
            [
                "failure member \"edge-1\": its server https://127.0.0.1:6443 is this machine's loopback: the host's pods \
              would reach themselves"
            ]
        );
        assert!(local().cures(&CHECK).contains("`--skip-check member-server-loopback`"));
        let stored = local().registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(stored.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn loopback_has_many_names() {
        for server in [
            "https://127.0.0.1:6443",
            "https://localhost",
            "https://[::1]:6443/path",
            "https://0.0.0.0:1",
            "https://LOCALHOST.:6443",
            "127.9.9.9:6443",
        ] {
            assert!(is_loopback(server), "{server}");
        }
    }

    #[test]
    fn other_addresses_are_not_loopback() {
        for server in ["https://192.0.2.1:6443", "https://lb.example.org:6443", "https://[2001:db8::1]:6443"]
        {
            assert!(!is_loopback(server), "{server}");
        }
    }
}
