//! What was typed: clap's types and nothing else.

mod called;
mod change;
mod check;
mod cluster;
pub mod completion;
mod configure;
mod get;
mod global;
mod help;
mod import;
mod join;
mod jwt_secret;
mod logs;
mod prepare;
mod program;
mod reachability;
mod renew;
mod unjoin;

pub use called::Called;
pub use change::{ChangeOptions, DryRun, OutputFormat, SkipOptions};
pub use check::Check;
pub use cluster::{ClusterOptions, Credentials};
pub use completion::{Completion, Shell};
pub use configure::{Configure, ConfiguredRole, SecretSource};
pub use get::{Get, GetFormat};
pub use global::{ColorChoice, Global, HostConnection, IdleOptions, MemberConnection};
pub use import::Import;
pub use join::Join;
pub use jwt_secret::ShowJwtSecret;
pub use logs::{Logs, Runs};
pub use prepare::{Prepare, PrepareHost, PrepareMember};
pub use program::{Cli, Command};
pub use reachability::Reachability;
pub use renew::Renew;
pub use unjoin::Unjoin;
