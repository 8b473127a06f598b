//! What a text means, as a second parser reads it: of the family that KubeKey and kubectl have, and not the one that
//! the places come from.

use kubesphere::cluster_configuration::{GROUP, KIND, VERSION};
use serde::Deserialize as _;
use serde_json::Value as Json;
use serde_yaml::{Deserializer, Mapping, Value};

use super::{
    invisible,
    problem::{Fault, Position, Problem},
    tree,
};

/// What the reader says where the other one had nothing to say, and what it means.
const REASONS: [(&str, &str); 6] = [
    ("duplicate entry", "a key appears twice in this mapping, perhaps written differently (`1` and `0x1`)"),
    ("repetition limit", "its aliases (`*`) repeat too much"),
    ("recursion limit", "it is nested too deeply, or an alias (`*`) stands within what it repeats"),
    (
        "could not find expected ':'",
        "a key has no `:`; there, the characters U+0085, U+2028 and U+2029 end lines too",
    ),
    ("cannot start any token", "no value begins with this character"),
    ("invalid value", "a value is not what its tag (`!`) says"),
];

/// The values of all documents.
#[derive(Clone, PartialEq)]
pub(super) struct Meaning(Vec<Value>);

impl std::fmt::Debug for Meaning {
    /// The values hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} documents", self.0.len())
    }
}

/// Reads a text.
pub(super) fn meaning(text: &str) -> Result<Meaning, Problem> {
    let documents = Deserializer::from_str(text).map(Value::deserialize);
    documents.collect::<Result<_, _>>().map(Meaning).map_err(|error| not_yaml(text, &error))
}

fn not_yaml(text: &str, error: &serde_yaml::Error) -> Problem {
    let at = error.location().map(|at| Position { line: at.line(), column: at.column() });
    let lines = at.map(|at| at.line..=at.line);
    let unseen = lines.and_then(|lines| tree::tab(text, &lines).or_else(|| invisible::near(text, &lines)));
    unseen.unwrap_or_else(|| {
        // Its own words may quote the file.
        let words = error.to_string();
        let reason = REASONS.iter().find(|(said, _)| words.contains(said)).map(|(_, reason)| *reason);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let refused = format!("a parser of YAML 1.1, as KubeKey has it, refuses it{reason}");
        Problem { at, fault: Fault::NotYaml(refused) }
    })
}

impl Meaning {
    /// What the ClusterConfiguration's documents mean once these fields are set; nothing if they cannot be set.
    pub(super) fn with(&self, fields: &Json) -> Option<Self> {
        let mut changed = self.clone();
        let mut found = changed.0.iter_mut().flat_map(objects).filter(|object| is_configuration(object));
        let (Some(configuration), None) = (found.next(), found.next()) else { return None };
        set(configuration, fields)?;
        Some(changed)
    }
}

/// A document's objects, found without the first reader: this is a second opinion.
fn objects(document: &mut Value) -> Vec<&mut Value> {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    if is_list && document.get("items").is_some_and(Value::is_sequence) {
        return document.get_mut("items").and_then(Value::as_sequence_mut).into_iter().flatten().collect();
    }
    match document {
        Value::Sequence(items) => items.iter_mut().collect(),
        other => vec![other],
    }
}

fn is_configuration(object: &Value) -> bool {
    let text = |key| object.get(key).and_then(Value::as_str);
    text("kind") == Some(KIND) && text("apiVersion") == Some(&*format!("{GROUP}/{VERSION}"))
}

fn set(value: &mut Value, wanted: &Json) -> Option<()> {
    let Json::Object(fields) = wanted else {
        *value = Value::from(wanted.as_str()?);
        return Some(());
    };
    if value.is_null() {
        *value = Value::Mapping(Mapping::new());
    }
    let mapping = value.as_mapping_mut()?;
    for (key, wanted) in fields {
        set(mapping.entry(Value::from(key.as_str())).or_insert(Value::Null), wanted)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::meaning;

    const TEXT: &str =
        "a: 1\n---\nkind: ClusterConfiguration\napiVersion: installer.kubesphere.io/v1alpha1\nspec:\n";

    #[test]
    fn fields_are_set_in_the_configuration_alone() {
        let wanted = json!({"spec": {"multicluster": {"clusterRole": "host"}}});
        let changed = meaning(TEXT).unwrap().with(&wanted).unwrap();
        assert!(changed == meaning(&format!("{TEXT} multicluster: {{clusterRole: host}}")).unwrap());
        assert!(changed != meaning(&format!("{TEXT} multicluster: {{clusterRole: member}}")).unwrap());
        assert!(changed != meaning(&format!("{TEXT} multicluster: {{clusterRole: host, a: 1}}")).unwrap());
    }

    #[test]
    fn what_this_reader_alone_refuses_has_a_reason() {
        let ten = |name: &str| [name; 10].join(", ");
        let bomb = format!(
            "a: &a [{}]\nb: &b [{}]\nc: &c [{}]\nd: &d [{}]\ne: &e [{}]\nf: [{}]\n",
            ten("1"),
            ten("*a"),
            ten("*b"),
            ten("*c"),
            ten("*d"),
            ten("*e")
        );
        for (text, at, reason) in [
            ("a:\n\t\nb: 1\n", Some((2, 1)), "a tab indents this line"),
            ("a:\n  - 1\n\t\nb: 1\n", Some((3, 1)), "a tab indents this line"),
            ("a: 1\nb:\n  1: x\n  0x1: hunter2\n", Some((3, 3)), "refuses it: a key appears twice"),
            ("a: &a [*a]\n", Some((1, 4)), "an alias (`*`) stands within"),
            (&bomb, None, "its aliases (`*`) repeat too much"),
            ("a: x\u{85}y\n", Some((3, 1)), "U+0085, U+2028 and U+2029 end lines"),
            ("a: !!int hunter2\n", Some((1, 4)), "a value is not what its tag"),
        ] {
            let problem = meaning(text).unwrap_err();
            assert!(problem.fault.to_string().contains(reason), "{text}: {problem:?}");
            assert!(!problem.fault.to_string().contains("hunter2"), "{problem:?}");
            assert_eq!(problem.at.map(|at| (at.line, at.column)), at, "{text}: {problem:?}");
        }
    }

    #[test]
    fn a_problem_quotes_nothing() {
        let problem = meaning("password: \"hunter2\n").unwrap_err();
        assert!(problem.at.is_some() && !problem.fault.to_string().contains("hunter2"), "{problem:?}");
    }
}
