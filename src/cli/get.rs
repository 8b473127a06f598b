//! `kubectl mc get`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{change::OutputFormat, parallel::ParallelOptions};

/// List clusters and their status
///
/// Shows every Cluster of the host, or those that are named, with what the host's controller says of it and how much of
/// that can be believed. If there is a reason, it stands in the row: of a controller's error the innermost cause, with
/// `-o wide` the whole. No member is asked, and nothing is written, so clusters that do not answer delay nothing.
///
/// READY is True or False as the controller found the member when it looked last; Stale if it has not looked for two of
/// its periods, whatever it said before; Waiting for the controller's first look, or for a proxied member's agent;
/// Installing until a host of KubeSphere 4 has installed it there; Unknown if nobody has looked or will look; Deleting while
/// finalizers hold it. Ages are by the host's clock. CREDENTIAL and EXPIRES are those of the stored kubeconfig, which is
/// never shown.
///
/// --probe asks every member itself through its stored kubeconfig, from this machine and as many at a time as --parallel
/// says, and compares its identity and, on KubeSphere 3, its jwtSecret: PROBE is ok, other-cluster, other-secret where it is not
/// the host's, as after a rotation that was broken off, refused where what is stored does not work for the host either, failed
/// where this machine gets no answer and the host may well, or <none> where there is nothing to ask. A warning has the command
/// that completes a rotation, also where the host itself has not brought its new jwtSecret into effect.
///
/// With -f all Clusters of the host in a fleet file are listed and compared with the file: members of it that are not
/// registered are an error, with the command that joins them, and Clusters that are not in it a warning. In the one object of
/// `-o json|yaml` they are fleet.missing and fleet.unlisted.
///
/// The exit code is 0 however the clusters are, and 1 if one that was named, or a member of the file, is not registered.
///
/// Needs "list" on clusters.cluster.kubesphere.io, and with --watch "watch", else it is listed again and again. Useful and
/// not needed are "get" on the ConfigMap kubesphere-config in kubesphere-system, which says how often the controller looks,
/// and on the validatingwebhookconfiguration cluster.kubesphere.io, which a killed command may have left narrowed; and with
/// --probe on the ClusterConfiguration ks-installer there, which tells whether a rotation is at its end.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  # All clusters of a host
  kubectl mc get --context prod

  # One cluster, with whole reasons, identity and description
  kubectl mc get edge-1 --context prod -o wide

  # Those of one region, as they change
  kubectl mc get --context prod -l cluster.kubesphere.io/region=eu-west --watch

  # Which members of a fleet file are missing, and which Clusters it does not have
  kubectl mc get -f fleet.yaml

  # Ask every member itself, too
  kubectl mc get --context prod --probe

  # The names of all that are not ready
  kubectl mc get --context prod -o json |
      jq -r '.clusters[] | select(.ready != \"True\").name'")]
pub struct Get {
    /// Names of Clusters [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Fleet file, - for stdin: say which of its members are not registered, and which Clusters are not in it
    #[arg(short = 'f', long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["names", "selector", "watch"])]
    pub filename: Option<PathBuf>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<GetFormat>,
    /// Labels that the Clusters must have, as KEY=VALUE,KEY!=VALUE
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "names")]
    pub selector: Option<String>,
    /// Keep watching, and print a row whenever a cluster changes
    #[arg(short, long)]
    pub watch: bool,
    /// Ask every member itself, from this machine
    #[arg(long, conflicts_with = "watch")]
    pub probe: bool,
    /// Leave out the table's headings
    #[arg(long)]
    pub no_headers: bool,
    /// How many are probed at a time
    #[command(flatten)]
    pub parallel: ParallelOptions,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GetFormat {
    /// A table with more columns, and whole reasons
    Wide,
    /// One JSON object; with --watch one for each change
    Json,
    /// One YAML document; with --watch one for each change
    Yaml,
    /// Names, as kubectl takes them
    Name,
}

impl Get {
    /// The form of the one object, where one is asked for.
    pub fn object(&self) -> Option<OutputFormat> {
        match self.output? {
            GetFormat::Json => Some(OutputFormat::Json),
            GetFormat::Yaml => Some(OutputFormat::Yaml),
            GetFormat::Wide | GetFormat::Name => None,
        }
    }
}
