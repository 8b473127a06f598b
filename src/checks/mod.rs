//! What must hold before a command changes anything: one file per check, one registry.

mod access_token_max_age;
mod api_reachable;
mod clock_skew;
mod cluster_name;
pub mod cluster_webhook;
mod clusters;
mod configuration_shape;
mod core_release;
mod default_storage_class;
mod different_clusters;
mod expected;
mod federation_health;
mod finding;
#[cfg(test)]
mod fixture;
mod host_cluster_name;
mod host_in_effect;
mod host_role;
pub mod installer_present;
pub mod installer_run;
mod jwt_secret;
mod jwt_secret_places;
mod ks_apiserver;
mod kubesphere_version;
mod left_webhook;
pub mod leftover_probe_pods;
mod legacy_token_secrets;
mod managed_elsewhere;
pub mod member_credential;
mod member_credential_lifetime;
mod member_in_effect;
pub mod member_leftovers;
mod member_ownership;
pub mod member_reachable;
pub mod member_readiness;
mod member_registration;
mod member_role;
mod member_server_address;
mod member_server_certificate;
mod member_server_loopback;
mod member_versions;
mod permissions;
mod prepared;
#[cfg(test)]
mod printed_commands_tests;
mod registry;
mod renewed_cluster;
mod renewed_installation;
pub mod restarts;
mod rule;
mod short_name;
mod situation;
mod stored_options;
mod terminating_namespaces;
mod unfinished;
pub mod unjoin_recheck;
#[cfg(test)]
mod unjoin_tests;
mod unjoining;

pub use clusters::{Clusters, Silent};
pub use expected::CHECK as EXPECTED_STATE;
pub use finding::{Finding, Report, Verdict};
pub use registry::{CHECKS, Check, NO_ANSWER, Subject, every_check, run, skippable_ids, unanswered};
pub use rule::Rule;
pub use situation::{MemberSituation, Situation};
pub use unjoining::Unjoining;
