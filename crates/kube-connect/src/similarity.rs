//! What was probably meant by a name that is not there.

/// Names further apart than this are not proposed.
const SIMILAR_ENOUGH: f64 = 0.7;

/// The one that is most like `name`, where one is like it at all.
pub fn most_similar<'a, T: AsRef<str>>(name: &str, candidates: &'a [T]) -> Option<&'a T> {
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate.as_ref()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
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
        assert_eq!(did_you_mean("xyz", &names), None);
        assert_eq!(did_you_mean("a", &[] as &[&str]), None);
    }
}
