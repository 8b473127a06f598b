//! Where the jwtSecrets stand: a table, and the one object that `-o` prints.

use kubesphere::{command::Mc, side::Side};
use serde::Serialize;

use super::{
    document::{API_VERSION, SideView, side_view},
    ending::{Ending, Object},
    line::Line,
    table::aligned,
    ui::Ui,
};
use crate::plan::{
    observed::Seen,
    secret_places::Value,
    secret_remarks::Remark,
    shared_secret::{Compared, ComparedPlace, Comparison},
};

/// The lines of the table, heading first.
pub fn table(comparison: &Comparison) -> Vec<Line> {
    let heading = ["SIDE", "CONTEXT", "PLACE", "JWTSECRET", "AGREES"].map(str::to_owned);
    let rows = comparison.clusters.iter().flat_map(|cluster| {
        cluster.places.iter().map(|place| row(side(&cluster.side), cluster.side.context(), place))
    });
    aligned(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

fn row(side: &str, context: &str, place: &ComparedPlace) -> [String; 5] {
    let agrees = match place.agree {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    };
    [side, context, place.place.name(), &value(&place.value), agrees].map(str::to_owned)
}

fn side(side: &Side) -> &'static str {
    match side {
        Side::Host { .. } => "host",
        Side::Member { .. } => "member",
    }
}

fn value(value: &Seen<Value>) -> String {
    match value {
        Seen::Present(Value::Set(secret)) => secret.fingerprint(),
        other => format!("<{}>", state(other)),
    }
}

fn state(value: &Seen<Value>) -> &'static str {
    match value {
        Seen::Present(Value::Set(_)) => "set",
        Seen::Present(Value::Empty) => "empty",
        Seen::Present(Value::Unset) => "unset",
        Seen::Absent => "none",
        Seen::Unreadable(_) => "unknown",
        Seen::Malformed(_) => "malformed",
    }
}

/// Shows what is to be known, each with what to do about it.
pub fn show_remarks(ui: &Ui, remarks: &[Remark]) {
    for remark in remarks {
        ui.warning(format!("{}: {}", remark.side, remark.message));
        remark.hints.iter().for_each(|hint| ui.hint(hint));
    }
}

/// Where a cluster whose secret is taken is no host, or may be none.
pub fn warn_of_role(ui: &Ui, side: &Side, is_host: Option<bool>) {
    match is_host {
        Some(true) => {}
        Some(false) => {
            ui.warning(format!("{side}: it is not a host yet, and only a host can import members"));
            ui.hint(format!("make it one: `{}`", Mc::new("prepare host").host(side)));
        }
        None => ui.warning(format!("{side}: whether it is a host could not be read")),
    }
}

/// What the look at the secrets gave.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JwtSecretsDocument {
    api_version: &'static str,
    kind: &'static str,
    /// Whether all agree; null where it cannot be told.
    agree: Option<bool>,
    clusters: Vec<ClusterView>,
    warnings: Vec<WarningView>,
    #[serde(flatten)]
    ending: Ending,
}

#[derive(Clone, Debug, Serialize)]
struct ClusterView {
    #[serde(flatten)]
    cluster: SideView,
    agree: Option<bool>,
    places: Vec<PlaceView>,
}

#[derive(Clone, Debug, Serialize)]
struct PlaceView {
    kind: &'static str,
    namespace: &'static str,
    name: &'static str,
    /// `set`, `empty`, `unset`, `none`, `unknown` or `malformed`.
    state: &'static str,
    fingerprint: Option<String>,
    /// Why it is unknown, or what is malformed.
    reason: Option<String>,
    agree: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
struct WarningView {
    cluster: SideView,
    message: String,
    hints: Vec<String>,
}

impl JwtSecretsDocument {
    pub fn new() -> Self {
        Self {
            api_version: API_VERSION,
            kind: "JwtSecrets",
            agree: None,
            clusters: Vec::new(),
            warnings: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Adds what was compared, and what is to be known of it.
    pub fn compared(&mut self, comparison: &Comparison, remarks: &[Remark]) {
        self.agree = comparison.agree;
        self.clusters = comparison.clusters.iter().map(cluster_view).collect();
        self.warnings = remarks.iter().map(warning_view).collect();
    }
}

impl Object for JwtSecretsDocument {
    fn ending(&mut self) -> &mut Ending {
        &mut self.ending
    }
}

impl Default for JwtSecretsDocument {
    fn default() -> Self {
        Self::new()
    }
}

fn cluster_view(cluster: &Compared) -> ClusterView {
    ClusterView {
        cluster: side_view(&cluster.side),
        agree: cluster.agree,
        places: cluster.places.iter().map(place_view).collect(),
    }
}

fn place_view(compared: &ComparedPlace) -> PlaceView {
    let (fingerprint, reason) = match &compared.value {
        Seen::Present(Value::Set(secret)) => (Some(secret.fingerprint()), None),
        Seen::Unreadable(reason) | Seen::Malformed(reason) => (None, Some(reason.clone())),
        Seen::Present(Value::Empty | Value::Unset) | Seen::Absent => (None, None),
    };
    PlaceView {
        kind: compared.place.kind(),
        namespace: compared.place.namespace(),
        name: compared.place.name(),
        state: state(&compared.value),
        fingerprint,
        reason,
        agree: compared.agree,
    }
}

fn warning_view(remark: &Remark) -> WarningView {
    WarningView {
        cluster: side_view(&remark.side),
        message: remark.message.clone(),
        hints: remark.hints.clone(),
    }
}
