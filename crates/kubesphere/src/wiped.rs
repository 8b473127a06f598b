//! What clusters and kubeconfigs say, secrets among it, which is kept for as long as a command runs.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use secrecy::zeroize::Zeroize as _;
use serde_json::Value;

/// A value whose texts are gone from the memory when it is, and with it the last of its clones: these share it until one
/// of them is changed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wiped(Arc<Held>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Held(Value);

impl From<Value> for Wiped {
    fn from(value: Value) -> Self {
        Self(Arc::new(Held(value)))
    }
}

impl Deref for Wiped {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Value {
        &mut Arc::make_mut(&mut self.0).0
    }
}

impl Drop for Held {
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

    use super::{Wiped, wipe};

    #[test]
    fn every_text_is_wiped_wherever_it_stands() {
        let mut value = json!({"a": "b", "c": [{"d": "e"}, "f", 1, null, true]});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "c": [{"d": ""}, "", 1, null, true]}));
    }
    #[test]
    fn a_clone_that_is_changed_leaves_the_others_as_they_are() {
        let one = Wiped::from(json!({"a": "b"}));
        let mut other = one.clone();
        other["a"] = "c".into();
        assert_eq!((&*one, &*other), (&json!({"a": "b"}), &json!({"a": "c"})));
    }
}
