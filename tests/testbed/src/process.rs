//! Child processes that end with the process that started them, however that one ends.

use std::{
    ffi::OsString,
    fs::File,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::Mutex,
};

use crate::Error;

/// Becomes the program, and leaves a watcher behind which reads the pipe that this process holds open.
///
/// The kernel closes the pipe when this process ends, also by SIGKILL, whichever thread started the child; the watcher
/// then kills the program and removes its folder. `PR_SET_PDEATHSIG` would do neither: it follows the thread, exists on
/// Linux only and needs code between fork and exec. A line on the pipe says that all was done in order.
const LIFELINE: &str = r#"
remove=$1; shift
exec 3<&0 </dev/null
(
  trap '' HUP INT TERM
  if ! read -r _ <&3; then
    kill -KILL $$ 2>/dev/null
    if [ -n "$remove" ]; then sleep 0.3; rm -rf "$remove"; fi
  fi
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"#;

/// What to start, and what to leave behind when it ends with its starter.
#[derive(Default)]
pub struct Program {
    pub binary: PathBuf,
    pub arguments: Vec<OsString>,
    /// What its environment has besides this process's.
    pub environment: Vec<(&'static str, OsString)>,
    /// Where it runs, if not where this process does.
    pub working_folder: Option<PathBuf>,
    /// The file that takes its standard output and standard error.
    pub log: PathBuf,
    /// A folder to remove when this process is killed before it could tidy up.
    pub remove: Option<PathBuf>,
}

/// A running program; dropped, it is killed.
pub struct Process {
    child: Mutex<Child>,
    lifeline: Mutex<Option<ChildStdin>>,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a process group of its own, so that Ctrl-C reaches only who started it.
    pub fn start(program: &Program) -> Result<Self, Error> {
        let log = File::create(&program.log).map_err(Error::file("create", &program.log))?;
        let errors = log.try_clone().map_err(Error::file("use", &program.log))?;
        let remove = program.remove.as_deref().unwrap_or(Path::new(""));
        let mut command = Command::new("/bin/sh"); // By its path: the program may get another PATH.
        if let Some(folder) = &program.working_folder {
            command.current_dir(folder);
        }
        let mut child = command
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .args(["-c", LIFELINE, "lifeline"])
            .arg(remove)
            .arg(&program.binary)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("start `{}`", program.binary.display())))?;
        let lifeline = child.stdin.take();
        Ok(Self { child: Mutex::new(child), lifeline: Mutex::new(lifeline), log: program.log.clone() })
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.locked().id()
    }

    /// Whether the program still runs.
    pub fn is_running(&self) -> bool {
        matches!(self.locked().try_wait(), Ok(None))
    }

    /// How the program ended; none while it runs.
    pub fn ended(&self) -> Result<Option<ExitStatus>, Error> {
        self.locked().try_wait().map_err(Error::io("wait for a process"))
    }

    /// Kills the program with SIGKILL and waits for its end; nothing happens when it has ended already.
    pub fn kill(&self) {
        let mut child = self.locked();
        let _ = child.kill();
        if let Some(mut lifeline) = self.lifeline.lock().expect("no holder panics").take() {
            let _ = lifeline.write_all(b"done\n");
        }
        let _ = child.wait();
    }

    /// Halts the program as it is: what it holds open stays open, and nothing is answered any more.
    pub fn freeze(&self) -> Result<(), Error> {
        let id = self.id().to_string();
        let halted = Command::new("/bin/sh").args(["-c", "kill -STOP \"$1\"", "freeze"]).arg(id).status();
        halted.map(drop).map_err(Error::io("halt a process"))
    }

    /// The last lines of its log, for an error message.
    pub fn log_tail(&self) -> String {
        const LINES: usize = 8;
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().expect("no holder panics")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
