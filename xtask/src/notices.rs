//! The notices of third parties, whose licences ask that they come with the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use spdx::{Expression, LicenseReq};

use crate::{
    Failure,
    dependencies::{Dependency, Key},
    linked::Linked,
    read, with_path,
};

/// The file in the archive.
pub const FILE: &str = "THIRD-PARTY-NOTICES";

/// How the files are named that hold a licence or a notice.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// What stands in the form of a licence until somebody fills it in.
const BLANKS: [&str; 3] = ["<year>", "<copyright holders>", "<owner>"];

/// Texts by their words, so that one which is only broken or indented another way does not come twice: the first of
/// them as it is written, and whose it is.
#[derive(Default)]
struct Texts(BTreeMap<String, (String, BTreeSet<String>)>);

/// The names of all that is in a program, and each text of theirs once.
pub fn of(dependencies: &BTreeMap<Key, Dependency>, linked: &[Linked]) -> Result<String, Failure> {
    let mut notices = String::from("kubectl-mc contains the work of others:\n\n");
    let mut texts = Texts::default();
    for Linked { name, version, license, texts: theirs, .. } in linked {
        writeln!(notices, "  {name} {version} ({license})")?;
        theirs.iter().try_for_each(|text| texts.add(text, format!("{name} {version}")))?;
    }
    for dependency in dependencies.values().filter(|dependency| dependency.name != "kubectl-mc") {
        let Dependency { name, version, license, repository, .. } = dependency;
        let repository = repository.as_ref().map(|address| format!(", {address}")).unwrap_or_default();
        writeln!(notices, "  {name} {version} ({license}){repository}")?;
        let theirs = texts_of(dependency)?;
        theirs.iter().try_for_each(|text| texts.add(text, format!("{name} {version}")))?;
    }
    for (text, of) in texts.0.values() {
        let of: Vec<&str> = of.iter().map(String::as_str).collect();
        writeln!(notices, "\n{}\n{}\n\n{text}", "-".repeat(80), of.join(", "))?;
    }
    Ok(notices)
}

impl Texts {
    fn add(&mut self, text: &str, of: String) -> Result<(), Failure> {
        if let Some(blank) = BLANKS.iter().find(|blank| text.contains(**blank)) {
            return Err(format!("a licence of {of} says nobody's name but {blank}").into());
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = || (text.trim_end().trim_start_matches('\n').to_owned(), BTreeSet::new());
        self.0.entry(words).or_insert_with(first).1.insert(of);
        Ok(())
    }
}

/// The texts that come with a crate, those of what it has taken from others among them; else those of its licences.
fn texts_of(dependency: &Dependency) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    find(&dependency.folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return standard_texts(&dependency.license)
            .map_err(|error| format!("{} has no licence in it: {error}", dependency.name).into());
    }
    files.iter().map(|file| Ok(String::from_utf8_lossy(&read(file)?).replace("\r\n", "\n"))).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(with_path("read the folder", folder))? {
        let path = entry?.path();
        // Nothing that a link leads to came with the crate.
        let kind = path.symlink_metadata()?.file_type();
        if kind.is_dir() {
            find(&path, files)?;
        } else if kind.is_file() && is_text(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_text(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    // A module may be about licences.
    NAMES.iter().any(|start| name.starts_with(start)) && file.extension().is_none_or(|ending| ending != "rs")
}

/// The texts of licences that suffice, of those that nobody's name has to be filled into.
fn standard_texts(license: &str) -> Result<Vec<String>, Failure> {
    let expression = Expression::parse(license).map_err(|error| error.to_string())?;
    let text = |requirement: &LicenseReq| {
        let text = requirement.license.id()?.text().trim();
        (!BLANKS.iter().any(|blank| text.contains(blank))).then(|| text.to_owned())
    };
    if !expression.evaluate(|requirement| text(requirement).is_some()) {
        return Err(format!("the form of {license} asks for a name").into());
    }
    Ok(expression.requirements().filter_map(|requirement| text(&requirement.req)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(name: &str, folder: &Path) -> (Key, Dependency) {
        let key = (name.to_owned(), "1.0.0".to_owned());
        let dependency = Dependency {
            name: key.0.clone(),
            version: key.1.clone(),
            license: "Apache-2.0".into(),
            repository: None,
            folder: folder.to_owned(),
            dependencies: BTreeSet::new(),
        };
        (key, dependency)
    }

    #[test]
    fn each_text_stands_once_and_none_is_missing() {
        let [with, without] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        fs::write(with.path().join("LICENSE-OURS"), "Do as you\r\n  like.\r\n").unwrap();
        fs::write(with.path().join("notice.rs"), "mod nothing;").unwrap();
        let all =
            [dependency("a", with.path()), dependency("b", with.path()), dependency("c", without.path())];
        let linked = Linked {
            name: "libc",
            version: "2".into(),
            license: "MIT",
            package: "pkg:generic/libc@2".into(),
            texts: vec!["Do as you like.".into()],
        };
        let notices = of(&all.into(), &[linked]).unwrap();
        assert!(notices.contains("\n  libc 2 (MIT)\n  a 1.0.0 (Apache-2.0)\n"), "{notices}");
        assert!(notices.contains("\na 1.0.0, b 1.0.0, libc 2\n\nDo as you like.\n"), "{notices}");
        assert!(notices.contains("\nc 1.0.0\n\nApache License"), "{notices}");
        assert_eq!(notices.matches("you\n  like").count() + notices.matches("mod nothing").count(), 0);
    }

    #[test]
    fn what_a_crate_has_from_others_is_named_too() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("LICENSE"), "Ours.").unwrap();
        fs::create_dir_all(folder.path().join("third_party/fiat")).unwrap();
        fs::write(folder.path().join("third_party/fiat/LICENSE"), "Of the fiat-crypto authors.").unwrap();
        let notices = of(&[dependency("ring", folder.path())].into(), &[]).unwrap();
        assert!(notices.contains("Ours.") && notices.contains("fiat-crypto authors"), "{notices}");
    }

    #[test]
    fn a_crate_without_any_licence_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (key, mut dependency) = dependency("a", folder.path());
        dependency.license = String::new();
        let error = of(&[(key, dependency)].into(), &[]).unwrap_err().to_string();
        assert!(error.starts_with("a has no licence in it: "), "{error}");
    }

    #[test]
    fn a_form_that_nobody_filled_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let with_license = |license: &str| {
            let (key, mut dependency) = dependency("a", folder.path());
            dependency.license = license.into();
            of(&[(key, dependency)].into(), &[])
        };
        let error = with_license("MIT").unwrap_err().to_string();
        assert_eq!(error, "a has no licence in it: the form of MIT asks for a name");
        // Of two licences one suffices.
        let notices = with_license("MIT OR Apache-2.0").unwrap();
        assert!(notices.contains("Apache License") && !notices.contains("<year>"), "{notices}");
        fs::write(folder.path().join("LICENSE"), "Copyright (c) <year> <owner>").unwrap();
        let error = with_license("MIT OR Apache-2.0").unwrap_err().to_string();
        assert_eq!(error, "a licence of a 1.0.0 says nobody's name but <year>");
    }
}
