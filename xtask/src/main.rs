//! `cargo xtask`: what a release is made with.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to watch")]

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser};
use kubectl_mc::cli::Cli;
use xtask::{
    Failure, dist, krew, picture,
    platform::{PLATFORMS, Platform},
    read_text, reference,
    release::workspace,
    with_path, write,
};

/// Makes what is released of kubectl-mc
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
enum Task {
    /// Make the archive for this platform, its list of components, and SHA256SUMS, in target/dist
    Dist {
        /// For this target of Rust's instead; can be repeated
        #[arg(long, value_name = "TARGET", value_parser = platform, conflicts_with = "all")]
        target: Vec<Platform>,
        /// For every platform that is released
        #[arg(long)]
        all: bool,
    },
    /// Render krew.yaml with the checksums of the archives in target/dist
    Krew {
        /// Change nothing, and fail where krew.yaml is another one
        #[arg(long)]
        check: bool,
    },
    /// Write the reference of all commands into docs/reference
    Reference,
    /// Draw the join in the output of `CLICOLOR_FORCE=1 cargo demo`, which is read from stdin, into docs/join.svg
    Picture {
        /// Draw the table in the output of `cargo demo --members 8` on a terminal instead, into docs/members.svg
        #[arg(long)]
        table: bool,
    },
}

fn platform(target: &str) -> Result<Platform, String> {
    let known = || PLATFORMS.map(|platform| platform.target).join(", ");
    Platform::of_target(target).ok_or_else(|| format!("released are {}", known()))
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Dist { target, all } => make_archives(target, all),
        Task::Krew { check } => render_manifest(check),
        Task::Reference => write_reference(),
        Task::Picture { table } => draw_picture(table),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make_archives(targets: Vec<Platform>, all: bool) -> Result<(), Failure> {
    let platforms = match (all, targets.is_empty()) {
        (true, _) => PLATFORMS.to_vec(),
        (false, false) => targets,
        (false, true) => {
            vec![
                Platform::of_this_machine()
                    .ok_or("nothing is released for this platform; name a --target")?,
            ]
        }
    };
    let folder: PathBuf = workspace().join(dist::FOLDER);
    print!("{}", dist::make(&platforms, &folder)?);
    Ok(())
}

fn render_manifest(check: bool) -> Result<(), Failure> {
    let file = workspace().join(krew::FILE);
    let manifest = krew::of_folder(&workspace().join(dist::FOLDER))?;
    if !check {
        return write(&file, manifest);
    }
    if read_text(&file)? == manifest {
        return Ok(());
    }
    Err("krew.yaml is not the manifest of the archives in target/dist; render it: cargo xtask krew".into())
}

fn write_reference() -> Result<(), Failure> {
    let folder = workspace().join(reference::FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(with_path("empty the folder", &folder))?;
    }
    let pages = reference::pages(Cli::command());
    pages.into_iter().try_for_each(|(name, page)| write(&folder.join(name), page))
}

fn draw_picture(table: bool) -> Result<(), Failure> {
    let mut shown = String::new();
    io::stdin().read_to_string(&mut shown)?;
    let (file, picture) = if table {
        (picture::TABLE, picture::of_table(&shown)?)
    } else {
        (picture::JOIN, picture::of_join(&shown)?)
    };
    write(&workspace().join(file), picture)
}
