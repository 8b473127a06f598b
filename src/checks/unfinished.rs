//! What is said of a configuration that is not, or no longer, in effect, on either side.

use super::{Report, Situation};
use crate::{
    kubesphere::{command::Mc, side::Side},
    plan::{configuration_patch::ConfigurationPatch, operation::Operation},
};

/// A run that failed before: a join makes up for it, an import says it in its own words. `command` makes the installer
/// run again.
pub(super) fn restart(situation: &Situation<'_>, side: &Side, missing: &str, command: &Mc) -> Option<Report> {
    let message = format!(
        "its configuration is not in effect ({missing}), and no run of the installer is at work on it"
    );
    match situation.intent.operation {
        Operation::Check => {
            Some(Report::failure(side, message).cure(format!("run the installer again: `{command}`")))
        }
        Operation::Join | Operation::PrepareHost | Operation::PrepareMember => {
            Some(Report::warning(side, format!("{message}: the installer is restarted")))
        }
        Operation::Import | Operation::Renew | Operation::Unjoin => None,
    }
}

/// A run that is at work on it: a join waits for it.
pub(super) fn run(situation: &Situation<'_>, side: &Side, missing: &str) -> Option<Report> {
    situation.checks_only().then(|| {
        Report::warning(side, format!("its configuration is not in effect yet ({missing})"))
            .cure(format!("see how the run ends: `{}`", Mc::logs(side)))
    })
}

/// A configuration of a joined cluster that asks for something else: a join sets it right, as `command` does.
pub(super) fn drift(
    situation: &Situation<'_>,
    side: &Side,
    patch: &ConfigurationPatch,
    command: &Mc,
) -> Option<Report> {
    let changes = patch.changes.iter().map(|change| {
        let old = change.old.as_deref().unwrap_or("unset");
        format!("{} is {old}, not {}", change.field, change.new)
    });
    let changes = changes.collect::<Vec<_>>().join("; ");
    situation.checks_only().then(|| {
        Report::failure(side, format!("its configuration has changed: {changes}"))
            .cure(format!("set it right: `{command}`"))
    })
}
