//! The spec of a ClusterConfiguration as each version ships it.

use serde_json::{Value, json};

use super::{Version, pace};

/// The shipped spec of this version, in its own field layout.
///
/// One thing is set that no version ships: `multicluster.clusterControllerResyncPeriod`, so that the cluster
/// controller and whoever waits for it keep the test bed's pace.
///
/// Source: ks-installer `deploy/cluster-configuration.yaml@v3.0.0` to `@v3.4.1`.
pub fn shipped(version: Version) -> Value {
    let mut spec = since_3_0(version);
    if version >= Version::V3_1 {
        merge(&mut spec, &since_3_1(version));
    }
    if version >= Version::V3_2 {
        merge(&mut spec, &since_3_2(version));
    }
    if version >= Version::V3_3 {
        merge(&mut spec, &since_3_3());
    }
    if version >= Version::V3_4 {
        merge(&mut spec, &since_3_4());
    }
    spec
}

/// Applies an RFC 7386 merge patch: null removes.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().expect("made an object above");
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

fn since_3_0(version: Version) -> Value {
    json!({
        "persistence": {"storageClass": ""},
        "authentication": {"jwtSecret": ""},
        "etcd": {"monitoring": false, "endpointIps": "localhost", "port": 2379, "tlsEnable": true},
        "common": {
            "mysqlVolumeSize": "20Gi", "minioVolumeSize": "20Gi", "etcdVolumeSize": "20Gi",
            "openldapVolumeSize": "2Gi", "redisVolumSize": "2Gi",
            "es": {"elasticsearchMasterVolumeSize": "4Gi", "elasticsearchDataVolumeSize": "20Gi", "logMaxAge": 7,
                   "elkPrefix": "logstash"},
        },
        "console": {"enableMultiLogin": true, "port": 30880},
        "alerting": {"enabled": false},
        "auditing": {"enabled": false},
        "devops": {"enabled": false, "jenkinsMemoryLim": "2Gi", "jenkinsMemoryReq": "1500Mi", "jenkinsVolumeSize": "8Gi"},
        "events": {"enabled": false, "ruler": {"enabled": true, "replicas": 2}},
        "logging": {"enabled": false, "logsidecarReplicas": 2},
        "metrics_server": {"enabled": false},
        "monitoring": {"prometheusMemoryRequest": "400Mi", "prometheusVolumeSize": "20Gi"},
        "multicluster": multicluster(version),
        "networkpolicy": {"enabled": false},
        "notification": {"enabled": false},
        "openpitrix": {"enabled": false},
        "servicemesh": {"enabled": false},
    })
}

/// The field is read from 3.2 on; the name of 3.1's own field stands in no spec, only in kubesphere-config.
///
/// Source: ks-installer `roles/ks-core/config/templates/kubesphere-config.yaml.j2@v3.2.1`.
fn multicluster(version: Version) -> Value {
    let mut section = json!({"clusterRole": "none"});
    if version >= Version::V3_2 {
        section["clusterControllerResyncPeriod"] = pace::go_duration(pace::scaled(pace::RESYNC)).into();
    }
    section
}

fn since_3_1(version: Version) -> Value {
    let mut changes = json!({
        "local_registry": "",
        "common": {
            "mysqlVolumeSize": null, "etcdVolumeSize": null,
            "redis": {"enabled": false}, "openldap": {"enabled": false},
            "monitoring": {"endpoint": "http://prometheus-operated.kubesphere-monitoring-system.svc:9090"},
            "es": {"basicAuth": {"enabled": false, "username": "", "password": ""},
                   "externalElasticsearchUrl": "", "externalElasticsearchPort": ""},
        },
        "logging": {"logsidecarReplicas": null, "logsidecar": {"enabled": true, "replicas": 2}},
        "monitoring": {"storageClass": ""},
        "network": {"networkpolicy": {"enabled": false}, "ippool": {"type": "none"}, "topology": {"type": "none"}},
        "networkpolicy": null,
        "notification": null,
        "openpitrix": {"enabled": null, "store": {"enabled": false}},
    });
    if version < Version::V3_3 {
        changes["kubeedge"] = json!({"enabled": false, "cloudCore": {
            "nodeSelector": {"node-role.kubernetes.io/worker": ""}, "tolerations": [], "cloudhubPort": "10000",
            "cloudHub": {"advertiseAddress": [""], "nodeLimit": "100"},
            "service": {"cloudhubNodePort": "30000", "tunnelNodePort": "30004"}}});
    }
    changes
}

fn since_3_2(version: Version) -> Value {
    let mut changes = json!({
        "common": {
            "core": {"console": {"enableMultiLogin": true, "port": 30880, "type": "NodePort"}},
            "redis": {"volumeSize": "2Gi"}, "openldap": {"volumeSize": "2Gi"}, "minio": {"volumeSize": "20Gi"},
            "minioVolumeSize": null, "openldapVolumeSize": null, "redisVolumSize": null,
            "monitoring": {"GPUMonitoring": {"enabled": false}},
            "gpu": {"kinds": [{"resourceName": "nvidia.com/gpu", "resourceType": "GPU", "default": true}]},
            "es": {"elasticsearchMasterVolumeSize": null, "elasticsearchDataVolumeSize": null},
        },
        "console": null,
        "events": {"ruler": null},
        "monitoring": {"gpu": {"nvidia_dcgm_exporter": {"enabled": false}}, "prometheusMemoryRequest": null,
                       "prometheusVolumeSize": null},
    });
    if version < Version::V3_3 {
        changes["logging"] = json!({"containerruntime": "docker"});
    }
    changes
}

fn since_3_3() -> Value {
    json!({
        "common": {"redis": {"enableHA": false},
                   "es": {"externalElasticsearchUrl": null, "externalElasticsearchHost": ""}},
        "monitoring": {"node_exporter": {"port": 9100}},
        "servicemesh": {"istio": {"components": {
            "ingressGateways": [{"name": "istio-ingressgateway", "enabled": false}], "cni": {"enabled": false}}}},
        "edgeruntime": {"enabled": false, "kubeedge": {"enabled": false, "cloudCore": {
            "cloudHub": {"advertiseAddress": [""]}, "service": {"cloudhubNodePort": "30000"}},
            "iptables-manager": {"enabled": true, "mode": "external"}}},
        "gatekeeper": {"enabled": false},
        "terminal": {"timeout": 600},
    })
}

fn since_3_4() -> Value {
    json!({
        "common": {"es": {"enabled": false}, "opensearch": {
            "enabled": true, "logMaxAge": 7, "opensearchPrefix": "whizard",
            "basicAuth": {"enabled": true, "username": "admin", "password": "admin"},
            "externalOpensearchHost": "", "externalOpensearchPort": ""}},
        "devops": {"jenkinsCpuReq": 0.5, "jenkinsCpuLim": 1, "jenkinsMemoryReq": "4Gi", "jenkinsMemoryLim": "4Gi"},
        "events": {"ruler": {"enabled": true, "replicas": 2}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_differ_as_documented() {
        let [old, newer, migrated, latest] = Version::PLAYED.map(shipped);
        assert!(old.get("terminal").is_none() && newer.get("terminal").is_none());
        assert_eq!(migrated["terminal"]["timeout"], 600);
        assert_eq!(old["console"]["port"], 30880);
        assert_eq!(newer["common"]["core"]["console"]["type"], "NodePort");
        assert!(newer["kubeedge"].is_object() && migrated.get("kubeedge").is_none());
        assert_eq!(latest["common"]["opensearch"]["enabled"], true);
        for spec in [old, newer, migrated, latest] {
            assert_eq!(spec["authentication"]["jwtSecret"], "");
            assert_eq!(spec["multicluster"]["clusterRole"], "none");
        }
    }
}
