//! The crates that a program is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Failure, cargo::Cargo, platform::Platform, program::output_of, release::manifest};

/// A crate, and those that it is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    pub version: String,
    /// As SPDX writes it.
    pub license: String,
    /// Where its source is kept.
    pub repository: Option<String>,
    /// Where its files lie on this machine.
    pub folder: PathBuf,
    /// Names and versions of those that it is made with.
    pub dependencies: BTreeSet<Key>,
}

/// Name and version of a crate.
pub type Key = (String, String);

/// Everything that is in the program for a platform, itself included; what only builds it is not. The other crates of
/// this workspace are the program.
pub fn of_program(platform: &Platform, cargo: &Cargo) -> Result<BTreeMap<Key, Dependency>, Failure> {
    let mut tree = cargo.command()?;
    tree.args(["tree", "--locked", "--package", "kubectl-mc", "--edges", "normal,no-proc-macro"])
        .args(["--target", platform.target, "--prefix", "depth", "--format", " {p}", "--manifest-path"])
        .arg(manifest());
    let edges = edges(&output_of(&mut tree)?)?;
    let known = packages(cargo)?;
    let known = known.iter().filter_map(dependency).map(|dependency| (dependency.key(), dependency));
    let mut known: BTreeMap<_, _> = known.collect();
    edges
        .into_iter()
        .map(|(key, dependencies)| {
            let missing = || format!("`cargo metadata` does not know {} {}", key.0, key.1);
            let found = known.remove(&key).ok_or_else(missing)?;
            Ok((key, Dependency { dependencies, ..found }))
        })
        .collect()
}

/// The folders that crates of others lie in, which a mirror of crates.io has under another name.
pub fn folders(cargo: &Cargo) -> Result<BTreeSet<PathBuf>, Failure> {
    Ok(folders_of(&packages(cargo)?))
}

fn folders_of(packages: &[Value]) -> BTreeSet<PathBuf> {
    let of_others = packages.iter().filter(|package| package["source"].is_string());
    let manifests = of_others.filter_map(|package| package["manifest_path"].as_str());
    manifests.filter_map(|manifest| Path::new(manifest).ancestors().nth(2)).map(Path::to_owned).collect()
}

/// What cargo knows of every crate, all of which it downloads for this.
fn packages(cargo: &Cargo) -> Result<Vec<Value>, Failure> {
    let mut metadata = cargo.command()?;
    metadata.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]).arg(manifest());
    let mut metadata: Value = serde_json::from_str(&output_of(&mut metadata)?)?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => Err("`cargo metadata` names no packages".into()),
    }
}

impl Dependency {
    fn key(&self) -> Key {
        (self.name.clone(), self.version.clone())
    }
}

fn dependency(package: &Value) -> Option<Dependency> {
    let text = |field: &str| package[field].as_str().map(str::to_owned);
    Some(Dependency {
        name: text("name")?,
        version: text("version")?,
        license: text("license").unwrap_or_default().replace('/', " OR "),
        repository: text("repository"),
        folder: PathBuf::from(text("manifest_path")?).parent()?.to_owned(),
        dependencies: BTreeSet::new(),
    })
}

/// Who depends on whom, of the lines `DEPTH name vVERSION …`; one that was shown before is shown without those below.
/// What lies in a folder of ours counts as the first, whose part it is.
fn edges(tree: &str) -> Result<BTreeMap<Key, BTreeSet<Key>>, Failure> {
    let mut edges = BTreeMap::<Key, BTreeSet<Key>>::new();
    let mut above: Vec<Key> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (depth, key) = read(line).ok_or_else(|| format!("`cargo tree` says `{line}`"))?;
        above.truncate(depth);
        let program = above.first().filter(|_| line.contains(" (/"));
        let key = program.cloned().unwrap_or(key);
        if let Some(parent) = above.last().filter(|parent| **parent != key) {
            edges.entry(parent.clone()).or_default().insert(key.clone());
        }
        edges.entry(key.clone()).or_default();
        above.push(key);
    }
    Ok(edges)
}

fn read(line: &str) -> Option<(usize, Key)> {
    let mut words = line.split_whitespace();
    let depth = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth, (name, version)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn edges_follow_from_depths() {
        let tree = "0 a v1.0.0 (/somewhere)\n1 b v2.0.0\n2 c v3.0.0\n1 d v4.0.0\n2 c v3.0.0 (*)\n";
        let key = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let edges = edges(tree).unwrap();
        assert_eq!(edges[&key("a", "1.0.0")], [key("b", "2.0.0"), key("d", "4.0.0")].into());
        assert_eq!(edges[&key("d", "4.0.0")], [key("c", "3.0.0")].into());
        assert!(edges[&key("c", "3.0.0")].is_empty());
        assert!(super::edges("nonsense").is_err());
    }

    #[test]
    fn the_crates_of_the_workspace_are_the_program() {
        let tree = "0 a v1.0.0 (/here)\n1 b v2.0.0\n1 near v1.0.0 (/here/near)\n2 c v3.0.0\n1 far v1.0.0 (/here/far)\n\
                    2 near v1.0.0 (/here/near) (*)\n";
        let key = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let edges = edges(tree).unwrap();
        assert_eq!(edges[&key("a", "1.0.0")], [key("b", "2.0.0"), key("c", "3.0.0")].into());
        assert_eq!(edges.keys().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_folder_of_crates_is_the_one_above_theirs() {
        let package = |source: Value, path: &str| json!({ "source": source, "manifest_path": path });
        let packages = [
            package(json!("registry+https://near/"), "/home/.cargo/registry/src/near-1/a-1.0.0/Cargo.toml"),
            package(json!("registry+https://near/"), "/home/.cargo/registry/src/near-1/b-1.0.0/Cargo.toml"),
            package(Value::Null, "/work/kubectl-mc/Cargo.toml"),
        ];
        assert_eq!(folders_of(&packages), [PathBuf::from("/home/.cargo/registry/src/near-1")].into());
    }
}
