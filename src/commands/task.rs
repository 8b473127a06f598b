//! What the pipeline asks of a command: what it is about, and what it has seen.

use std::path::Path;

use kubesphere::side::Side;

use super::continuation;
use crate::{
    checks::{Finding, Silence, Silent},
    error::{Error, Resume},
    live::{connection::Connection, places::Places},
    output::{document::Document, plan, ui::Ui},
    plan::{intent::Intent, observed::Observed, operation::Operation, result::StepResult},
};

/// What a command is about, once its clusters are connected.
pub(super) trait Task {
    type Look: Looked;

    fn operation(&self) -> Operation;

    /// The host first.
    fn connections(&self) -> Vec<&Connection>;

    /// In which its members are dealt with.
    fn places(&self) -> &Places;

    /// What the checks are run for again while the plan is carried out.
    fn intent(&self) -> Option<&Intent> {
        None
    }

    /// Where what would be sent is written instead.
    fn manifests_to(&self) -> Option<&Path> {
        None
    }

    /// How many members it is about.
    fn members(&self) -> usize;

    async fn look(&self) -> Self::Look;

    /// Looks again whether it is done, at no more than that depends on.
    async fn look_again(&self, _before: &Self::Look) -> Self::Look {
        self.look().await
    }

    /// What helps where checks have stopped it.
    fn refused(&self, error: Error) -> Error {
        error
    }

    /// The command that goes on with these members alone, where some others are done.
    fn rest(&self, _members: &[&Side]) -> Option<String> {
        None
    }

    /// The members that it does without because checks have stopped them.
    fn left_out<'l>(&self, _look: &'l Self::Look) -> Vec<&'l Side> {
        Vec::new()
    }

    /// What it does, and how that is confirmed where nobody can be asked.
    fn unasked(&self, look: &Self::Look) -> (&'static str, String);

    /// What holds where nobody has agreed to it.
    fn untouched(&self) -> String {
        "nothing was changed".to_owned()
    }

    /// Asks a person to agree to what was shown.
    async fn agrees(&self, look: &Self::Look, ui: &Ui) -> Result<bool, Error>;

    /// What the same command does when it is run again.
    fn resume(&self) -> Resume {
        continuation::resume()
    }

    /// What is to be known where it was broken off after these changes.
    fn broken_off(_changes: &[StepResult], _ui: &Ui) {}

    /// What is left over where nothing is to be done, or all is done.
    fn concluded(&self, look: &Self::Look, document: &mut Document, ui: &Ui) -> Result<(), Error>;

    /// What is to be said when all that was planned is done, beside what a last look shows.
    fn done(&self, _: &Self::Look, _: &mut Document, _: &Ui) {}
}

/// What was seen, and what follows from it.
pub(super) trait Looked {
    /// The clusters that answered, the host first.
    fn observed(&self) -> Vec<&Observed>;

    fn host(&self) -> Option<&Observed>;

    fn findings(&self) -> &[Finding];

    /// The clusters that gave no usable answer.
    fn silent(&self) -> &[Silent];

    /// The plan, once no obstacle stands before it.
    fn ready(&self) -> Option<plan::View<'_>>;

    /// That there is nothing of the name that was given, which is no finding: nothing was looked for but that.
    fn not_found(&self) -> Option<Error>;

    /// What it was about, where nothing is to be done.
    fn unchanged(&self) -> Vec<StepResult>;

    /// Whether a cluster did not answer that may later.
    fn is_away(&self) -> bool {
        let may_answer =
            |silent: &Silent| matches!(silent.silence, Silence::Away | Silence::Late | Silence::Unasked);
        self.silent().iter().any(may_answer)
    }

    /// Whether nothing is to do, and nothing is left over.
    fn is_clean(&self) -> bool {
        self.ready().is_some_and(|ready| ready.plan.is_empty())
    }
}
