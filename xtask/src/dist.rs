//! The archives of a release.

use std::{env, fs, path::Path};

use crate::{
    Failure,
    archive::{Entry, pack},
    cargo::Cargo,
    checksums::{self, Checksums},
    components, contents, dependencies, linked, notices,
    platform::Platform,
    program, read, read_text,
    release::{Release, time, workspace},
    tools::Tools,
    with_path, write,
};

/// Where archives are put.
pub const FOLDER: &str = "target/dist";

/// Makes the archives of some platforms, their lists of components, and the checksums of both: all that is in the
/// folder afterwards.
pub fn make(platforms: &[Platform], folder: &Path) -> Result<Checksums, Failure> {
    let release = Release::of_this_source();
    let time = time(env::var("SOURCE_DATE_EPOCH").ok().as_deref())?;
    let cargo = Cargo::bring(platforms)?;
    let tools = Tools::bring(&cargo)?;
    let mut files = Vec::new();
    for platform in platforms {
        files.extend(of_platform(platform, &release, time, (&cargo, &tools))?);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(with_path("empty the folder", folder))?;
    }
    let mut sums = Checksums::default();
    for (name, bytes) in files {
        write(&folder.join(&name), bytes)?;
        sums.add(folder, &name)?;
    }
    write(&folder.join(checksums::FILE), sums.to_string())?;
    Ok(sums)
}

fn of_platform(
    platform: &Platform,
    release: &Release,
    time: u64,
    (cargo, tools): (&Cargo, &Tools),
) -> Result<[(String, Vec<u8>); 2], Failure> {
    let program = read(&program::build(platform, time, cargo, tools)?)?;
    let dependencies = dependencies::of_program(platform, cargo)?;
    let linked = linked::of_platform(platform, cargo.sysroot(), &tools.zig())?;
    let mut entries = contents::of(release)?;
    entries.push(Entry::program(platform.executable(), program));
    entries.push(Entry::file(notices::FILE, notices::of(&dependencies, &linked)?));
    let archive = pack(entries, platform.packing, time)?;
    let lock = read_text(&workspace().join("Cargo.lock"))?;
    let components = components::of(&dependencies, &linked, release, &lock)?;
    Ok([(release.archive(platform), archive), (format!("{}.cdx.json", release.stem(platform)), components)])
}
