//! How the steps of plans are carried out: one file for each step below `plan/steps`.

pub(super) mod await_gone;
pub mod configure;
pub mod confirm_ownership;
pub(super) mod delete_cluster;
pub(super) mod describe_cluster;
pub(super) mod look_again;
pub mod make_credential;
pub(super) mod narrow_webhook;
pub(super) mod probe;
pub mod register;
pub(super) mod release;
pub(super) mod release_claim;
pub mod remove;
pub(super) mod remove_superseded;
pub mod renew;
pub(super) mod restore_webhook;
pub(super) mod sweep_pods;
pub(super) mod uninstall;
