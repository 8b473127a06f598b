//! The picture in the README is of the run that docs/demo.md shows.

use xtask::{picture, read_text, release::workspace};

/// What a page takes to load is little.
const LIGHT: usize = 60_000;

/// What can be read in a picture, line by line.
fn lines(picture: &str) -> Vec<String> {
    let rows = picture.lines().filter(|row| row.trim_start().starts_with("<tspan"));
    rows.map(|row| row.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect()).collect()
}

#[test]
fn the_picture_is_of_the_demos_run_and_light() {
    let committed = read_text(&workspace().join(picture::FILE)).unwrap();
    let readme = read_text(&workspace().join("README.md")).unwrap();
    let page = read_text(&workspace().join("docs/demo.md")).unwrap();
    let drawn = picture::of_join(&page[page.find("<!-- demo -->").unwrap()..]).unwrap();
    assert!(lines(&drawn).len() > 30, "the page does not show a join");
    assert_eq!(lines(&committed), lines(&drawn), "draw it again, and show that run: CONTRIBUTING.md");
    assert!(committed.len() < LIGHT, "{} bytes", committed.len());
    assert!(committed.contains("class=\"fg-"), "the picture has no colours");
    assert!(readme.contains(&format!("]({})", picture::FILE)), "the README does not show the picture");
}
