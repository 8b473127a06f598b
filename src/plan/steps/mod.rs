//! The steps of plans, one file each.

pub mod await_gone;
pub mod configure;
pub mod confirm_ownership;
pub mod delete_cluster;
pub mod describe_cluster;
pub mod look_again;
pub mod make_credential;
pub mod narrow_webhook;
pub mod probe;
pub mod register;
pub mod release;
pub mod release_claim;
pub mod remove;
pub mod remove_superseded;
pub mod renew;
pub mod restore_webhook;
pub mod sweep_pods;
pub mod uninstall;
