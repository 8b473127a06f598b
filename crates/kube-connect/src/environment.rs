//! What the environment says, read once at the start and passed on as a value.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::proxy::ProxyVariables;

/// The part of the process environment that connecting depends on.
#[derive(Clone, Default)]
pub struct Environment {
    /// `$KUBECONFIG`: a list of files.
    pub kubeconfig: Option<OsString>,
    /// The home directory, below which `.kube/config` is.
    pub home: Option<PathBuf>,
    /// `$HTTPS_PROXY` and its relatives.
    pub proxy: ProxyVariables,
    /// `$DISABLE_HTTP2`, client-go's way out for servers and proxies that say they speak it and do not.
    pub disables_http2: bool,
    /// Whether a person can answer a credential plugin's questions.
    pub stdin_is_terminal: bool,
    /// Whether nobody is to notice: each request is sent once only, because nobody waits for an answer that is late,
    /// and what credential plugins say is not shown.
    pub in_passing: bool,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG"),
            home: std::env::home_dir(),
            proxy: ProxyVariables {
                https: first_of(["HTTPS_PROXY", "https_proxy"]),
                http: first_of(["HTTP_PROXY", "http_proxy"]),
                exceptions: first_of(["NO_PROXY", "no_proxy"]).unwrap_or_default(),
            },
            disables_http2: std::env::var_os("DISABLE_HTTP2").is_some_and(|value| !value.is_empty()),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            in_passing: false,
        }
    }

    /// That of a process which nobody is to notice: a person's terminal is none of its business.
    pub fn in_passing() -> Self {
        Self { stdin_is_terminal: false, in_passing: true, ..Self::of_process() }
    }
}

fn first_of(names: [&str; 2]) -> Option<String> {
    names.into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// The words of the command line, the program's own name first.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}
