//! What happens on the clusters while it happens: live on a terminal, one line for each finished step elsewhere.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use kubesphere::side::Side;
use owo_colors::OwoColorize as _;

use super::{
    events, findings,
    ui::Ui,
    words::{elapsed, sanitize},
};
use crate::live::report::{Event, Reporter};

/// How often the live line moves.
const TICK: Duration = Duration::from_millis(120);
/// What took no time is not worth saying how long it took.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// Shows what is told of each cluster.
pub struct Progress<'a> {
    ui: &'a Ui,
    steps: RefCell<BTreeMap<Side, Step>>,
}

struct Step {
    since: Instant,
    text: String,
    line: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Nothing is under way yet.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, steps: RefCell::default() }
    }

    fn begins(&self, side: &Side, text: String) {
        self.end(side);
        let line = self.ui.live.as_ref().map(|live| {
            let line = live.add(ProgressBar::new_spinner());
            line.set_style(
                ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:.dim}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            line.set_message(format!("{side}: {text}"));
            line.enable_steady_tick(TICK);
            line
        });
        self.steps.borrow_mut().insert(side.clone(), Step { since: Instant::now(), text, line });
    }

    fn stands(&self, side: &Side, text: &str) {
        if let Some(Step { text: begun, line: Some(line), .. }) = self.steps.borrow().get(side) {
            line.set_message(format!("{side}: {begun} ({})", sanitize(text)));
        }
    }

    fn done(&self, side: &Side, text: &str) {
        let took = self.end(side).map(|step| step.since.elapsed()).filter(|took| *took >= WORTH_SAYING);
        let took = took.map(|took| format!(" ({})", elapsed(took))).unwrap_or_default();
        let styles = self.ui.styles;
        self.ui.message(&format!(
            "{} {}{}",
            format!("{side}:").style(styles.good),
            sanitize(text),
            took.style(styles.faint)
        ));
    }

    fn end(&self, side: &Side) -> Option<Step> {
        let step = self.steps.borrow_mut().remove(side)?;
        if let Some(line) = &step.line {
            line.finish_and_clear();
        }
        Some(step)
    }
}

impl Reporter for Progress<'_> {
    fn tell(&self, side: &Side, event: Event) {
        match event {
            Event::Begins(activity) => self.begins(side, events::activity(&activity)),
            Event::Stands(text) => self.stands(side, &text),
            Event::InstallerStands(text) => self.stands(side, &events::installer_stands(&text)),
            Event::Done(deed) => self.done(side, &events::deed(&deed)),
            Event::Found(found) => findings::show(self.ui, &found),
            Event::Notice(note) => {
                let heading = format!("{side}:").style(self.ui.styles.attention).to_string();
                self.ui.message(&format!("{heading} {}", sanitize(&events::note(&note))));
            }
        }
    }
}

impl Drop for Progress<'_> {
    /// An interrupted command leaves no half-drawn line behind.
    fn drop(&mut self) {
        let sides: Vec<Side> = self.steps.borrow().keys().cloned().collect();
        for side in &sides {
            self.end(side);
        }
    }
}
