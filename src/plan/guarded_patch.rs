//! A change of an object that is refused where something else stands there than was seen.

use serde_json::{Value, json};

/// A JSON Patch with `test` operations on what it replaces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guarded {
    pub(super) guards: Vec<Value>,
    pub(super) operations: Vec<Value>,
}

impl Guarded {
    /// The JSON Patch document: first every guard, then the operations.
    pub fn document(&self) -> Value {
        self.guards.iter().chain(&self.operations).cloned().collect()
    }

    /// Nothing yet but that the webhook of this name stands there.
    pub(super) fn of_webhook(position: usize, name: &str) -> Self {
        let guard = json!({"op": "test", "path": format!("/webhooks/{position}/name"), "value": name});
        Self { guards: vec![guard], operations: Vec::new() }
    }

    /// Only if this stands there; nothing for what is absent.
    pub(super) fn test(&mut self, path: &str, value: Option<&Value>) {
        self.guards.push(json!({"op": "test", "path": path, "value": value}));
    }

    /// This stands there then, in the place of what does.
    pub(super) fn set(&mut self, path: &str, value: &Value) {
        self.operations.push(json!({"op": "add", "path": path, "value": value}));
    }

    /// Nothing stands there then.
    pub(super) fn remove(&mut self, path: &str) {
        self.operations.push(json!({"op": "remove", "path": path}));
    }
}
