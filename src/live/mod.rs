//! The only room that talks to clusters, reads the environment and knows the time.

pub mod apply;
pub mod closer_look;
pub mod connection;
pub mod credentials;
pub mod environment;
pub mod exec_credential;
pub mod failure;
pub mod follow;
pub mod installer_run;
pub mod kubeconfig;
pub mod observe;
pub mod patience;
pub mod prepare;
pub mod proxy;
pub mod register;
pub mod report;
pub mod request_error;
pub mod requests;
pub mod secret_places;
pub mod selected_context;
pub mod server_clock;
pub mod sighting;
pub mod sightings;

mod bearer_token;
mod cause;
mod identify;
mod no_answer;
mod retry;
mod server_text;
mod server_url;
mod traffic;
