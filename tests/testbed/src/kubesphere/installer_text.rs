//! The words of the installer's log: shell-operator's, Ansible's, and the Python runner's.
//!
//! Source: ks-installer `controller/installRunner.py@v3.4.1`; shell-operator `v1.0.0-beta.5`; Ansible's default callback
//! with the colours that it uses on the runner's pseudo-terminal.

use std::fmt::Write as _;

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::{Version, clock};

const HOOK: &str = "kubesphere/installRunner.py";

/// What shell-operator says from its start to its main loop.
pub fn startup(at: Timestamp) -> String {
    let lines = [
        "shell-operator latest",
        "Use temporary dir: /tmp/shell-operator",
        "Initialize hooks manager ...",
        "Search and load hooks ...",
        "HTTP SERVER Listening on 0.0.0.0:9115",
        "Load hook config from '/hooks/kubesphere/installRunner.py'",
        "Load hook config from '/hooks/kubesphere/schedule.sh'",
        "Initializing schedule manager ...",
        "KUBE Init Kubernetes client",
        "KUBE-INIT Kubernetes client is configured successfully",
        "MAIN: run main loop",
        "MAIN: add onStartup tasks",
        "QUEUE add all HookRun@OnStartup",
        "GVR for kind 'ClusterConfiguration' is installer.kubesphere.io/v1alpha1, Resource=clusterconfigurations",
    ];
    lines.map(|line| info(at, line)).join("\n")
}

/// A change of the spec was seen and queued.
pub fn event(at: Timestamp, id: &str) -> String {
    let seen = info(at, &format!("EVENT Kube event '{id}'"));
    format!("{seen}\n{}", info(at, &format!("QUEUE add TASK_HOOK_RUN@KUBE_EVENTS {HOOK}")))
}

/// The boundary: a run begins here.
pub fn run_begins(at: Timestamp) -> String {
    let task = info(at, &format!("TASK_RUN HookRun@KUBE_EVENTS {HOOK}"));
    format!("{task}\n{}", info(at, &format!("Running hook '{HOOK}' binding 'KUBE_EVENTS' ...")))
}

/// The hook ended with an error and is run again after a delay.
pub fn hook_failed(at: Timestamp, count: usize) -> String {
    let error = format!(
        "TASK_RUN TASK_HOOK_RUN '{HOOK}' on 'KUBE_EVENTS' failed. Will retry after delay. Failed count is {count}. \
         Error: {HOOK} FAILED: exit status 1"
    );
    format!("{} ERROR    : {error}", clock::in_log(at))
}

/// What Python says before it exits with 1.
pub const TRACEBACK: &str = "Traceback (most recent call last):
  File \"/hooks/kubesphere/installRunner.py\", line 756, in <module>
    main()
  File \"/hooks/kubesphere/installRunner.py\", line 747, in main
    generate_new_cluster_configuration(api)
urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='10.96.0.1', port=443): Max retries exceeded with url: \
/apis/installer.kubesphere.io/v1alpha1/namespaces/kubesphere-system/clusterconfigurations/ks-installer";

/// The old ClusterConfiguration is gone.
pub const DELETED: &str = "Delete old cluster configuration successfully";
/// The new ClusterConfiguration is there; another run follows.
pub const CREATED: &str = "Create cluster configuration successfully";
/// Ends the list of started components.
pub const WAITING: &str =
    "**************************************************\nWaiting for all tasks to be completed ...";
/// All components have ended.
pub const COLLECTING: &str =
    "**************************************************\nCollecting installation results ...";
/// Writing kubesphere-config failed.
pub const CONFIG_FAILED: &str = "Failed to ansible-playbook ks-config.yaml";
/// The last playbook failed.
pub const RESULT_FAILED: &str = "Failed to ansible-playbook result-info.yaml";

/// A play of the first, sequential part.
pub struct Play {
    /// Its tasks, each with what Ansible reports of it.
    pub tasks: &'static [(&'static str, &'static str)],
    /// The numbers ok, changed and skipped of its recap.
    pub recap: (u32, u32, u32),
}

/// The four plays of the first part, in order.
pub const PLAYS: [Play; 4] = [
    Play {
        tasks: &[
            (
                "preinstall : KubeSphere | Stopping if Kubernetes version is nonsupport",
                "ok: [localhost] => {\n    \"changed\": false,\n    \"msg\": \"All assertions passed\"\n}",
            ),
            ("preinstall : KubeSphere | Checking StorageClass", "changed: [localhost]"),
        ],
        recap: (10, 5, 7),
    },
    Play {
        tasks: &[(
            "metrics-server : Metrics-Server | Checking old installation files",
            "skipping: [localhost]",
        )],
        recap: (6, 4, 4),
    },
    Play {
        tasks: &[(
            "common : KubeSphere | Creating KubeSphere namespace",
            "changed: [localhost] => (item=kubesphere-system)",
        )],
        recap: (13, 10, 23),
    },
    Play {
        tasks: &[
            ("ks-core/init-token : KubeSphere | Create components token", "changed: [localhost]"),
            ("ks-core/ks-core : KubeSphere | Upgrade ks-core chart", "changed: [localhost]"),
            ("ks-core/ks-core : KubeSphere | Importing ks-core status", "changed: [localhost]"),
        ],
        recap: (24, 18, 14),
    },
];

impl Play {
    /// The whole play, as it succeeds.
    pub fn succeeded(&self) -> String {
        let (ok, changed, skipped) = self.recap;
        format!("{}{}", self.until(self.tasks.len()), recap(ok, changed, 0, skipped))
    }

    /// The play until a task fails with this JSON; the recap counts one failure.
    pub fn failed(&self, tasks: usize, task: &str, result: &str) -> String {
        let (ok, changed, _) = self.recap;
        let fatal = coloured("31", &format!("fatal: [localhost]: FAILED! => {result}"));
        format!("{}{}\n{fatal}\n\n{}", self.until(tasks), heading(task), recap(ok / 2, changed / 2, 1, 0))
    }

    fn until(&self, tasks: usize) -> String {
        let mut text = format!("\n{}\n\n", stars("PLAY [localhost] "));
        for (task, result) in &self.tasks[..tasks] {
            let colour = if result.starts_with("changed") {
                "33"
            } else if result.starts_with("ok") {
                "32"
            } else {
                "36"
            };
            let _ = write!(text, "{}\n{}\n\n", heading(task), coloured(colour, result));
        }
        text
    }
}

/// A task of the second part was started.
pub fn started(component: &str) -> String {
    format!("Start installing {component}")
}

/// A task of the second part has ended; two blanks stand before the count.
pub fn ended(component: &str, status: &str, completed: usize, all: usize) -> String {
    format!("task {component} status is {status}  ({completed}/{all})")
}

/// What a failed task leaves at the end of the run: a long line of stars, Ansible's event, and the stars again.
pub fn component_failed(component: &str, role: &str, task: &str, stderr: &str) -> String {
    let event = json!({
        "counter": 65,
        "created": "2024-05-07T01:19:43.114565",
        "event": "runner_on_failed",
        "event_data": {
            "duration": 652.823_314,
            "host": "localhost",
            "play": "localhost",
            "playbook": format!("/kubesphere/playbooks/{component}.yaml"),
            "res": {"attempts": 10, "changed": true, "msg": "non-zero return code", "rc": 1, "stderr": stderr},
            "role": role,
            "task": task,
            "task_action": "shell",
        },
        "stdout": "fatal: [localhost]: FAILED! => {...}",
    });
    let stars = "*".repeat(150);
    let event = serde_json::to_string_pretty(&event).expect("made of strings and numbers");
    format!("\n\nTask '{component}' failed:\n{stars}\n{event}\n{stars}")
}

/// The banner of a run without any failure; it shows the administrator's password.
pub fn banner(at: Timestamp, password: &str) -> String {
    let rule = "#".repeat(53);
    format!(
        "{rule}\n###              Welcome to KubeSphere!           ###\n{rule}\n\n\
         Console: http://192.168.0.2:30880\nAccount: admin\nPassword: {password}\n\nNOTES：\n  \
         1. After you log into the console, please check the\n     monitoring status of service components in\n     \
         \"Cluster Management\". If any service is not\n     ready, please wait patiently until all components \n     \
         are up and running.\n  2. Please change the default password after login.\n\n{rule}\n\
         https://kubesphere.io             {}\n{rule}",
        clock::in_banner(at)
    )
}

/// The tasks of the second part: four always, and every section of the spec that is enabled.
///
/// Source: ks-installer `controller/installRunner.py@v3.4.1` (`getComponentLists`).
pub fn components(spec: &serde_json::Value, version: Version) -> Vec<String> {
    let always: &[&str] = if version == Version::V3_0 {
        &["monitoring", "multicluster"]
    } else {
        &["monitoring", "multicluster", "openpitrix", "network"]
    };
    let enabled = spec.as_object().into_iter().flatten().filter(|(name, section)| {
        section["enabled"] == true
            && !["metrics_server", "networkpolicy", "telemetry"].contains(&name.as_str())
    });
    always.iter().map(|name| (*name).to_owned()).chain(enabled.map(|(name, _)| name.clone())).collect()
}

fn info(at: Timestamp, text: &str) -> String {
    format!("{} INFO     : {text}", clock::in_log(at))
}

fn heading(task: &str) -> String {
    stars(&format!("TASK [{task}] "))
}

fn stars(text: &str) -> String {
    format!("{text}{}", "*".repeat(79_usize.saturating_sub(text.len()).max(3)))
}

fn coloured(colour: &str, text: &str) -> String {
    format!("\u{1b}[0;{colour}m{text}\u{1b}[0m")
}

fn recap(ok: u32, changed: u32, failed: u32, skipped: u32) -> String {
    let counts =
        format!("ok={ok:<4} changed={changed:<4} unreachable=0    failed={failed:<4} skipped={skipped:<4}");
    format!("{}\nlocalhost                  : {counts} rescued=0    ignored=0   \n", stars("PLAY RECAP "))
}
