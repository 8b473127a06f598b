//! What `-v` asks for, and the warnings that are always shown.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Registry,
    filter::{LevelFilter, Targets},
    layer::{Context, Layer, SubscriberExt as _},
};

use super::ui::Ui;
use crate::live::traffic::SERVER_WARNING;

/// kubectl's level from which requests are shown.
const REQUESTS: u8 = 6;
/// kubectl's level from which bodies are shown.
const BODIES: u8 = 8;

/// How many warnings servers have sent so far.
#[derive(Clone, Debug, Default)]
pub struct ServerWarnings(Arc<AtomicUsize>);

impl ServerWarnings {
    /// Their number.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shows what the program's own rooms log; other crates' events could hold what must not be shown.
pub fn start(ui: &Ui, verbosity: u8) -> io::Result<ServerWarnings> {
    let level = match verbosity {
        BODIES.. => LevelFilter::TRACE,
        REQUESTS.. => LevelFilter::DEBUG,
        _ => LevelFilter::WARN,
    };
    let warnings = ServerWarnings::default();
    let lines = Lines {
        ui: ui.clone(),
        in_full: verbosity >= REQUESTS,
        retried: Mutex::default(),
        warnings: warnings.clone(),
    };
    let lines = lines.with_filter(Targets::new().with_target("kubectl_mc", level));
    tracing::subscriber::set_global_default(Registry::default().with(lines)).map_err(io::Error::other)?;
    Ok(warnings)
}

/// While a server is away every request says so, and each of its tries: as with a wait, now and then is enough.
const TOLD_EVERY: Duration = Duration::from_secs(30);

struct Lines {
    ui: Ui,
    /// Whether each request is shown by itself.
    in_full: bool,
    /// What was said of retries, and when it was said last.
    retried: Mutex<HashMap<String, Instant>>,
    warnings: ServerWarnings,
}

impl Lines {
    fn is_to_be_said(&self, text: &str) -> bool {
        let mut retried = self.retried.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = retried.get(text).is_none_or(|said| said.elapsed() >= TOLD_EVERY);
        if is_due {
            retried.insert(text.to_owned(), Instant::now());
        }
        is_due
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == SERVER_WARNING {
            self.warnings.0.fetch_add(1, Ordering::Relaxed);
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if !self.in_full && fields.is_retry() {
            let text = fields.without_request().sentence();
            if self.is_to_be_said(&text) {
                self.ui.warning(&text);
            }
            return;
        }
        let text = fields.sentence();
        if *event.metadata().level() <= Level::WARN { self.ui.warning(&text) } else { self.ui.log(&text) }
    }
}

/// What an event says, in the order in which it says it.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}

impl Fields {
    /// `host "prod": GET https://… 200 in 12 ms`, and alike for what is no request.
    fn sentence(mut self) -> String {
        let side = self.take("side").map(|side| format!("{side}: ")).unwrap_or_default();
        let message = self.take("message").unwrap_or_default();
        let request = self.take("method").map(|method| {
            let place = self.take("url").or_else(|| self.take("path")).unwrap_or_default();
            format!("{method} {place}")
        });
        let took = self.take("milliseconds").map(|took| format!(" in {took} ms")).unwrap_or_default();
        let rest = match (request, self.take("status")) {
            (Some(request), Some(status)) => format!("{request} {status}{took}"),
            (Some(request), None) => format!("{request} {message}{took}"),
            (None, _) => message,
        };
        let delay =
            self.take("delay_milliseconds").map(|delay| format!(" in {delay} ms")).unwrap_or_default();
        let cause = self.take("cause").map(|cause| format!(": {cause}")).unwrap_or_default();
        let body = self.take("body").map(|body| format!(": {body}")).unwrap_or_default();
        let mut sentence = format!("{side}{rest}{delay}{cause}{body}");
        for (name, value) in &self.0 {
            for part in [" ", name, "=", value] {
                sentence.push_str(part);
            }
        }
        sentence
    }

    fn is_retry(&self) -> bool {
        self.0.iter().any(|(name, _)| *name == "delay_milliseconds")
    }

    /// What a server's absence means, whatever it was asked.
    fn without_request(mut self) -> Self {
        self.0.retain(|(name, _)| !["method", "url", "path", "delay_milliseconds"].contains(name));
        self
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(found, _)| *found == name)?;
        Some(self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    fn sentence(fields: &[(&'static str, &str)]) -> String {
        Fields(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()).sentence()
    }

    #[test]
    fn a_request_reads_as_kubectl_shows_it() {
        let request = [("side", "host \"prod\""), ("method", "GET"), ("url", "https://h/version")];
        let answered =
            [&request[..], &[("status", "200"), ("milliseconds", "12"), ("message", "answered")]].concat();
        assert_eq!(sentence(&answered), "host \"prod\": GET https://h/version 200 in 12 ms");
        let failed =
            [&request[..], &[("cause", "refused"), ("milliseconds", "3"), ("message", "failed")]].concat();
        assert_eq!(sentence(&failed), "host \"prod\": GET https://h/version failed in 3 ms: refused");
        let retried =
            [&request[..], &[("cause", "busy"), ("delay_milliseconds", "9"), ("message", "trying again")]]
                .concat();
        assert_eq!(sentence(&retried), "host \"prod\": GET https://h/version trying again in 9 ms: busy");
    }

    #[test]
    fn a_retry_says_no_request_unless_that_was_asked_for() {
        let fields = [
            ("side", "host \"a\""),
            ("method", "GET"),
            ("path", "/x"),
            ("cause", "refused"),
            ("delay_milliseconds", "300"),
            ("message", "trying again"),
        ];
        let fields = Fields(fields.map(|(name, value)| (name, value.to_owned())).into());
        assert!(fields.is_retry());
        assert_eq!(fields.without_request().sentence(), "host \"a\": trying again: refused");
    }

    #[test]
    fn what_is_no_request_keeps_its_fields() {
        assert_eq!(
            sentence(&[("side", "host \"a\""), ("body", "{}"), ("message", "request body")]),
            "host \"a\": request body: {}"
        );
        assert_eq!(sentence(&[("message", "begins"), ("count", "2")]), "begins count=2");
    }
}
