//! The clusters that were looked at, as a table.

use kubesphere::{command::kubeconfig_option, side::Side};

use super::{line::Line, style::Tone, table::aligned, ui::Ui};
use crate::{live::shared_names::SharedNames, plan::observed::Observed};

/// The lines of the table, heading first.
pub fn table<'a>(clusters: impl Iterator<Item = &'a Observed>) -> Vec<Line> {
    let heading = ["SIDE", "CONTEXT", "SERVER", "ROLE", "KUBESPHERE", "KUBERNETES", "NODES", "UID"];
    let rows = std::iter::once(heading.map(str::to_owned)).chain(clusters.map(row));
    aligned(&rows.collect::<Vec<_>>())
}

/// The same with the heading as one.
pub fn headed_table<'a>(clusters: impl Iterator<Item = &'a Observed>) -> impl Iterator<Item = Line> {
    let lines = table(clusters).into_iter().enumerate();
    lines.map(|(number, line)| if number == 0 { Line::toned(Tone::Strong, line.to_string()) } else { line })
}

/// That a server's certificate is not verified.
pub fn warn_of_insecurity(ui: &Ui, side: &Side) {
    ui.warning(format!("{side}: the server's certificate is not verified (insecure-skip-tls-verify)"));
}

/// That a fleet file means another cluster than the command line.
pub fn warn_of_other_host(ui: &Ui, host: &Side, place: &str) {
    ui.warning(format!(
        "{host}: {place} names another cluster as the host; the one of the command line counts"
    ));
}

/// That a context is made of entries of two files.
pub fn warn_of_shared_names(ui: &Ui, side: &Side, shared: &SharedNames) {
    let SharedNames { names, taken, other } = shared;
    let (names, taken, other) = (names.join(", "), taken.display(), other.display().to_string());
    ui.warning(format!(
        "{side}: these names stand in both `{taken}` and `{other}`, for different things: {names}; as with kubectl, those of \
         `{taken}` count"
    ));
    ui.hint(format!("if those of the other file are meant: `{}`", kubeconfig_option(side, &other)));
}

fn row(observed: &Observed) -> [String; 8] {
    let side = match observed.side {
        Side::Host { .. } => "host",
        Side::Member { .. } => "member",
    };
    let unknown = || "<unknown>".to_owned();
    [
        side.to_owned(),
        observed.side.context().to_owned(),
        observed.server.clone(),
        observed.role_unread().map_or_else(|| observed.role().to_string(), |_| unknown()),
        kubesphere(observed),
        observed.kubernetes.clone(),
        observed.nodes().map_or_else(unknown, |nodes| nodes.to_string()),
        observed.uid.clone(),
    ]
}

fn kubesphere(observed: &Observed) -> String {
    match (observed.kubesphere_version(), observed.generation()) {
        (Some(version), _) => version.to_string(),
        (None, Some(_)) => "<unknown>".to_owned(),
        (None, None) => "<none>".to_owned(),
    }
}
