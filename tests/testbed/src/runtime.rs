//! The one tokio runtime on which all servers and clients of the test bed live.

use std::{
    future::Future,
    sync::{LazyLock, mpsc},
};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// Servers and control planes wait far more than they compute; two would do, and two more allow for blocking callers.
const WORKERS: usize = 4;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("testbed")
        .enable_all()
        .build()
        .expect("a machine that can start a control plane can start threads")
});

/// The runtime that outlives every test: what is spawned here goes on between and across tests.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Runs a future on [`runtime`] and waits for its result, from any thread, also from one of a runtime's.
///
/// # Panics
/// When the future panics, whose message then stands above.
pub fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime().spawn(async move { sender.send(future.await) });
    let wait = || receiver.recv().expect("the awaited task panicked");
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(wait)
        }
        _ => wait(),
    }
}
