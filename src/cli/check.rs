//! `kubectl mc check`.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::{
    change::{OutputFormat, timeout},
    cluster::Credentials,
    fleet::FleetOptions,
    parallel::ParallelOptions,
    reachability::Reachability,
};
use crate::plan::intent::Expected;

/// Check host and members, before or after a join
///
/// Runs every check of a join and reports by cluster what failed, what to know and what could not be told, each with what
/// to do about it: before a join what blocks it, and of a member that is joined what has drifted since, such as
/// its credential, secret, role, certificate or readiness. Without MEMBER the host is checked with every member that it
/// has registered. A member is checked under the name that it is registered with on the host, else
/// under its context's. Nothing is written, but the API servers are asked which rights the user has. With
/// --reachability=nodes the host's nodes probe the members, with pods that live for seconds.
///
/// With -f the members of a fleet file are checked, each as a join with that file would find it; what such a join would
/// change in the Cluster of a registered member is a warning, and with --expect joined a failure.
///
/// Each check has a page, ID.md, that says what it looks at, what causes its verdict, and how to fix it:
/// https://github.com/kubesphere-sigs/kubectl-mc/tree/main/docs/checks
///
/// Needs what a join needs to read: on both sides "get" on the namespace kube-system, and in kubesphere-system "get" on
/// the ConfigMap kubesphere-config and on the ClusterConfiguration; on the host "list" on
/// clusters.cluster.kubesphere.io. Useful and not needed, because what may not be read is reported as unknown: "list" on
/// nodes and on storageclasses.storage.k8s.io ("get", where the configuration names one); "get" on the namespaces
/// kubesphere-system and kube-federation-system; in kubesphere-system "get" on the Deployment and the Secret
/// kubesphere-secret, on services/proxy, and what `kubectl mc logs` needs; "get" on the ConfigMap devops-config in
/// kubesphere-devops-system; on the host "get" on validatingwebhookconfigurations and
/// federatedworkspaces.types.kubefed.io, "list" on endpointslices.discovery.k8s.io, and in kube-federation-system "get"
/// on deployments and "list" on secrets, of which only the labels are read; on a member "list" on namespaces, on
/// workspaces.tenant.kubesphere.io and on serviceaccounts in kube-federation-system. With --reachability=nodes on the
/// host, in kubesphere-system, "create", "list" and "delete" on pods and "list" on events.
#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the address stands in the help, where no brackets belong around it")]
#[command(group = ArgGroup::new("named").args(["members", "filename"]).multiple(true))]
#[command(after_help = "\
Exit codes:
  0  no check failed; there may be warnings
  3  a check failed
  4  the time was up; what was seen by then is reported

Examples:
  # What blocks joining the cluster of context edge-1
  kubectl mc check edge-1 --context prod

  # Whether a host and two members are still what a join made of them
  kubectl mc check edge-1 edge-2 --context prod

  # Whether every node of the host reaches the member
  kubectl mc check edge-1 --context prod --reachability=nodes

  # All members of a fleet file, before or after they are joined
  kubectl mc check -f fleet.yaml

  # The host, and whether all its members are ready and take the credentials that it has stored
  kubectl mc check --context prod

  # In a script: whether the member is joined
  kubectl mc check edge-1 --context prod --expect joined

  # The ids of all checks that failed
  kubectl mc check edge-1 --context prod -o json |
      jq -r '.findings[] | select(.verdict == \"failure\").id'")]
pub struct Check {
    /// Contexts of members to check; with -f, names of members of the file [default with -f: all]
    #[arg(value_name = "MEMBER")]
    pub members: Vec<String>,
    /// The file
    #[command(flatten)]
    pub fleet: FleetOptions,
    /// Name that the Cluster of a member that is not registered would get [default: the context's name]
    #[arg(long, value_name = "NAME", conflicts_with = "filename")]
    pub name: Option<String>,
    /// Which credential the host would store of a member that is not registered
    #[arg(long, value_name = "KIND", value_enum, default_value_t, conflicts_with = "filename")]
    pub credentials: Credentials,
    /// Checks whose failures become warnings
    #[arg(long = "skip-check", value_name = "ID,…", value_delimiter = ',')]
    pub skip_checks: Vec<String>,
    /// From where the members' servers are probed
    #[arg(long, value_enum, default_value = "off", value_name = "FROM")]
    pub reachability: Reachability,
    /// Confirm what the members are: with another state the exit code is 3
    #[arg(long, value_name = "STATE", value_enum, requires = "named")]
    pub expect: Option<Expectation>,
    /// Form of the report
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<CheckFormat>,
    /// How long all checks together may take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = timeout)]
    pub timeout: Duration,
    /// How much of it at a time
    #[command(flatten)]
    pub parallel: ParallelOptions,
}

/// What a member is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Expectation {
    /// Registered and ready, and no check failed
    Joined,
    /// Not registered on the host, and without a credential of it, whatever else is found
    Absent,
}

impl From<Expectation> for Expected {
    fn from(expectation: Expectation) -> Self {
        match expectation {
            Expectation::Joined => Self::Joined,
            Expectation::Absent => Self::Absent,
        }
    }
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Every check with its verdict, one line for each cluster
    Wide,
    /// One JSON object
    Json,
    /// One YAML document
    Yaml,
}

impl Check {
    /// The form of the one object, where one is asked for.
    pub fn object(&self) -> Option<OutputFormat> {
        match self.output? {
            CheckFormat::Json => Some(OutputFormat::Json),
            CheckFormat::Yaml => Some(OutputFormat::Yaml),
            CheckFormat::Wide => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    #[test]
    fn the_help_leads_to_the_pages_of_the_checks() {
        let program = Cli::command();
        let help = program.find_subcommand("check").unwrap().get_long_about().unwrap().to_string();
        assert!(help.contains(concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs/checks")), "{help}");
    }
}
