//! What the tests stand on: the program as a user runs it, and what it did to the clusters.

use mimalloc::MiMalloc;

mod bed;
mod begun;
mod clusters;
mod faulty;
mod folder;
mod generated;
mod http_server;
mod kubeconfig;
mod kubectl_mc;
mod listing;
pub mod log_server;
mod pod;
mod programs;
mod reader;
mod rights;
mod role_file;
mod screen;
mod secrets;
pub mod standing;
mod terminal;
mod typed_line;
mod typing;

pub use bed::Watched;
pub use begun::Begun;
pub use clusters::Registered;
pub use faulty::Faulty;
pub use folder::{CONFIGURATION_HEAD, Folder, GIVEN_SECRET, MEMBER};
pub use generated::{Place, generated};
pub use http_server::{Answer, HttpServer};
pub use kubeconfig::{Kubeconfig, by_plugin};
pub use kubectl_mc::{KubectlMc, Run, Started};
pub use listing::listing;
pub use pod::{image_pull_back_off, set_installer_container};
pub use programs::{BASH_COMPLETION, FISH, STRACE, ZSH};
pub use reader::{Reader, Shown, difference, shown_blocks};
pub use rights::{ON_HOST, ON_MEMBER, PROBING, user, user_who_may, without};
pub use role_file::{Grant, RoleFile, exists};
pub use screen::{SUSPENDED, Watching};
pub use standing::{Standing, other_than, settled, standing};
pub use terminal::{CTRL_C, CTRL_Z};
pub use typed_line::typed_lines;
pub use typing::TypedShell;

/// With the system's allocator, the stand-ins of some hundred beds take half as much again of the processors.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
