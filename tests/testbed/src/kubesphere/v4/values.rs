//! The values of the chart ks-core: what it ships, and what a host forces upon a member.

use serde_json::{Map, Value, json};

use crate::kubesphere::Version;

/// What the controller compares to tell whether `spec.config` has changed: FNV-1a with 64 bits.
///
/// Source: kubesphere `pkg/utils/hashutil/hashutil.go@v4.1.3` (`FNVString`).
pub fn config_hash(config: &[u8]) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = config.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// The values that the chart ships, as far as anything here depends on them.
///
/// Source: kubesphere `config/ks-core/values.yaml@v4.1.1`, `@v4.1.3`.
pub(super) fn shipped(version: Version) -> Value {
    let image = |repository: &str, tag: &str| json!({"registry": "", "repository": repository, "tag": tag});
    let mut values = json!({
        "global": {"imageRegistry": "docker.io", "tag": version.release(), "imagePullSecrets": []},
        "portal": {"hostname": "ks-console.kubesphere-system.svc", "http": {"port": 30880}},
        "authentication": {
            "authenticateRateLimiterMaxTries": 10, "authenticationRateLimiterDuration": "10m0s",
            "loginHistoryRetentionPeriod": "168h", "enableMultiLogin": true, "adminPassword": "",
            "issuer": {"maximumClockSkew": "10s", "jwtSecret": "", "accessTokenMaxAge": "2h",
                       "accessTokenInactivityTimeout": "30m"},
        },
        "serviceAccount": {"create": true, "annotations": {}, "name": "kubesphere"},
        "internalTLS": false,
        "apiserver": {"image": image("kubesphere/ks-apiserver", "")},
        "console": {"image": image("kubesphere/ks-console", ""), "nodePort": 30880},
        "controller": {"image": image("kubesphere/ks-controller-manager", "")},
        "agent": {"replicaCount": 1},
        "kubectl": {"image": image("kubesphere/kubectl", "v1.27.16")},
        "helmExecutor": {"timeout": "10m", "historyMax": 2, "jobTTLAfterFinished": "0s",
                         "image": image("kubesphere/kubectl", "v1.27.16")},
    });
    if version.has_a_multicluster_section() {
        values["multicluster"] = json!({"role": "", "hostClusterName": ""});
        values["upgrade"] = json!({"enabled": false});
        values["ksExtensionRepository"] =
            json!({"enabled": true, "image": image("kubesphere/ks-extensions-museum", "v1.1.3")});
    } else {
        values["role"] = "".into();
        values["hostClusterName"] = "".into();
    }
    values
}

/// Values over those that the chart ships, as helm lays them: maps are merged, and null takes a value away.
///
/// Source: helm `pkg/chartutil/coalesce.go@v3.16.2`.
pub(super) fn over(shipped: &Value, given: &Value) -> Value {
    let mut values = shipped.clone();
    crate::kubesphere::specification::merge(&mut values, given);
    values
}

/// What a member is installed with: `spec.config`, and over it what the host insists on.
///
/// Source: kubesphere `pkg/controller/cluster/helper.go@v4.1.3:61-82`, `@v4.1.1:61-81`.
pub(super) fn of_member(version: Version, config: &[u8], jwt_secret: &str) -> Result<Value, String> {
    let mut values = given(config)?;
    values.insert("role".to_owned(), "member".into());
    if version.has_a_multicluster_section() {
        values.insert("multicluster".to_owned(), json!({"role": "member"}));
    }
    values.insert("upgrade".to_owned(), json!({"enabled": false}));
    set_nested(&mut values, &["authentication", "issuer", "jwtSecret"], jwt_secret)?;
    Ok(values.into())
}

/// An empty field is gone after the controller's first update; a document without values is a nil map, which takes none.
fn given(config: &[u8]) -> Result<Map<String, Value>, String> {
    if config.is_empty() {
        return Ok(Map::new());
    }
    let text = String::from_utf8_lossy(config);
    match serde_yaml::from_str(&text) {
        Err(error) => Err(format!("error converting YAML to JSON: yaml: {error}")),
        Ok(Value::Object(values)) => Ok(values),
        Ok(Value::Null) => Err("panic: assignment to entry in nil map [recovered]".to_owned()),
        Ok(other) => {
            let kind = match other {
                Value::Array(_) => "array",
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                _ => "string",
            };
            Err(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go value of type \
                 map[string]interface {{}}"
            ))
        }
    }
}

/// Source: Kubernetes `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/helpers.go` (`SetNestedField`).
fn set_nested(values: &mut Map<String, Value>, path: &[&str], value: &str) -> Result<(), String> {
    let (last, parents) = path.split_last().expect("the path names something");
    let mut map = values;
    let mut passed = String::new();
    for field in parents {
        passed = format!("{passed}.{field}");
        let next = map.entry(*field).or_insert_with(|| json!({}));
        let is_no_map = || format!("value cannot be set because {passed} is not a map[string]interface{{}}");
        map = next.as_object_mut().ok_or_else(is_no_map)?;
    }
    map.insert((*last).to_owned(), value.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_fnv() {
        assert_eq!(config_hash(b""), "cbf29ce484222325");
        assert_eq!(config_hash(b"a"), "af63dc4c8601ec8c");
        assert_eq!(config_hash(b"foobar"), "85944171f73967e8");
    }

    #[test]
    fn a_host_forces_its_values_upon_a_member() {
        let config = b"global: {imageRegistry: registry.example}\nmulticluster: {hostClusterName: mine}\n";
        let values = of_member(Version::V4_1_3, config, "secret").unwrap();
        assert_eq!(values["global"]["imageRegistry"], "registry.example");
        assert_eq!(values["multicluster"], json!({"role": "member"}));
        assert_eq!(values["authentication"]["issuer"]["jwtSecret"], "secret");
        let values = of_member(Version::V4_1_1, config, "secret").unwrap();
        assert_eq!(values["multicluster"]["hostClusterName"], "mine");
        assert_eq!(values["role"], "member");
    }

    #[test]
    fn what_is_no_map_takes_no_secret() {
        let refused = |config: &str| of_member(Version::V4_1_3, config.as_bytes(), "secret").unwrap_err();
        let said = "value cannot be set because .authentication is not a map[string]interface{}";
        assert_eq!(refused("authentication: none"), said);
        assert_eq!(refused("authentication:"), said);
        assert!(refused("authentication: {issuer: []}").contains(".authentication.issuer is not a map"));
        assert!(refused("[]").contains("cannot unmarshal array"));
        assert!(refused("# nothing").contains("nil map"));
    }
}
