//! Which context leads to which Cluster, in words.

use kubesphere::side::Side;

use super::{ui::Ui, words::count};
use crate::{live::whereabouts::Unanswered, plan::context_mapping::Mapped};

/// That so many contexts are asked.
pub fn asking(ui: &Ui, contexts: usize) {
    ui.message(format!("asking {} which cluster they lead to", count(contexts, "context")));
}

/// Which of them are used, and for what.
pub fn show(ui: &Ui, mapped: &[Mapped]) {
    for mapped in mapped {
        ui.message(line(mapped));
    }
}

/// Those that have not answered.
pub fn show_unanswered(ui: &Ui, unanswered: &[Unanswered]) {
    for Unanswered { context, why } in unanswered {
        ui.warning(format!("context {context}: not known where it leads: {why}"));
    }
}

/// That the host has no member with a stored kubeconfig.
pub fn show_none(ui: &Ui, host: &Side) {
    ui.message(format!("{host}: no member whose kubeconfig could be renewed"));
}

fn line(mapped: &Mapped) -> String {
    let others = mapped.others.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let others = if others.is_empty() { others } else { format!(" (as {others} does)") };
    format!("context {} points to Cluster {}{others}", mapped.context, mapped.cluster)
}
