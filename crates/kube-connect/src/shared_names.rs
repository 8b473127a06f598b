//! Names that stand in several files of `$KUBECONFIG`, and so may point to another cluster than was meant.

use std::path::PathBuf;

use kubesphere::kubeconfig_document::KubeconfigDocument;
use serde_json::Value;

use super::environment::Environment;
use super::kubeconfig::{ConnectionOptions, files, read};
use super::selected_context::SelectedContext;

/// Names of which a context is made, and which two files give to different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNames {
    /// As `user "admin"`.
    pub names: Vec<String>,
    /// The file whose entries count: as for kubectl the first one.
    pub taken: PathBuf,
    /// The file that says something else, in which the context stands.
    pub other: PathBuf,
}

/// The files in which contexts are looked up, where there are several.
pub struct Files(Vec<File>);

impl Files {
    pub fn read(options: &ConnectionOptions, environment: &Environment) -> Self {
        let (paths, _) = files(options, environment);
        let are_several = paths.len() > 1;
        Self(paths.into_iter().filter(|_| are_several).filter_map(File::read).collect())
    }

    /// The names that this context shares. Files that agree have none, nor has a context with all that it names in the first
    /// file.
    pub fn shared_names(&self, context: &SelectedContext) -> Option<SharedNames> {
        let Self(files) = self;
        let own: Vec<&File> =
            files.iter().filter(|file| file.entry("context", &context.name).is_some()).collect();
        let parts = [
            ("context", Some(&context.name)),
            ("cluster", Some(&context.cluster_name)),
            ("user", context.user_name.as_ref()),
        ];
        let shared = parts.into_iter().filter_map(|(kind, name)| {
            let (taken, other) = rivals(kind, name?, files, &own)?;
            Some((format!("{kind} \"{}\"", name?), taken, other))
        });
        let shared: Vec<_> = shared.collect();
        let (_, taken, other) = shared.first()?;
        let (taken, other) = ((*taken).clone(), (*other).clone());
        Some(SharedNames { names: shared.into_iter().map(|(name, ..)| name).collect(), taken, other })
    }
}

/// The file that is taken, and one with the context in which the name stands for something else.
fn rivals<'a>(
    kind: &str,
    name: &str,
    files: &'a [File],
    own: &[&'a File],
) -> Option<(&'a PathBuf, &'a PathBuf)> {
    let (taken, entry) = files.iter().find_map(|file| Some((file, file.entry(kind, name)?)))?;
    let other = own.iter().find(|file| file.entry(kind, name).is_some_and(|other| other != entry))?;
    Some((&taken.path, &other.path))
}

/// Not `Debug`: its content is secret.
struct File {
    path: PathBuf,
    content: KubeconfigDocument,
}

impl File {
    /// What cannot be read is told where it is loaded.
    fn read(path: PathBuf) -> Option<Self> {
        let content = read(&path).ok()?;
        Some(Self { path, content })
    }

    fn entry(&self, kind: &str, name: &str) -> Option<&Value> {
        let KubeconfigDocument { clusters, users, contexts, .. } = &self.content;
        let entries = match kind {
            "cluster" => clusters,
            "user" => users,
            _ => contexts,
        };
        entries.iter().find(|entry| entry.name == name).map(|entry| &*entry.fields)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use kubesphere::side::Side;

    use super::{Files, SharedNames};
    use crate::{
        environment::Environment,
        kubeconfig::{ConnectionOptions, load},
        selected_context::select,
    };

    fn file(folder: &Path, name: &str, context: &str, port: u16) {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: kubernetes, cluster: {{server: 'https://127.0.0.1:{port}'}}}}]\n\
             users: [{{name: admin, user: {{token: t{port}}}}}]\n\
             contexts: [{{name: {context}, context: {{cluster: kubernetes, user: admin}}}}]\n"
        );
        fs::write(folder.join(name), text).unwrap();
    }

    fn found(folder: &Path, context: &str) -> Option<SharedNames> {
        let list = std::env::join_paths(["a", "b"].map(|name| folder.join(name))).unwrap();
        let environment = Environment { kubeconfig: Some(list), ..Environment::default() };
        let options = ConnectionOptions { context: Some(context.to_owned()), ..ConnectionOptions::default() };
        let kubeconfig = load(&options, &environment).unwrap();
        let selected = select(&kubeconfig, Side::member, &options).unwrap();
        Files::read(&options, &environment).shared_names(&selected)
    }

    #[test]
    fn a_context_that_is_made_of_another_files_entries_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        file(folder, "a", "host", 1);
        file(folder, "b", "member", 2);
        let names = ["cluster \"kubernetes\"", "user \"admin\""].map(str::to_owned).into();
        let (taken, other) = (folder.join("a"), folder.join("b"));
        assert_eq!(found(folder, "member"), Some(SharedNames { names, taken, other }));
        assert_eq!(found(folder, "host"), None, "all of it is of the first file");
    }

    #[test]
    fn a_context_that_stands_twice_is_told_unless_the_files_agree() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        file(folder, "a", "same", 1);
        file(folder, "b", "same", 2);
        assert_eq!(found(folder, "same").unwrap().names.len(), 2);
        file(folder, "b", "same", 1);
        assert_eq!(found(folder, "same"), None);
    }
}
