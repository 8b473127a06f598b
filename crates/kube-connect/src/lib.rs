//! A connection to a cluster as kubectl makes it: kubeconfig, credentials, proxies, TLS, the objects of a kind, errors.
//!
//! It knows of KubeSphere only how people are told which cluster is meant, and what must not be shown.

pub mod cause;
pub mod connection;
pub mod environment;
pub mod exec_credential;
pub mod known_members;
pub mod kubeconfig;
pub mod local_file;
pub mod no_answer;
pub mod objects;
pub mod proxy;
pub mod request_error;
pub mod requests;
pub mod retry;
pub mod selected_context;
pub mod server_clock;
pub mod server_text;
pub mod server_trust;
pub mod shared_names;
pub mod shown;
pub mod similarity;
pub mod time_limit;
pub mod traffic;

mod answer_limit;
mod answer_values;
mod bearer_token;
mod client_identity;
mod credentials;
mod dial;
mod given_options;
mod kubeconfig_entry;
mod material;
mod server_url;
mod tls_failure;
mod transport;
