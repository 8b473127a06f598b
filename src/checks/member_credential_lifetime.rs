//! The context's own credential, where it is stored, holds for some time.

use kubesphere::{command::Mc, fleet_entry::Setting, side::Side};

use super::{
    Check, Report, Rule, Situation, Verdict,
    rule::{NOTHING_STORED, Outcome, STORING, each, some},
    situation::ToStore,
};
use crate::plan::{
    credential::{Choice, CredentialKind},
    intent::ClusterIntent,
    lifetime::{DAY, SOON, day, end, left},
    member_kubeconfig::StoredUser,
    observed::Observed,
};

pub(super) const CHECK: Check = Check {
    id: "member-credential-lifetime",
    title: "the member's credential is not about to expire",
    skippable: true,
    rules: &[Rule::Joining(STORING, run), Rule::Installing(STORING, renewed_by_host)],
    unasked: &[NOTHING_STORED],
};

/// The controller stores the token of KubeSphere's own service account for a certificate of system:masters, and for any other a
/// certificate of the kubeconfig's user name without its groups (kubesphere
/// `pkg/controller/cluster/kubeconfig.go@v4.1.3:95-131,166,226`).
fn renewed_by_host(situation: &Situation<'_>) -> Outcome {
    let stored = situation.members_to_store()?.into_iter();
    let of_member = |(side, cluster, _): ToStore<'_>| {
        let has_certificate = matches!(cluster.user, Ok(StoredUser::Certificate { .. }));
        (cluster.credential == Choice::Context && has_certificate).then(|| {
            let message = "the host replaces its client certificate by itself in the last seven days, and what it puts in its \
                           place may have no rights";
            Report::warning(&side, message)
                .hint(format!(
                    "leave out {}: a service account's token is left alone",
                    side.setting_to(Setting::Credentials, "context")
                ))
        })
    };
    each(stored, |(side, ..)| side, of_member)
}

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.host.and_then(Observed::kubesphere_version);
    let of_contexts = situation.members_to_store()?.into_iter().filter_map(|(side, cluster, member)| {
        let user = cluster
            .user
            .as_ref()
            .ok()
            .filter(|_| cluster.credential.kind(host) == CredentialKind::Context)?;
        Some((side, cluster, user, member?.endpoint.as_ref()?.at))
    });
    let of_contexts = some(of_contexts, "no context's own credential is to be stored")?;
    let of_member = |(side, cluster, user, at): (Side, &ClusterIntent, &StoredUser, _)| {
        let report = ending(&side, user, at)?;
        let renewal = Mc::new("renew").word(&cluster.name).host(situation.host.map(|host| &host.side));
        let renewal = renewal.member_context(&side).skipping(&situation.intent.skipped.of(&side));
        let lasts_a_while = report.verdict == Verdict::Warning;
        Some(if lasts_a_while { report.hint(format!("or renew it in time: `{renewal}`")) } else { report })
    };
    each(of_contexts, |(side, ..)| side, of_member)
}

fn ending(side: &Side, user: &StoredUser, now: i64) -> Option<Report> {
    let until = end(user)?;
    let credential = if user.has_certificate() { "the client certificate" } else { "the token" };
    let said = side.setting_to(Setting::Credentials, "context");
    let hint = format!("let the host have a service account of its own: leave out {said}");
    if until <= now {
        let message = format!("{credential} of its context expired on {}", day(until));
        return Some(Report::failure(side, message).hint(hint));
    }
    if until - now < DAY {
        let message = format!(
            "{credential} of its context expires in {}, and the host would lose the member then: nobody renews what is stored",
            left(now, until)
        );
        return Some(Report::failure(side, message).hint(hint));
    }
    (until - now < SOON).then(|| {
        let message =
            format!("{credential} of its context expires on {}, in {}", day(until), left(now, until));
        Report::warning(side, message).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::{CHECK, DAY};
    use crate::{
        checks::fixture::{Case, endpoint},
        plan::{credential::Choice, member_kubeconfig::StoredUser},
    };

    fn with_token_for(seconds: i64, choice: Choice) -> Vec<String> {
        let claims = format!("{{\"exp\": {}}}", endpoint().at + seconds);
        let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims));
        let case = Case::new().member(|member| member.endpoint = Some(endpoint()));
        let case = case.wanting_cluster(|cluster| {
            cluster.credential = choice;
            cluster.user = Ok(StoredUser::Token(token.into()));
        });
        case.says(&CHECK)
    }

    #[test]
    fn a_token_of_hours_is_refused_because_nobody_renews_it() {
        assert_eq!(
            with_token_for(3 * 3600, Choice::Context),
            [
                "failure member \"edge-1\": the token of its context expires in 3 hours, and the host would lose the member \
              then: nobody renews what is stored"
            ]
        );
        let ended = "failure member \"edge-1\": the token of its context expired on 2023-11-14";
        assert_eq!(with_token_for(-5, Choice::Context), [ended]);
    }

    #[test]
    fn one_that_ends_within_a_month_is_a_warning() {
        let said = "warning member \"edge-1\": the token of its context expires on 2023-11-24, in 10 days";
        assert_eq!(with_token_for(10 * DAY, Choice::Context), [said]);
        assert_eq!(with_token_for(40 * DAY, Choice::Context), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_stored_may_end_whenever_it_likes() {
        assert_eq!(with_token_for(60, Choice::Auto), Vec::<String>::new());
    }
}
