//! How a command ended, in the one object that `-o` prints.

use serde::Serialize;

use super::ui::Ui;
use crate::{cli::OutputFormat, error::Error};

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// What failed member by member, where there were several.
    member_errors: Vec<ErrorView>,
    error: Option<ErrorView>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorView {
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

/// Between two objects of a stream of YAML.
pub const NEXT_DOCUMENT: &str = "---";

/// A command's object.
pub trait Object: Serialize {
    /// How the command ended.
    fn ending(&mut self) -> &mut Ending;
}

impl Ending {
    /// Adds what ended the command early.
    pub fn failed(&mut self, error: &Error) {
        self.error = Some(error_view(error));
    }

    /// Adds the errors that the one of [`Self::failed`] sums up.
    pub fn failed_of_several(&mut self, errors: &[Error]) {
        self.member_errors = errors.iter().map(error_view).collect();
    }
}

/// Prints the object where one is asked for, with what ended the command; the result is the command's.
pub fn conclude(
    ui: &Ui,
    format: Option<OutputFormat>,
    object: &mut impl Object,
    result: Result<(), Error>,
) -> Result<(), Error> {
    let Some(format) = format else { return result };
    if let Err(error) = &result {
        object.ending().failed(error);
    }
    // That nobody reads the object hides no failure.
    result.and(print(ui, format, object))
}

/// Prints an object.
pub fn print(ui: &Ui, format: OutputFormat, object: &impl Serialize) -> Result<(), Error> {
    let text = match format {
        OutputFormat::Json => serde_json::to_string_pretty(object).expect("the object is plain data"),
        OutputFormat::Yaml => serde_yaml::to_string(object).expect("the object is plain data"),
    };
    ui.document(&(text.trim_end().to_owned() + "\n"))
}

pub(super) fn error_view(error: &Error) -> ErrorView {
    ErrorView {
        exit_code: error.kind.exit_code(),
        message: error.message.clone(),
        causes: error.causes.iter().chain(&error.details).cloned().collect(),
        hints: error.all_hints().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Ending;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn each_failed_member_has_its_error_beside_the_sum() {
        let mut ending = Ending::default();
        ending.failed_of_several(&[Error::new(ErrorKind::TimedOut, "member \"a\": timed out").hint("again")]);
        ending.failed(&Error::new(ErrorKind::Partial, "1 of 2 members failed"));
        let object = serde_json::to_value(&ending).unwrap();
        assert_eq!(
            object["memberErrors"],
            json!([{"exitCode": 4, "message": "member \"a\": timed out", "causes": [], "hints": ["again"]}])
        );
        assert_eq!(object["error"]["exitCode"], 6);
    }
}
