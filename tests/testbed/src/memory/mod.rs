//! A Kubernetes API server in memory, spoken to over HTTPS as the real one is: for tests of the program rather than of
//! Kubernetes.
//!
//! It answers what the program, KubeSphere's stand-ins and kubectl ask, as kube-apiserver does and with the controllers
//! of kube-controller-manager that a test bed's real clusters have; `tests/testbed/tests/differences.rs` asks both the
//! same and compares. Sources are those of Kubernetes 1.34: `staging/src/k8s.io/apiserver/pkg/endpoints`,
//! `…/registry/generic`, `staging/src/k8s.io/apiextensions-apiserver`, `pkg/registry`.

mod admission;
mod bootstrap;
mod controllers;
mod defaults;
mod discovery;
mod identity;
mod in_process;
mod managed_fields;
mod media;
mod objects;
mod open_api;
mod patches;
mod proxying;
mod rbac;
mod requests;
mod resources;
mod reviews;
mod schema;
mod selection;
mod server;
mod signing;
mod status;
mod store;
mod watching;

pub(crate) use requests::Asked;
pub(crate) use server::{Server, Trust};
