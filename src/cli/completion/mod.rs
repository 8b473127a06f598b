//! Completion: what was typed so far, and what its last word may become.

mod script;
mod typed;
mod wanted;

pub use script::{Completion, Shell};
pub use typed::{Typed, arguments};
pub use wanted::{Candidate, Of, Source, Values, Wanted, wanted};
