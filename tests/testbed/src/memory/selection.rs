//! Which objects a list or a watch is about.

use std::collections::BTreeMap;

use kube::core::{Expression, Selector, SelectorExt as _};
use serde_json::Value;

use super::{defaults::is_name_part, requests::Query, status::Refusal};

/// Label and field selectors of one request.
#[derive(Default)]
pub(super) struct Selection {
    labels: Selector,
    /// A field's path, whether it shall be equal, and to what.
    fields: Vec<(String, bool, String)>,
}

impl Selection {
    pub(super) fn of(query: &Query) -> Result<Self, Refusal> {
        let labels = parse_labels(query.text("labelSelector"))?;
        let fields = parse_fields(query.text("fieldSelector"))?;
        Ok(Self { labels, fields })
    }

    pub(super) fn takes(&self, object: &Value) -> bool {
        let labels: BTreeMap<String, String> = object["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let has = |(path, equal, value): &(String, bool, String)| (field(object, path) == value) == *equal;
        self.labels.matches(&labels) && self.fields.iter().all(has)
    }
}

fn field<'a>(object: &'a Value, path: &str) -> &'a str {
    let found = path.split('.').fold(object, |value, name| &value[name]);
    found.as_str().unwrap_or_default()
}

fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, Refusal> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let read = |part: &str| {
        let (separator, equal) = if part.contains("!=") { ("!=", false) } else { ("=", true) };
        let (path, value) = part.split_once(separator)?;
        Some((path.trim().to_owned(), equal, value.trim_start_matches('=').trim().to_owned()))
    };
    let wrong = || Refusal::bad_request(format!("invalid field selector: \"{text}\""));
    parts.map(|part| read(part).ok_or_else(wrong)).collect()
}

fn parse_labels(text: &str) -> Result<Selector, Refusal> {
    let wrong = || Refusal::bad_request(format!("unable to parse requirement: {text}"));
    let parts = requirements(text).into_iter().map(|part| requirement(part).ok_or_else(wrong));
    parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.into_iter().collect())
}

/// Parted at commas, but not within parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// What can be read, with values that labels can have.
fn requirement(text: &str) -> Option<Expression> {
    let expression = expression(text)?;
    let is_value = |value: &String| value.is_empty() || is_name_part(value);
    let holds = match &expression {
        Expression::In(_, values) | Expression::NotIn(_, values) => values.iter().all(is_value),
        Expression::Equal(_, value) | Expression::NotEqual(_, value) => is_value(value),
        Expression::Exists(_) | Expression::DoesNotExist(_) => true,
    };
    holds.then_some(expression)
}

fn expression(text: &str) -> Option<Expression> {
    let values = |list: &str| {
        let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(list.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((name, list)) = text.split_once(" notin ") {
        return Some(Expression::NotIn(name.trim().to_owned(), values(list)?));
    }
    if let Some((name, list)) = text.split_once(" in ") {
        return Some(Expression::In(name.trim().to_owned(), values(list)?));
    }
    if let Some((name, value)) = text.split_once("!=") {
        return Some(Expression::NotEqual(name.trim().to_owned(), value.trim().to_owned()));
    }
    if let Some((name, value)) = text.split_once('=') {
        let value = value.trim_start_matches('=').trim();
        return Some(Expression::Equal(name.trim().to_owned(), value.to_owned()));
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Expression::DoesNotExist(name.trim().to_owned())),
        None if text.contains(char::is_whitespace) => None,
        None => Some(Expression::Exists(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn takes(labels: &str, fields: &str) -> bool {
        let uri = format!("/x?labelSelector={}&fieldSelector={}", labels.replace(' ', "%20"), fields);
        let selection = Selection::of(&Query::of(&uri.parse().unwrap())).unwrap();
        selection.takes(&json!({"metadata": {"name": "x", "labels": {"a": "1", "b": ""}}, "type": "T"}))
    }

    #[test]
    fn selectors_select_as_kubernetes_does() {
        for labels in ["a=1", "a==1", "a,b", "a in (0, 1),b", "!c", "c!=1", "a notin (2)", ""] {
            assert!(takes(labels, ""), "{labels}");
        }
        for labels in ["a=2", "c", "!a", "a!=1", "a in (2,3)", "a notin (1)"] {
            assert!(!takes(labels, ""), "{labels}");
        }
        assert!(takes("", "metadata.name=x,type=T") && takes("", "metadata.name!=y"));
        assert!(!takes("", "metadata.name=y") && !takes("a=1", "type!=T"));
    }
}
