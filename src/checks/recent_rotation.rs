//! A rotation that was broken off when all had the new secret already, or were about to, is repeated by the same command. Nobody
//! who does that wants all sessions to end once more.

use jiff::{SignedDuration, Timestamp};
use kubesphere::command::Mc;

use super::{
    Check, Report, Rule, Situation,
    rule::{NO_INSTALLER, Outcome, Reason, of},
};
use crate::plan::{
    human_duration::human_duration,
    lifetime::DAY,
    observed::Observed,
    operation::Operation,
    rotation::{Rotation, given},
};

pub(super) const CHECK: Check = Check {
    id: "recent-rotation",
    title: "the host was not given a jwtSecret within the last day",
    skippable: true,
    rules: &[Rule::Federating(&[Operation::Rotate], run)],
    unasked: &[
        NO_INSTALLER,
        Reason::beside(&[Operation::Rotate], "only `rotate jwt-secret` makes a fresh jwtSecret"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let members: Vec<&Observed> = situation.members.iter().filter_map(|member| member.observed).collect();
    let rotation = situation.intent.host.rotation.as_ref();
    let begins = rotation.filter(|rotation| rotation.begins(host, &members));
    of(&host.side, begins.and_then(|rotation| given_lately(rotation, host)))
}

/// The host and all its members have it: otherwise no other one would be made.
fn given_lately(rotation: &Rotation, host: &Observed) -> Option<Report> {
    let secret = given(host).filter(|given| *given == rotation.secrets.former && given.usable().is_ok())?;
    let given_at: Timestamp = host.configuration.present()?.jwt_secret_given_at()?.parse().ok()?;
    let ago = host.clock.now.duration_since(given_at);
    let (side, check) = (&host.side, Mc::new("check").host(&host.side));
    (ago < SignedDuration::from_secs(DAY)).then(|| {
        let message = format!(
            "it was given the jwtSecret {} {} ago, and all that were asked have it: that rotation is complete, and another one would \
             end all sessions once more",
            secret.fingerprint(),
            human_duration(ago)
        );
        Report::failure(side, message).hint(format!("see that all is well: `{check}`")).hint(another())
    })
}

/// What makes a fresh one all the same.
pub fn another() -> String {
    format!("for a fresh one all the same: the same command with `--skip-check {}`", CHECK.id)
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;
    use serde_json::json;

    use super::{CHECK, DAY};
    use crate::{
        checks::fixture::{Case, HOST_SECRET, OTHER_SECRET, change_configuration, specify},
        plan::{
            operation::Operation,
            rotation::{Rotation, Secrets},
        },
    };

    /// All agree, so many seconds after the host was given its secret by this manager.
    fn rotating(manager: &str, seconds: i64) -> Case {
        let secrets = Secrets { former: JwtSecret::new(HOST_SECRET), fresh: JwtSecret::new(OTHER_SECRET) };
        let owned = json!({"f:spec": {"f:authentication": {"f:jwtSecret": {}}}});
        let entry = json!({"manager": manager, "time": "2026-01-01T00:00:00Z", "fieldsV1": owned});
        let case = Case::new().joined().host(|host| {
            specify(host, &json!({"authentication": {"jwtSecret": HOST_SECRET}}));
            change_configuration(host, &json!({"metadata": {"managedFields": [entry]}}));
            let given_at: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            host.clock.now = given_at + jiff::SignedDuration::from_secs(seconds);
        });
        case.wanting(|intent| {
            intent.operation = Operation::Rotate;
            intent.host.rotation = Some(Rotation { secrets, completes: false, unreached: Vec::new() });
        })
    }

    #[test]
    fn whoever_repeats_a_rotation_that_all_have_got_is_told_so() {
        let case = rotating("kubectl-mc", 720);
        let fingerprint = JwtSecret::new(HOST_SECRET).fingerprint();
        assert_eq!(
            case.says(&CHECK),
            [format!(
                "failure host \"prod\": it was given the jwtSecret {fingerprint} 12m ago, and all that were asked have it: that \
                 rotation is complete, and another one would end all sessions once more"
            )]
        );
        let hints = case.hints(&CHECK);
        assert!(hints.contains("`kubectl mc check --context prod`"), "{hints}");
        assert!(hints.ends_with("the same command with `--skip-check recent-rotation`"), "{hints}");
    }

    #[test]
    fn what_is_older_or_somebody_elses_is_replaced() {
        assert_eq!(rotating("kubectl-mc", DAY).says(&CHECK), Vec::<String>::new());
        assert_eq!(rotating("kubectl-edit", 720).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn who_completes_a_rotation_or_has_just_begun_one_is_not_stopped() {
        let lagging = rotating("kubectl-mc", 720).member(|member| {
            specify(member, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        });
        assert_eq!(lagging.says(&CHECK), Vec::<String>::new());
        let begun = rotating("kubectl-mc", 720).host(|host| {
            specify(host, &json!({"authentication": {"jwtSecret": OTHER_SECRET}}));
        });
        assert_eq!(begun.says(&CHECK), Vec::<String>::new());
    }
}
