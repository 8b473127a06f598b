use std::time::{Duration, Instant};

use kubesphere::{known_secrets, role::Role, side::Side};

use super::{Size, table};
use crate::{
    live::report::{Activity, Event},
    output::{
        line::is_harmless,
        progress::{
            board::Board,
            fixture::{begins, ends, plan},
        },
    },
};

/// Five members: one failed, one done, two under way, one that waits for its turn.
fn board(begun: Instant) -> Board {
    let mut board = Board::of(&plan(&["a", "edge-2", "edge-3", "edge-4", "edge-5"], 1), begun);
    for member in ["a", "edge-2", "edge-3", "edge-5"] {
        board.take(&Side::member(member), &begins("configure"), begun);
    }
    let waits = Event::Begins(Activity::Role(Role::Member));
    board.take(&Side::member("edge-2"), &waits, begun + Duration::from_secs(2));
    board.take(
        &Side::member("edge-2"),
        &Event::InstallerStands("installing 1/4".to_owned()),
        begun + Duration::from_secs(8),
    );
    let failed = Event::Failed("task monitoring failed".to_owned());
    board.take(&Side::member("edge-3"), &failed, begun + Duration::from_secs(9));
    board.take(&Side::member("a"), &ends("configure"), begun + Duration::from_secs(125));
    board
}

fn shown(rows: usize, columns: usize) -> Vec<String> {
    let begun = Instant::now();
    let lines = table(&board(begun), "ready", Size { rows, columns }, begun + Duration::from_secs(130));
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect()
}

#[test]
fn failures_stand_first_and_what_is_done_last() {
    assert_eq!(
        shown(24, 110),
        [
            "CLUSTER   PHASE       ELAPSED   STATUS",
            "edge-3    failed      9s        task monitoring failed",
            "edge-2    configure   2m08s     installer: installing 1/4; waiting until the role member is in effect",
            "edge-5    configure   2m10s",
            "edge-4    waiting",
            "a         ready       2m05s",
            "1 of 5 ready, 1 failed, 3 waiting (2m10s)",
        ]
    );
}

#[test]
fn a_low_terminal_has_as_many_rows_as_fit() {
    let rows = |rows| shown(rows, 100);
    assert_eq!(rows(6).len(), 6);
    assert_eq!(rows(6)[1].split(' ').next(), Some("edge-3"), "below the headings");
    assert_eq!(rows(6)[5], "1 of 5 ready, 1 failed, 3 waiting (2m10s; 1 not shown)");
    assert_eq!(rows(3)[0], "edge-3   failed      9s      task monitoring failed", "without headings");
    assert_eq!(rows(3)[2], "1 of 5 ready, 1 failed, 3 waiting (2m10s; 3 not shown)");
    assert_eq!(rows(1), ["1 of 5 ready, 1 failed, 3 waiting (2m10s; 5 not shown)"]);
    assert!(rows(0).is_empty());
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in 0..120 {
        for line in shown(24, columns) {
            assert!(line.chars().count() <= columns, "{line:?} in {columns} columns");
        }
    }
    assert_eq!(shown(24, 4)[1], "edg…");
}

#[test]
fn a_long_name_leaves_room_for_what_it_is_at() {
    let begun = Instant::now();
    let name = "admin@a-cluster-of-a-very-long-name.eu-central-1.example.org";
    let mut board = Board::of(&plan(&[name, "漢字漢字漢字漢字漢字漢字漢字漢字", "edge-1"], 1), begun);
    board.take(&Side::member(name), &begins("configure"), begun);
    let lines = table(&board, "ready", Size { rows: 9, columns: 48 }, begun);
    let lines: Vec<String> = lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect();
    assert_eq!(
        lines[1..4],
        ["admin@a-cluster…   configure   0s", "漢字漢字漢字漢…    waiting", "edge-1             waiting"]
    );
}

#[test]
fn what_a_server_says_steers_no_terminal_and_tells_no_secret() {
    known_secrets::learn("Kq3secretInARowOfTheTable77");
    let begun = Instant::now();
    let mut board = Board::of(&plan(&["edge-1", "edge-2"], 1), begun);
    let said = "\u{1b}[2J\u{1b}]0;title\u{7}\nKq3secretInARowOfTheTable77";
    board.take(&Side::member("edge-1"), &Event::Failed(said.to_owned()), begun);
    for columns in 0..80 {
        for line in table(&board, "ready", Size { rows: 9, columns }, begun) {
            let line = line.to_string();
            assert!(is_harmless(&line) && !line.contains("Kq3"), "{line:?}");
        }
    }
}
