//! What a command that was interrupted may leave on a host, with what takes it away.

use kubesphere::side::Side;

use super::{events, ui::Ui, words::count};
use crate::{
    checks::cluster_webhook,
    live::{narrowing::narrowed, reach::remains},
    plan::narrowing::Remark,
};

/// Probe pods that may stay, and why they could not be deleted.
pub fn probe_pods(ui: &Ui, left: &remains::Left, problems: &[String]) {
    let pods = count(left.count, "probe pod");
    ui.warning(format!("{pods} may stay on {} until the next command that changes it", left.host));
    for problem in problems {
        ui.warning(problem);
    }
    ui.hint(format!("to delete them: `{}`", left.deletion()));
}

/// That this command's narrowing was restored.
pub fn restored(ui: &Ui, host: &Side, remark: Option<&Remark>) {
    ui.message(format!("{host}: {}", events::restored(remark)));
}

/// That it was not, and why; without a problem that was interrupted, too.
pub fn narrowed(ui: &Ui, left: &narrowed::Left, problem: Option<&str>) {
    let state = left.record().map_or_else(
        || format!("the webhook may be narrowed for Cluster {}", left.cluster),
        |record| format!("the webhook may stay narrowed: {}", cluster_webhook::narrowed(record)),
    );
    let problem = problem.unwrap_or("interrupted");
    ui.warning(format!("{}: {state} ({problem})", left.host));
    ui.hint("the next `kubectl mc` command that changes this host restores it, such as the same one again");
    if let Some(command) = left.command() {
        ui.hint(format!("to restore it by hand: `{command}`"));
    }
}
