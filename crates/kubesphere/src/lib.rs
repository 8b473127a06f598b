//! Nouns: what KubeSphere is. Pure.

pub mod cluster;
pub mod cluster_configuration;
pub mod cluster_webhook;
pub mod command;
pub mod confidential;
pub mod configuration_patch;
pub mod devops_config;
pub mod given_options;
pub mod go_base64;
pub mod installer_log;
pub mod jwt_secret;
pub mod known_secrets;
pub mod kubeconfig_document;
pub mod kubesphere_config;
pub mod management;
pub mod missing_right;
pub mod names;
pub mod object;
pub mod pem;
pub mod readiness;
pub mod role;
pub mod shell_word;
pub mod side;
pub mod stored_kubeconfig;
pub mod versions;
pub mod wiped;
