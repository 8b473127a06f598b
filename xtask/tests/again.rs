//! Made again by another user in another folder, an archive is the same; and krew.yaml has the checksums of its own
//! commit.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use xtask::{
    cargo::Cargo,
    checksums::Checksums,
    dist,
    environment::{cache, cargo_home},
    krew,
    platform::{PLATFORMS, Platform},
    read_text,
    release::{Release, workspace},
    tools::Tools,
};

use crate::support;

fn git(words: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace()).args(words);
    git
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// The tracked files, as they lie here.
fn copy_source(to: &Path) {
    let mut files = git(&["ls-files", "-z"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut pack = Command::new("tar");
    pack.args(["-c", "--null", "--files-from", "-"])
        .current_dir(workspace())
        .stdin(files.stdout.take().unwrap());
    let mut packed = pack.stdout(Stdio::piped()).spawn().unwrap();
    let tar = packed.stdout.take().unwrap();
    let unpacked = Command::new("tar").arg("-x").arg("-C").arg(to).stdin(tar).status().unwrap();
    assert!(unpacked.success() && packed.wait().unwrap().success() && files.wait().unwrap().success());
}

/// The same files in another folder, under a name of their own: a link would lead back to the first.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copy =
        |how: &str| Command::new("cp").args(["-a", how]).arg(from).arg(to).stderr(Stdio::null()).status();
    let copied = copy("--link").unwrap().success() || copy("--update").unwrap().success();
    assert!(copied, "copy {}", from.display());
}

/// A user with another home, cache and cargo, who lives elsewhere and whose files nobody else reads.
fn another_user(home: &Path) -> Command {
    let tools = "kubectl-mc/release-tools";
    copy_folder(&cache().unwrap().join(tools), &home.join("caches").join(tools));
    fs::create_dir_all(home.join("crates")).unwrap();
    // What was downloaded, and what keeps two builds at a time from downloading it at once.
    for shared in ["registry", ".package-cache"] {
        symlink(cargo_home().unwrap().join(shared), home.join("crates").join(shared)).unwrap();
    }
    let settings =
        "[build]\nrustc-wrapper = \"false\"\n[profile.release]\nlto = false\n[env]\nCFLAGS = \"-O0\"\n";
    fs::write(home.join("crates/config.toml"), settings).unwrap();
    let rustup = output(Command::new("rustup").args(["show", "home"])).expect("rustup is here");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 077; exec \"$0\" \"$@\""])
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home.join("caches"))
        .env("CARGO_HOME", home.join("crates"))
        .env("RUSTUP_HOME", rustup)
        .env("TZ", "Asia/Shanghai")
        .env("LC_ALL", "zh_CN.UTF-8")
        .env("CFLAGS", "-O0")
        .env_remove("SOURCE_DATE_EPOCH");
    shell
}

/// Makes the archive here and elsewhere at once: a build spends half of its time in a linker, on one core.
#[test]
#[ignore = "takes minutes, and comes first: it makes the archive"]
fn another_user_in_another_folder_makes_the_same_archive() {
    let platform = Platform::of_this_machine().unwrap();
    Tools::bring(&Cargo::bring(&[platform]).unwrap()).unwrap();
    let elsewhere = tempfile::tempdir_in(workspace().join("target")).unwrap();
    let [home, source] = ["home", "source"].map(|name| elsewhere.path().join(name));
    for folder in [&home, &source] {
        fs::create_dir(folder).unwrap();
    }
    copy_source(&source);
    let program = env!("CARGO_BIN_EXE_xtask");
    let mut here = Command::new(program).arg("dist").spawn().unwrap();
    let there = another_user(&home)
        .args([program, "dist"])
        // Tells it where the workspace is, as `cargo xtask` does.
        .env("CARGO_MANIFEST_DIR", source.join("xtask"))
        .status();
    assert!(here.wait().unwrap().success());
    assert!(there.unwrap().success());
    let [here, there] =
        [support::dist(), source.join(dist::FOLDER)].map(|folder| Checksums::in_folder(&folder).unwrap());
    let archive = Release::of_this_source().archive(&platform);
    assert!(here.of(&archive).is_some());
    assert_eq!(here, there);
}

/// The commit whose archives the manifest names: the one with its version's tag, or before that release the one that
/// changed the manifest last.
fn commit_of(version: &str) -> String {
    let tagged = output(&mut git(&["rev-parse", "--quiet", "--verify", &format!("{version}^{{commit}}")]));
    let rendered = || output(&mut git(&["log", "-1", "--format=%H", "--", krew::FILE]));
    tagged.or_else(rendered).filter(|commit| !commit.is_empty()).expect("the history of krew.yaml is here")
}

/// Between a release and the next one the manifest is of another source, whose archives are not here.
#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn the_manifest_has_the_checksums_that_its_own_commit_gives() {
    let manifest = read_text(&workspace().join(krew::FILE)).unwrap();
    let version = manifest.lines().find_map(|line| line.trim().strip_prefix("version: ")).unwrap().to_owned();
    let commit = commit_of(&version);
    let besides = format!(":(exclude){}", krew::FILE);
    if !git(&["diff", "--quiet", &commit, "--", ".", &besides]).status().unwrap().success() {
        eprintln!(
            "krew.yaml is of {commit}, whose source is another one. For a release render it as the last thing: \
             cargo xtask dist --all && cargo xtask krew"
        );
        return;
    }
    let promised = krew::checksums(&manifest).unwrap();
    let built = Checksums::in_folder(&support::dist()).unwrap();
    let release = Release { version, ..Release::of_this_source() };
    for archive in PLATFORMS.iter().map(|platform| release.archive(platform)) {
        if let Some(sum) = built.of(&archive) {
            assert_eq!(
                promised.of(&archive),
                Some(sum),
                "{archive}; cargo xtask dist --all && cargo xtask krew"
            );
        }
    }
}
