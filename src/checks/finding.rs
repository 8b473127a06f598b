//! What a check says.

use kubesphere::side::Side;

use super::only_cause::OnlyCause;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was not asked.
    Skipped,
    /// It holds, of all that was looked at.
    Ok,
    /// It could not be told.
    Unknown,
    /// It holds, with something to know.
    Warning,
    /// It does not hold: an obstacle.
    Failure,
}

impl Verdict {
    /// The word for it, the same in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that a check has to say, before the registry puts its name to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The cluster it is about; `None` where it is about several.
    pub side: Option<Side>,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, as a fragment.
    pub message: String,
    /// What to do about it, commands where possible.
    pub hints: Vec<String>,
    /// Where another cluster was reached than was meant.
    pub only_cause: OnlyCause,
}

impl Report {
    /// It holds on `side`, and there is nothing to say.
    pub fn holds(side: &Side) -> Self {
        Self::new(Some(side), Verdict::Ok, "")
    }

    /// It was not asked, and why.
    pub fn skipped(why: &str) -> Self {
        Self::new(None, Verdict::Skipped, why)
    }

    /// It holds on `side`, and this is how.
    pub fn told(side: &Side, message: impl Into<String>) -> Self {
        Self::new(Some(side), Verdict::Ok, message)
    }

    /// An obstacle on `side`.
    pub fn failure(side: &Side, message: impl Into<String>) -> Self {
        Self::new(Some(side), Verdict::Failure, message)
    }

    /// Something to know about `side`.
    pub fn warning(side: &Side, message: impl Into<String>) -> Self {
        Self::new(Some(side), Verdict::Warning, message)
    }

    /// Something that could not be told of `side`.
    pub fn unknown(side: &Side, message: impl Into<String>) -> Self {
        Self::new(Some(side), Verdict::Unknown, message)
    }

    /// An obstacle that concerns several clusters.
    pub fn failure_between(message: impl Into<String>) -> Self {
        Self::between(Verdict::Failure, message)
    }

    /// Something that concerns several clusters and is as bad as this.
    pub fn between(verdict: Verdict, message: impl Into<String>) -> Self {
        Self::new(None, verdict, message)
    }

    /// Whether it says of its cluster that it holds, and no more.
    pub fn is_mere_ok(&self) -> bool {
        self.verdict == Verdict::Ok && self.message.is_empty()
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says that nothing else is to be told of these clusters.
    #[must_use]
    pub fn only_cause_of<'a>(mut self, sides: impl IntoIterator<Item = &'a Side>) -> Self {
        self.only_cause = OnlyCause::of(sides);
        self
    }

    /// Something about `side` that is as bad as this.
    pub fn of(verdict: Verdict, side: &Side, message: impl Into<String>) -> Self {
        Self::new(Some(side), verdict, message)
    }

    fn new(side: Option<&Side>, verdict: Verdict, message: impl Into<String>) -> Self {
        let only_cause = OnlyCause::default();
        Self { side: side.cloned(), verdict, message: message.into(), hints: Vec::new(), only_cause }
    }
}

/// A report with the check it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's id, in kebab case, the same in text, JSON and docs.
    pub id: &'static str,
    /// What the check is about.
    pub title: &'static str,
    pub report: Report,
}

impl Finding {
    /// Whether it stops a join.
    pub fn is_obstacle(&self) -> bool {
        self.report.verdict == Verdict::Failure
    }
}
