//! The `StorageClass` that every run of the installer asserts is there.

use kubesphere::{cluster_configuration::ClusterConfiguration, command::Kubectl, side::Side};

use super::{
    Check, Report, Rule, Situation, Unjoining, Verdict,
    rule::{JOINING, NO_INSTALLER, NO_RUN, Outcome, each, some},
};
use crate::plan::{
    observed::{Observed, Seen},
    surroundings::StorageClass,
};

pub(super) const CHECK: Check = Check {
    id: "default-storage-class",
    title: "the StorageClass that the installer requires exists",
    skippable: true,
    rules: &[Rule::Joining(JOINING, run), Rule::Unjoining(unjoining)],
    unasked: &[NO_INSTALLER],
};

/// Also a run for a mere role ends at once without it, with nothing written and exit code 0 (ks-installer
/// `roles/preinstall/tasks/precheck.yaml@v3.4.1`).
fn run(situation: &Situation<'_>) -> Outcome {
    // Where no run follows, the next one will fail.
    let verdict = |side: &Side| {
        if situation.runs_installer(side) { Verdict::Failure } else { Verdict::Warning }
    };
    of_clusters(&situation.answering()?, verdict)
}

/// A removal takes the Cluster out without that run.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    of_clusters(unjoining.clusters().with_installer()?, |_| Verdict::Warning)
}

fn of_clusters(clusters: &[&Observed], verdict: impl Fn(&Side) -> Verdict) -> Outcome {
    let seen = clusters.iter().filter_map(|observed| {
        let wanted = observed.configuration.present().map(ClusterConfiguration::storage_class)?;
        Some((&observed.side, wanted, observed.surroundings.storage_classes.as_ref()?))
    });
    let of_cluster =
        |(side, wanted, classes): (&Side, _, _)| of_cluster(side, wanted, classes, verdict(side));
    each(some(seen, NO_RUN)?, |(side, ..)| side, of_cluster)
}

fn of_cluster(
    side: &Side,
    wanted: Option<&str>,
    classes: &Seen<Vec<StorageClass>>,
    verdict: Verdict,
) -> Option<Report> {
    let classes = match classes {
        Seen::Present(classes) => classes.as_slice(),
        Seen::Absent => &[],
        Seen::Unreadable(reason) | Seen::Malformed(reason) => {
            let message = format!("whether the StorageClass that the installer asserts is there: {reason}");
            return Some(Report::unknown(side, message));
        }
    };
    let is_wanted = |class: &StorageClass| wanted.map_or(class.is_default, |name| class.name == name);
    if classes.iter().any(is_wanted) {
        return None;
    }
    let missing = wanted.map_or_else(
        || "no StorageClass is the default one".to_owned(),
        |name| format!("there is no StorageClass {name}, which spec.persistence.storageClass names"),
    );
    let message =
        format!("{missing}: every run of the installer ends at once without it, and nothing takes effect");
    Some(Report::of(verdict, side, message).hint(hint(side, wanted, classes)))
}

fn hint(side: &Side, wanted: Option<&str>, classes: &[StorageClass]) -> String {
    if let Some(name) = wanted {
        return format!(
            "create StorageClass {name}, or empty spec.persistence.storageClass to use the default one"
        );
    }
    let (first, name) = match classes.first() {
        Some(class) => ("", class.name.as_str()),
        None => ("create one, then ", "NAME"),
    };
    let annotate = Kubectl::on(side).words("annotate storageclass").word(name);
    format!("{first}mark one: `{annotate} storageclass.kubernetes.io/is-default-class=true`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, specify, surround},
        plan::{
            observed::{Observed, Seen},
            surroundings::StorageClass,
        },
    };

    fn with_classes(classes: &'static [(&'static str, bool)]) -> impl FnOnce(&mut Observed) {
        let class = |(name, is_default): &(&str, bool)| StorageClass {
            name: (*name).to_owned(),
            is_default: *is_default,
        };
        let classes = classes.iter().map(class).collect();
        |observed| surround(observed, |around| around.storage_classes = Some(Seen::Present(classes)))
    }

    fn naming(name: &'static str) -> impl FnOnce(&mut Observed) {
        move |observed| specify(observed, &json!({"persistence": {"storageClass": name}}))
    }

    #[test]
    fn a_default_class_the_named_one_and_no_look_are_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
        let default = Case::new().host(with_classes(&[("nfs", false), ("local", true)]));
        assert_eq!(default.says(&CHECK), Vec::<String>::new());
        let named = Case::new().host(with_classes(&[("nfs", false)])).host(naming("nfs"));
        assert_eq!(named.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn without_a_default_class_the_run_that_follows_would_fail() {
        let case = Case::new().member(with_classes(&[("nfs", false)]));
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": no StorageClass is the default one: every run of the installer ends at once without it, and nothing takes effect"
            ]
        );
        assert_eq!(
            case.hints(&CHECK),
            "mark one: `kubectl --context edge-1 annotate storageclass nfs storageclass.kubernetes.io/is-default-class=true`"
        );
    }

    #[test]
    fn a_named_class_must_be_there_though_another_is_the_default() {
        let case = Case::new().host(with_classes(&[])).host(naming("nfs"));
        assert!(
            case.says(&CHECK)[0].starts_with("failure host \"prod\": there is no StorageClass nfs, which")
        );
    }

    #[test]
    fn where_no_run_follows_it_is_a_warning() {
        let case = Case::new().joined().checking().member(with_classes(&[]));
        assert!(case.says(&CHECK)[0].starts_with("warning member \"edge-1\": no StorageClass"));
    }

    #[test]
    fn what_may_not_be_read_is_unknown() {
        let forbidden = |observed: &mut Observed| {
            let seen = Seen::Unreadable("forbidden".to_owned());
            surround(observed, |around| around.storage_classes = Some(seen));
        };
        assert_eq!(
            Case::new().host(forbidden).says(&CHECK),
            [
                "unknown host \"prod\": whether the StorageClass that the installer asserts is there: forbidden"
            ]
        );
    }
}
