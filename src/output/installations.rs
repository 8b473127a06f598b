//! How far a host of KubeSphere 4 has come with its members, in words.

use kubesphere::{cluster::RegisteredCluster, installer_log::mask, side::Side};

use super::ui::Ui;
use crate::{
    live::stuck_pods::StuckPod,
    plan::{go_error::innermost_cause, installation::Stage},
};

/// Where a Cluster stands.
pub fn sentence(cluster: &RegisteredCluster, stage: &Stage) -> String {
    let name = cluster.name();
    match stage {
        Stage::Installed => {
            let version =
                cluster.kubesphere_version().map(|version| format!(" {version}")).unwrap_or_default();
            format!("KubeSphere{version} is installed on Cluster {name}")
        }
        Stage::NotTakenUp => {
            format!("ks-controller-manager has not taken Cluster {name} up: it has not set its finalizer")
        }
        Stage::Failed(why) => format!("Cluster {name}: {}, and is not tried again by itself", mask(why)),
        Stage::UnderWay(None) => {
            format!("KubeSphere is being installed on Cluster {name}: KSCoreReady is not set yet")
        }
        Stage::UnderWay(Some(why)) => {
            format!("the host does not reach Cluster {name}, and tries again: {}", mask(innermost_cause(why)))
        }
    }
}

pub fn show(ui: &Ui, side: &Side, cluster: &RegisteredCluster, stage: &Stage) {
    ui.message(format!("{side}: {}", sentence(cluster, stage)));
}

/// What a member's pod waits for.
pub fn show_stuck(ui: &Ui, member: &Side, pod: &StuckPod) {
    ui.message(format!("{member}: {}", mask(&pod.to_string())));
}

/// That there is no line to show of what its controller, or a Job, has begun.
pub fn show_without_log(ui: &Ui, host: &Side, by_job: bool) {
    let why = if by_job { "its Job was removed" } else { "ks-controller-manager has been restarted since" };
    ui.message(format!("{host}: no log tells of it any more: {why}"));
}
