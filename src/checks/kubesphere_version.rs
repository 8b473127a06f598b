//! Both clusters run a KubeSphere that this program knows.

use kubesphere::{
    command::{Mc, helm},
    fleet_entry::Setting,
    side::Side,
    versions::{Generation, Support},
};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    jwt_secret::hand_out,
    rule::{JOINING, Outcome, each, of},
};
use crate::plan::{
    observed::{Observed, Seen},
    operation::Operation,
    unjoin::plan::UnjoinIntent,
};

pub(super) const CHECK: Check = Check {
    id: "kubesphere-version",
    title: "the versions of KubeSphere can be joined",
    skippable: false,
    rules: &[
        Rule::Federating(JOINING, run),
        Rule::Federating(&[Operation::Check, Operation::Join, Operation::Import], without_values),
        Rule::Installing(JOINING, installed),
        Rule::Installing(&[Operation::PrepareHost], is_a_host_already),
        Rule::Installing(&[Operation::PrepareMember], is_prepared_by_its_host),
        Rule::Installing(&[Operation::Rotate], keeps_its_secret),
        Rule::Unjoining(unjoining),
    ],
    unasked: &[],
};

fn run(situation: &Situation<'_>) -> Outcome {
    each(situation.answering()?, |observed| &observed.side, of_cluster)
}

/// What has no KubeSphere gets it, and what has 4 is upgraded to the host's; helm would do the latter with 3 too
/// (kubesphere `pkg/controller/cluster/helper.go@v4.1.3:85-103`).
fn installed(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let of_cluster = |observed: &Observed| {
        let version = observed.kubesphere_version().map_or_else(String::new, |version| format!(" {version}"));
        (observed.generation() == Some(Generation::Three)).then(|| {
            Report::failure(
                &observed.side,
                format!(
                    "KubeSphere{version} is installed, and its host has 4, whose controller would have helm put its own over it"
                ),
            )
            .hint("join it to a host of KubeSphere 3, or upgrade it to KubeSphere 4 first, or remove KubeSphere from it")
        })
    };
    let members = situation.members.iter().filter_map(|member| member.observed);
    each([host].into_iter().chain(members), |observed| &observed.side, of_cluster)
}

/// An installation of 4 has the role host unless it says otherwise (kubesphere `config/ks-core/values.yaml@v4.1.3`).
fn is_a_host_already(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let report = (!host.is_member()).then(|| {
        Report::warning(&host.side, "KubeSphere 4 needs no such step: it is installed as a host")
            .hint(format!("join a member to it: `{}`", Mc::new("join MEMBER").host(&host.side)))
    });
    of(&host.side, report)
}

fn is_prepared_by_its_host(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let of_member = |(_, member): (_, &Observed)| {
        let is_left_to_it = member.generation() != Some(Generation::Three);
        is_left_to_it.then(|| {
            Report::warning(
                &member.side,
                "KubeSphere 4 needs no such step: the host installs KubeSphere on it, with the role member and its own \
                 jwtSecret",
            )
            .hint(format!(
                "have it do so: `{}`",
                Mc::new("join").member(&member.side).host(&host.side)
            ))
        })
    };
    each(situation.answering_members()?, |(_, member)| &member.side, of_member)
}

/// The chart renders the secret from the release's values, and every process reads it when it starts; a member gets it when its
/// host installs ks-core there (kubesphere `config/ks-core/templates/_helpers.tpl@v4.1.3:84-103`,
/// `pkg/controller/cluster/cluster_controller.go@v4.1.3:374-410`).
fn keeps_its_secret(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let upgrade = format!(
        "{} upgrade ks-core CHART --namespace kubesphere-system --reuse-values --values FILE",
        helm(&host.side)
    );
    let message = "KubeSphere 4 has its jwtSecret in helm's release ks-core, and gives it to a member only by installing that \
                   there: this command changes neither";
    let report = Report::failure(&host.side, message)
        .hint(format!(
            "give the host another one, as authentication.issuer.jwtSecret in a FILE that nobody else can read, with the CHART \
             that is installed: `{upgrade}`"
        ))
        .hint(format!(
            "then have it install each member again, which ends all sessions there: `{}`",
            hand_out(&host.side, "NAME")
        ))
        .hint(format!(
            "at last see whether all have it: `{}`",
            Mc::new("check").host(&host.side)
        ));
    of(&host.side, [report])
}

fn without_values(situation: &Situation<'_>) -> Outcome {
    situation.answering_host()?;
    let given = situation.clusters_asked_for().filter(|(_, cluster)| cluster.values.is_some());
    let report = |(side, _): (Side, _)| {
        let values = side.setting(Setting::Values);
        let message = format!("its host installs nothing on it: {values} is for a host with KubeSphere 4");
        Report::failure(&side, message).hint(format!("leave out {values}"))
    };
    Ok(given.map(report).collect())
}

/// A removal needs no version, but of both sides the same KubeSphere.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, clusters) = (unjoining.answering_host()?, unjoining.clusters().answering()?);
    let host_is_of_4 = is_version_4(host);
    let of_cluster = |observed: &Observed| {
        let generation = observed.generation()?;
        let is_other = (generation == Generation::Four) != host_is_of_4;
        is_other.then(|| of_other_generation(observed, generation))
    };
    let of_clusters = each(clusters, |observed| &observed.side, of_cluster)?.into_iter();
    Ok(of_clusters.chain(not_for(unjoining.intent, host)).collect())
}

fn of_other_generation(observed: &Observed, generation: Generation) -> Report {
    let (own, other) = match generation {
        Generation::Three => ("3", "4"),
        Generation::Four => ("4", "3"),
    };
    Report::failure(
        &observed.side,
        format!("KubeSphere {own} is installed, and its host has {other}: it is none of its members"),
    )
    .hint("remove the Cluster on the host alone, without `--member-context`")
}

/// What was asked for that this KubeSphere has not.
fn not_for(intent: &UnjoinIntent, host: &Observed) -> Option<Report> {
    let is_of_4 = is_version_4(host);
    if intent.uninstall && !is_of_4 {
        let message = "`--uninstall` is for KubeSphere 4, which a host installs on its members: this one's members had their own \
                       before they were joined";
        return Some(Report::failure(&host.side, message).hint(
            "leave out `--uninstall`; KubeSphere 3 is removed by its own script kubesphere-delete.sh (ks-installer, \
             scripts), with everything in it",
        ));
    }
    // kubesphere `pkg/controller/workspace/workspace_controller.go@v4.1.3`, `cleanUpNamespaces`.
    (intent.release_namespaces && is_of_4).then(|| {
        let message = "`--release-namespaces` is for KubeSphere 3, where a workspace that goes takes its projects with it: with 4 it \
                       leaves them";
        Report::failure(&host.side, message).hint("leave out `--release-namespaces`")
    })
}

fn of_cluster(observed: &Observed) -> Option<Report> {
    let side = &observed.side;
    if is_version_4(observed) {
        return Some(version_4(observed));
    }
    let Some(version) = observed.kubesphere_version() else {
        return Some(no_version(observed));
    };
    (version.support() == Support::TooOld).then(|| {
        Report::failure(side, format!("KubeSphere {version} is older than 3.1"))
            .hint("upgrade it to KubeSphere 3.1 or later, then run this command again")
    })
}

pub(super) fn is_version_4(observed: &Observed) -> bool {
    observed.generation() == Some(Generation::Four)
}

fn version_4(observed: &Observed) -> Report {
    Report::failure(
        &observed.side,
        "KubeSphere 4 is installed: it has no ClusterConfiguration and no ks-installer, and its host installs \
         KubeSphere on a member by itself",
    )
    .hint("join it to a host of KubeSphere 4; one of KubeSphere 3 takes members with 3.1 to 3.4")
    .only_cause_of([&observed.side])
}

fn no_version(observed: &Observed) -> Report {
    let side = &observed.side;
    if observed.configuration == Seen::Absent && observed.config == Seen::Absent {
        return Report::failure(side, "KubeSphere is not installed")
            .hint("install KubeSphere 3.1 to 3.4 there first: https://kubesphere.io/docs/v3.4/quick-start/");
    }
    let unread = observed.configuration.unreadable().or(observed.config.unreadable());
    match unread {
        Some(why) => Report::unknown(side, format!("which KubeSphere it is: {why}")),
        None => Report::unknown(
            side,
            "which KubeSphere it is: neither the ClusterConfiguration nor an image names a version; it is treated as 3.4",
        ),
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::{cluster_configuration::ClusterConfiguration, versions::Version};
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, config, empty},
        plan::observed::{Observed, Seen},
    };

    #[test]
    fn every_version_from_3_1_to_3_4_is_fine() {
        for version in ["v3.1.0", "v3.1.1", "v3.2.1", "v3.3.2", "v3.4.1"] {
            assert_eq!(Case::of_version(version).says(&CHECK), Vec::<String>::new(), "{version}");
        }
    }

    #[test]
    fn a_cluster_without_kubesphere_is_refused() {
        let case = Case::new().member(empty);
        assert_eq!(case.says(&CHECK), ["failure member \"edge-1\": KubeSphere is not installed"]);
        assert!(case.hints(&CHECK).starts_with("install KubeSphere 3.1 to 3.4 there first"));
    }

    #[test]
    fn an_older_one_is_refused_on_either_side() {
        assert_eq!(
            Case::of_version("v3.0.0").says(&CHECK),
            [
                "failure host \"prod\": KubeSphere v3.0.0 is older than 3.1",
                "failure member \"edge-1\": KubeSphere v3.0.0 is older than 3.1",
            ]
        );
    }

    #[test]
    fn version_4_is_told_by_its_image_or_its_issuer_and_what_differs_is_said() {
        let by_image = |member: &mut Observed| {
            empty(member);
            member.config = Seen::Present(config("authentication: {}"));
            member.apiserver_version = Version::parse("v4.1.3");
        };
        let by_issuer = |member: &mut Observed| {
            empty(member);
            member.config = Seen::Present(config("authentication: {issuer: {jwtSecret: abc}}"));
        };
        for said in [Case::new().member(by_image).says(&CHECK), Case::new().member(by_issuer).says(&CHECK)] {
            assert_eq!(
                said,
                [
                    "failure member \"edge-1\": KubeSphere 4 is installed: it has no ClusterConfiguration and no \
                  ks-installer, and its host installs KubeSphere on a member by itself"
                ]
            );
        }
    }

    #[test]
    fn a_version_that_nothing_names_is_unknown() {
        let case = Case::new().member(|member| {
            member.configuration = Seen::Present(ClusterConfiguration::new(json!({"spec": {}})));
            member.installer = Seen::Absent;
        });
        let said = case.says(&CHECK);
        assert!(said[0].starts_with("unknown member \"edge-1\": which KubeSphere it is"), "{said:?}");
    }
}
