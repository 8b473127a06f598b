//! A host's Clusters as a table, and by name.

use jiff::Timestamp;
use kubesphere::{command::Mc, installer_log::mask, side::Side};

use super::{
    line::Line,
    registration_reasons::{reasons, until},
    style::Tone,
    table::Columns,
    ui::Ui,
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
pub fn name(registration: &Registration) -> Line {
    Line::from(format!("cluster.cluster.kubesphere.io/{}", registration.name))
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

/// The Clusters that a fleet file does not have.
pub fn warn_of_unlisted(ui: &Ui, file: &str, names: &[&str]) {
    if !names.is_empty() {
        ui.warning(format!("registered, and not in {file}: {}", names.join(", ")));
    }
}

/// That nobody looks at the Clusters of this host.
pub fn without_controller(host: &Side) -> String {
    format!("{host}: its kubesphere-config does not enable multicluster: no controller looks at Clusters")
}

/// That a rotation is not at its end, with what brings it there: the host or these of its members do not have its jwtSecret yet.
pub fn not_rotated(host: &Side, pending: bool, members: &[&str]) -> Option<String> {
    let waits =
        pending.then(|| "its ClusterConfiguration asks for another jwtSecret than is in effect".to_owned());
    let others =
        (!members.is_empty()).then(|| format!("its jwtSecret is not in effect on {}", members.join(", ")));
    let what: Vec<String> = waits.into_iter().chain(others).collect();
    let rotate = Mc::new("rotate jwt-secret").host(host);
    (!what.is_empty()).then(|| format!("{host}: {}: `{rotate}` gives all the same", what.join("; ")))
}

/// That it is none of those whose Clusters count.
pub fn of_member(member: &Side) -> String {
    format!(
        "{member}: it is a member, and only its host has the Clusters of its members: name that with `--context NAME`"
    )
}

/// That a watch broke off.
pub fn warn_of_interruption(ui: &Ui, host: &Side, cause: &Cause) {
    ui.warning(format!("{host}: the watch broke off, and is tried again: {cause}"));
}

/// A table that grows by rows.
#[derive(Debug)]
pub struct RegistrationTable {
    columns: Columns,
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
    pub fn new(form: Form) -> Self {
        Self { columns: Columns::default(), form }
    }

    /// The first rows as lines, below the heading.
    pub fn first(&mut self, registrations: &[Registration], now: Timestamp) -> Vec<Line> {
        let mut rows = Vec::new();
        if self.form.headings {
            let has_reasons = registrations.iter().any(|registration| !reasons(registration, now).is_empty());
            rows.push(self.heading(has_reasons));
        }
        rows.extend(registrations.iter().map(|registration| self.row(registration, now)));
        self.lines(&rows)
    }

    /// Later rows as lines.
    pub fn further(&mut self, registrations: &[Registration], now: Timestamp) -> Vec<Line> {
        let rows: Vec<_> = registrations.iter().map(|registration| self.row(registration, now)).collect();
        self.lines(&rows)
    }

    fn lines(&mut self, rows: &[Vec<Line>]) -> Vec<Line> {
        for row in rows {
            self.columns.widen(row);
        }
        rows.iter().map(|row| self.columns.line(row)).collect()
    }

    fn heading(&self, has_reasons: bool) -> Vec<Line> {
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
        heading.into_iter().map(Line::from).collect()
    }

    fn row(&self, registration: &Registration, now: Timestamp) -> Vec<Line> {
        let Registration { credential, .. } = registration;
        let age = registration.created_at.map(|created| human_duration(now.duration_since(created)));
        let mut row = vec![
            known(Some(&registration.name)),
            Line::from(if registration.is_host { "host" } else { "member" }),
            Line::toned(ready(registration), registration.readiness.as_str()),
            known(registration.kubernetes.as_deref()),
            known(registration.kubesphere.as_deref()),
            Line::from(registration.nodes.map_or_else(|| UNKNOWN.to_owned(), |nodes| nodes.to_string())),
            given(registration.endpoint.as_deref()),
            Line::from(credential.kind.as_str()),
            expires(registration, now),
            Line::from(age.unwrap_or_else(|| UNKNOWN.to_owned())),
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
            row.push(probe(registration.probe.as_ref()));
        }
        row.push(Line::from(self.reason(registration, now)));
        row
    }

    fn reason(&self, registration: &Registration, now: Timestamp) -> String {
        let reasons = reasons(registration, now).into_iter();
        let said =
            reasons.map(|reason| if self.form.width == Width::Wide { reason.whole } else { reason.short });
        said.map(|reason| mask(&reason).into_owned()).collect::<Vec<_>>().join("; ")
    }
}

fn ready(registration: &Registration) -> Tone {
    match registration.readiness {
        Readiness::Ready => Tone::Good,
        Readiness::NotReady(_) | Readiness::AgentAway(_) | Readiness::NotInstalled(_) => Tone::Bad,
        _ => Tone::Attention,
    }
}

fn expires(registration: &Registration, now: Timestamp) -> Line {
    let text = match registration.credential.end {
        End::At(_) if registration.expiry == Expiry::Ended => "expired".to_owned(),
        End::At(end) => until(end, now),
        End::Never => "never".to_owned(),
        End::Unknown => UNKNOWN.to_owned(),
        End::None => NONE.to_owned(),
    };
    let tone = match registration.expiry {
        Expiry::Lasts => Tone::Plain,
        Expiry::Soon => Tone::Attention,
        Expiry::Ended => Tone::Bad,
    };
    Line::toned(tone, text)
}

fn probe(probe: Option<&Probe>) -> Line {
    match probe {
        Some(Probe::Answered | Probe::AnsweredUnproven | Probe::SecretUntold(_)) => {
            Line::toned(Tone::Good, "ok")
        }
        Some(Probe::OtherSecret) => Line::toned(Tone::Bad, "other-secret"),
        Some(Probe::Refused(_)) => Line::toned(Tone::Bad, "refused"),
        Some(Probe::Failed(_)) => Line::toned(Tone::Attention, "failed"),
        Some(Probe::OtherCluster(_)) => Line::toned(Tone::Bad, "other-cluster"),
        Some(Probe::NotAsked) | None => Line::from(NONE),
    }
}

fn known(text: Option<&str>) -> Line {
    cell(text, UNKNOWN)
}

fn given(text: Option<&str>) -> Line {
    cell(text, NONE)
}

/// No blanks, so that a program can tell the columns.
fn cell(text: Option<&str>, otherwise: &str) -> Line {
    let text = mask(text.unwrap_or_default());
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() { Line::from(otherwise) } else { Line::from(words.join("-")) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use kubesphere::{
        cluster::RegisteredCluster,
        given_options::{Choice, GivenOptions},
    };
    use serde_json::json;

    use super::{Form, Line, RegistrationTable, Side, Width, not_rotated};
    use crate::plan::registration::{Registration, Standard, registrations};

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
        RegistrationTable::new(form)
    }

    const FORM: Form = Form { width: Width::Narrow, probed: false, awaits_reasons: false, headings: true };

    #[test]
    fn a_row_has_no_blanks_in_its_cells_and_no_password_in_its_address() {
        let why = "Key \"token\" not found in service account secret";
        let lines = table(Form { width: Width::Wide, ..FORM }).first(&[failing("a", why)], now());
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let [heading, row] = [0, 1].map(|line| words(&lines[line].to_string()));
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
    fn what_is_not_rotated_is_told_with_the_host_that_is_meant() {
        let host = Side::host("prod").reached_by(GivenOptions::default().with(Choice::Kubeconfig, "/etc/k"));
        assert_eq!(not_rotated(&host, false, &[]), None);
        let rotate = "`kubectl mc rotate jwt-secret --kubeconfig /etc/k --context prod` gives all the same";
        let members = not_rotated(&host, false, &["edge-1", "edge-2"]).unwrap();
        assert_eq!(
            members,
            format!("host \"prod\": its jwtSecret is not in effect on edge-1, edge-2: {rotate}")
        );
        let pending = not_rotated(&host, true, &[]).unwrap();
        let said = "its ClusterConfiguration asks for another jwtSecret than is in effect";
        assert_eq!(pending, format!("host \"prod\": {said}: {rotate}"));
    }

    #[test]
    fn later_rows_stand_below_the_first() {
        let mut table = table(FORM);
        let first = table.first(&[failing("edge-1", "EOF")], now());
        let further = table.further(&[failing("a", "EOF")], now());
        let at = |line: &Line, text| line.to_string().find(text);
        assert_eq!([at(&first[1], "EOF"), at(&further[0], "EOF")], [at(&first[0], "REASON"); 2]);
    }
}
