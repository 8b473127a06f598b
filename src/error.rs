//! What ends a command early: its kind decides the exit code, and hints say what to do.

use std::error::Error as StdError;

use config_file::store::StoreError;
use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::{Kubectl, Mc},
    fleet_entry::{FleetEntry, Setting},
    object::ObjectKind,
    side::Side,
};

use crate::{
    checks::{Finding, Report, member_credential::found_late, member_readiness::by_force},
    live::{
        connection::ConnectionError,
        failure::{Failure, LookAt, causes},
        kubeconfig::KubeconfigError,
        narrowing::failure::NarrowingFailure,
        request_error::RequestError,
    },
    plan::{
        count::count,
        installation::{other_values, reinstallation},
    },
};

/// What the same command does when it is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// It goes on where this one has stopped.
    GoesOn,
    /// It goes on without the check that was skipped to have a completed rotation followed by another, and else begins one more.
    GoesOnUnskipped,
    /// It begins anew: a second renewal does not go on with what the first one has made.
    StartsAnew,
}

impl Resume {
    pub fn hint(self) -> &'static str {
        match self {
            Self::GoesOn => "run the same command again: it continues where this one stopped",
            Self::GoesOnUnskipped => {
                "run the same command again, without `--skip-check recent-rotation`, which would make yet another jwtSecret: it continues where this one stopped"
            }
            Self::StartsAnew => {
                "run the same command again, for one Cluster alone with its NAME: it makes another credential, and removes this one"
            }
        }
    }
}

/// Why a command ended, as its exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something failed.
    Error,
    /// The command was typed wrongly.
    Usage,
    /// A check or an obstacle stopped it; nothing was changed.
    Obstacle,
    /// The time is up; re-running continues.
    TimedOut,
    /// The person declined.
    Declined,
    /// Several members, some failed.
    Partial,
    /// Interrupted; re-running continues.
    Interrupted,
    /// There are differences, which were shown.
    Differs,
    /// The reader of the output has gone away, which is no failure.
    ClosedPipe,
}

impl ErrorKind {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Error | Self::Differs => 1,
            Self::Usage => 2,
            Self::Obstacle => 3,
            Self::TimedOut => 4,
            Self::Declined => 5,
            Self::Partial => 6,
            Self::Interrupted => 130,
        }
    }
}

/// A failure as a user reads it: what was being done, the causes below, and hints that are actions.
#[derive(Clone, Debug)]
pub struct Error {
    /// Impact for the command.
    pub kind: ErrorKind,
    /// What failed, as a fragment.
    pub message: String,
    /// The causes, the nearest first.
    pub causes: Vec<String>,
    /// What else is known that may be a cause, each by itself.
    pub details: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// What the same command does when it is run again, where that helps.
    pub resume: Option<Resume>,
    /// The findings that stopped it, where checks did.
    pub findings: Vec<Finding>,
}

impl Error {
    /// A failure with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            details: Vec::new(),
            hints: Vec::new(),
            resume: None,
            findings: Vec::new(),
        }
    }

    /// With its place in the fleet file that names the kubeconfig or context.
    pub fn of_kubeconfig(error: &KubeconfigError, entry: Option<&FleetEntry>) -> Self {
        let place = error.place(entry).map(|place| format!("{place}: ")).unwrap_or_default();
        let hints = error.hints(entry);
        Self { hints, ..Self::usage(format!("{place}{error}")).with_causes_of(error) }
    }

    /// A command that was typed wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Checks that stopped the command.
    pub fn refused(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::new(ErrorKind::Obstacle, "") }
    }

    /// Checks that stopped it before anything was changed, without their findings.
    pub fn nothing_changed(findings: &[Finding]) -> Self {
        let obstacles = findings.iter().filter(|finding| finding.is_obstacle()).count();
        Self::new(ErrorKind::Obstacle, format!("{} failed; nothing was changed", count(obstacles, "check")))
    }

    /// A difference that was looked for and shown: nothing more to say.
    pub fn differs() -> Self {
        Self::new(ErrorKind::Differs, "")
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// All that there is to do, what to try first standing first.
    pub fn all_hints(&self) -> impl Iterator<Item = &str> {
        self.hints.iter().map(String::as_str).chain(self.resume.map(Resume::hint))
    }

    fn with_causes_of(mut self, error: &dyn StdError) -> Self {
        self.causes.extend(causes(error));
        self
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(ErrorKind::ClosedPipe, "the reader has gone away"),
            _ => Self::new(ErrorKind::Error, format!("cannot write the output: {error}")),
        }
    }
}

impl From<KubeconfigError> for Error {
    fn from(error: KubeconfigError) -> Self {
        Self::of_kubeconfig(&error, None)
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        let kind = if error.is_of_kubeconfig() { ErrorKind::Usage } else { ErrorKind::Obstacle };
        let hints = error.hints();
        Self { hints, ..Self::new(kind, error.to_string()).with_causes_of(&error) }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let hints = error.hints();
        Self { hints, ..Self::new(ErrorKind::Error, error.to_string()).with_causes_of(&error) }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Missing(_) => ErrorKind::Usage,
            StoreError::Unwritable(_, cause) if cause.kind() != std::io::ErrorKind::PermissionDenied => {
                ErrorKind::Error
            }
            _ => ErrorKind::Obstacle,
        };
        Self::new(kind, error.to_string()).with_causes_of(&error).hint(error.hint())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Request(error) => error.into(),
            Failure::Connection(error) => error.into(),
            Failure::NotOurs { side, piece, .. } => {
                without_credential(piece.hints(&side).into_iter().fold(
                    Report::failure(&side, message),
                    Report::hint,
                ))
            }
            Failure::NotIssued { side, .. } => without_credential(Report::failure(&side, message)
                .hint(format!(
                    "use a context with a client certificate, and {}",
                    side.setting_to(Setting::Credentials, "context")
                ))
                .hint("or upgrade the host to KubeSphere 3.4, which takes a token")),
            Failure::Unverified { side, .. } => without_credential(Report::failure(&side, message).hint(format!(
                "try it again, or look at the API server's log of \"{}\"; {} names another credential",
                side.context(),
                side.setting(Setting::Credentials)
            ))),
            Failure::Untold { .. } => {
                Self { resume: Some(Resume::GoesOn), ..Self::new(ErrorKind::Error, message) }
            }
            Failure::Missing { .. } | Failure::NotRestored { .. } => Self::new(ErrorKind::Error, message),
            Failure::Unstorable { side, .. } => Self::new(ErrorKind::Obstacle, message).hint(format!(
                "let the host have another credential: {}",
                side.setting_to(Setting::Credentials, "service-account")
            )),
            // What was found has been told.
            Failure::Unreachable(findings) => Self::nothing_changed(&findings),
            Failure::Unconfirmed { .. } => Self::new(ErrorKind::Obstacle, message)
                .hint("run the same command again: it shows what it takes now"),
            Failure::ChangedHands { findings, .. } | Failure::Denied { findings, .. } => {
                let message = format!("{message}: {} failed", count(findings.len(), "check"));
                Self { message, ..Self::refused(findings) }
            }
            Failure::StaysNarrowed { side, .. } => {
                let check = format!("`{}`", Mc::new("check").host(&side));
                Self::new(ErrorKind::Obstacle, message).hint(format!(
                    "{check} says how the webhook stands; run the same command again when it is restored"
                ))
            }
            Failure::Hangs { timed_out, host, name, why } => {
                let mut error = Self::from(*timed_out);
                error.causes.push(format!("its webhook denies its deletion: {why}"));
                error.hint(format!("if the member is gone for good: {}", by_force(&host, &name)))
            }
            Failure::Narrowing(failure) => of_narrowing(*failure),
            Failure::Refused(findings) => Self { message, ..Self::refused(findings) },
            Failure::RunFailed { side, .. } => Self::new(ErrorKind::Error, message)
                .hint(format!("read the log: {}", logs_command(&side)))
                .hint("fix the cause, then run the same command again: it restarts the installer"),
            Failure::TakenBack { .. } => Self::new(ErrorKind::Error, message)
                .hint("settle it with them (another program, such as GitOps, does it again and again), then run the same command again"),
            Failure::NotSettled { .. } => Self::new(ErrorKind::Error, message)
                .hint("another program keeps changing it (GitOps?): change it there, then run the same command again"),
            Failure::NotBegun { .. } => {
                Self { resume: Some(Resume::GoesOn), ..Self::new(ErrorKind::TimedOut, message) }
            }
            Failure::TimedOut { look_at, known, .. } => {
                let mut error = Self::new(ErrorKind::TimedOut, message);
                error.details.extend(known);
                error.resume = Some(Resume::GoesOn);
                let error = error.hint(where_to_look(&look_at));
                ways_out(&look_at).into_iter().fold(error, Self::hint)
            }
            Failure::NotInstalled { host, name, known, .. } => {
                let mut error = Self::new(ErrorKind::Error, message);
                error.details.extend(known);
                error.hint(format!(
                    "remove the cause, have the controller try again with {}, then run the same command again",
                    reinstallation(&host, &name)
                ))
            }
            Failure::Abandoned { side, release } => Self::new(ErrorKind::Error, message)
                .hint(format!("remove it, and the host's controller goes on: `{}`", release.removal(&side)))
                .hint("then run the same command again"),
            Failure::NameTaken { side, .. } => Self::new(ErrorKind::Obstacle, message)
                .hint(format!("choose another with {}", side.setting(Setting::Name))),
            // Never to be deleted for it: it is in use.
            Failure::OtherCluster { side, host, name, is_renewed: true, .. } => Self::new(ErrorKind::Error, message).hint(format!(
                "from the host, the stored address points elsewhere: `{}` with {} and the address at which the host reaches the member",
                Mc::new("renew").word(&name).host(&host).member_context(&side),
                side.setting(Setting::Server)
            )),
            Failure::OtherCluster { host, name, .. } => Self::new(ErrorKind::Error, message)
                .hint(format!("if nobody needs it: `{}` on the host", ObjectKind::CLUSTER.named(name).deletion(&host))),
            Failure::Deleted { .. } => {
                Self::new(ErrorKind::Error, message).hint("run the same command again to create it anew")
            }
            Failure::Overtaken { .. } => Self::new(ErrorKind::Error, message)
                .hint("settle it with them, then run the same command again"),
            Failure::Withdrawn { side, twin, .. } | Failure::RegisteredMeanwhile { side, twin, .. } => {
                let named = side.setting_to(Setting::Name, &twin);
                Self::new(ErrorKind::Obstacle, message).hint(format!("continue with the name \"{twin}\": {named}"))
            }
        }
    }
}

fn of_narrowing(failure: NarrowingFailure) -> Error {
    let message = failure.to_string();
    match failure {
        NarrowingFailure::Failure(failure) => failure.into(),
        NarrowingFailure::NotSettled { .. } => Error::new(ErrorKind::Error, message)
            .hint("see who else changes it (another `kubectl mc unjoin --force`?), then run the same command again"),
        NarrowingFailure::Malformed { side, .. } => Error::new(ErrorKind::Obstacle, message)
            .hint(format!("`{}` says what to do about it", Mc::new("check").host(&side))),
        NarrowingFailure::DeniedByOther { .. } => Error::new(ErrorKind::Obstacle, message)
            .hint("have the policy behind that other webhook admit this Cluster, then run the same command again"),
        NarrowingFailure::NotEffective { .. } => Error::new(ErrorKind::TimedOut, message)
            .hint("run the same command again when the host's API server has less to do"),
        NarrowingFailure::Stays { .. } => Error::new(ErrorKind::TimedOut, message)
            .hint("see what should remove the finalizer; run the same command again: it continues where this one stopped"),
    }
}

/// It shows when the credential is made, which is before the first change of a configuration.
fn without_credential(report: Report) -> Error {
    Error {
        message: "1 check failed; no configuration was changed".to_owned(),
        ..Error::refused(vec![found_late(report)])
    }
}

/// The command that shows this side's installer.
pub fn logs_command(side: &Side) -> String {
    format!("`{}`", Mc::logs(side))
}

fn where_to_look(look_at: &LookAt) -> String {
    match look_at {
        LookAt::Installer(side) => format!("look at the installer: {}", logs_command(side)),
        LookAt::Controller(host) => format!(
            "look at the host's controller: `{}`",
            Kubectl::on(host).namespace("kubesphere-system").words("logs deployment/ks-controller-manager")
        ),
        LookAt::TokenController(side) => format!(
            "is kube-controller-manager running? `{}`",
            Kubectl::on(side).namespace("kube-system").words("get pods")
        ),
        LookAt::Installation { host, member, .. } => format!(
            "look at the member: `{}`; and at the host's controller: `{}`",
            Kubectl::on(member).namespace(NAMESPACE).words("get pods,events"),
            Kubectl::on(host).namespace(NAMESPACE).words("logs deployment/ks-controller-manager")
        ),
        LookAt::Namespace(side, name) => format!(
            "its status says what keeps it: `{}`",
            Kubectl::on(side).words("get namespace").word(name).words("-o yaml")
        ),
        LookAt::ApiServer(side) => {
            format!("is the cluster up? `{}`", Kubectl::on(side).words("get --raw /readyz"))
        }
    }
}

/// Where the same command alone will not do. What was there before this join is not uninstalled for it.
fn ways_out(look_at: &LookAt) -> Vec<String> {
    let LookAt::Installation { host, member, name, lacks_image: true, is_new } = look_at else {
        return Vec::new();
    };
    let unjoin = Mc::new("unjoin").word(name).host(host).member_context(member).words("--uninstall");
    let join = Mc::new("join").member(member).host(host).setting(Setting::Name, name).words("--config FILE");
    let other_registry = format!(
        "or have it pulled from a registry that has it, as `global: {{imageRegistry: REGISTRY}}` in a file with all values: {}",
        other_values(host, name)
    );
    let anew = is_new.then(|| format!("or begin anew with that FILE: `{unjoin}`, then `{join}`"));
    let brought =
        "bring the image to where the member pulls it from, and its host goes on by itself".to_owned();
    [brought, other_registry].into_iter().chain(anew).collect()
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, Failure, Side};

    #[test]
    fn nobody_is_told_to_delete_a_cluster_that_is_in_use() {
        let hints = |is_renewed| {
            let (side, host) = (Side::member("edge-1"), Side::host("prod"));
            let (name, uid) = ("edge-1".to_owned(), "u".to_owned());
            Error::from(Failure::OtherCluster { side, host, name, uid, is_renewed }).hints.join("\n")
        };
        assert!(
            hints(false).contains("`kubectl --context prod delete clusters.cluster.kubesphere.io edge-1`")
        );
        assert!(
            !hints(true).contains("delete") && hints(true).contains("--member-server"),
            "{}",
            hints(true)
        );
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let error = Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind.exit_code(), 0);
    }

    #[test]
    fn every_kind_has_the_code_of_the_contract() {
        let kinds = [
            ErrorKind::Error,
            ErrorKind::Usage,
            ErrorKind::Obstacle,
            ErrorKind::TimedOut,
            ErrorKind::Declined,
            ErrorKind::Partial,
            ErrorKind::Interrupted,
            ErrorKind::Differs,
        ];
        assert_eq!(kinds.map(ErrorKind::exit_code), [1, 2, 3, 4, 5, 6, 130, 1]);
    }
}
