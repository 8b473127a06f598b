//! What is said beside the lines of the installer's log.

use jiff::Timestamp;
use kubesphere::{
    command::Kubectl,
    installer_log::{Failure, mask},
    side::Side,
};

use super::{ui::Ui, verdict};
use crate::{
    error::logs_command,
    plan::conclusion::{Conclusion, Then},
};

/// What follows a failure that is told while the log goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another run began.
    AnotherRun,
    /// The same is tried again.
    AnotherTry,
    /// The run goes on.
    TheRest,
}

/// That the log goes on in another pod.
pub fn show_container(ui: &Ui, side: &Side, pod: &str) {
    note(ui, side, &format!("the log continues in the pod {pod}"));
}

/// Why nothing can be read now; whether it is waited for.
pub fn show_waiting(ui: &Ui, side: &Side, why: &str, waits: bool) {
    if waits { note(ui, side, &format!("{why}; waiting")) } else { note(ui, side, why) }
}

/// That what could not be read can be read again.
pub fn show_resumed(ui: &Ui, side: &Side) {
    note(ui, side, "the log can be read again");
}

/// How the last run ended, or where it stands.
pub fn show_conclusion(ui: &Ui, side: &Side, conclusion: &Conclusion<'_>, now: Timestamp) {
    note(ui, side, &verdict::sentence(conclusion, now));
}

/// What has failed, and what follows.
pub fn warn_of_failures(ui: &Ui, side: &Side, failures: &[Failure], after: After) {
    let after = match after {
        After::AnotherRun => "another run began",
        After::AnotherTry => "it is tried again",
        After::TheRest => "the run goes on",
    };
    ui.warning(format!("{side}: {}; {after}", verdict::told(failures)));
}

/// A component waits for its pods, in whichever namespace it has them.
fn waiting_pods(side: &Side) -> String {
    let pods = Kubectl::on(side).words("get pods --all-namespaces --field-selector status.phase=Pending");
    format!("see for which pods it waits: `{pods}`")
}

fn note(ui: &Ui, side: &Side, text: &str) {
    ui.message(format!("{side}: {}", mask(text)));
}

/// What to do where the last run has not succeeded.
pub fn hints(side: &Side, conclusion: &Conclusion<'_>) -> Vec<String> {
    let kubectl = Kubectl::on(side).namespace("kubesphere-system");
    let again = format!("`{kubectl} rollout restart deployment/ks-installer`");
    let follow = format!("follow it: {}", logs_command(side));
    let fix = format!("fix the cause, then let it run again: {again}, or the same `join` or `prepare`");
    match conclusion {
        Conclusion::Succeeded(_) => Vec::new(),
        Conclusion::NeverRan | Conclusion::Unknown(_) => vec![
            format!("an older log is gone with its pod; see whether KubeSphere works: `{kubectl} get pods`"),
            format!("only if it does not, let the whole installer run: {again}"),
        ],
        Conclusion::UnderWay(_) | Conclusion::Due(_) => vec![follow],
        Conclusion::Stalled(_) => vec![waiting_pods(side), follow],
        Conclusion::Failed { then, .. } => match then {
            Then::Over => vec![fix],
            Then::GoesOn { configures: false, .. } => vec![follow, fix],
            Then::GoesOn { configures: true, .. } => {
                vec![
                    "the configuration is written all the same, which may take a few minutes more".to_owned(),
                    fix,
                ]
            }
            Then::TriedAgain { .. } => {
                vec![
                    "fix the cause: the installer tries again every 5 seconds".to_owned(),
                    format!("then {follow}"),
                ]
            }
        },
    }
}
