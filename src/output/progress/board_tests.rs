use std::time::{Duration, Instant};

use kubesphere::{role::Role, side::Side};

use super::{Asked, Board, End, Sum, Taken};
use crate::{
    live::report::{Activity, Completed, Event},
    output::progress::fixture::{begins, ends, plan},
};

const A_MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_member_is_done_when_all_its_steps_have_ended() {
    let begun = Instant::now();
    let member = Side::member("edge-1");
    let mut board = Board::of(&plan(&["edge-1", "edge-2"], 2), begun);
    assert_eq!(board.members(), 2);
    board.take(&member, &begins("configure"), begun);
    board.take(&member, &ends("configure"), begun + A_MINUTE);
    assert_eq!(board.achieved(&member), None, "another step follows");
    board.take(&member, &begins("register"), begun + A_MINUTE);
    let taken = board.take(&member, &ends("register"), begun + 3 * A_MINUTE);
    assert_eq!(taken, Taken { is_new: true, took: Some(2 * A_MINUTE) }, "the step alone");
    assert_eq!(board.achieved(&member), Some(3 * A_MINUTE), "all of them");
    let sum = board.sum(begun + 3 * A_MINUTE);
    assert_eq!(sum, Sum { members: 2, achieved: 1, failed: 0, left_out: 0, took: 3 * A_MINUTE });
    assert_eq!(sum.left(), 1);
}

#[test]
fn every_member_that_was_asked_for_counts() {
    let begun = Instant::now();
    let member = Side::member("edge-1");
    let asked = |members, left_out| {
        let mut board = Board::of(&plan(&["edge-1", "edge-2"], 1), begun).among(Asked { members, left_out });
        board.take(&member, &Event::Failed("no".to_owned()), begun);
        let sum = board.sum(begun);
        [sum.members, sum.achieved, sum.failed, sum.left_out, sum.left()]
    };
    assert_eq!(asked(2, 0), [2, 0, 1, 0, 1]);
    assert_eq!(asked(5, 1), [5, 2, 1, 1, 1], "two had nothing to do");
    let alone = Board::of(&plan(&[], 0), begun).among(Asked { members: 1, left_out: 0 });
    assert_eq!(alone.sum(begun).members, 0, "the host alone changes");
}

#[test]
fn a_failure_ends_what_is_under_way() {
    let begun = Instant::now();
    let member = Side::member("edge-1");
    let mut board = Board::of(&plan(&["edge-1"], 1), begun);
    board.take(&member, &begins("configure"), begun);
    board.take(&member, &Event::Begins(Activity::Role(Role::Member)), begun);
    board.take(&member, &Event::Failed("no".to_owned()), begun + A_MINUTE);
    let row = &board.rows[0];
    assert_eq!(row.end, Some(End::Failed { why: "no".to_owned(), after: A_MINUTE }));
    assert!(row.step.is_none() && row.wait.is_none());
    assert_eq!(board.sum(begun).failed, 1);
}

#[test]
fn what_is_done_ends_a_wait_and_tells_how_long_it_took() {
    let begun = Instant::now();
    let host = Side::host("prod");
    let mut board = Board::of(&plan(&[], 0), begun);
    board.take(&host, &Event::Begins(Activity::Role(Role::Host)), begun);
    assert_eq!(board.wait(&host).unwrap().in_full(), "waiting until the role host is in effect");
    let stands = Event::InstallerStands("installing 1/4".to_owned());
    assert!(board.take(&host, &stands, begun).is_new && !board.take(&host, &stands, begun).is_new);
    assert_eq!(
        board.wait(&host).unwrap().in_full(),
        "waiting until the role host is in effect (installer: installing 1/4)"
    );
    let done = Event::Done(Completed::RoleInEffect(Role::Host));
    assert_eq!(board.take(&host, &done, begun + A_MINUTE).took, Some(A_MINUTE));
    assert_eq!(board.take(&host, &done, begun + A_MINUTE).took, None, "nothing was waited for");
    assert_eq!(board.members(), 0, "a host is none");
}

#[test]
fn a_wait_is_due_every_half_minute_of_it() {
    let begun = Instant::now();
    let every = Duration::from_secs(30);
    let mut board = Board::of(&plan(&["edge-1", "edge-2"], 1), begun);
    let wait = Event::Begins(Activity::Role(Role::Member));
    board.take(&Side::member("edge-1"), &wait, begun);
    board.take(&Side::member("edge-2"), &wait, begun + Duration::from_secs(20));
    let mut due = |seconds| {
        let due = board.due(every, begun + Duration::from_secs(seconds));
        due.into_iter().map(|(side, _)| side.context().to_owned()).collect::<Vec<_>>()
    };
    assert!(due(29).is_empty(), "it is too soon");
    assert_eq!(due(31), ["edge-1"]);
    assert_eq!(due(50), ["edge-2"]);
    assert!(due(60).is_empty(), "each was told less than half a minute before");
    assert_eq!(due(90), ["edge-1", "edge-2"]);
}
