//! A cluster, user or context of a kubeconfig file, which is read when it is used: what is odd in another one does not
//! matter.

use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster, Context};
use kubesphere::kubeconfig_document::Entry;
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::kubeconfig::KubeconfigError;

/// An entry with where it stands. It is confidential, so it is never shown.
#[derive(Clone)]
pub(super) struct FiledEntry {
    /// `cluster`, `user` or `context`.
    what: &'static str,
    entry: Entry,
    /// Absent of what stands in no file.
    file: Option<PathBuf>,
}

impl FiledEntry {
    pub(super) fn new(what: &'static str, entry: Entry, file: Option<&Path>) -> Self {
        Self { what, entry, file: file.map(Path::to_owned) }
    }

    pub(super) fn name(&self) -> &str {
        &self.entry.name
    }

    /// What it is and where, in words.
    pub(super) fn place(&self) -> String {
        let Self { what, entry: Entry { name, line, .. }, file } = self;
        match file {
            Some(file) => format!("{what} \"{name}\" in line {line} of `{}`", file.display()),
            None => format!("{what} \"{name}\""),
        }
    }

    pub(super) fn context(&self) -> Result<Context, KubeconfigError> {
        self.read()
    }

    /// Its files are named by absolute paths.
    pub(super) fn cluster(&self) -> Result<Cluster, KubeconfigError> {
        let mut cluster: Cluster = self.read()?;
        drop_empty_of_cluster(&mut cluster);
        self.resolve([&mut cluster.certificate_authority]);
        Ok(cluster)
    }

    /// Its files are named by absolute paths.
    pub(super) fn user(&self) -> Result<AuthInfo, KubeconfigError> {
        let mut user: AuthInfo = self.read()?;
        drop_empty_of_user(&mut user);
        self.resolve([&mut user.client_certificate, &mut user.client_key, &mut user.token_file]);
        // A bare name is looked for in `$PATH` (client-go `tools/clientcmd/loader.go`, `GetAuthInfoFileReferences`).
        let command = user.exec.as_mut().map(|exec| &mut exec.command);
        self.resolve(
            command.filter(|it| it.as_ref().is_some_and(|it| it.contains(std::path::MAIN_SEPARATOR))),
        );
        Ok(user)
    }

    /// Names files from where the kubeconfig stands.
    fn resolve<'a>(&self, files: impl IntoIterator<Item = &'a mut Option<String>>) {
        let Some(folder) = self.file.as_deref().and_then(Path::parent) else { return };
        for file in files.into_iter().flatten() {
            *file = folder.join(&*file).to_string_lossy().into_owned();
        }
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, KubeconfigError> {
        let unusable = |why: String| KubeconfigError::Unusable { place: self.place(), why };
        let fields = match &*self.entry.fields {
            Value::Null => Map::new(),
            Value::Object(fields) => fields.clone(),
            other => return Err(unusable(format!("what it says is {}", kind(other)))),
        };
        serde_json::from_value(one(fields.clone())).map_err(|_| unusable(why::<T>(&fields)))
    }
}

/// As kube wants it: what a context has to say, and of the extensions of others only those that are whole.
fn one(mut fields: Map<String, Value>) -> Value {
    // Absent means empty in Go.
    fields.entry("cluster").or_insert_with(|| json!(""));
    if let Some(extensions) = fields.get_mut("extensions").and_then(Value::as_array_mut) {
        extensions.retain(|extension| extension["name"].is_string() && !extension["extension"].is_null());
    }
    Value::Object(fields)
}

/// Which field cannot be read. The parser's own words quote what stands there, which may be a key.
fn why<T: DeserializeOwned>(fields: &Map<String, Value>) -> String {
    let is_wrong = |(key, value): &(&String, &Value)| {
        let alone = Map::from_iter([((*key).clone(), (*value).clone())]);
        serde_json::from_value::<T>(one(alone)).is_err()
    };
    match fields.iter().find(is_wrong) {
        Some((key, value @ (Value::Object(_) | Value::Array(_)))) => {
            format!("its `{key}` is {}, or something in it is of a wrong kind", kind(value))
        }
        Some((key, value)) => format!("its `{key}` is {}", kind(value)),
        None => "its fields do not go together".to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false` (yes and no are that, too), which quotes make text of",
        Value::Number(_) => "a number, which quotes make text of",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Empty means absent in Go; kube would take an empty certificate for one.
fn drop_empty_of_cluster(cluster: &mut Cluster) {
    for field in [
        &mut cluster.server,
        &mut cluster.certificate_authority,
        &mut cluster.certificate_authority_data,
        &mut cluster.proxy_url,
        &mut cluster.tls_server_name,
    ] {
        *field = field.take().filter(|value| !value.is_empty());
    }
    // kube hands it to credential plugins, and decodes no line ends.
    let data = cluster.certificate_authority_data.iter_mut();
    data.for_each(|data| data.retain(|letter| !matches!(letter, '\r' | '\n')));
}

fn drop_empty_of_user(user: &mut AuthInfo) {
    for field in [
        &mut user.username,
        &mut user.token_file,
        &mut user.client_certificate,
        &mut user.client_certificate_data,
        &mut user.client_key,
        &mut user.impersonate,
        &mut user.impersonate_uid,
    ] {
        *field = field.take().filter(|value| !value.is_empty());
    }
    for field in [&mut user.password, &mut user.token, &mut user.client_key_data] {
        *field = field.take().filter(|value| !value.expose_secret().is_empty());
    }
}
