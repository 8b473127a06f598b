//! A host's Clusters as a table, and by name.

use jiff::Timestamp;
use kubesphere::side::Side;
use owo_colors::Style;

use super::{
    registration_reasons::{reasons, until},
    style::Styles,
    table::{Cell, Columns},
    ui::Ui,
    verdict::sanitize,
};
use crate::{
    live::request_error::Cause,
    plan::{
        human_duration::human_duration,
        registration::{Expiry, Probe, Readiness, Registration},
        stored_credential::End,
    },
};

const NONE: &str = "<none>";
const UNKNOWN: &str = "<unknown>";

/// `cluster.cluster.kubesphere.io/NAME`, as kubectl takes it.
pub fn name(registration: &Registration) -> String {
    format!("cluster.cluster.kubesphere.io/{}", sanitize(&registration.name))
}

/// That there are none, as kubectl says it.
pub fn show_none(ui: &Ui) {
    ui.message("No resources found");
}

/// What is to be known of the host.
pub fn warn(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        ui.warning(warning);
    }
}

/// That nobody looks at the Clusters of this host.
pub fn without_controller(host: &Side) -> String {
    format!("{host}: its kubesphere-config does not enable multicluster: no controller looks at Clusters")
}

/// That a watch broke off.
pub fn warn_of_interruption(ui: &Ui, host: &Side, cause: &Cause) {
    ui.warning(&format!("{host}: the watch broke off, and is tried again: {cause}"));
}

/// A table that grows by rows.
#[derive(Debug)]
pub struct RegistrationTable {
    columns: Columns,
    styles: Styles,
    form: Form,
}

/// Which columns there are besides those that every table has.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// How much of each cluster is told.
    pub width: Width,
    /// What the members said themselves.
    pub probed: bool,
    /// Reasons even where there are none yet.
    pub awaits_reasons: bool,
    /// A first line with the names of the columns.
    pub headings: bool,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// What matters, and reasons in short.
    Narrow,
    /// More of each cluster, and reasons in full.
    Wide,
}

impl RegistrationTable {
    pub fn new(styles: Styles, form: Form) -> Self {
        Self { columns: Columns::default(), styles, form }
    }

    /// The first rows as lines, below the heading.
    pub fn first(&mut self, registrations: &[Registration], now: Timestamp) -> Vec<String> {
        let mut rows = Vec::new();
        if self.form.headings {
            let has_reasons = registrations.iter().any(|registration| !reasons(registration, now).is_empty());
            rows.push(self.heading(has_reasons));
        }
        rows.extend(registrations.iter().map(|registration| self.row(registration, now)));
        self.lines(&rows)
    }

    /// Later rows as lines.
    pub fn further(&mut self, registrations: &[Registration], now: Timestamp) -> Vec<String> {
        let rows: Vec<_> = registrations.iter().map(|registration| self.row(registration, now)).collect();
        self.lines(&rows)
    }

    fn lines(&mut self, rows: &[Vec<Cell>]) -> Vec<String> {
        for row in rows {
            self.columns.widen(row);
        }
        rows.iter().map(|row| self.columns.line(row)).collect()
    }

    fn heading(&self, has_reasons: bool) -> Vec<Cell> {
        let mut heading = vec![
            "NAME",
            "ROLE",
            "READY",
            "KUBERNETES",
            "KUBESPHERE",
            "NODES",
            "ENDPOINT",
            "CREDENTIAL",
            "EXPIRES",
            "AGE",
        ];
        if self.form.width == Width::Wide {
            heading.extend(["UID", "PROVIDER", "GROUP", "REGION", "ALIAS", "USER"]);
        }
        if self.form.probed {
            heading.push("PROBE");
        }
        if has_reasons || self.form.awaits_reasons {
            heading.push("REASON");
        }
        heading.into_iter().map(Cell::from).collect()
    }

    fn row(&self, registration: &Registration, now: Timestamp) -> Vec<Cell> {
        let Registration { credential, .. } = registration;
        let age = registration.created_at.map(|created| human_duration(now.duration_since(created)));
        let mut row = vec![
            known(Some(&registration.name)),
            Cell::from(if registration.is_host { "host" } else { "member" }),
            Cell::styled(registration.readiness.as_str(), self.ready(registration)),
            known(registration.kubernetes.as_deref()),
            known(registration.kubesphere.as_deref()),
            Cell::from(registration.nodes.map_or_else(|| UNKNOWN.to_owned(), |nodes| nodes.to_string())),
            given(registration.endpoint.as_deref()),
            Cell::from(credential.kind.as_str()),
            self.expires(registration, now),
            Cell::from(age.unwrap_or_else(|| UNKNOWN.to_owned())),
        ];
        if self.form.width == Width::Wide {
            row.extend([
                known(registration.uid.as_deref()),
                given(registration.provider.as_deref()),
                given(registration.described("cluster.kubesphere.io/group")),
                given(registration.described("cluster.kubesphere.io/region")),
                given(registration.described("kubesphere.io/alias-name")),
                given(credential.user.as_deref()),
            ]);
        }
        if self.form.probed {
            row.push(self.probe(registration.probe.as_ref()));
        }
        row.push(Cell::from(self.reason(registration, now)));
        row
    }

    fn reason(&self, registration: &Registration, now: Timestamp) -> String {
        let reasons = reasons(registration, now).into_iter();
        let said =
            reasons.map(|reason| if self.form.width == Width::Wide { reason.whole } else { reason.short });
        said.map(|reason| sanitize(&reason)).collect::<Vec<_>>().join("; ")
    }

    fn ready(&self, registration: &Registration) -> Style {
        match registration.readiness {
            Readiness::Ready => self.styles.good,
            Readiness::NotReady(_) | Readiness::AgentAway(_) => self.styles.bad,
            _ => self.styles.attention,
        }
    }

    fn expires(&self, registration: &Registration, now: Timestamp) -> Cell {
        let text = match registration.credential.end {
            End::At(_) if registration.expiry == Expiry::Ended => "expired".to_owned(),
            End::At(end) => until(end, now),
            End::Never => "never".to_owned(),
            End::Unknown => UNKNOWN.to_owned(),
            End::None => NONE.to_owned(),
        };
        let style = match registration.expiry {
            Expiry::Lasts => Style::default(),
            Expiry::Soon => self.styles.attention,
            Expiry::Ended => self.styles.bad,
        };
        Cell::styled(text, style)
    }

    fn probe(&self, probe: Option<&Probe>) -> Cell {
        match probe {
            Some(Probe::Answered | Probe::AnsweredUnproven) => Cell::styled("ok", self.styles.good),
            Some(Probe::Refused(_)) => Cell::styled("refused", self.styles.bad),
            Some(Probe::Failed(_)) => Cell::styled("failed", self.styles.attention),
            Some(Probe::OtherCluster(_)) => Cell::styled("other-cluster", self.styles.bad),
            Some(Probe::NotAsked) | None => Cell::from(NONE),
        }
    }
}

fn known(text: Option<&str>) -> Cell {
    cell(text, UNKNOWN)
}

fn given(text: Option<&str>) -> Cell {
    cell(text, NONE)
}

/// No blanks, so that a program can tell the columns.
fn cell(text: Option<&str>, otherwise: &str) -> Cell {
    let words = text.map(sanitize).unwrap_or_default();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() { Cell::from(otherwise) } else { Cell::from(words.join("-")) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::json;

    use super::{Form, RegistrationTable, Width};
    use crate::{
        output::style::Styles,
        plan::registration::{Registration, Standard, registrations},
    };

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn failing(name: &str, why: &str) -> Registration {
        let condition = json!({"type": "Federated", "status": "False", "reason": why, "lastUpdateTime": NOW});
        let cluster = RegisteredCluster::new(json!({
            "metadata": {"name": name, "creationTimestamp": "2026-01-01T11:00:00Z"},
            "spec": {"joinFederation": true, "provider": "Amazon EKS", "connection": {
                "type": "direct", "kubeconfig": "e30=", "kubernetesAPIEndpoint": "https://jane:word@a:6443"}},
            "status": {"conditions": [condition]},
        }));
        registrations(&[cluster], &Standard::new(now(), None, None)).remove(0)
    }

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn table(form: Form) -> RegistrationTable {
        RegistrationTable::new(Styles::default(), form)
    }

    const FORM: Form = Form { width: Width::Narrow, probed: false, awaits_reasons: false, headings: true };

    #[test]
    fn a_row_has_no_blanks_in_its_cells_and_no_password_in_its_address() {
        let why = "Key \"token\" not found in service account secret";
        let lines = table(Form { width: Width::Wide, ..FORM }).first(&[failing("a", why)], now());
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let [heading, row] = [0, 1].map(|line| words(&lines[line]));
        assert_eq!(heading.iter().position(|column| column == "REASON"), Some(16));
        assert_eq!(row[16..].join(" "), why, "a controller's words, not taken for a secret");
        assert_eq!((row[6].contains("word"), row[11].as_str()), (false, "Amazon-EKS"));
        let unknown = ["<unknown>", "<unknown>", "<unknown>"];
        assert_eq!(
            (&row[3..6], &row[7..10]),
            (&unknown.map(str::to_owned)[..], &["<none>", "<none>", "60m"].map(str::to_owned)[..])
        );
    }

    #[test]
    fn later_rows_stand_below_the_first() {
        let mut table = table(FORM);
        let first = table.first(&[failing("edge-1", "EOF")], now());
        let further = table.further(&[failing("a", "EOF")], now());
        assert_eq!([first[1].find("EOF"), further[0].find("EOF")], [first[0].find("REASON"); 2]);
    }
}
