//! Cuts texts into a text.

use std::ops::Range;

/// What to put in place of what.
pub(super) type Splice = (Range<usize>, String);

/// The text with all splices made; those at one place in their order.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|(range, _)| range.start);
    let (mut result, mut copied) = (String::with_capacity(text.len()), 0);
    for (range, new) in &splices {
        result.push_str(text.get(copied..range.start).unwrap_or_default());
        result.push_str(new);
        copied = range.end;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

#[cfg(test)]
mod tests {
    use super::spliced;

    #[test]
    fn splices_are_made_at_their_places() {
        let splices = vec![
            (4..4, "1".to_owned()),
            (0..1, "é".to_owned()),
            (4..4, "2".to_owned()),
            (2..3, String::new()),
        ];
        assert_eq!(spliced("abcde", splices), "ébd12e");
        assert_eq!(spliced("", Vec::new()), "");
    }
}
