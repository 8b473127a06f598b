//! What a text means, as a second parser reads it: of the family that KubeKey and kubectl have, and not the one that
//! the places come from.

use serde::Deserialize as _;
use serde_json::Value as Json;
use serde_yaml::{Deserializer, Mapping, Value};

use super::{
    configuration_file::group,
    problem::{Fault, Position, Problem},
    tree,
};
use crate::kubesphere::cluster_configuration::{GROUP, KIND};

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
    tree::tab(text).unwrap_or_else(|| {
        // Its own words may quote the file.
        Problem {
            at,
            fault: Fault::NotYaml("a parser of YAML 1.1, as KubeKey has it, refuses it".to_owned()),
        }
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
    text("kind") == Some(KIND) && text("apiVersion").is_some_and(|version| group(version) == GROUP)
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
    fn a_problem_quotes_nothing() {
        let problem = meaning("password: \"hunter2\n").unwrap_err();
        assert!(problem.at.is_some() && !problem.fault.to_string().contains("hunter2"), "{problem:?}");
    }
}
