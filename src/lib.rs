//! `kubectl mc`: joins KubeSphere clusters by direct connection.
//!
//! One pipeline, ended early by the commands that only look:
//!
//! ```text
//! argv → Intent ┐
//!               ├→ an operation decides → Plan → show, confirm → execute → verify (decide again: the plan is empty)
//! observe ──────┘
//! ```
//!
//! # Rooms
//!
//! `kubesphere` ← `plan` ← `checks` ← `live` ← `commands` ← `main`; `output` sees the types of the first three,
//! and `cli` sees clap. There is no async, client, file system, environment, clock or printing in `kubesphere`,
//! `plan` and `checks`; only `live` and the crate `kube-connect` below it have a Kubernetes client, and only `output`
//! prints. The crate `config-file` edits files that hold a ClusterConfiguration, text to text, with `store` alone on the
//! disk; it and `kube-connect` know nothing but the crate `kubesphere`. `fleet-file` reads fleet files with its parser. The
//! test `architecture` holds what the compiler does not.

pub mod checks;
pub mod cli;
pub mod commands;
pub mod error;
pub mod live;
pub mod output;
pub mod plan;
