//! What is said of the installer's run, in a sentence.

use std::time::Duration;

use jiff::Timestamp;
use kubesphere::installer_log::{Failure, Phase, Run, mask};

use super::words::elapsed;
use crate::plan::{
    conclusion::{Conclusion, Then},
    installer_run::{self, unreported},
};

/// What ended just now is not said to be old.
const WORTH_SAYING: Duration = Duration::from_secs(60);

/// A fragment without the side: `the last run succeeded (12m05s, 3h02m ago)`.
pub fn sentence(conclusion: &Conclusion<'_>, now: Timestamp) -> String {
    match conclusion {
        Conclusion::NeverRan => "the installer has not run, as far as its log goes back".to_owned(),
        Conclusion::UnderWay(stage) | Conclusion::Stalled(stage) => {
            format!("a run is under way: {}", mask(stage))
        }
        Conclusion::Due(why) => format!("a run is due: {}", mask(why)),
        Conclusion::Succeeded(run) => format!("the last run succeeded{}", times(run, now)),
        Conclusion::Failed { failures, then: Then::GoesOn { stage, .. } } => {
            format!("a run has failed and goes on ({}): {}", mask(stage), told(failures))
        }
        Conclusion::Failed { failures, .. } => format!("the last run failed: {}", told(failures)),
        Conclusion::Unknown(run) => format!("the last run ended without a verdict, {}", whereabouts(run)),
    }
}

/// Failures, each with its task and message.
pub fn told(failures: &[Failure]) -> String {
    installer_run::told(failures)
}

fn times(run: &Run, now: Timestamp) -> String {
    let ago = run.last_line.and_then(|last| Duration::try_from(now.duration_since(last)).ok());
    let ago = ago.filter(|ago| *ago >= WORTH_SAYING).map(|ago| format!("{} ago", elapsed(ago)));
    let times: Vec<String> = run.took().map(elapsed).into_iter().chain(ago).collect();
    if times.is_empty() { String::new() } else { format!(" ({})", times.join(", ")) }
}

fn whereabouts(run: &Run) -> String {
    match (&run.phase, &run.task) {
        (Phase::Starting, _) => "before its first task (was there a ClusterConfiguration?)".to_owned(),
        (phase, Some(task)) => format!("at: {phase}, {}", mask(&task.to_string())),
        (phase, None) => {
            let unreported = unreported(run).map(|names| format!("; {}", mask(&names)));
            format!("at: {phase}{}", unreported.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use kubesphere::installer_log::InstallerLog;

    use super::sentence;
    use crate::{
        output::line::Line,
        plan::{conclusion::conclude, installer_run::Triggers},
    };

    fn said(lines: &[&str], minutes: i64) -> String {
        let mut log = InstallerLog::default();
        let begin =
            "2024-03-01T10:00:00Z INFO     : TASK_RUN HookRun@KUBE_EVENTS kubesphere/installRunner.py";
        let start: Timestamp = "2024-03-01T10:00:00Z".parse().unwrap();
        for (number, line) in [begin].iter().chain(lines).enumerate() {
            let at = start + SignedDuration::from_secs(65 * i64::try_from(number).unwrap());
            log.push(Some(at), line);
        }
        let now = start + SignedDuration::from_mins(minutes);
        sentence(&conclude(&log, &Triggers::default(), now), now)
    }

    #[test]
    fn a_success_says_how_long_it_took_and_how_old_it_is() {
        let banner = "###              Welcome to KubeSphere!           ###";
        assert_eq!(said(&[banner], 1), "the last run succeeded (1m05s)");
        assert_eq!(said(&[banner], 121), "the last run succeeded (1m05s, 1h59m ago)");
    }

    #[test]
    fn a_failure_is_told_on_one_line_that_steers_no_terminal() {
        let failed = [
            "TASK [common : KubeSphere | Getting etcd] ***",
            "fatal: [localhost]: FAILED! => {\"msg\": \"\\u001b[2Jno\\npassword: x\"}",
            "localhost : ok=1 changed=0 unreachable=0 failed=1",
        ];
        let told = "the last run failed: preparation, task common: Getting etcd: ^[[2Jno password: ***";
        assert_eq!(Line::from(said(&failed, 9)).to_string(), told);
        let running = "a run is under way: preparing 3/4, common: Getting etcd";
        assert_eq!(said(&failed[..1], 2), running);
    }

    #[test]
    fn an_end_without_a_word_is_told_with_its_place() {
        let place =
            "the last run ended without a verdict, before its first task (was there a ClusterConfiguration?)";
        assert_eq!(said(&[], 10), place);
    }
}
