//! The only room that prints: results on stdout, everything else on stderr.

pub mod clusters;
pub mod diff;
pub mod document;
pub mod ending;
pub mod findings;
pub mod jwt_secrets;
pub mod log;
pub mod log_lines;
pub mod plan;
pub mod progress;
pub mod registrations;
pub mod registrations_document;
pub mod report;
pub mod style;
pub mod table;
pub mod ui;
pub mod unjoin;
pub mod unjoin_document;
pub mod verdict;
pub mod words;
