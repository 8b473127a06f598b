//! A rotation gives all members of a host the same secret.

use kubesphere::{command::Mc, jwt_secret::JwtSecret, side::Side, versions::Generation};

use super::{
    Check, Report, Rule, Situation, recent_rotation,
    rule::{LOOKING, Outcome, Reason, Unasked, of, or_holds, some},
    unfinished::{BROKEN_OFF, completed},
};
use crate::plan::{
    observed::Observed,
    operation::Operation,
    registration::Probe,
    rotation::{Rotation, Unreached, given, lagging},
};

pub(super) const CHECK: Check = Check {
    id: "rotated-members",
    title: "every member has the host's jwtSecret, or can be given another one",
    skippable: true,
    rules: &[
        Rule::Federating(&[Operation::Rotate], run),
        Rule::Federating(LOOKING, |situation| shared(situation, ASKED_OF_3)),
        Rule::Installing(LOOKING, |situation| shared(situation, ASKED_OF_4)),
    ],
    unasked: &[
        Reason {
            generation: Some(Generation::Four),
            ..Reason::of(
                &[Operation::Rotate],
                "a host of KubeSphere 4 gives its members its jwtSecret itself",
            )
        },
        Reason::beside(
            &[Operation::Check, Operation::Rotate],
            "only `rotate jwt-secret` changes all members of a host",
        ),
    ],
};

/// Who is named is asked by another check.
const ASKED_OF_3: &str = "the check `member-in-effect` asks the members that are named";
const ASKED_OF_4: &str = "the check `jwt-secret` asks the members that are named";

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let Some(rotation) = &situation.intent.host.rotation else { return Ok(vec![Report::holds(&host.side)]) };
    let unreached = rotation.unreached.iter().map(|one| unreached(one, &host.side));
    let reports: Vec<Report> = unreached.chain(gone_on_with(situation, host, rotation)).collect();
    Ok(or_holds(reports, Report::holds(&host.side)))
}

/// Whether the members that the host knows have it, by what they say through what it has stored of them.
fn shared(situation: &Situation<'_>, asked_of_members: &'static str) -> Outcome {
    if !situation.members.is_empty() {
        return Err(Unasked::Because(asked_of_members));
    }
    let host = situation.host_with_clusters()?;
    let hosts = host.signs_with().ok_or(Unasked::Because("the host's jwtSecret is not known"))?;
    let asked = some(members(host), "no member is registered yet")?;
    let with_other = asked.iter().filter(|(_, probe)| *probe == Some(&Probe::OtherSecret));
    let with_other: Vec<String> = with_other.map(|(name, _)| format!("\"{name}\"")).collect();
    let untold =
        asked.iter().filter_map(|(name, probe)| Some(format!("\"{name}\" ({})", why_untold(*probe)?)));
    let untold: Vec<String> = untold.collect();
    let other = (!with_other.is_empty()).then(|| not_shared(host, hosts, &with_other.join(", ")));
    let untold = (!untold.is_empty()).then(|| {
        let message = format!("whether its jwtSecret is in effect on {}", untold.join(", "));
        Report::unknown(&host.side, message)
    });
    of(&host.side, other.into_iter().chain(untold))
}

fn members(host: &Observed) -> impl Iterator<Item = (&str, Option<&Probe>)> {
    let clusters = host.clusters.present().into_iter().flatten();
    let members = clusters.filter(|cluster| !cluster.is_host() && !cluster.is_being_deleted());
    members.map(|cluster| (cluster.name(), host.stored.get(cluster.name())))
}

fn why_untold(probe: Option<&Probe>) -> Option<&str> {
    match probe {
        Some(Probe::Answered | Probe::AnsweredUnproven | Probe::OtherSecret) => None,
        Some(Probe::SecretUntold(why) | Probe::Refused(why) | Probe::Failed(why)) => Some(why),
        Some(Probe::OtherCluster(_)) => Some("another cluster answers"),
        Some(Probe::NotAsked) | None => Some("its agent connects it"),
    }
}

fn not_shared(host: &Observed, hosts: &JwtSecret, members: &str) -> Report {
    let (side, fingerprint) = (&host.side, hosts.fingerprint());
    // Its secrets are rotated by helm's own steps, or by nobody.
    let is_of_4 = host.generation() == Some(Generation::Four);
    let cause = if is_of_4 { "somebody has changed one of the two" } else { BROKEN_OFF };
    let message = format!(
        "its jwtSecret {fingerprint} is not in effect on {members}: {cause}; until it is, what the host's users ask there is \
         answered with 401, and tokens are taken there that are signed with another one"
    );
    let report = Report::failure(side, message);
    match given(host) {
        // Another host may have taken it meanwhile, which only the member itself tells.
        _ if is_of_4 => {
            let check = Mc::new("check MEMBER").host(side);
            report.hint(format!("see whose each of them is, and what gives it the host's: `{check}`"))
        }
        Some(_) => completed(report, side),
        None => report.hint(format!("give it to each of them: `{}`", completion(side))),
    }
}

fn unreached(Unreached { cluster, why }: &Unreached, host: &Side) -> Report {
    let message = format!(
        "its member \"{cluster}\" cannot be given another jwtSecret: no context that answers leads there, and {why}; until it \
         has the host's it answers 401 to all that the host's users ask of it, and goes on taking tokens that are signed with \
         its own"
    );
    let rotate = Mc::new("rotate jwt-secret").host(host);
    Report::failure(host, message)
        .hint(format!(
            "name a kubeconfig with a context that leads there: `{rotate} --member-kubeconfig PATH`"
        ))
        .hint(format!("or take it out, if it is gone for good: `{}`", removal(host, cluster)))
        .hint(format!(
            "or go on without it, with `--skip-check {}`, and complete it when it is reached: `{}`",
            CHECK.id,
            completion(host)
        ))
}

/// What gives one member the secret that its host has, whatever becomes of others.
pub fn completion(host: &Side) -> Mc {
    Mc::new("prepare member MEMBER").host(host)
}

/// What takes a member out that does not answer any more.
pub fn removal(host: &Side, cluster: &str) -> Mc {
    Mc::new("unjoin").word(cluster).words("--force").host(host)
}

/// Whoever asked for a fresh secret does not get one this time.
fn gone_on_with(situation: &Situation<'_>, host: &Observed, rotation: &Rotation) -> Option<Report> {
    let decision = situation.decision.filter(|decision| !decision.plan.is_empty())?;
    let secret = &decision.needs.secret;
    if *secret == rotation.secrets.fresh {
        return None;
    }
    let members: Vec<&Observed> = situation.members.iter().filter_map(|member| member.observed).collect();
    let message = format!("no fresh jwtSecret is made: {}", why(secret, host, &members));
    Some(
        Report::warning(&host.side, message).hint(format!("when it is done, {}", recent_rotation::another())),
    )
}

fn why(secret: &JwtSecret, host: &Observed, members: &[&Observed]) -> String {
    let fingerprint = secret.fingerprint();
    if host.effective_secret() != Some(secret) {
        return format!(
            "its ClusterConfiguration asks for {fingerprint}, which is to come into effect first"
        );
    }
    let lagging: Vec<String> = lagging(secret, members).map(ToString::to_string).collect();
    format!(
        "it was given {fingerprint}, which {} {} not have yet: that rotation is completed",
        lagging.join(", "),
        if lagging.len() == 1 { "does" } else { "do" }
    )
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, cluster, config, specify},
        plan::{
            observed::Seen,
            operation::Operation,
            registration::Probe,
            rotation::{Rotation, Secrets, Unreached},
        },
    };

    fn rotating(case: Case, unreached: Vec<Unreached>) -> Case {
        let secrets = Secrets { former: JwtSecret::new(HOST_SECRET), fresh: JwtSecret::new(OTHER_SECRET) };
        case.wanting(|intent| {
            intent.operation = Operation::Rotate;
            intent.host.rotation = Some(Rotation { secrets, completes: false, unreached });
        })
    }

    fn given(case: Case) -> Case {
        case.host(|host| specify(host, &json!({"authentication": {"jwtSecret": HOST_SECRET}})))
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_say() {
        for case in [Case::new().joined(), given(Case::new().joined())] {
            assert_eq!(rotating(case, Vec::new()).says(&CHECK), Vec::<String>::new());
        }
    }

    #[test]
    fn a_member_that_is_not_reached_is_named_with_what_it_refuses_and_what_completes_it() {
        let unreached =
            Unreached { cluster: "edge-9".to_owned(), why: "the host stores no kubeconfig of it".to_owned() };
        let case = rotating(Case::new().joined(), vec![unreached]);
        assert_eq!(
            case.says(&CHECK),
            [
                "failure host \"prod\": its member \"edge-9\" cannot be given another jwtSecret: no context that answers leads \
                 there, and the host stores no kubeconfig of it; until it has the host's it answers 401 to all that the host's \
                 users ask of it, and goes on taking tokens that are signed with its own"
            ]
        );
        let hints = case.hints(&CHECK);
        assert!(
            hints.contains("`kubectl mc rotate jwt-secret --context prod --member-kubeconfig PATH`"),
            "{hints}"
        );
        let removal =
            "or take it out, if it is gone for good: `kubectl mc unjoin edge-9 --force --context prod`";
        assert!(hints.contains(removal), "{hints}");
        assert!(hints.ends_with("`kubectl mc prepare member MEMBER --context prod`"), "{hints}");
    }

    fn checked(probes: &[(&str, Probe)]) -> Case {
        let stored = probes.iter().map(|(name, probe)| ((*name).to_owned(), probe.clone())).collect();
        let clusters = ["edge-1", "edge-2", "edge-3"].map(|name| cluster(name, &format!("uid-of-{name}")));
        let case = given(Case::new().joined()).registered(clusters).host(|host| host.stored = stored);
        case.checking().wanting(|intent| intent.members.clear())
    }

    #[test]
    fn after_a_rotation_that_was_broken_off_a_check_names_who_lags_and_what_completes_it() {
        let all = ["edge-1", "edge-2", "edge-3"].map(|name| (name, Probe::Answered));
        assert_eq!(checked(&all).says(&CHECK), Vec::<String>::new());
        let other = || Probe::OtherSecret;
        let case = checked(&[("edge-1", other()), ("edge-2", Probe::Answered), ("edge-3", other())]);
        let said = case.says(&CHECK);
        let fingerprint = JwtSecret::new(HOST_SECRET).fingerprint();
        let lags = format!(
            "failure host \"prod\": its jwtSecret {fingerprint} is not in effect on \"edge-1\", \"edge-3\": a rotation of the \
             jwtSecret was broken off, or somebody has changed one of the two; until it is"
        );
        assert!(said.len() == 1 && said[0].starts_with(&lags), "{said:?}");
        assert_eq!(
            case.hints(&CHECK),
            "complete the rotation: `kubectl mc rotate jwt-secret --context prod`"
        );
        let never_given = Case::new().joined().checking().wanting(|intent| intent.members.clear());
        let never_given =
            never_given.host(|host| host.stored = [("edge-1".to_owned(), Probe::OtherSecret)].into());
        assert!(never_given.hints(&CHECK).contains("`kubectl mc prepare member MEMBER --context prod`"));
    }

    #[test]
    fn what_a_member_does_not_tell_is_unknown_and_what_it_tells_itself_another_checks() {
        let silent = checked(&[
            ("edge-1", Probe::Failed("the connection was refused".to_owned())),
            ("edge-2", Probe::SecretUntold("forbidden".to_owned())),
        ]);
        let unknown = "unknown host \"prod\": whether its jwtSecret is in effect on \"edge-1\" (the connection was refused), \
                       \"edge-2\" (forbidden), \"edge-3\" (its agent connects it)";
        assert_eq!(silent.says(&CHECK), [unknown]);
        let named = given(Case::new().joined()).checking();
        let named = named.host(|host| host.stored = [("edge-1".to_owned(), Probe::OtherSecret)].into());
        assert!(named.skips(&CHECK).is_some_and(|why| why.contains("`member-in-effect`")));
    }

    #[test]
    fn that_no_fresh_one_is_made_is_said() {
        let lagging = given(Case::new().joined()).member(|member| {
            member.config = Seen::Present(config(&format!("authentication: {{jwtSecret: {OTHER_SECRET}}}")));
        });
        let said = rotating(lagging, Vec::new()).says(&CHECK).join("\n");
        let fingerprint = JwtSecret::new(HOST_SECRET).fingerprint();
        assert_eq!(
            said,
            format!(
                "warning host \"prod\": no fresh jwtSecret is made: it was given {fingerprint}, which member \"edge-1\" does \
                 not have yet: that rotation is completed"
            )
        );
        let pending = Case::new().joined().host(|host| {
            specify(host, &json!({"authentication": {"jwtSecret": "another"}}));
        });
        let said = rotating(pending, Vec::new()).says(&CHECK).join("\n");
        assert!(said.ends_with("which is to come into effect first"), "{said}");
    }
}
