//! What `--progress json` tells: one object a line, which says by its type what has happened.

use jiff::Timestamp;
use kubesphere::side::Side;
use serde::Serialize;

use super::{
    document::{API_VERSION, ClusterView, FindingView, PlanDocument, SideView, side_view},
    ending::ErrorView,
    line::document,
};
use crate::plan::step::StepName;

/// One of the lines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    time: String,
    #[serde(flatten)]
    told: &'a Told,
}

/// What has happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Told {
    /// What checks have to say; what is simply ok is left out.
    Finding(FindingView),
    /// What is going to be done.
    Plan {
        clusters: Vec<ClusterView>,
        #[serde(flatten)]
        plan: PlanDocument,
    },
    StepStarted {
        cluster: SideView,
        #[serde(flatten)]
        step: StepView,
    },
    StepFinished {
        cluster: SideView,
        #[serde(flatten)]
        step: StepView,
        seconds: u64,
    },
    /// Something is waited for, or is waited for still.
    Waiting {
        cluster: SideView,
        message: String,
        /// Where it stands.
        status: Option<String>,
        seconds: u64,
    },
    /// Something that a step consists of is done.
    Done {
        cluster: SideView,
        message: String,
    },
    Notice {
        cluster: SideView,
        message: String,
    },
    /// A step has failed: nothing else is done for this cluster.
    Failed {
        cluster: SideView,
        message: String,
        seconds: u64,
    },
    /// What has become of the members.
    Summary {
        members: Members,
        seconds: u64,
    },
    Message {
        message: String,
    },
    Warning {
        message: String,
    },
    Hint {
        message: String,
    },
    /// What `-v` asks for.
    Log {
        message: String,
    },
    Error(ErrorView),
    /// The last one.
    Finished {
        exit_code: u8,
    },
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct StepView {
    phase: &'static str,
    action: &'static str,
    object: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members {
    pub(super) total: usize,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) left_out: usize,
    pub(super) unfinished: usize,
}

impl Told {
    pub(super) fn step_started(side: &Side, step: &StepName) -> Self {
        Self::StepStarted { cluster: side_view(side), step: step_view(step) }
    }

    pub(super) fn step_finished(side: &Side, step: &StepName, seconds: u64) -> Self {
        Self::StepFinished { cluster: side_view(side), step: step_view(step), seconds }
    }

    /// As a line without its end, at this time.
    pub(super) fn line(&self, now: Timestamp) -> String {
        let event =
            EventDocument { api_version: API_VERSION, kind: "Event", time: format!("{now:.3}"), told: self };
        document(&serde_json::to_string(&event).expect("an event is plain data"))
    }
}

fn step_view(step: &StepName) -> StepView {
    StepView { phase: step.phase, action: step.action, object: step.object.clone() }
}

#[cfg(test)]
mod tests {
    use kubesphere::{known_secrets, side::Side};
    use serde_json::{Value, json};

    use super::{Told, side_view};

    fn told(message: &str) -> String {
        let event = Told::Notice { cluster: side_view(&Side::member("edge-1")), message: message.to_owned() };
        event.line("2026-11-30T12:00:00.1234Z".parse().unwrap())
    }

    #[test]
    fn an_event_says_what_has_happened_where_and_when() {
        let event: Value = serde_json::from_str(&told("it is late")).unwrap();
        assert_eq!(
            event,
            json!({
                "apiVersion": "kubectl-mc/v1alpha1", "kind": "Event", "type": "notice",
                "time": "2026-11-30T12:00:00.123Z",
                "cluster": {"side": "member", "context": "edge-1"}, "message": "it is late"
            })
        );
    }

    #[test]
    fn an_event_is_one_line_without_secrets_that_steers_no_terminal() {
        known_secrets::learn("Jq3secretOfAnEventInJson55");
        let line = told("a\n\u{1b}[2J\u{9b}\u{202e}b Jq3secretOfAnEventInJson55");
        assert!(line.chars().all(|letter| !letter.is_control() && letter != '\u{202e}'), "{line}");
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["message"], "a\n\u{1b}[2J\u{9b}\u{202e}b ***");
    }
}
