//! A rotation that was broken off when all had the new secret already, or were about to, is repeated by the same command. Nobody
//! who does that wants all sessions to end once more.

use jiff::{SignedDuration, Timestamp};
use kubesphere::command::Mc;

use super::{
    Check, Report, Rule, Situation,
    rotated_members::completion,
    rule::{NO_INSTALLER, Outcome, Reason, of},
};
use crate::plan::{
    human_duration::human_duration,
    lifetime::DAY,
    observed::Observed,
    operation::Operation,
    rotation::{Rotation, given},
};

pub const CHECK: Check = Check {
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
    of(&host.side, begins.and_then(|rotation| given_lately(rotation, host, &unseen(situation, rotation))))
}

/// The members of which nobody knows whether they have it.
fn unseen(situation: &Situation<'_>, rotation: &Rotation) -> Vec<String> {
    let silent = situation.members.iter().filter(|member| member.observed.is_none());
    let silent = silent.map(|member| member.intent.side.to_string());
    rotation.unreached.iter().map(|one| format!("\"{}\"", one.cluster)).chain(silent).collect()
}

/// The host and all members that were seen have it: otherwise no other one would be made. Whether a rotation has given it,
/// and when, is not told: each of our changes renews the time.
fn given_lately(rotation: &Rotation, host: &Observed, unseen: &[String]) -> Option<Report> {
    let secret = given(host).filter(|given| *given == rotation.secrets.former && given.usable().is_ok())?;
    let changed_at: Timestamp = host.configuration.present()?.jwt_secret_given_at()?.parse().ok()?;
    let ago = host.clock.now.duration_since(changed_at);
    let (side, check) = (&host.side, Mc::new("check").host(&host.side));
    (ago < SignedDuration::from_secs(DAY)).then(|| {
        let who_has_it = if unseen.is_empty() {
            "all its members have it, so that no rotation is left to complete".to_owned()
        } else {
            format!("whether {} has it is not known", unseen.join(", "))
        };
        let message = format!(
            "kubectl-mc has given it the jwtSecret {}, and changed its configuration last {} ago; {who_has_it}; another one would end \
             all sessions once more",
            secret.fingerprint(),
            human_duration(ago)
        );
        let report = Report::failure(side, message).hint(format!("see that all is well: `{check}`"));
        let report = match unseen {
            [] => report,
            _ => report.hint(format!("give it to who lacks it, once it is reached: `{}`", completion(side))),
        };
        report.hint(another())
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
            rotation::{Rotation, Secrets, Unreached},
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
                "failure host \"prod\": kubectl-mc has given it the jwtSecret {fingerprint}, and changed its configuration last 12m \
                 ago; all its members have it, so that no rotation is left to complete; another one would end all sessions once \
                 more"
            )]
        );
        let hints = case.hints(&CHECK);
        assert!(hints.contains("`kubectl mc check --context prod`"), "{hints}");
        assert!(hints.ends_with("the same command with `--skip-check recent-rotation`"), "{hints}");
    }

    #[test]
    fn nothing_is_said_to_be_complete_that_was_not_seen() {
        let unreached = Unreached { cluster: "edge-9".to_owned(), why: "gone".to_owned() };
        let behind = rotating("kubectl-mc", 720).wanting(|intent| {
            intent.host.rotation.as_mut().unwrap().unreached = vec![unreached];
        });
        let said = behind.says(&CHECK).join("\n");
        assert!(said.contains("; whether \"edge-9\" has it is not known; "), "{said}");
        assert!(!said.contains("complete"), "{said}");
        let give = "`kubectl mc prepare member MEMBER --context prod`";
        assert!(behind.hints(&CHECK).contains(give), "{}", behind.hints(&CHECK));
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
