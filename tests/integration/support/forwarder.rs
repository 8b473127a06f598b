//! A way to a server that counts the connections over it.

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Passes on what comes, to one server, for as long as the test runs.
pub struct Forwarder {
    address: String,
    opened: Arc<AtomicUsize>,
}

impl Forwarder {
    /// Before this server, as `https://127.0.0.1:6443`.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let opened = Arc::new(AtomicUsize::new(0));
        let (behind, count) = (server.strip_prefix("https://").unwrap().to_owned(), Arc::clone(&opened));
        thread::spawn(move || {
            for from in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                let (from, to) = (from.unwrap(), TcpStream::connect(&behind).unwrap());
                pass(from.try_clone().unwrap(), to.try_clone().unwrap());
                pass(to, from);
            }
        });
        Self { address, opened }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many connections were opened so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

/// Until one end is closed.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
