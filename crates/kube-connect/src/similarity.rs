//! What was probably meant by a name that is not there.

/// Names further apart than this are not proposed.
const SIMILAR_ENOUGH: f64 = 0.7;
/// Jaro finds one letter like every name that has it: neither of two names is so many times as long as the other.
const LONGER_AT_MOST: usize = 3;
/// A part of a name that is shorter says nothing.
const SHORTEST_PART: usize = 4;

/// The one that is most like `name`, where one is like it at all.
pub fn most_similar<'a, T: AsRef<str>>(name: &str, candidates: &'a [T]) -> Option<&'a T> {
    candidates
        .iter()
        .filter(|candidate| are_of_a_length(name, candidate.as_ref()))
        .map(|candidate| (strsim::jaro_winkler(name, candidate.as_ref()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
        .or_else(|| only_one_with(name, candidates))
}

/// Who types a part of a long name means the only one that has it.
fn only_one_with<'a, T: AsRef<str>>(part: &str, candidates: &'a [T]) -> Option<&'a T> {
    let mut with = candidates.iter().filter(|candidate| candidate.as_ref().contains(part));
    let first = with.next().filter(|_| part.len() >= SHORTEST_PART)?;
    with.next().is_none().then_some(first)
}

fn are_of_a_length(one: &str, other: &str) -> bool {
    one.len() <= other.len() * LONGER_AT_MOST && other.len() <= one.len() * LONGER_AT_MOST
}

/// The question, for a hint.
pub fn did_you_mean<T: AsRef<str>>(name: &str, candidates: &[T]) -> Option<String> {
    most_similar(name, candidates).map(|similar| format!("did you mean \"{}\"?", similar.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_what_is_like_it_is_proposed() {
        let names = ["member-server-loopback", "clock-skew"];
        assert_eq!(did_you_mean("clockskew", &names).as_deref(), Some("did you mean \"clock-skew\"?"));
        let part = Some("did you mean \"member-server-loopback\"?");
        assert_eq!(did_you_mean("loopback", &names).as_deref(), part);
        assert_eq!(did_you_mean("back", &["loopback-server-of-member", "a-member-is-back-again"]), None);
        assert_eq!(did_you_mean("xyz", &names), None);
        assert_eq!(did_you_mean("nobody", &["b"]), None);
        assert!(did_you_mean("prod", &["production"]).is_some());
        assert_eq!(did_you_mean("a", &[] as &[&str]), None);
    }
}
