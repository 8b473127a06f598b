//! What is of KubeSphere 4 only: a host installs ks-core on its members by helm, and no installer runs anywhere.
//!
//! Source: kubesphere `pkg/controller/cluster` and `config/ks-core` at v4.1.1, v4.1.3 and 04a29b5c6 (master).

mod apiserver;
mod chart;
mod clients;
pub mod configuration;
pub(super) mod controller;
mod crds;
mod expiry;
pub(super) mod fixture;
mod helm;
mod helm_job;
mod hooks;
mod install;
mod jobs;
mod membership;
mod observation;
mod own_cluster;
mod release;
mod values;
mod webhooks;

pub(super) use apiserver::answer;
pub(super) use jobs::Jobs;
pub use release::{Release, SELECTOR, Status as ReleaseStatus};
pub use values::config_hash;
