//! What a host of KubeSphere 4 gives to helm when it installs a member, besides what it insists on: `spec.config` of the
//! Cluster, the values for the chart ks-core (kubesphere `pkg/controller/cluster/helper.go@v4.1.3`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::known_secrets::{learn_encoded, learn_named};

/// The text as somebody has written it. A password may stand in it.
#[derive(Clone, Debug)]
pub struct CoreValues {
    text: SecretString,
    keys: Vec<String>,
}

impl CoreValues {
    /// Nothing that is printed has the secrets in it from now on. Where they cannot be read: the line and the column, if the
    /// parser tells them, and not its words, which may quote a secret.
    pub fn read(text: &str) -> Result<Self, Option<(usize, usize)>> {
        learn_encoded(&STANDARD.encode(text));
        let values: Value = serde_yaml::from_str(text)
            .map_err(|error| error.location().map(|at| (at.line(), at.column())))?;
        learn_named(&values);
        Ok(Self { text: text.into(), keys: keys(&values) })
    }

    /// What they are for, in words.
    pub fn described(&self) -> String {
        if self.keys.is_empty() {
            "no values".to_owned()
        } else {
            format!("values for {}", self.keys.join(", "))
        }
    }

    /// What they are for, as `global.imageRegistry`, without what they are.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// As the Cluster holds it.
    pub fn encoded(&self) -> SecretString {
        STANDARD.encode(self.text.expose_secret()).into()
    }
}

/// Down to the second level, at which the chart's own values stand.
fn keys(values: &Value) -> Vec<String> {
    let below = |(key, value): (&String, &Value)| match value.as_object().filter(|inner| !inner.is_empty()) {
        Some(inner) => inner.keys().map(|name| format!("{key}.{name}")).collect(),
        None => vec![key.clone()],
    };
    values.as_object().into_iter().flatten().flat_map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::CoreValues;

    #[test]
    fn what_values_are_for_is_told_without_them() {
        let text =
            "global: {imageRegistry: r.example, tag: v4}\nreplicas: 2\nhook: {}\nks: {api: {port: 1}}\n";
        let keys = ["global.imageRegistry", "global.tag", "hook", "ks.api", "replicas"];
        let values = CoreValues::read(text).unwrap();
        assert_eq!(values.keys(), keys);
        assert_eq!(values.described(), format!("values for {}", keys.join(", ")));
        assert_eq!(CoreValues::read("{}").unwrap().described(), "no values");
        assert!(CoreValues::read("a: [").is_err());
    }
}
