//! How much an answer is once it is read: a list of `{}` takes a thousand times its bytes.

/// Those of nodes and of Clusters take some 30 bytes each: twice as many as 64 MiB of them have.
pub(super) const MOST_VALUES: usize = 4_000_000;

/// No collection of a cluster that is asked for whole has so many objects: Kubernetes supports 5,000 nodes and 10,000
/// namespaces (kubernetes/community `sig-scalability/configs-and-limits/thresholds.md`).
pub const MOST_OBJECTS: usize = 50_000;

/// What was counted in a text of JSON, as far as it has come.
#[derive(Default)]
pub(super) struct Values {
    pub(super) all: usize,
    /// Those of a list.
    pub(super) objects: usize,
    depth: usize,
    is_within_text: bool,
    is_escaped: bool,
}

impl Values {
    pub(super) fn count(&mut self, data: &[u8]) {
        for byte in data {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_within_text => self.is_escaped = true,
                b'"' => self.is_within_text = !self.is_within_text,
                _ if self.is_within_text => {}
                b'{' | b'[' => {
                    self.all += 1;
                    // `{"items": [{`
                    self.objects += usize::from(self.depth == 2 && *byte == b'{');
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' => self.all += 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Values;

    fn counted(text: &str) -> (usize, usize) {
        let mut values = Values::default();
        text.as_bytes().chunks(3).for_each(|chunk| values.count(chunk));
        (values.all, values.objects)
    }

    #[test]
    fn values_and_objects_of_a_list_are_counted_and_texts_are_one() {
        assert_eq!(counted(r#"{"items": [{}, {"a": [1, 2]}, {}], "kind": "List"}"#), (10, 3));
        assert_eq!(counted(r#"{"a": "[{}, \"[{\\", "b": "{"}"#), (2, 0));
        assert_eq!(counted("}]no JSON"), (0, 0));
    }
}
