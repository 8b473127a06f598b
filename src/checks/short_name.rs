//! Nothing else is called `cc`.

use super::{
    Check, Clusters, Report, Rule,
    rule::{EVERY, NO_INSTALLER, NO_RUN, Outcome, each, some},
};
use crate::plan::observed::{Observed, Seen};

pub(super) const CHECK: Check = Check {
    id: "short-name-cc",
    title: "the short name cc means ClusterConfiguration",
    skippable: true,
    rules: &[Rule::Clusters(EVERY, run)],
    unasked: &[NO_INSTALLER],
};

/// The installer runs `kubectl patch cc` itself and fails at "Importing ks-core status" where another
/// resource has the short name (ks-installer issues 2185, 2287, 2296).
fn run(clusters: &Clusters<'_>) -> Outcome {
    let clusters = clusters.with_installer()?.iter();
    let looked_at = clusters.filter(|observed| observed.short_name_clashes != Seen::Absent);
    each(some(looked_at, NO_RUN)?, |observed| &observed.side, |observed| of_cluster(observed))
}

fn of_cluster(observed: &Observed) -> Option<Report> {
    let side = &observed.side;
    match &observed.short_name_clashes {
        Seen::Present(clashes) if !clashes.is_empty() => Some(
            Report::failure(
                side,
                format!("{} has the short name `cc` too, so the installer's own `kubectl patch cc` may hit it and fail", clashes.join(", ")),
            )
            .hint("remove the short name from that resource's definition, or switch off its API, until the installer has run"),
        ),
        Seen::Unreadable(reason) | Seen::Malformed(reason) => {
            Some(Report::unknown(side, format!("whether another resource has the short name `cc`: {reason}")))
        }
        Seen::Present(_) | Seen::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{checks::fixture::Case, plan::observed::Seen};

    fn said_of(clashes: Seen<Vec<String>>) -> Vec<String> {
        Case::new().host(|host| host.short_name_clashes = clashes).says(&CHECK)
    }

    #[test]
    fn no_other_cc_is_fine() {
        assert_eq!(said_of(Seen::Absent), Vec::<String>::new());
        assert_eq!(said_of(Seen::Present(Vec::new())), Vec::<String>::new());
    }

    #[test]
    fn another_cc_would_break_the_installers_own_kubectl() {
        assert_eq!(
            said_of(Seen::Present(vec!["clustercidrs.networking.k8s.io".to_owned()])),
            [
                "failure host \"prod\": clustercidrs.networking.k8s.io has the short name `cc` too, so the installer's own \
              `kubectl patch cc` may hit it and fail"
            ]
        );
    }

    #[test]
    fn without_discovery_it_is_unknown() {
        assert_eq!(
            said_of(Seen::Unreadable("forbidden".to_owned())),
            ["unknown host \"prod\": whether another resource has the short name `cc`: forbidden"]
        );
    }
}
