//! `kubectl mc fleet`.

pub(super) mod file;

mod init;

use fleet_file::schema::schema;

use crate::{
    cli::{Fleet, Global},
    error::Error,
    output::ui::Ui,
};

/// Writes or describes a fleet file.
pub async fn run(fleet: &Fleet, global: &Global, ui: &Ui) -> Result<(), Error> {
    match fleet {
        Fleet::Init(init) => init::run(init, global, ui).await,
        Fleet::Schema(_) => ui.document(&format!("{:#}\n", schema())),
    }
}
