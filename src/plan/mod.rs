//! Decisions: what was observed and what is wanted become a plan. Pure.

pub mod access;
pub mod conclusion;
pub mod configuration_patch;
pub mod course;
pub mod credential;
pub mod identity;
pub mod installer_run;
pub mod intent;
pub mod join;
pub mod lifetime;
pub mod member_kubeconfig;
pub mod member_server;
pub mod observed;
pub mod race;
pub mod reach;
pub mod registered_name;
pub mod secret_places;
pub mod secret_remarks;
pub mod shared_secret;
pub mod steps;
pub mod surroundings;
