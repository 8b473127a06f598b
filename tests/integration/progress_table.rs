//! Several members on a terminal: a table that is there while they are under way, and nowhere afterwards.

use testbed::{
    Fault, Gate, Rule,
    bed::Cluster,
    kubesphere::{Installation, InstallerScenario, Lasting, Role, Scenario, Version},
};

use crate::support::{CTRL_C, CTRL_Z, KubectlMc, SUSPENDED, Watched, Watching};

fn standalone() -> Installation {
    Installation::new(Version::V3_4)
}

/// A host and these members.
fn lease(members: Vec<Installation>) -> Watched {
    let host = standalone().role(Role::Host);
    Watched::lease(&Scenario::new(Version::V3_4).host(host).members(members))
}

fn join(bed: &Watched) -> KubectlMc {
    let names: Vec<&str> = bed.members().iter().map(Cluster::name).collect();
    bed.join(&names.join(" ")).env("TERM", "xterm")
}

/// Joins four members on a terminal of this size, the first of which is held back.
fn held(bed: &Watched, rows: u16, columns: u16) -> (Gate, Watching) {
    (hold(bed), join(bed).words("--color never").on_screen(rows, columns))
}

/// Holds the first member back.
fn hold(bed: &Watched) -> Gate {
    let gate = Gate::closed();
    let patch = Rule::on("PATCH", "clusterconfigurations/ks-installer", Fault::Hold(gate.clone()));
    bed.member(1).faults().add(patch);
    gate
}

/// What stands below the cursor's empty line.
fn drawn(rows: &[String]) -> &[String] {
    let end = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
    let begin = rows[..end].iter().rposition(String::is_empty).map_or(0, |above| above + 1);
    &rows[begin..end]
}

fn ends_in(rows: &[String], sum: &str) -> bool {
    drawn(rows).last().is_some_and(|last| last.starts_with(sum))
}

/// No row of a table is left, whose names have no word before them.
#[track_caller]
fn assert_gone(rows: &[String]) {
    let left = rows.iter().find(|row| row.starts_with("member1  ") || row.starts_with("CLUSTER "));
    assert!(left.is_none(), "{}", rows.join("\n"));
}

#[test]
fn several_members_stand_in_a_table_that_a_sum_replaces() {
    let bed = lease(vec![standalone(); 4]);
    let (gate, watching) = held(&bed, 40, 100);
    let rows = watching.until("one member left", |rows| ends_in(rows, "3 of 4 ready, 1 waiting ("));
    let table: Vec<Vec<&str>> =
        drawn(&rows).iter().map(|row| row.split_whitespace().take(2).collect()).collect();
    let [headings, first, .., sum] = table.as_slice() else { panic!("{}", rows.join("\n")) };
    assert_eq!(
        (headings, first, sum),
        (&vec!["CLUSTER", "PHASE"], &vec!["member1", "configure"], &vec!["3", "of"])
    );
    for name in ["member2", "member3", "member4"] {
        assert!(table[2..].contains(&vec![name, "ready"]), "{}", rows.join("\n"));
        let said = format!("member \"{name}\": ready");
        assert!(rows.iter().any(|row| row.starts_with(&said)), "{}", rows.join("\n"));
    }
    gate.open();
    let (run, rows) = watching.end();
    let _ = run.code(0);
    assert_gone(&rows);
    assert!(!rows.iter().any(|row| row.starts_with("host \"host\": ready")), "it is no member");
    let sum = rows.iter().position(|row| row.starts_with("4 of 4 ready (")).expect("it is summed up");
    assert!(rows[sum + 1].starts_with("16 objects created, 4 patched ("), "{}", rows.join("\n"));
}

#[test]
fn a_table_fits_whatever_size_its_terminal_gets() {
    let bed = lease(vec![standalone(); 4]);
    let (gate, watching) = held(&bed, 24, 100);
    let _ = watching.until("one member left", |rows| ends_in(rows, "3 of 4 ready, 1 waiting ("));
    for (rows, columns, sum) in [
        (24_u16, 60_u16, "3 of 4 ready, 1 waiting ("),
        (3, 60, "3 of 4 ready, 1 waiting ("),
        (30, 12, "3 of 4 rea…"),
        (4, 6, "3 of…"),
        (24, 120, "3 of 4 ready, 1 waiting ("),
    ] {
        watching.resize(rows, columns);
        let what = format!("a table in {rows} rows of {columns} columns");
        let shown = watching.until(&what, |shown| {
            let table = drawn(shown);
            let is_whole = table.len() == 6.min(usize::from(rows) - 1);
            is_whole && ends_in(shown, sum) && table.iter().all(|row| row.chars().count() < columns.into())
        });
        let sums = shown.iter().filter(|row| row.starts_with("3 of")).count();
        assert_eq!(sums, 1, "{what}\n{}", shown.join("\n"));
    }
    gate.open();
    let (run, rows) = watching.end();
    let _ = run.code(0);
    assert_gone(&rows);
}

#[test]
fn an_interrupt_leaves_nothing_of_the_table() {
    let bed = lease(vec![standalone(); 4]);
    let (_gate, mut watching) = held(&bed, 40, 100);
    let _ = watching.until("one member left", |rows| ends_in(rows, "3 of 4 ready, 1 waiting ("));
    watching.types(CTRL_C);
    let (run, rows) = watching.end();
    let _ = run.code(130);
    assert_gone(&rows);
    let is_told = |text: &str| rows.iter().any(|row| row.starts_with(text));
    assert!(is_told("3 of 4 ready, 1 not done (") && is_told("error: interrupted"), "{}", rows.join("\n"));
    assert!(!rows.iter().any(|row| row.contains("^C")), "{}", rows.join("\n"));
}

/// The shell writes where the table stood, and the program below that.
#[test]
fn a_suspended_program_leaves_the_terminal_to_its_shell_and_draws_again() {
    let bed = lease(vec![standalone(); 4]);
    let gate = hold(&bed);
    let mut watching = join(&bed).words("--color never").under_shell(40, 100);
    let sum = "3 of 4 ready, 1 waiting (";
    let _ = watching.until("one member left", |rows| ends_in(rows, sum));
    watching.types(CTRL_Z);
    let is_suspended = |rows: &[String]| rows.iter().any(|row| row == SUSPENDED);
    let rows = watching.until("the shell", is_suspended);
    assert_gone(&rows);
    watching.types("\n");
    let rows = watching.until("the table", |rows| ends_in(rows, sum));
    assert!(is_suspended(&rows), "{}", rows.join("\n"));
    gate.open();
    let (run, rows) = watching.end();
    let _ = run.code(0);
    assert_gone(&rows);
    assert!(is_suspended(&rows), "{}", rows.join("\n"));
}

#[test]
fn what_has_failed_stands_first_and_is_told_in_full_afterwards() {
    let failing = standalone().installer(InstallerScenario::StorageClassMissing).lasting(Lasting::Forever);
    let bed = lease(vec![standalone(), failing, standalone()]);
    let (gate, watching) = held(&bed, 40, 100);
    let sum = "1 of 3 ready, 1 failed, 1 waiting (";
    let rows = watching.until("a failure", |rows| ends_in(rows, sum));
    assert!(drawn(&rows)[1].starts_with("member2   failed "), "{}", rows.join("\n"));
    assert!(rows.iter().any(|row| row.starts_with("member \"member2\": failed: ")), "{}", rows.join("\n"));
    gate.open();
    let (run, rows) = watching.end();
    let _ = run.code(6);
    assert_gone(&rows);
    for said in ["2 of 3 ready, 1 failed (", "error: member \"member2\"", "error: 1 of 3 members failed"] {
        assert!(rows.iter().any(|row| row.starts_with(said)), "{said}\n{}", rows.join("\n"));
    }
}

/// A dry run changes nothing that could be followed.
#[test]
fn a_terminal_is_drawn_on_as_it_wants() {
    let bed = lease(vec![standalone(); 2]);
    let shown = |program: KubectlMc| program.on_screen(24, 100).end().0.code(0).stdout;
    let unjoined = |number: usize| {
        let name = format!("member{number}");
        let words = format!("unjoin {name} --member-context {name} --context host --yes --progress none");
        let _ = bed.kubectl_mc().words(&words).run().code(0);
    };
    let again = || [1, 2].into_iter().for_each(unjoined);
    let colours = |shown: &str| shown.contains("\u{1b}[32m");
    let drawn = |shown: &str| shown.contains("\u{1b}[J");
    let run = shown(join(&bed));
    assert!(colours(&run) && drawn(&run));
    again();
    let run = shown(join(&bed).env("NO_COLOR", "1"));
    assert!(!colours(&run) && drawn(&run));
    again();
    let run = shown(join(&bed).words("--progress plain --color never"));
    assert!(!run.contains('\u{1b}') && run.contains("member \"member2\": Cluster member2 created\r\n"));
    again();
    let run = shown(join(&bed).env("TERM", "dumb"));
    assert!(!run.contains('\u{1b}') && run.contains("member \"member2\": Cluster member2 created\r\n"));
}
