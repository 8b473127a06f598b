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
    let committed = read_text(&workspace().join(picture::JOIN)).unwrap();
    let readme = read_text(&workspace().join("README.md")).unwrap();
    let page = read_text(&workspace().join("docs/demo.md")).unwrap();
    let drawn = picture::of_join(&page[page.find("<!-- demo -->").unwrap()..]).unwrap();
    assert!(lines(&drawn).len() > 30, "the page does not show a join");
    assert_eq!(lines(&committed), lines(&drawn), "draw it again, and show that run: CONTRIBUTING.md");
    assert!(committed.len() < LIGHT, "{} bytes", committed.len());
    assert!(committed.contains("class=\"fg-"), "the picture has no colours");
    assert!(readme.contains(&format!("]({})", picture::JOIN)), "the README does not show the picture");
}

#[test]
fn the_table_is_in_the_readme_and_light() {
    let committed = read_text(&workspace().join(picture::TABLE)).unwrap();
    let readme = read_text(&workspace().join("README.md")).unwrap();
    assert!(committed.len() < LIGHT && committed.contains("class=\"fg-"), "{} bytes", committed.len());
    let shown = lines(&committed);
    for begin in ["$ kubectl mc join member1 member2 ", "CLUSTER ", "member8 "] {
        assert!(shown.iter().any(|line| line.trim_start().starts_with(begin)), "{begin}: {shown:?}");
    }
    assert!(readme.contains(&format!("]({})", picture::TABLE)), "the README does not show the picture");
}
