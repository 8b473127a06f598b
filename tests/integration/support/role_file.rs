//! The ready-made roles in docs/rbac, as a cluster takes them.

use std::{fmt, fs};

use serde::Deserialize as _;
use serde_json::{Value, json};
use testbed::{Access, bed::Cluster, block_on, kubesphere::objects};

use super::rights::await_effect;

/// Where they lie.
const FOLDER: &str = "docs/rbac";

/// One file of roles with their bindings.
pub struct RoleFile {
    name: String,
    documents: Vec<Value>,
}

/// One permission that a file gives: a verb on a resource, of one name where the rule has names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `None` in a `ClusterRole`.
    pub namespace: Option<String>,
    pub api_group: String,
    pub resource: String,
    pub verb: String,
    pub name: Option<String>,
}

impl RoleFile {
    /// The file of this name, without its ending.
    pub fn read(name: &str) -> Self {
        let path = format!("{FOLDER}/{name}.yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let documents = serde_yaml::Deserializer::from_str(&text);
        let documents = documents.map(|document| Value::deserialize(document).unwrap()).collect();
        Self { name: name.to_owned(), documents }
    }

    pub fn names() -> Vec<String> {
        let files =
            fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            files.filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// Gives this user what the file gives its group. What stands in a namespace that is not there is left out, as
    /// `kubectl apply` leaves it out.
    pub fn bind(&self, cluster: &Cluster, user: &str) {
        for document in &self.documents {
            let (client, mut object) = (cluster.client(), document.clone());
            if object.get("subjects").is_some() {
                object["subjects"] =
                    json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]);
            }
            let created = block_on(async move { objects::create(&client, &object).await });
            match created {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                created => drop(created.unwrap()),
            }
        }
        let is_there = |role: &&Value| namespace(role).is_none_or(|namespace| exists(cluster, namespace));
        for role in self.roles().filter(is_there) {
            await_effect(cluster, user, &role["rules"][0], namespace(role));
        }
    }

    /// Each of its permissions alone.
    pub fn grants(&self) -> Vec<Grant> {
        let rules = self.roles().flat_map(|role| {
            let rules = role["rules"].as_array().unwrap();
            rules.iter().map(move |rule| (namespace(role), rule))
        });
        rules.flat_map(|(namespace, rule)| grants(namespace, rule)).collect()
    }

    /// Every role is bound, to the group of the file's name and nobody else, and all its objects bear that name.
    #[track_caller]
    pub fn assert_bound_to_its_group(&self) {
        let group = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
                            "name": format!("kubectl-mc:{}", self.name)}]);
        let name = format!("kubectl-mc-{}", self.name);
        for document in &self.documents {
            assert_eq!(document["metadata"]["name"], name, "{}", self.name);
        }
        for role in self.roles() {
            let mut bindings = self.documents.iter().filter(|document| {
                document["roleRef"]["kind"] == role["kind"] && namespace(document) == namespace(role)
            });
            let binding = bindings.next().unwrap_or_else(|| panic!("{}: a role is not bound", self.name));
            assert_eq!((&binding["subjects"], &binding["roleRef"]["name"]), (&group, &json!(name)));
            assert!(bindings.next().is_none(), "{}", self.name);
        }
        assert_eq!(self.documents.len(), 2 * self.roles().count(), "{}", self.name);
    }

    fn roles(&self) -> impl Iterator<Item = &Value> {
        self.documents.iter().filter(|document| document.get("rules").is_some())
    }
}

fn namespace(document: &Value) -> Option<&str> {
    document["metadata"]["namespace"].as_str()
}

/// Whether the cluster has this namespace.
pub fn exists(cluster: &Cluster, namespace: &str) -> bool {
    let (client, namespace) = (cluster.client(), namespace.to_owned());
    block_on(async move {
        let namespaces = objects::objects(&client, "v1", "Namespace", None);
        namespaces.get_opt(&namespace).await.unwrap().is_some()
    })
}

fn grants(namespace: Option<&str>, rule: &Value) -> Vec<Grant> {
    let strings = |key: &str| -> Vec<String> {
        let values = rule[key].as_array().into_iter().flatten();
        values.map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let names = strings("resourceNames");
    let names: Vec<Option<String>> =
        if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let mut grants = Vec::new();
    for api_group in strings("apiGroups") {
        for resource in strings("resources") {
            for verb in strings("verbs") {
                grants.extend(names.iter().map(|name| Grant {
                    namespace: namespace.map(str::to_owned),
                    api_group: api_group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
    grants
}

impl Grant {
    /// Whether it is what allows this.
    pub fn allows(&self, access: &Access) -> bool {
        let is_there = self.namespace.as_ref().is_none_or(|namespace| *namespace == access.namespace);
        let is_named = self.name.as_ref().is_none_or(|name| *name == access.name);
        let (group, resource) = (&self.api_group, &self.resource);
        is_there
            && is_named
            && (group, resource, &self.verb) == (&access.api_group, &access.resource, &access.verb)
    }
}

impl Grant {
    /// Whether the other one is of some names only, and this one of all.
    pub fn includes(&self, other: &Self) -> bool {
        let all = Self { name: None, ..other.clone() };
        other.name.is_some() && *self == all
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, api_group, resource, verb, name } = self.clone();
        let [namespace, name] = [namespace, name].map(Option::unwrap_or_default);
        Access { verb, api_group, resource, namespace, name }.fmt(formatter)
    }
}
