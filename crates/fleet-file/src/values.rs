//! `config`: values for the chart ks-core that stand in a fleet file.

use config_file::{
    core_values,
    problem::{self as file, Position},
};
use kubesphere::core_values::CoreValues;

use super::{
    problem::{Fault, Problem},
    reading::Section,
};

/// The values in a section, as they would stand in a file of their own.
pub(super) fn values(section: &Section<'_>) -> Result<Option<CoreValues>, Problem> {
    let Some(node) = section.node.get("config").filter(|node| !node.is_null()) else { return Ok(None) };
    if let Some(mark) = node.mark {
        return Err(Problem::at(node.at, Fault::Marked { field: "config".to_owned(), mark }));
    }
    let written = section.text.get(node.span.clone()).unwrap_or_default();
    let taken = Taken::of(written, node.at);
    core_values::read(&taken.text).map(Some).map_err(|problem| taken.placed(&problem))
}

/// A part of a file with its lines moved to the left, as far as they can be.
struct Taken {
    text: String,
    /// Where it stands in the file.
    at: Position,
    /// How far each line was moved.
    moved: Vec<usize>,
}

impl Taken {
    fn of(written: &str, at: Position) -> Self {
        let column = at.column - 1;
        let (mut text, mut moved) = (String::new(), Vec::new());
        for (number, line) in written.split_inclusive('\n').enumerate() {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            let cut = if number == 0 { 0 } else { blanks.min(column) };
            text.push_str(&line[cut..]);
            moved.push(if number == 0 { column } else { cut });
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Self { text, at, moved }
    }

    /// What is wrong with the values, where it stands in the file. What cannot be read there was read as a part of it.
    fn placed(&self, problem: &file::Problem) -> Problem {
        let at = problem.at.map_or(self.at, |at| Position {
            line: self.at.line + at.line - 1,
            column: at.column + self.moved.get(at.line - 1).copied().unwrap_or_default(),
        });
        match &problem.fault {
            file::Fault::NotYaml(_) | file::Fault::Tab => Problem::at(self.at, Fault::Config),
            fault => Problem::at(at, Fault::Values(fault.clone())),
        }
    }
}
