//! The checks whose obstacles are warnings.

use kubesphere::side::Side;

/// Those of every cluster, and those of single members.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    everywhere: Vec<String>,
    of_members: Vec<(Side, Vec<String>)>,
}

impl Skipped {
    pub fn everywhere(ids: &[String]) -> Self {
        Self { everywhere: ids.to_vec(), of_members: Vec::new() }
    }

    /// With these of one member.
    #[must_use]
    pub fn and_of(mut self, member: &Side, ids: &[String]) -> Self {
        if !ids.is_empty() {
            self.of_members.push((member.clone(), ids.to_vec()));
        }
        self
    }

    /// Whether what this check says of a cluster, or of several, stops nothing.
    pub fn has(&self, id: &str, side: Option<&Side>) -> bool {
        let mut own = self.of_members.iter().filter(|(member, _)| side == Some(member));
        self.everywhere.iter().any(|skipped| skipped == id)
            || own.any(|(_, ids)| ids.iter().any(|skipped| skipped == id))
    }

    /// All that a command about this member has to skip.
    pub fn of(&self, member: &Side) -> Vec<String> {
        let own = self.of_members.iter().filter(|(side, _)| side == member).flat_map(|(_, ids)| ids);
        let mut all = self.everywhere.clone();
        for id in own {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::Skipped;

    #[test]
    fn a_members_own_are_no_others() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let (one, other) = (Side::member("a"), Side::member("b"));
        let skipped = Skipped::everywhere(&ids(&["x"])).and_of(&one, &ids(&["y", "x"]));
        assert!(skipped.has("x", None) && skipped.has("x", Some(&other)));
        assert!(skipped.has("y", Some(&one)) && !skipped.has("y", Some(&other)) && !skipped.has("y", None));
        assert_eq!(skipped.of(&one), ["x", "y"]);
        assert_eq!(skipped.of(&other), ["x"]);
    }
}
