//! A rotation gives all members of a host the same secret.

use kubesphere::{command::Mc, jwt_secret::JwtSecret, side::Side, versions::Generation};

use super::{
    Check, Report, Rule, Situation,
    rule::{Outcome, Reason, or_holds},
};
use crate::plan::{
    observed::Observed,
    operation::Operation,
    rotation::{Rotation, Unreached, lagging},
};

pub(super) const CHECK: Check = Check {
    id: "rotated-members",
    title: "every member can be given the jwtSecret",
    skippable: true,
    rules: &[Rule::Federating(&[Operation::Rotate], run)],
    unasked: &[
        Reason::on(Generation::Four, "a host of KubeSphere 4 gives its members its jwtSecret itself"),
        Reason::of(
            &[
                Operation::Check,
                Operation::Join,
                Operation::PrepareHost,
                Operation::PrepareMember,
                Operation::Import,
                Operation::Renew,
                Operation::Unjoin,
            ],
            "only `rotate jwt-secret` changes all members of a host",
        ),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let Some(rotation) = &situation.intent.host.rotation else { return Ok(vec![Report::holds(&host.side)]) };
    let unreached = rotation.unreached.iter().map(|one| unreached(one, &host.side));
    let reports: Vec<Report> = unreached.chain(gone_on_with(situation, host, rotation)).collect();
    Ok(or_holds(reports, Report::holds(&host.side)))
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
        Report::warning(&host.side, message)
            .hint("for a fresh one, run the same command again when it is done"),
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
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, config, specify},
        plan::{
            observed::Seen,
            operation::Operation,
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
        assert!(hints.ends_with("`kubectl mc prepare member MEMBER --context prod`"), "{hints}");
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
