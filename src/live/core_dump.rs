//! No core dumps: the memory of the process holds secrets.

/// Of this process, and by its limit of those that it starts: credential plugins hold secrets, too.
#[cfg(unix)]
pub fn disable() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Where the system does not let us there is nothing to be done about it.
    setrlimit(Resource::Core, none).ok();
    // A program that takes dumps over a pipe gets them whatever the limit is (core(5)). It also keeps other processes of the
    // same user from reading the memory.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).ok();
}

#[cfg(not(unix))]
pub fn disable() {}
