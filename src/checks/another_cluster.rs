//! A context that leads to another cluster than the Cluster stands for.

use kubesphere::{command::Kubectl, fleet_entry::Setting};

use super::Report;
use crate::plan::observed::Observed;

/// By what name the host has it, or by their UIDs, that it is not the one of this name and UID.
pub(super) fn report(name: &str, uid: &str, host: &Observed, member: &Observed) -> Report {
    let side = &member.side;
    let message = match host.clusters_with_uid(&member.uid).next() {
        Some(known) => format!("it is the host's \"{}\", and not \"{name}\"", known.name()),
        None => format!(
            "it is another cluster than the host's \"{name}\": the UID of its kube-system is {}, and that of \"{name}\" {uid}",
            member.uid
        ),
    };
    let contexts = Kubectl::config(side);
    let hint = format!(
        "name the context of \"{name}\" with {}; `{contexts} get-contexts` lists them",
        side.setting(Setting::Context)
    );
    Report::failure(side, message).hint(hint).only_cause_of([side])
}
