//! A server that answers what a test wants, where an apiserver would not.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Kubeconfig;
use super::kubectl_mc::HANGS_AFTER;

/// What a request is answered with.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: String,
    body: String,
    /// What follows on the body for ever.
    goes_on: Option<String>,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = "content-type: application/json\r\n".to_owned();
        Self { status, headers, body: body.to_string(), goes_on: None }
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: "content-type: text/html\r\n".to_owned(),
            body: body.to_owned(),
            goes_on: None,
        }
    }

    /// A body that begins with `start` and never ends.
    pub fn endless(status: u16, start: &str, goes_on: &str) -> Self {
        let goes_on = goes_on.repeat((64 << 10) / goes_on.len());
        Self { goes_on: Some(goes_on), ..Self::text(status, start) }
    }

    /// A refusal as apiservers write it.
    pub fn refusal(status: u16, reason: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": message, "reason": reason, "code": status}),
        )
    }

    pub fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }
}

/// A server on loopback, without TLS, for as long as the tests run.
pub struct HttpServer {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
    taken: Arc<AtomicUsize>,
}

impl HttpServer {
    /// Answers each request by its path, query and all.
    pub fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (heads, answer) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(answer));
        let (seen, taken) = (Arc::clone(&heads), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer, count) = (Arc::clone(&seen), Arc::clone(&answer), Arc::clone(&count));
                thread::spawn(move || serve(stream, &seen, &count, &*answer));
            }
        });
        Self { address, heads, taken }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A kubeconfig whose contexts `host` and `member1` lead here.
    pub fn kubeconfig(&self) -> Kubeconfig {
        let cluster = json!({"server": self.address});
        Kubeconfig::of_nobody().cluster("host", &cluster).cluster("member1", &cluster)
    }

    /// How many bytes of endless bodies were taken from it, those on the way included.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Waits until it holds.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < HANGS_AFTER, "{what} does not come: {:?}", self.heads());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The heads of all requests so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    heads: &Mutex<Vec<String>>,
    taken: &AtomicUsize,
    answer: &dyn Fn(&str) -> Answer,
) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let Answer { status, headers, body, goes_on } = answer(head.split(' ').nth(1).unwrap_or_default());
    heads.lock().unwrap().push(head.to_ascii_lowercase());
    let length = match goes_on {
        Some(_) => String::new(),
        None => format!("content-length: {}\r\n", body.len()),
    };
    let text = format!("HTTP/1.1 {status} x\r\n{headers}connection: close\r\n{length}\r\n{body}");
    let mut written = stream.write_all(text.as_bytes());
    while let (Some(more), Ok(())) = (&goes_on, &written) {
        written = stream.write_all(more.as_bytes());
        taken.fetch_add(more.len(), Ordering::SeqCst);
    }
}
