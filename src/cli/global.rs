//! Options of every command.

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgAction, Args, ValueEnum,
    builder::{StringValueParser, TypedValueParser as _},
};
use kubesphere::{fleet_entry::FleetEntry, kubesphere_config::go_duration};
use secrecy::SecretString;

use super::cluster::key_value;

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// How to reach the host
    #[command(flatten)]
    pub host: HostConnection,
    /// How to reach the members
    #[command(flatten)]
    pub member: MemberConnection,
    /// User to act as, on both clusters
    #[arg(long = "as", value_name = "USER", global = true, help_heading = "Connection")]
    pub impersonate: Option<String>,
    /// Group to act as, on both clusters; can be repeated
    #[arg(long = "as-group", value_name = "GROUP", global = true, help_heading = "Connection")]
    pub impersonate_groups: Vec<String>,
    /// UID to act as, on both clusters
    #[arg(long = "as-uid", value_name = "UID", global = true, help_heading = "Connection")]
    pub impersonate_uid: Option<String>,
    /// Extra of the user to act as, on both clusters; can be repeated, also for the same key
    #[arg(long = "as-user-extra", value_name = "KEY=VALUE", value_parser = key_value, global = true, help_heading = "Connection")]
    pub impersonate_user_extra: Vec<(String, String)>,
    /// How long to wait for a single request, as 5s or 2m; 0 waits for ever [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = request_timeout, global = true, help_heading = "Connection")]
    pub request_timeout: Option<Duration>,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true, help_heading = "Output")]
    pub color: ColorChoice,
    /// How much to log: 6 shows requests, 8 bodies with secrets replaced by fingerprints
    #[arg(short = 'v', long = "v", value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=9), global = true, help_heading = "Output")]
    pub verbosity: u8,
    /// Exit with 1 if a server has sent a warning
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", hide_default_value = true, hide_possible_values = true, action = ArgAction::Set, global = true, help_heading = "Output")]
    pub warnings_as_errors: bool,
    /// kubectl's options that have nothing to do here
    #[command(flatten)]
    pub idle: IdleOptions,
}

/// kubectl's options that people have in scripts and that change nothing here: answers are never compressed, and
/// nothing is cached. A namespace would change nothing either, but who gives one expects that it does.
#[derive(Clone, Debug, Args)]
pub struct IdleOptions {
    /// Do not compress answers
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true, global = true)]
    pub disable_compression: Option<bool>,
    /// Folder of the cache
    #[arg(long, value_name = "PATH", hide = true, global = true)]
    pub cache_dir: Option<PathBuf>,
    /// Refused
    #[arg(short = 'n', long, value_name = "NAME", value_parser = namespace, hide = true, global = true)]
    pub namespace: Option<String>,
}

/// How to reach the host: kubectl's options with kubectl's meaning.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection to the host")]
pub struct HostConnection {
    /// Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "PATH", global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The host's context [default: the current-context]
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// The address and port of the API server
    #[arg(short = 's', long, value_name = "URL", global = true)]
    pub server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from), global = true)]
    pub token: Option<SecretString>,
    /// Path of the certificate authority's file
    #[arg(long, value_name = "PATH", global = true)]
    pub certificate_authority: Option<PathBuf>,
    /// Path of the client certificate's file
    #[arg(long, value_name = "PATH", global = true)]
    pub client_certificate: Option<PathBuf>,
    /// Path of the client key's file
    #[arg(long, value_name = "PATH", global = true)]
    pub client_key: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub tls_server_name: Option<String>,
    /// Do not verify the server's certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    pub insecure_skip_tls_verify: Option<bool>,
    #[arg(skip)]
    pub entry: Option<FleetEntry>,
}

/// How to reach the members; all but the kubeconfig suit one MEMBER only.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection to the member")]
pub struct MemberConnection {
    /// Path of the kubeconfig with the members' contexts [default: the host's]
    #[arg(long, value_name = "PATH", global = true)]
    pub member_kubeconfig: Option<PathBuf>,
    /// The kubeconfig cluster to use
    #[arg(long, value_name = "NAME", global = true)]
    pub member_cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, value_name = "NAME", global = true)]
    pub member_user: Option<String>,
    /// The address and port of the member's API server; join, import and renew store it, and connect as the context says
    #[arg(long, value_name = "URL", global = true)]
    pub member_server: Option<String>,
    /// Bearer token for the member's API server
    #[arg(long, value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from), global = true)]
    pub member_token: Option<SecretString>,
    /// Path of the certificate authority's file; join, import and renew store what it holds
    #[arg(long, value_name = "PATH", global = true)]
    pub member_certificate_authority: Option<PathBuf>,
    /// Path of the client certificate's file
    #[arg(long, value_name = "PATH", global = true)]
    pub member_client_certificate: Option<PathBuf>,
    /// Path of the client key's file
    #[arg(long, value_name = "PATH", global = true)]
    pub member_client_key: Option<PathBuf>,
    /// The name to expect in the server's certificate
    #[arg(long, value_name = "NAME", global = true)]
    pub member_tls_server_name: Option<String>,
    /// Do not verify the server's certificate
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    pub member_insecure_skip_tls_verify: Option<bool>,
    #[arg(skip)]
    pub entry: Option<FleetEntry>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// kubectl takes a bare number as seconds here, and 0 as no limit.
fn request_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| go_duration(text)).ok_or_else(|| {
        "must be a single integer in seconds, or an integer followed by a unit (e.g. 1s | 2m | 3h)".to_owned()
    })
}

fn namespace(_: &str) -> Result<String, String> {
    Err("everything of KubeSphere stands in namespaces of its own, such as kubesphere-system: leave it out"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::request_timeout;

    #[test]
    fn a_request_has_seconds_or_a_duration_or_for_ever() {
        for (text, duration) in [
            ("5", Duration::from_secs(5)),
            ("2m", Duration::from_secs(120)),
            ("300ms", Duration::from_millis(300)),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(request_timeout(text), Ok(duration), "{text}");
        }
        for text in ["", "5x", "-1s", "soon"] {
            assert!(request_timeout(text).unwrap_err().contains("(e.g. 1s | 2m | 3h)"), "{text}");
        }
    }
}
