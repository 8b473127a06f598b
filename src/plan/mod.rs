//! Decisions: what was observed and what is wanted become a plan. Pure.

pub use kubesphere::configuration_patch;

pub mod access;
pub mod cluster_manifest;
pub mod conclusion;
pub mod context_mapping;
pub mod course;
pub mod credential;
pub mod credential_step;
pub mod go_error;
pub mod guarded_patch;
pub mod human_duration;
pub mod identity;
pub mod installer_run;
pub mod intent;
pub mod join;
pub mod lifetime;
pub mod member_kubeconfig;
pub mod member_server;
pub mod narrowing;
pub mod observed;
pub mod race;
pub mod reach;
pub mod registered_name;
pub mod registration;
pub mod registration_changes;
pub mod renewal;
pub mod secret_places;
pub mod secret_remarks;
pub mod shared_secret;
pub mod steps;
pub mod stored_credential;
pub mod superseded;
pub mod surroundings;
pub mod unjoin;
