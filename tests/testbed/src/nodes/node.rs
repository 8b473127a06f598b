//! A running node.

use std::{
    ffi::OsString,
    fs,
    net::Ipv4Addr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    Machine, Reach, address,
    cgroups::Cgroups,
    image::{self, PAUSE},
    machine::NOWHERE,
};
use crate::{
    Error,
    kubeconfig::write_private,
    process::{Process, Program},
};

const NETWORK: &str = include_str!("network.sh");
const NODE: &str = include_str!("node.sh");

/// How long the kernel may take to end the namespaces of a node whose first process was killed; it took 0.1 s.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What a node needs to know of the control planes around it.
pub(super) struct Surroundings<'a> {
    /// The kubelet's binary.
    pub(super) kubelet: &'a Path,
    /// The port of the host's control plane, from which addresses follow.
    pub(super) port: u16,
    /// Where nodes find the host.
    pub(super) host: Ipv4Addr,
    /// Where nodes find the member, if they do.
    pub(super) member: Ipv4Addr,
}

/// A node; dropped, all of its processes end.
pub struct Node {
    name: String,
    address: Ipv4Addr,
    link: String,
    host: Ipv4Addr,
    member: Ipv4Addr,
    process: Process,
    _cgroups: Cgroups,
    folder: TempDir,
}

impl Node {
    /// Starts a node; the kubelet comes to its control plane by the kubeconfig.
    pub(super) fn start(
        machine: &Machine,
        index: u16,
        around: &Surroundings<'_>,
        kubeconfig: &str,
    ) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("testbed-node-")
            .tempdir()
            .map_err(Error::io("create a temporary folder"))?;
        let cgroups = Cgroups::create(&machine.name)?;
        let address = address::of_node(around.port, index);
        let link = address::link(around.port, index);
        write_private(&folder.path().join("kubeconfig"), kubeconfig)?;
        write_settings(folder.path(), machine, address, &cgroups)?;
        let process = Process::start(&program(machine, around, (address, &link), folder.path()))?;
        Ok(Self {
            name: machine.name.clone(),
            address,
            link,
            host: around.host,
            member: around.member,
            process,
            _cgroups: cgroups,
            folder,
        })
    }

    /// Its name, also as an object of the host's.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Changes how far its connections to the member come, from now on.
    pub fn set_reach(&self, reach: Reach) -> Result<(), Error> {
        let route = reach.route(self.member, self.host);
        let output = Command::new("nsenter")
            .args(["--target", &self.process.id().to_string(), "--net", "ip", "route", "replace"])
            .args(route.split(' '))
            .output()
            .map_err(Error::io("start `nsenter`"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(self.failed(&format!("the route `{route}` was refused: {said}")))
    }

    /// Whether its processes run.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// An error of this node, with the last words of its programs.
    pub(super) fn failed(&self, reason: &str) -> Error {
        let mut log = self.process.log_tail();
        for file in ["containerd.log", "kubelet.log"] {
            let text = fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            log = format!("{log}\n{file}:\n{}", lines[lines.len().saturating_sub(6)..].join("\n"));
        }
        Error::Node { name: self.name.clone(), reason: reason.to_owned(), log }
    }
}

impl Drop for Node {
    /// Waits until the link is gone, which means that no process of the node is left.
    fn drop(&mut self) {
        self.process.kill();
        let link = Path::new("/sys/class/net").join(&self.link);
        let begun = Instant::now();
        while link.exists() && begun.elapsed() < ENDS_WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn program(
    machine: &Machine,
    around: &Surroundings<'_>,
    (address, link): (Ipv4Addr, &str),
    folder: &Path,
) -> Program {
    let mut arguments: Vec<OsString> = ["--net", "sh", "-c", NETWORK, "network"].map(OsString::from).into();
    let network = [
        std::process::id().to_string(),
        link.to_owned(),
        address.to_string(),
        around.host.to_string(),
        around.member.to_string(),
        NOWHERE.to_string(),
        machine.reach.route(around.member, around.host),
    ];
    arguments.extend(network.map(OsString::from));
    arguments.extend([folder.into(), around.kubelet.into()]);
    arguments.extend([machine.name.clone(), address.to_string()].map(OsString::from));
    Program {
        binary: "unshare".into(),
        arguments,
        log: folder.join("node.log"),
        remove: Some(folder.to_owned()),
        ..Program::default()
    }
}

fn write_settings(
    folder: &Path,
    machine: &Machine,
    address: Ipv4Addr,
    cgroups: &Cgroups,
) -> Result<(), Error> {
    let write = |file: &str, bytes: &[u8]| {
        let path = folder.join(file);
        fs::write(&path, bytes).map_err(Error::file("write", path))
    };
    write("node.sh", NODE.as_bytes())?;
    write("containerd.toml", containerd(folder).as_bytes())?;
    write("kubelet.json", kubelet(address, cgroups).as_bytes())?;
    // A network without any plugin, so that the node is ready: its pods use the node's own network.
    fs::create_dir(folder.join("cni")).map_err(Error::file("create the folder", folder))?;
    write(
        "cni/none.conflist",
        br#"{"cniVersion": "1.0.0", "name": "none", "plugins": [{"type": "loopback"}]}"#,
    )?;
    if !machine.images.is_empty() {
        let archive = image::archive(&machine.images).map_err(Error::io("make an image"))?;
        write("image.tar", &archive)?;
    }
    Ok(())
}

/// All else lies where containerd has it by default, in the node's own `/run` and `/var/lib`.
fn containerd(folder: &Path) -> String {
    format!(
        "version = 2\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\n\
         restrict_oom_score_adj = true\n\
         sandbox_image = \"{PAUSE}\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
         conf_dir = \"{}/cni\"\n\
         [plugins.\"io.containerd.internal.v1.opt\"]\n\
         path = \"/var/lib/containerd-opt\"\n",
        folder.display()
    )
}

/// The kubelet as on any node, apart from what a small virtual machine cannot give (swap off, cgroup v2, free space).
fn kubelet(address: Ipv4Addr, cgroups: &Cgroups) -> String {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs", "cgroupRoot": cgroups.path(),
        "enforceNodeAllocatable": [], "failCgroupV1": false, "failSwapOn": false,
        "localStorageCapacityIsolation": false, "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%", "nodefs.inodesFree": "0%",
        },
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
        "address": address, "readOnlyPort": 0, "healthzPort": 0,
        "nodeStatusUpdateFrequency": "1s",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    })
    .to_string()
}
