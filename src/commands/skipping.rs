//! The checks whose obstacles are to be warnings, as they were typed.

use crate::{checks::skippable_ids, error::Error, live::similarity::did_you_mean};

pub(super) fn confirm_skippable(ids: &[String]) -> Result<(), Error> {
    match ids.iter().find(|id| !skippable_ids().any(|known| known == id.as_str())) {
        None => Ok(()),
        Some(id) => {
            let known: Vec<&str> = skippable_ids().collect();
            let error = Error::usage(format!("unknown or non-skippable check \"{id}\""));
            let error = did_you_mean(id, &known).into_iter().fold(error, Error::hint);
            Err(error.hint(format!("these can: {}", known.join(", "))))
        }
    }
}
