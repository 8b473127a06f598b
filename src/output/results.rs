//! What the steps of a plan came to.

use kubesphere::{object::ObjectKind, side::Side};

use super::{ui::Ui, words::dry_run_suffix};
use crate::{
    cli::DryRun,
    error::Error,
    live::registering::WithoutVersion,
    plan::{
        credential::CredentialObject,
        result::{Effect, StepResult},
    },
};

/// The result lines, as kubectl writes them.
pub fn show(ui: &Ui, results: &[StepResult], dry_run: DryRun) -> Result<(), Error> {
    results.iter().try_for_each(|result| ui.result(&line(result, dry_run)))
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
    ui.warning(&format!("{member}: it is joined, but the host does not know its KubeSphere version: {why}"));
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
