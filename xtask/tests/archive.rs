//! What is in the archive of this platform.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    process::Command,
};

use flate2::read::{GzDecoder, ZlibDecoder};
use object::{Object as _, ObjectSection as _};
use serde_json::{Value, json};
use xtask::{
    cargo::Cargo,
    checksums::Checksums,
    dependencies::{Key, of_program},
    platform::Platform,
    release::{Release, workspace},
    tools::cargo_home,
};

use crate::support::dist;

fn platform() -> Platform {
    Platform::of_this_machine().unwrap()
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let packed = fs::read(dist().join(Release::of_this_source().archive(&platform()))).unwrap();
    let mut tar = tar::Archive::new(GzDecoder::new(packed.as_slice()));
    let entries = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), bytes)
    });
    entries.collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn it_is_flat_and_whole() {
    let files = files();
    let flat: Vec<&String> = files.keys().filter(|path| !path.contains('/')).collect();
    assert_eq!(flat, ["LICENSE", "README.md", "THIRD-PARTY-NOTICES", "kubectl-mc"]);
    for path in ["completions/kubectl-mc.bash", "completions/kubectl_complete-mc", "man/kubectl-mc.1"] {
        assert!(files.contains_key(path), "{path}");
    }
    assert_eq!(files["LICENSE"], fs::read(workspace().join("LICENSE")).unwrap());
    let page = String::from_utf8(files["man/kubectl-mc-prepare-member.1"].clone()).unwrap();
    assert!(
        page.contains(r"kubectl\-mc\-prepare\-member") || page.contains("kubectl-mc-prepare-member"),
        "{page}"
    );
}

/// Names and versions of the crates that the program is made of, without itself.
fn crates() -> BTreeSet<Key> {
    let cargo = Cargo::bring(&[platform()]).unwrap();
    let crates = of_program(&platform(), &cargo).unwrap().into_keys();
    crates.filter(|(name, _)| name != "kubectl-mc").collect()
}

/// The list that cargo-auditable writes into a section of the program: JSON, compressed.
fn told(program: &[u8]) -> Value {
    let file = object::File::parse(program).unwrap();
    let section = file.section_by_name(".dep-v0").expect("the program has a list of its dependencies");
    let mut json = String::new();
    ZlibDecoder::new(section.data().unwrap()).read_to_string(&mut json).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn its_program_tells_its_dependencies_and_nothing_of_the_machine() {
    let program = &files()["kubectl-mc"];
    let told = told(program);
    let packages = || told["packages"].as_array().unwrap().iter();
    let key = |package: &Value| {
        let [name, version] = ["name", "version"].map(|field| package[field].as_str().unwrap().to_owned());
        (name, version)
    };
    let roots: Vec<Key> = packages().filter(|package| package["root"] == true).map(key).collect();
    let version = Release::of_this_source().version[1..].to_owned();
    assert_eq!(roots, [("kubectl-mc".to_owned(), version)]);
    // It is taken from `cargo metadata`, which knows macros as any crate and the features that the whole workspace
    // wants: it tells some crates more, and must tell none less.
    let told: BTreeSet<Key> = packages().map(key).collect();
    let untold: Vec<Key> = crates().into_iter().filter(|name| !told.contains(name)).collect();
    assert!(untold.is_empty(), "{untold:?}");
    assert!(
        packages().all(|package| package["name"] != "testbed"),
        "the program has nothing of the test bed"
    );
    for path in [workspace(), cargo_home().unwrap()] {
        assert!(!contains(program, &path.display().to_string()), "{} is in it", path.display());
    }
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn its_components_are_what_is_in_it() {
    let stem = Release::of_this_source().stem(&platform());
    let list: Value =
        serde_json::from_slice(&fs::read(dist().join(format!("{stem}.cdx.json"))).unwrap()).unwrap();
    let components = list["components"].as_array().unwrap();
    let (crates_listed, libraries): (Vec<&Value>, Vec<&Value>) =
        components.iter().partition(|component| component["hashes"].is_array());
    let keys = crates_listed.iter().map(|component| {
        let purl = component["purl"].as_str().unwrap();
        let (name, version) = purl.strip_prefix("pkg:cargo/").unwrap().split_once('@').unwrap();
        (name.to_owned(), version.replace("%2B", "+"))
    });
    assert_eq!(keys.collect::<BTreeSet<_>>(), crates());
    let names: Vec<&Value> = libraries.iter().map(|library| &library["name"]).collect();
    assert!(names.contains(&&json!("rust-std")), "{names:?}");
    assert_eq!(names.contains(&&json!("musl")), platform().os == "linux", "{names:?}");
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn its_notices_have_the_texts_of_all_that_is_in_it() {
    let notices = String::from_utf8(files()["THIRD-PARTY-NOTICES"].clone()).unwrap();
    let line = "-".repeat(80);
    let (names, texts) = notices.split_once(&line).unwrap();
    let heads = texts.split(&line).filter_map(|text| text.trim_start().lines().next());
    let with_text: BTreeSet<&str> = heads.flat_map(|head| head.split(", ")).collect();
    for (name, version) in crates() {
        assert!(names.contains(&format!("\n  {name} {version} (")), "{name} {version} is not named");
        assert!(with_text.contains(format!("{name} {version}").as_str()), "{name} {version} has no text");
    }
    for holder in
        ["the fiat-crypto authors", "The Rust Project Developers", "Unicode, Inc", "Zig contributors"]
    {
        assert!(texts.contains(holder), "{holder}");
    }
    assert_eq!(texts.contains("Rich Felker"), platform().os == "linux");
    assert!(!notices.contains("<year>"), "a form that nobody filled in");
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn sha256sum_confirms_every_file() {
    let check =
        Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(dist()).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let sums = Checksums::in_folder(&dist()).unwrap();
    for file in fs::read_dir(dist()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(name == "SHA256SUMS" || sums.of(&name).is_some(), "{name} has no checksum");
    }
}
