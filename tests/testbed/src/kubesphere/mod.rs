//! KubeSphere's own actors, played against real apiservers: the installer, the cluster controller and ks-apiserver.
//!
//! Each does what the real one does, by version, in its order and with its words, also where that is unkind; only time
//! passes faster, by one factor ([`pace::FACTOR`]).

pub mod clock;
pub mod cluster_controller;
mod conditions;
pub mod configuration;
pub mod crds;
pub mod devops;
pub mod federation;
pub mod fixture;
pub mod go_error;
mod images;
pub mod installer;
pub mod installer_log;
pub mod installer_text;
pub mod ks_apiserver;
pub mod kubefed;
mod kubelet;
pub mod member;
mod mount;
pub mod nodes;
pub mod objects;
pub mod pace;
mod peculiarity;
mod pods;
mod probes;
pub mod projects;
mod queue;
pub mod scenario;
pub mod secret;
pub mod site;
pub mod specification;
pub mod stand_ins;
pub mod v4;
pub mod version;
pub mod webhook;
pub mod workloads;

pub use nodes::Node;
pub use peculiarity::Peculiarity;
pub use scenario::{
    ApiserverScenario, Clusters, ControllerScenario, Installation, InstallerScenario, Lasting, Role, Scenario,
};
pub use stand_ins::StandIns;
pub use version::{Generation, Version};
