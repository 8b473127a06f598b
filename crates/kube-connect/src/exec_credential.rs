//! Credential plugins (`users[].user.exec`), run by us and once for each connection.
//!
//! kube 5.0.0 runs the plugin three times for each client, blocks the runtime meanwhile, hands it our
//! stdin off a terminal too, and does not say which executable is missing.
//! Source of the rules: client-go, plugin/pkg/client/auth/exec/exec.go.

use std::collections::HashMap;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};

/// Long enough for a login in the browser, short enough not to look like a hang for ever.
const PLUGIN_ENDS_WITHIN: Duration = Duration::from_secs(180);

/// An `ExecCredential` has a token, or a certificate and its key.
const LONGEST_OUTPUT: u64 = 1 << 20;

const VERSION_1: &str = "client.authentication.k8s.io/v1";
const VERSION_1_BETA_1: &str = "client.authentication.k8s.io/v1beta1";

/// Why a credential plugin gave no credentials. Never repeats what it wrote.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The kubeconfig names no command.
    #[error("exec: no command is specified")]
    NoCommand,
    /// The kubeconfig asks for a version of the protocol that kubectl does not speak either.
    #[error("exec plugin: invalid apiVersion \"{version}\"")]
    InvalidVersion {
        /// The version asked for.
        version: String,
    },
    /// `v1` demands an interactive mode.
    #[error("exec: interactiveMode must be specified for {command}")]
    NoInteractiveMode { command: String },
    /// The plugin needs a person and there is none.
    #[error("exec plugin {command} cannot support interactive mode: standard input is not a terminal")]
    NotInteractive { command: String },
    /// The certificate authority that the plugin is to be told cannot be read.
    #[error("exec: the cluster's information for {command} cannot be read")]
    ClusterInformation { command: String },
    /// The executable does not exist.
    #[error("exec: executable {command} not found")]
    NotFound {
        command: String,
        /// How to install it, in the words of the kubeconfig.
        install_hint: Option<String>,
    },
    /// The executable cannot be started.
    #[error("exec: executable {command} cannot be run")]
    NotRunnable { command: String, source: io::Error },
    /// The executable failed; it said why on stderr.
    #[error("exec: executable {command} failed with {status}")]
    Failed {
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The executable did not end.
    #[error("exec: executable {command} did not end within {} s", after.as_secs())]
    TimedOut {
        command: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The output is no `ExecCredential` of the version asked for.
    #[error("exec: the output of {command} is {problem}")]
    InvalidOutput {
        command: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token has characters that no header can carry.
    #[error("the token has characters that cannot be sent")]
    InvalidToken,
}

impl ExecError {
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { install_hint, .. } => {
                let hint = install_hint.as_ref().map(|hint| hint.trim().to_owned());
                vec![hint.unwrap_or_else(|| "install it, or add its folder to `$PATH`".to_owned())]
            }
            Self::NotInteractive { .. } => vec!["run the command in a terminal".to_owned()],
            Self::InvalidVersion { .. } => {
                vec![format!("renew the kubeconfig; plugins speak `{VERSION_1}` today")]
            }
            _ => Vec::new(),
        }
    }
}

/// What a plugin returned.
#[derive(Clone, Debug)]
pub struct ExecCredential {
    /// A bearer token.
    pub token: Option<SecretString>,
    /// A client certificate and its key, as PEM.
    pub identity: Option<(String, SecretString)>,
    /// When they end.
    pub expires: Option<Timestamp>,
}

/// A credential plugin, ready to run.
#[derive(Clone)]
pub struct ExecPlugin {
    command: String,
    config: ExecConfig,
    information: String,
    version: String,
    interactive: bool,
    is_heard: bool,
    time_limit: Duration,
}

impl ExecPlugin {
    /// Checks the configuration as kubectl does.
    pub fn new(config: &ExecConfig, cluster: &Cluster, stdin_is_terminal: bool) -> Result<Self, ExecError> {
        let command = config.command.clone().filter(|it| !it.is_empty()).ok_or(ExecError::NoCommand)?;
        let version = config.api_version.clone().unwrap_or_default();
        if version != VERSION_1 && version != VERSION_1_BETA_1 {
            return Err(ExecError::InvalidVersion { version });
        }
        let interactive = is_interactive(&command, &version, config, stdin_is_terminal)?;
        let mut spec = json!({ "interactive": interactive });
        if config.provide_cluster_info {
            let cluster = ExecAuthCluster::try_from(cluster)
                .map_err(|_| ExecError::ClusterInformation { command: command.clone() })?;
            spec["cluster"] = json!(cluster);
        }
        let information =
            json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec }).to_string();
        let time_limit = PLUGIN_ENDS_WITHIN;
        let config = config.clone();
        Ok(Self { command, config, information, version, interactive, is_heard: true, time_limit })
    }

    /// The plugin where nobody is to see what it says on stderr.
    #[must_use]
    pub fn unheard(self) -> Self {
        Self { is_heard: false, ..self }
    }

    /// Runs the plugin and reads what it returns.
    pub async fn run(&self) -> Result<ExecCredential, ExecError> {
        let child = self.prepared().spawn().map_err(|source| self.not_started(source))?;
        let output = tokio::time::timeout(self.time_limit, output(child)).await;
        let (status, output) = output
            .map_err(|_| ExecError::TimedOut { command: self.command.clone(), after: self.time_limit })?
            .map_err(|source| ExecError::NotRunnable { command: self.command.clone(), source })?;
        if output.len() as u64 > LONGEST_OUTPUT {
            return Err(self.invalid_output("longer than 1 MiB"));
        }
        if !status.success() {
            return Err(ExecError::Failed { command: self.command.clone(), status });
        }
        parse(&output, &self.version).map_err(|problem| self.invalid_output(problem))
    }

    pub(super) fn invalid_output(&self, problem: &'static str) -> ExecError {
        ExecError::InvalidOutput { command: self.command.clone(), problem }
    }

    fn prepared(&self) -> Command {
        let mut command = Command::new(&self.command);
        command
            .args(self.config.args.iter().flatten())
            .envs(self.config.env.iter().flatten().filter_map(variable))
            .env("KUBERNETES_EXEC_INFO", &self.information)
            .stdin(if self.interactive { Stdio::inherit() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(if self.is_heard { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true);
        command
    }

    fn not_started(&self, source: io::Error) -> ExecError {
        let command = self.command.clone();
        match source.kind() {
            io::ErrorKind::NotFound => {
                ExecError::NotFound { command, install_hint: self.config.install_hint.clone() }
            }
            _ => ExecError::NotRunnable { command, source },
        }
    }
}

/// How a plugin ends, and what it writes. One that writes more than it may is not waited for: its pipe is closed.
async fn output(mut child: Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST_OUTPUT + 1).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?, output))
}

fn is_interactive(
    command: &str,
    version: &str,
    config: &ExecConfig,
    stdin_is_terminal: bool,
) -> Result<bool, ExecError> {
    match config.interactive_mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::IfAvailable) => Ok(stdin_is_terminal),
        Some(ExecInteractiveMode::Always) if stdin_is_terminal => Ok(true),
        Some(ExecInteractiveMode::Always) => Err(ExecError::NotInteractive { command: command.to_owned() }),
        None if version == VERSION_1_BETA_1 => Ok(stdin_is_terminal),
        None => Err(ExecError::NoInteractiveMode { command: command.to_owned() }),
    }
}

/// One without a value is empty, as in Go.
fn variable(entry: &HashMap<String, String>) -> Option<(&str, &str)> {
    let name = entry.get("name").filter(|name| !name.is_empty() && !name.contains(['=', '\0']))?;
    Some((name, entry.get("value").map_or("", String::as_str)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    kind: String,
    api_version: String,
    status: Option<OutputStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OutputStatus {
    token: Option<SecretString>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretString>,
    expiration_timestamp: Option<Time>,
}

/// Reads JSON or YAML, of which JSON is a part.
fn parse(output: &[u8], version: &str) -> Result<ExecCredential, &'static str> {
    let output: Output = serde_yaml::from_slice(output).map_err(|_| "not an ExecCredential")?;
    if output.kind != "ExecCredential" {
        return Err("not an ExecCredential");
    }
    if output.api_version != version {
        return Err("of another apiVersion than the kubeconfig asks for");
    }
    let status = output.status.ok_or("without a status")?;
    let token = status.token.filter(|token| !token.expose_secret().is_empty());
    let certificate = status.client_certificate_data.filter(|it| !it.is_empty());
    let key = status.client_key_data.filter(|it| !it.expose_secret().is_empty());
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("only one of certificate and key, not both"),
    };
    if token.is_none() && identity.is_none() {
        return Err("without a token or a certificate and key");
    }
    Ok(ExecCredential { token, identity, expires: status.expiration_timestamp.map(|Time(moment)| moment) })
}

#[cfg(test)]
#[path = "exec_credential_tests.rs"]
mod tests;
