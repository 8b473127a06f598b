//! The reference in docs is the one that the commands give.

use std::{collections::BTreeMap, fs};

use clap::CommandFactory as _;
use kubectl_mc::cli::Cli;
use xtask::{
    reference::{FOLDER, pages},
    release::workspace,
};

#[test]
fn the_reference_is_of_these_commands() {
    let files = fs::read_dir(workspace().join(FOLDER)).unwrap();
    let committed = files.map(|file| {
        let file = file.unwrap();
        (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())
    });
    let committed: BTreeMap<_, _> = committed.collect();
    let generated: BTreeMap<_, _> = pages(Cli::command()).into_iter().collect();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&generated), "write it again: cargo xtask reference");
    for (name, page) in &generated {
        assert!(
            &committed[name] == page,
            "{FOLDER}/{name} is not what the command says: cargo xtask reference"
        );
    }
}
