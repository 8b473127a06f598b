//! What the steps of a plan came to.

use std::time::Duration;

use kubesphere::{object::ObjectKind, side::Side};

use super::{
    line::Line,
    style::Tone,
    ui::Ui,
    words::{count, dry_run_suffix, elapsed},
};
use crate::{
    cli::{ChangeOptions, DryRun, ResultFormat},
    error::Error,
    live::registering::WithoutVersion,
    plan::{
        credential::CredentialObject,
        result::{Effect, StepResult},
    },
};

/// The results as lines, as kubectl writes them; their names where those are asked for, one line in sum where each was
/// told on the same terminal, and none where the one object has them.
pub fn show(
    ui: &Ui,
    change: &ChangeOptions,
    results: &[StepResult],
    took: Option<Duration>,
) -> Result<(), Error> {
    let dry_run = change.dry_run;
    match change.output {
        Some(ResultFormat::Json | ResultFormat::Yaml) => Ok(()),
        Some(ResultFormat::Name) => results.iter().try_for_each(|it| ui.result(it.object.to_string())),
        None if results.len() > 1 && ui.told_on_the_same_terminal() => {
            ui.result(Line::toned(Tone::Good, sum(results, dry_run, took)))
        }
        None => results.iter().try_for_each(|result| ui.result(line(result, dry_run))),
    }
}

/// `4 objects created, 2 patched (3s)`
fn sum(results: &[StepResult], dry_run: DryRun, took: Option<Duration>) -> String {
    const ORDER: [Effect; 5] =
        [Effect::Created, Effect::Patched, Effect::Restarted, Effect::Deleted, Effect::Unchanged];
    let numbers = ORDER.map(|effect| (effect, results.iter().filter(|it| it.effect == effect).count()));
    let told = numbers.into_iter().filter(|(_, number)| *number > 0).enumerate();
    let told = told.map(|(at, (effect, number))| {
        let number = if at == 0 { count(number, "object") } else { number.to_string() };
        format!("{number} {}", effect.as_str())
    });
    let took = took.filter(|_| dry_run == DryRun::None).map(|took| format!(" ({})", elapsed(took)));
    let told = told.collect::<Vec<_>>().join(", ");
    format!("{told}{}{}", took.unwrap_or_default(), dry_run_suffix(dry_run))
}

/// Both sides have a ClusterConfiguration of the same name; the Cluster's name is its own.
fn line(result: &StepResult, dry_run: DryRun) -> String {
    let StepResult { cluster, object, effect } = result;
    let place = if object.kind == ObjectKind::CLUSTER { String::new() } else { format!(" on {cluster}") };
    let object = match effect {
        Effect::Deleted => format!("{} \"{}\"", object.kind.singular(), object.name),
        _ => object.to_string(),
    };
    format!("{object} {}{place}{}", effect.as_str(), dry_run_suffix(dry_run))
}

/// Where a member's Cluster is ready without a known KubeSphere.
pub fn warn_of_unknown_version(ui: &Ui, member: &Side, why: &WithoutVersion) {
    let why = match why {
        WithoutVersion::Unasked => "its ks-apiserver does not answer the host".to_owned(),
        WithoutVersion::Unrecorded => {
            "the member's ks-apiserver answers here, but the host has not recorded it".to_owned()
        }
        WithoutVersion::Silent(cause) => {
            format!("the member's ks-apiserver does not answer through its API server: {cause}")
        }
    };
    ui.warning(format!("{member}: it is joined, but the host does not know its KubeSphere version: {why}"));
}

/// A hint: which objects of a member have a credential that no host stores. It is a cluster-admin's.
pub fn credential_left(member: &Side, results: &[StepResult]) -> Option<String> {
    let is_stored = results.iter().any(|result| result.object.kind == ObjectKind::CLUSTER);
    let made = results.iter().filter(|result| CredentialObject::is_credential(&result.object));
    let made: Vec<String> = made.map(|result| result.object.to_string()).collect();
    (!is_stored && !made.is_empty()).then(|| {
        format!(
            "{member}: {} has a cluster-admin's credential that was made just now; unless the host stores it, the next `kubectl mc renew` that succeeds removes it",
            made.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use kubesphere::object::ObjectRef;

    use super::*;

    fn line_of(object: ObjectRef, effect: Effect) -> String {
        line(&StepResult::new(&Side::member("edge-1"), object, effect), DryRun::None)
    }

    #[test]
    fn results_read_as_kubectls() {
        let secret = ObjectKind::SECRET.named("s");
        assert_eq!(line_of(secret.clone(), Effect::Created), "secret/s created on member \"edge-1\"");
        assert_eq!(line_of(secret, Effect::Deleted), "secret \"s\" deleted on member \"edge-1\"");
        let cluster = ObjectKind::CLUSTER.named("c");
        assert_eq!(line_of(cluster, Effect::Created), "cluster.cluster.kubesphere.io/c created");
    }

    #[test]
    fn a_terminal_is_shown_the_sum() {
        let result = |effect| StepResult::new(&Side::host("prod"), ObjectKind::SECRET.named("s"), effect);
        let [made, patched] = [result(Effect::Created), result(Effect::Patched)];
        let results = [made.clone(), patched, made];
        let took = Some(Duration::from_secs(63));
        assert_eq!(sum(&results, DryRun::None, took), "2 objects created, 1 patched (1m03s)");
        assert_eq!(sum(&results[..1], DryRun::None, None), "1 object created");
        assert_eq!(sum(&results, DryRun::Server, took), "2 objects created, 1 patched (server dry run)");
    }

    #[test]
    fn a_credential_that_was_not_stored_is_named() {
        let member = Side::member("edge-1");
        let made = |object| StepResult::new(&member, object, Effect::Created);
        assert_eq!(credential_left(&member, &[made(CredentialObject::ServiceAccount.object())]), None);
        let secret = made(ObjectKind::SECRET.named("kubectl-mc-host-token-1"));
        let said = credential_left(&member, std::slice::from_ref(&secret)).unwrap();
        assert!(said.starts_with("member \"edge-1\": secret/kubectl-mc-host-token-1 has"), "{said}");
        let renewed =
            StepResult::new(&Side::host("prod"), ObjectKind::CLUSTER.named("edge-1"), Effect::Patched);
        assert_eq!(credential_left(&member, &[secret, renewed]), None, "it is in use");
    }
}
