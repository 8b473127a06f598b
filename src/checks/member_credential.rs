//! What will be stored on the host works inside its pods.

use super::{Check, Report, Situation};
use crate::{
    kubesphere::{side::Side, versions::Version},
    plan::{intent::ClusterIntent, member_kubeconfig::Problem, observed::Observed},
};

pub(super) const CHECK: Check = Check {
    id: "member-credential",
    title: "each member's credential works on the host",
    skippable: false,
    run,
};

fn run(situation: &Situation<'_>) -> Vec<Report> {
    let certificate = situation
        .host
        .and_then(Observed::kubesphere_version)
        .filter(|version| version.differences().needs_client_certificate);
    // What is stored already is not stored again.
    situation.new_clusters().flat_map(|(side, cluster)| of_member(&side, cluster, certificate)).collect()
}

/// `certificate` is the host's version, where that needs a client certificate.
fn of_member(side: &Side, cluster: &ClusterIntent, certificate: Option<Version>) -> Vec<Report> {
    match &cluster.kubeconfig {
        Err(problems) => problems.iter().map(|problem| problematic(side, problem)).collect(),
        Ok(stored) => {
            let certificate = certificate.filter(|_| !stored.has_client_certificate);
            let token = certificate.map(|version| token_only(side, version));
            token.into_iter().chain(stored.leaves_out_proxy.then(|| unproxied(side, cluster))).collect()
        }
    }
}

fn problematic(side: &Side, problem: &Problem) -> Report {
    Report::failure(side, format!("its context cannot be stored on the host: {problem}"))
        .cure(problem.cure(side.context()))
}

/// kubefed does not carry a `proxy-url` over (kubesphere `pkg/controller/cluster/join.go@v3.4.1`).
fn unproxied(side: &Side, cluster: &ClusterIntent) -> Report {
    let message = "its context has a `proxy-url`, which is not stored: the host will connect without it to";
    Report::warning(side, format!("{message} {}", cluster.server))
}

fn token_only(side: &Side, version: Version) -> Report {
    Report::failure(
        side,
        format!("its context has a token, and a host with KubeSphere {version} never gets a cluster ready without a client certificate"),
    )
    .cure("use a context with a client certificate, or upgrade the host to KubeSphere 3.4")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster},
        plan::{intent::ClusterIntent, member_kubeconfig::Problem},
    };

    fn with_token(cluster: &mut ClusterIntent) {
        cluster.kubeconfig.as_mut().expect("a good one").has_client_certificate = false;
    }

    #[test]
    fn everything_that_stands_against_a_context_is_said_at_once() {
        let problems = || vec![Problem::Exec("aws".to_owned()), Problem::Insecure];
        let case = Case::new().wanting_cluster(|cluster| cluster.kubeconfig = Err(problems()));
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": its context cannot be stored on the host: its user gets credentials from the \
                 program `aws`, which the host's pods do not have",
                "failure member \"edge-1\": its context cannot be stored on the host: `insecure-skip-tls-verify` is set, \
                 on which the host's kubefed-controller-manager crashes",
            ]
        );
        assert!(case.cures(&CHECK).contains("give context \"edge-1\" a user with a client certificate"));
        let stored = case.registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(stored.says(&CHECK), Vec::<String>::new(), "what is stored already is not stored again");
    }

    #[test]
    fn only_a_host_of_3_3_refuses_a_token() {
        for (host, refused) in [("v3.2.1", 0), ("v3.3.2", 1), ("v3.4.1", 0)] {
            let said = Case::of_version(host).wanting_cluster(with_token).says(&CHECK);
            assert_eq!(said.len(), refused, "{host}: {said:?}");
            assert!(said.iter().all(|said| said.contains("its context has a token")), "{said:?}");
        }
    }
}
