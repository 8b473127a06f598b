//! What clusters and kubeconfigs say, secrets among it, which is kept for as long as a command runs.

use std::ops::{Deref, DerefMut};

use secrecy::zeroize::Zeroize as _;
use serde_json::Value;

/// A value whose texts are gone from the memory when it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wiped(Value);

impl From<Value> for Wiped {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Deref for Wiped {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::wipe;

    #[test]
    fn every_text_is_wiped_wherever_it_stands() {
        let mut value = json!({"a": "b", "c": [{"d": "e"}, "f", 1, null, true]});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "c": [{"d": ""}, "", 1, null, true]}));
    }
}
