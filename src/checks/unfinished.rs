//! What is said of a configuration that is not, or no longer, in effect, on either side.

use kubesphere::{command::Mc, side::Side};

use super::{Report, Situation};
use crate::plan::configuration_patch::ConfigurationPatch;

/// How secrets come to differ that are to be the same.
pub(super) const BROKEN_OFF: &str =
    "a rotation of the jwtSecret was broken off, or somebody has changed one of the two";

/// The same, where only the host's whole rotation makes up for it.
pub(super) fn rotation(report: Report, host: &Side) -> Report {
    let message = format!("{}: {BROKEN_OFF}", report.message);
    completed(Report { message, hints: Vec::new(), ..report }, host)
}

pub(super) fn completed(report: Report, host: &Side) -> Report {
    let rotate = Mc::new("rotate jwt-secret").host(host);
    report.hint(format!("complete the rotation: `{rotate}`"))
}

/// A run that failed before: what changes the configuration makes up for it. `command` makes the installer run again.
pub(super) fn restart(situation: &Situation<'_>, side: &Side, missing: &str, command: &Mc) -> Report {
    let message =
        format!("its configuration is not in effect ({missing}), and no run of the installer is in progress");
    if situation.changes_clusters() {
        Report::warning(side, format!("{message}: the installer is restarted"))
    } else {
        Report::failure(side, message).hint(format!("run the installer again: `{command}`"))
    }
}

/// A run that is at work on it.
pub(super) fn run(side: &Side, missing: &str) -> Report {
    Report::warning(side, format!("its configuration is not in effect yet ({missing})"))
        .hint(format!("see how the run ends: `{}`", Mc::logs(side)))
}

/// A configuration of a joined cluster that asks for something else; `command` sets it right.
pub(super) fn drift(side: &Side, patch: &ConfigurationPatch, command: &Mc) -> Report {
    let changes = patch.changes.iter().map(|change| {
        let old = change.old.as_deref().unwrap_or("unset");
        format!("{} is {old}, not {}", change.field, change.new)
    });
    let changes = changes.collect::<Vec<_>>().join("; ");
    Report::failure(side, format!("its configuration has changed: {changes}"))
        .hint(format!("set it right: `{command}`"))
}
