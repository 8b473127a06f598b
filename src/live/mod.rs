//! The only room that talks to clusters, reads the environment and knows the time.

use kube_connect::{cause, no_answer, server_text, server_trust};
pub use kube_connect::{
    connection, environment, exec_credential, known_members, kubeconfig, local_file, objects, proxy,
    request_error, requests, retry, selected_context, server_clock, shared_names, similarity, time_limit,
    traffic,
};

pub mod account;
pub mod apply;
pub mod closer_look;
pub mod core_dump;
pub mod credentials;
pub mod endpoint;
pub mod execute;
pub mod failure;
pub mod follow;
pub mod fresh_secret;
pub mod identify;
pub mod installer_run;
pub mod ledger;
mod namespaces;
pub mod narrowing;
pub mod observation;
pub mod observations;
pub mod observe;
pub mod patience;
pub mod places;
pub mod reach;
pub mod registered_names;
pub mod registering;
pub mod registrations;
pub mod report;
pub mod secret_places;
pub mod steps;
pub mod stuck_pods;
pub mod surroundings;
pub mod undo;
pub mod unjoin;
pub mod whereabouts;

mod client_certificate;
pub mod controller_process;
mod core;
mod federation;
mod installation;
mod installing;
mod leftovers;
mod looking;
mod peer_certificate;
mod roster;
mod unstored_users;
mod user_binding;
mod verification;
mod waiting;
mod workloads;
