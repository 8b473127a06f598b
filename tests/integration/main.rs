//! Everything that is shown from outside the library: commands on real control planes, and whole-program rules.

#![expect(clippy::unwrap_used, reason = "a test's own functions")]
#![expect(unreachable_pub, reason = "nothing is public outside the one test binary")]

mod architecture;
mod check;
mod check_docs;
mod completion;
mod completion_typed;
mod config_file;
mod configure;
mod configure_refused;
mod connections;
mod credentials;
mod docs;
mod document;
mod dry_run;
mod endpoint;
mod faults;
mod follow;
mod get;
mod get_watch;
mod help;
mod import;
mod installer_log;
mod installer_runs;
mod join;
mod jwt_secret;
mod kubeconfigs;
mod logs;
mod logs_disturbed;
mod manifests;
mod manners;
mod permissions;
mod prepare;
mod prompt;
mod races;
mod rbac;
mod reachability;
mod readme;
mod real_nodes;
mod refusals;
mod renew;
mod renew_interrupted;
mod requests;
mod resume;
mod stored_credential;
mod support;
mod typed;
mod unjoin;
mod unjoin_force;
mod unjoin_force_killed;
mod unjoin_members;
mod unjoin_namespaces;
mod usage;
mod verbosity;
mod waiting;
