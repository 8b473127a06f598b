//! The places of one cluster that hold its jwtSecret hold the same.

use kubesphere::{command::Mc, devops_config};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    rule::{JOINING, NO_INSTALLER, Outcome, each, of, some},
};
use crate::plan::{
    needs::ConfigurationNeed,
    observed::{Observed, Seen},
    operation::Operation,
    secret_places::{Place, SecretPlaces},
    secret_remarks::{Remark, devops_hints, of_places},
};

pub(super) const CHECK: Check = Check {
    id: "jwt-secret-places",
    title: "the jwtSecret is the same in all places",
    skippable: false,
    rules: &[Rule::Joining(JOINING, run), Rule::Unjoining(unjoining)],
    unasked: &[NO_INSTALLER],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let clusters = situation.answering()?.into_iter().map(|observed| (observed, places(observed)));
    let with_secret =
        clusters.filter(|(_, places)| !places.is_without_kubesphere() && !places.is_version_4());
    let clusters = some(with_secret, "no cluster has KubeSphere 3")?;
    let of_cluster = |(observed, places): (_, SecretPlaces)| of_cluster(situation, observed, &places);
    each(clusters, |(observed, _)| &observed.side, of_cluster)
}

/// The installer leaves DevOps the secret of its installation.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, member) = (unjoining.answering_host()?, unjoining.answering_member()?);
    let planned = unjoining.planned()?.member.as_ref();
    let keeps = planned.is_some_and(|planned| planned.devops_keeps_secret(host, member));
    let report = keeps.then(|| {
        let message = "DevOps is installed and keeps the host's jwtSecret in ConfigMap devops-config, which this command \
                       does not change: who can read it can sign tokens for the host";
        let report = Report::warning(&member.side, message);
        devops_hints(&member.side, "").into_iter().fold(report, Report::hint)
    });
    of(&member.side, report)
}

fn of_cluster(situation: &Situation<'_>, observed: &Observed, places: &SecretPlaces) -> Vec<Report> {
    let step = situation.step(&observed.side);
    // A run that is under way or was cut short is told by what is not in effect.
    let unfinished = matches!(step, Some(ConfigurationNeed::Await | ConfigurationNeed::Restart));
    let host = situation.host.map_or_else(|| places.clone(), self::places);
    let remarks = of_places(places, &host, unfinished).into_iter().map(warning);
    let unread = unread(places, observed);
    remarks.chain(stale_to_be(situation, observed, step, places)).chain(unread).collect()
}

fn places(observed: &Observed) -> SecretPlaces {
    SecretPlaces {
        side: observed.side.clone(),
        uid: Some(observed.uid.clone()),
        config: observed.config.clone(),
        secret: observed.secret.clone(),
        configuration: observed.configuration.clone(),
        devops: observed.surroundings.devops.clone().unwrap_or(Seen::Absent),
    }
}

fn warning(remark: Remark) -> Report {
    let report = Report::warning(&remark.side, remark.message);
    remark.hints.into_iter().fold(report, Report::hint)
}

/// A DevOps that is there keeps the secret of its installation (ks-installer `playbooks/devops.yaml`).
fn stale_to_be(
    situation: &Situation<'_>,
    observed: &Observed,
    step: Option<&ConfigurationNeed>,
    places: &SecretPlaces,
) -> Option<Report> {
    let present = places.in_effect()?.secret;
    let kept = places.secret_in(Place::Devops).filter(|kept| *kept == present)?;
    let members = situation.answering_members().unwrap_or_default();
    let is_member = members.iter().any(|(_, member)| member.side == observed.side);
    let rotates = situation.intent.operation == Operation::Rotate;
    let shared = &situation.decision.filter(|_| is_member || rotates)?.needs.secret;
    let changes = step.is_some_and(ConfigurationNeed::runs_installer) && kept != *shared;
    let noun = if rotates { situation.intent.operation.noun() } else { "join" };
    changes.then(|| {
        let message = format!(
            "DevOps is installed and keeps its jwtSecret of now: after the {noun} its pages answer 401 until ConfigMap {} has the new one",
            devops_config::NAME
        );
        let show = Mc::new("jwt-secret");
        let show = if is_member { show.member(&observed.side) } else { show };
        let show = show.host(situation.host.map(|host| &host.side));
        Report::warning(&observed.side, message).hint(format!("after the {noun} `{show}` says what to do"))
    })
}

/// What the answer depends on ends the join by itself where it cannot be read.
fn unread(places: &SecretPlaces, observed: &Observed) -> Option<Report> {
    let reason = |seen: Option<&str>, place: Place| Some(format!("{place} ({})", seen?));
    let devops = observed.surroundings.devops.as_ref().and_then(Seen::unreadable);
    let unread = [reason(places.secret.unreadable(), Place::Secret), reason(devops, Place::Devops)];
    let malformed = match &places.secret {
        Seen::Malformed(why) => Some(format!("{} ({why})", Place::Secret)),
        _ => None,
    };
    let names: Vec<String> = unread.into_iter().flatten().chain(malformed).collect();
    (!names.is_empty()).then(|| {
        Report::unknown(&observed.side, format!("whether the same jwtSecret stands in {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, config, empty, specify, surround},
        plan::observed::{Observed, Seen},
    };

    fn devops_with(secret: &'static str) -> impl FnOnce(&mut Observed) {
        let devops = Seen::Present(config(&format!("authentication: {{jwtSecret: {secret}}}")));
        move |observed| surround(observed, |around| around.devops = Some(devops))
    }

    #[test]
    fn equal_copies_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        let joined = Case::new().joined().checking().member(devops_with(HOST_SECRET));
        assert_eq!(joined.says(&CHECK), Vec::<String>::new());
        assert_eq!(Case::new().member(empty).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn copies_that_differ_are_worth_a_warning_without_their_values() {
        let case = Case::new().host(|host| host.secret = Seen::Present(JwtSecret::new(OTHER_SECRET)));
        let said = case.says(&CHECK);
        assert!(
            said[0].starts_with("warning host \"prod\": Secret kubesphere-secret has another jwtSecret, and ConfigMap kubesphere-config does not have it yet"),
            "{said:?}"
        );
        assert!(case.hints(&CHECK).starts_with("see how the run ends: `kubectl mc logs --context prod`"));
        let asking = Case::new().joined().checking().member(|member| {
            specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        });
        assert!(asking.says(&CHECK)[0].contains("ClusterConfiguration ks-installer has another jwtSecret"));
    }

    #[test]
    fn devops_that_kept_the_old_secret_is_told_before_and_after_the_join() {
        let before = Case::new().member(devops_with(OTHER_SECRET));
        assert!(
            before.says(&CHECK)[0].starts_with("warning member \"edge-1\": DevOps is installed and keeps")
        );
        let after = Case::new().joined().checking().member(devops_with(OTHER_SECRET));
        assert!(
            after.says(&CHECK)[0].contains("ConfigMap devops-config has another jwtSecret than is in effect")
        );
    }

    #[test]
    fn what_may_not_be_read_is_unknown() {
        let case = Case::new().host(|host| host.secret = Seen::Unreadable("forbidden".to_owned()));
        assert_eq!(
            case.says(&CHECK),
            [
                "unknown host \"prod\": whether the same jwtSecret stands in Secret kubesphere-secret (forbidden)"
            ]
        );
    }
}
