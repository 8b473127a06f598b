//! What the Cluster of a new member says.

use clap::{Args, ValueEnum};

/// The name of the Cluster, and what it says about the member.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterOptions {
    /// Name of the Cluster on the host [default: the context's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The credential that is stored on the host [default: auto]
    #[arg(long, value_name = "KIND", value_enum)]
    pub credentials: Option<Credentials>,
    /// Alias that the console shows in place of the name
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub alias: Option<String>,
    /// Tag in the console: production, development, testing, demo
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub group: Option<String>,
    /// Who provides the cluster, such as "Amazon EKS"
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub provider: Option<String>,
    /// Description in the console
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub description: Option<String>,
    /// Region label
    #[arg(long, value_name = "TEXT", help_heading = "The Cluster")]
    pub region: Option<String>,
    /// Label of the Cluster; can be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "The Cluster")]
    pub labels: Vec<(String, String)>,
    /// Annotation of the Cluster; can be repeated
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "The Cluster")]
    pub annotations: Vec<(String, String)>,
}

/// The credential that is stored on the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Credentials {
    /// A service account made for the host; a client certificate if the host has KubeSphere 3.3
    #[default]
    Auto,
    /// The certificate or token that the member's context has
    Context,
    /// A service account made for the host
    ServiceAccount,
}

/// Reads `KEY=VALUE`.
pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}
