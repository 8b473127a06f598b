//! The JSON Schema of a fleet file, which editors complete and check it by.

use schemars::schema_for;
use serde_json::Value;

use super::fleet::FleetDocument;

pub fn schema() -> Value {
    let mut schema = Value::from(schema_for!(FleetDocument));
    schema["title"] = "Fleet of kubectl-mc".into();
    schema
}

#[cfg(test)]
mod tests {
    use super::schema;

    #[test]
    fn every_field_has_a_description_and_no_other_is_taken() {
        let schema = schema();
        let definitions = schema["$defs"].as_object().unwrap().values();
        for definition in definitions.chain([&schema]) {
            assert_eq!(definition["additionalProperties"], false, "{definition:#}");
            for (field, of) in definition["properties"].as_object().unwrap() {
                assert!(of["description"].is_string(), "{field}: {of:#}");
            }
        }
        assert_eq!(schema["required"], serde_json::json!(["apiVersion", "kind", "members"]));
        let member = &schema["$defs"]["Member"]["properties"];
        assert_eq!(member["labels"]["additionalProperties"]["type"], "string", "{member:#}");
        assert_eq!(member["kubeconfig"]["type"][0], "string", "{member:#}");
    }
}
