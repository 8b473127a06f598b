//! The webhook before updates of Clusters is not narrowed: `unjoin --force` does that for a moment.

use kubesphere::{
    cluster_webhook::{CONFIGURATION, GROUP, PLURAL},
    command::Kubectl,
    side::Side,
};

use super::{
    Check, Finding, Report, Rule,
    rule::{CHANGING, LOOKING, Reason},
};
use crate::plan::{
    narrowing::{ANNOTATION, Field, Record, Standing},
    observed::Seen,
};

pub(super) const CHECK: Check = Check {
    id: "cluster-webhook",
    title: "the Cluster webhook is fully enabled",
    skippable: false,
    rules: &[Rule::Later(LOOKING)],
    unasked: &[Reason::of(CHANGING, "only `check` tells it: a command that changes the host restores it")],
};

/// How it stands on the host.
pub fn found(host: &Side, standing: &Seen<Standing>) -> Vec<Finding> {
    CHECK.named(vec![report(host, standing)])
}

pub fn warning(standing: &Seen<Standing>) -> Option<String> {
    match standing.present()? {
        Standing::Untouched => None,
        Standing::Narrowed(restoration) => {
            Some(format!("{}, by a command that is running, or was killed", narrowed(&restoration.record)))
        }
        Standing::Malformed(why) => Some(format!(
            "the annotation {ANNOTATION} of {PLURAL}/{CONFIGURATION} is not as kubectl-mc writes it, so whether the \
             webhook is narrowed is not known ({why})"
        )),
    }
}

/// What a narrowing means, as a fragment.
pub fn narrowed(record: &Record) -> String {
    let Record { webhook, cluster, since, .. } = record;
    match record.field {
        Field::MatchConditions => {
            format!("webhook {webhook} lets every update of Cluster {cluster} pass since {since}")
        }
        Field::Rules => format!(
            "webhook {webhook} is off for all Clusters since {since}, so that Cluster {cluster} could be removed"
        ),
    }
}

fn report(host: &Side, standing: &Seen<Standing>) -> Report {
    if let Some(why) = standing.unreadable() {
        return Report::unknown(host, format!("whether the webhook before Clusters is narrowed: {why}"));
    }
    let Some(message) = warning(standing) else { return Report::holds(host) };
    let report = Report::warning(host, message);
    match standing {
        Seen::Present(Standing::Malformed(_)) => {
            let kubectl = Kubectl::on(host);
            let object = format!("{PLURAL}.{GROUP} {CONFIGURATION}");
            report
                .hint(format!("compare it with KubeSphere's: `{kubectl} get {object} -o yaml`"))
                .hint(format!("then remove it: `{kubectl} annotate {object} {ANNOTATION}-`"))
        }
        _ => report.hint("the next `kubectl mc` command that changes this host restores it"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kubesphere::{
        cluster_webhook::{ClusterWebhook, WEBHOOK},
        side::Side,
    };
    use serde_json::json;

    use super::{found, warning};
    use crate::{
        checks::{Report, Verdict},
        plan::{
            narrowing::{ANNOTATION, Field, Narrowing, Standing, narrow, standing},
            observed::Seen,
        },
    };

    fn report(standing: &Seen<Standing>) -> Report {
        found(&Side::host("a b"), standing).remove(0).report
    }

    fn narrowed(field: Field) -> Standing {
        let rule = json!({"apiGroups": ["*"], "operations": ["*"], "resources": ["clusters"]});
        let webhook =
            ClusterWebhook::new(json!({"metadata": {}, "webhooks": [{"name": WEBHOOK, "rules": [rule]}]}));
        let narrowing: Narrowing = narrow(&webhook, "edge-1", field, Timestamp::UNIX_EPOCH).unwrap();
        Standing::Narrowed(Box::new(narrowing.restoration(&webhook).unwrap()))
    }

    #[test]
    fn it_holds_where_nothing_is_narrowed_or_nothing_is_there() {
        assert_eq!(report(&Seen::Present(Standing::Untouched)).verdict, Verdict::Ok);
        assert_eq!(report(&Seen::Absent).verdict, Verdict::Ok);
        assert_eq!(report(&Seen::Unreadable("forbidden".to_owned())).verdict, Verdict::Unknown);
    }

    #[test]
    fn what_is_narrowed_is_said_with_what_that_means() {
        for (field, meaning) in [
            (Field::MatchConditions, "lets every update of Cluster edge-1 pass since 1970"),
            (Field::Rules, "is off for all Clusters since 1970"),
        ] {
            let standing = Seen::Present(narrowed(field));
            assert!(warning(&standing).unwrap().contains(meaning));
            let report = report(&standing);
            assert_eq!(report.verdict, Verdict::Warning);
            assert!(report.message.contains(meaning), "{}", report.message);
            assert_eq!(report.hints.len(), 1);
        }
    }

    #[test]
    fn an_annotation_of_others_is_told_with_the_commands_that_help() {
        let object = json!({"metadata": {"annotations": {ANNOTATION: "x"}}});
        let report = report(&Seen::Present(standing(&ClusterWebhook::new(object))));
        assert_eq!(report.verdict, Verdict::Warning);
        assert!(report.hints[1].contains("--context 'a b' annotate"), "{:?}", report.hints);
    }
}
