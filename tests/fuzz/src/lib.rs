//! What reads other people's texts, run on mutated ones: a few thousand in `cargo test`, as many as one likes with
//! `cargo fuzz TARGET EXECUTIONS`.
//!
//! cargo-fuzz, honggfuzz and bolero's engines that are guided by coverage need nightly. Here mutations begin with real
//! texts instead, and stay near them. Whatever once failed belongs into the corpus.

pub mod mutator;
pub mod target;

mod configure;
mod fleet;
mod installer_log;
mod kubeconfig;
mod kubesphere_config;
mod server_text;
