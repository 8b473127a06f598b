//! The list of components (a software bill of materials), as CycloneDX writes it.

use std::collections::BTreeMap;

use cyclonedx_bom::{
    external_models::{normalized_string::NormalizedString, spdx::SpdxExpression, uri::Purl},
    models::{
        bom::{Bom, SpecVersion},
        component::{Classification, Component, Components},
        dependency::{Dependencies, Dependency as Dependent},
        hash::{Hash, HashAlgorithm, HashValue, Hashes},
        license::{LicenseChoice, Licenses},
        metadata::Metadata,
        tool::{Tool, Tools},
    },
    validation::Validate as _,
};

use crate::{
    Failure,
    dependencies::{Dependency, Key},
    linked::Linked,
    release::Release,
};

/// The list as JSON, without a time or a number of its own: the same program has the same list. Checksums are those of
/// Cargo.lock.
pub fn of(
    dependencies: &BTreeMap<Key, Dependency>,
    linked: &[Linked],
    release: &Release,
    lock: &str,
) -> Result<Vec<u8>, Failure> {
    let is_program = |dependency: &&Dependency| dependency.name == "kubectl-mc";
    let program = dependencies.values().find(is_program).ok_or("kubectl-mc is not among its dependencies")?;
    let sums = checksums(lock);
    let others = dependencies.values().filter(|dependency| !is_program(dependency));
    let crates = others.map(|other| of_crate(other, sums.get(&(&other.name, &other.version)).copied()));
    let libraries = linked.iter().map(|library| Ok(of_library(library)));
    let bom = Bom {
        serial_number: None,
        metadata: Some(Metadata {
            component: Some(of_program(program, release)?),
            tools: Some(Tools::List(vec![Tool::new("kubectl-mc", "cargo xtask dist", &release.version)])),
            ..Metadata::default()
        }),
        components: Some(Components(crates.chain(libraries).collect::<Result<_, _>>()?)),
        dependencies: Some(Dependencies(edges(dependencies, program, linked))),
        spec_version: SpecVersion::V1_5,
        ..Bom::default()
    };
    written(bom)
}

fn written(bom: Bom) -> Result<Vec<u8>, Failure> {
    let validation = bom.validate_version(SpecVersion::V1_5);
    if !validation.passed() {
        let errors: Vec<_> = validation.errors().map(|(field, kind)| format!("{field}: {kind:?}")).collect();
        return Err(format!("the list of components is not valid: {}", errors.join("; ")).into());
    }
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json)?;
    json.push(b'\n');
    Ok(json)
}

/// Who is made with whom; what no crate brings is the program's.
fn edges(
    dependencies: &BTreeMap<Key, Dependency>,
    program: &Dependency,
    linked: &[Linked],
) -> Vec<Dependent> {
    let libraries: Vec<String> = linked.iter().map(|one| reference(one.name, &one.version)).collect();
    let mut edges: Vec<Dependent> = dependencies
        .values()
        .map(|dependency| {
            let crates = dependency.dependencies.iter().map(|(name, version)| reference(name, version));
            let libraries = if dependency == program { libraries.clone() } else { Vec::new() };
            Dependent {
                dependency_ref: reference(&dependency.name, &dependency.version),
                dependencies: crates.chain(libraries).collect(),
            }
        })
        .collect();
    let leaf = |library| Dependent { dependency_ref: library, dependencies: Vec::new() };
    edges.extend(libraries.iter().cloned().map(leaf));
    edges
}

fn of_program(program: &Dependency, release: &Release) -> Result<Component, Failure> {
    let package = of_github(release)?;
    Ok(component(Classification::Application, (&program.name, &program.version), &program.license, &package))
}

/// Where the program is published, as a package: no registry has it.
fn of_github(release: &Release) -> Result<String, Failure> {
    let Release { version, repository } = release;
    let project = repository.strip_prefix("https://github.com/");
    let project = project.ok_or_else(|| format!("{repository} is not a repository of GitHub's"))?;
    Ok(format!("pkg:github/{}@{version}", project.to_lowercase()))
}

fn of_crate(dependency: &Dependency, sum: Option<&str>) -> Result<Component, Failure> {
    let Dependency { name, version, license, .. } = dependency;
    let package = Purl::new("cargo", name, version)?.to_string();
    let sum = sum.ok_or_else(|| format!("Cargo.lock has no checksum of {name} {version}"))?;
    let hash = Hash { alg: HashAlgorithm::SHA_256, content: HashValue(sum.to_owned()) };
    let mut component = component(Classification::Library, (name, version), license, &package);
    component.hashes = Some(Hashes(vec![hash]));
    Ok(component)
}

fn of_library(linked: &Linked) -> Component {
    let Linked { name, version, license, package, .. } = linked;
    component(Classification::Library, (name, version), license, package)
}

fn component(
    class: Classification,
    (name, version): (&str, &str),
    license: &str,
    package: &str,
) -> Component {
    let mut component = Component::new(class, name, version, Some(reference(name, version)));
    component.purl = package.parse().ok();
    component.scope = None;
    component.version = Some(NormalizedString::new(version));
    component.licenses = Some(Licenses(vec![LicenseChoice::Expression(SpdxExpression::new(license))]));
    component
}

/// What stands for a component inside the list.
fn reference(name: &str, version: &str) -> String {
    format!("{name}@{version}")
}

/// The checksums in a Cargo.lock, by names and versions of crates.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").skip(1).filter_map(|package| {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key))?;
            line.strip_prefix(" = \"")?.strip_suffix('"')
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    });
    packages.collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf};

    use serde_json::{Value, json};

    use super::*;

    fn dependency(name: &str, dependencies: BTreeSet<Key>) -> (Key, Dependency) {
        let key = (name.to_owned(), "1.0.0".to_owned());
        let dependency = Dependency {
            name: key.0.clone(),
            version: key.1.clone(),
            license: "MIT".into(),
            repository: None,
            folder: PathBuf::new(),
            dependencies,
        };
        (key, dependency)
    }

    fn list(lock: &str) -> Result<Value, Failure> {
        let a = ("a".to_owned(), "1.0.0".to_owned());
        let all = [dependency("kubectl-mc", [a].into()), dependency("a", BTreeSet::new())];
        let linked = Linked {
            name: "musl",
            version: "1.2.5".into(),
            license: "MIT",
            package: "pkg:generic/musl@1.2.5".into(),
            texts: Vec::new(),
        };
        let release = Release { version: "v1.0.0".into(), repository: "https://github.com/Us/mc".into() };
        Ok(serde_json::from_slice(&of(&all.into(), &[linked], &release, lock)?)?)
    }

    #[test]
    fn it_names_the_release_its_crates_with_checksums_and_what_no_crate_brings() {
        let sum = "a".repeat(64);
        let lock = format!("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"{sum}\"\n");
        let list = list(&lock).unwrap();
        assert_eq!(list["metadata"]["component"]["purl"], "pkg:github/us/mc@v1.0.0");
        assert_eq!(list["metadata"]["tools"][0]["name"], "cargo xtask dist");
        let components = &list["components"];
        assert_eq!(components[0]["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(components[0]["hashes"], json!([{ "alg": "SHA-256", "content": sum }]));
        assert_eq!(components[1]["purl"], "pkg:generic/musl@1.2.5");
        assert_eq!(
            list["dependencies"],
            json!([
                { "ref": "a@1.0.0" },
                { "ref": "kubectl-mc@1.0.0", "dependsOn": ["a@1.0.0", "musl@1.2.5"] },
                { "ref": "musl@1.2.5" },
            ])
        );
    }

    #[test]
    fn a_crate_without_a_checksum_is_refused() {
        let error = list("[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n").unwrap_err().to_string();
        assert_eq!(error, "Cargo.lock has no checksum of a 1.0.0");
    }
}
