//! What must hold before a join changes anything: one file per check, one registry.

mod api_reachable;
mod cluster_name;
mod configuration_shape;
mod different_clusters;
mod finding;
#[cfg(test)]
mod fixture;
mod host_cluster_name;
mod host_role;
mod installer_present;
mod installer_run;
mod jwt_secret;
mod kubesphere_version;
mod legacy_token_secrets;
mod member_credential;
mod member_credential_lifetime;
mod member_registration;
mod member_role;
mod member_server_address;
mod member_server_certificate;
mod member_server_loopback;
mod permissions;
mod prepared;
mod registry;
mod short_name;
mod situation;

pub use finding::{Finding, Report, Verdict};
pub use registry::{CHECKS, Check, run, skippable_ids};
pub use situation::{MemberSituation, Silent, Situation};
