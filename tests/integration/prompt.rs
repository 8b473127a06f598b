//! The question before the first change, on a terminal and without one.

use testbed::kubesphere::{Scenario, Version};

use crate::support::{CTRL_C, Watched};

/// Without `--yes` and `--context`.
const JOIN: &str = "join member1 --skip-check member-server-loopback";

#[test]
fn without_a_terminal_the_plan_is_shown_and_what_was_not_confirmed_is_refused() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).words("--context host").run();
    run.code(2)
        .stdout("")
        .says("3. host \"host\": patch ClusterConfiguration ks-installer")
        .says("error: this changes clusters, and there is no terminal to ask at\n")
        .says("hint: read the plan above, then run the same command with `--yes`\n");
    bed.assert_untouched();
}

#[test]
fn without_a_terminal_a_host_that_was_not_named_has_to_be() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).run();
    run.code(2).says("hint: read the plan above, then run the same command with `--yes --context host`\n");
    bed.assert_untouched();
}

#[test]
fn the_current_context_does_not_become_a_host_by_yes_alone() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).words("--yes").run();
    run.code(3)
        .stdout("")
        .says("error: host \"host\": it has the role none and is only the current-context")
        .says("hint: say so with `--context host`, if it should be the host\n");
    bed.assert_untouched();
}

#[test]
fn who_declines_at_the_prompt_has_changed_nothing() {
    let bed = Watched::shared();
    for answer in ["n\n", "\n", "perhaps\n", "\u{4}"] {
        let run = bed.kubectl_mc().words(JOIN).words("--context host").answer(answer).code(5);
        assert!(run.stdout.contains("declined; nothing was changed"), "{run}");
    }
    bed.assert_untouched();
}

#[test]
fn the_question_comes_after_the_plan_and_what_it_means() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).words("--color never").answer("n\n").code(5);
    let (plan, _) = run.stdout.split_once("Proceed? [y/N]").expect("it asks");
    for said in [
        "SIDE     CONTEXT   SERVER ",
        &format!("host     host      {}   none   v3.4.1       v1.34.3      1       ", bed.host().server()),
        &format!("   {}\r\n", bed.member(1).uid()),
        "becomes a host, which cannot be undone",
        "everybody who is logged in to its console is logged out",
    ] {
        assert!(plan.contains(said), "does not say {said:?}\n{run}");
    }
    bed.assert_untouched();
}

#[test]
fn an_interrupt_at_the_prompt_ends_it() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).words("--context host --color never").answer(CTRL_C).code(130);
    assert!(run.stdout.contains("\r\nerror: cancelled; nothing was changed\r\n"), "{run}");
    bed.assert_untouched();
}

#[test]
fn a_terminal_is_shown_colours_unless_it_asked_for_none() {
    let bed = Watched::shared();
    let run = bed.kubectl_mc().words(JOIN).answer("n\n").code(5);
    assert!(run.stdout.contains("\u{1b}["), "{run}");
    let run = bed.kubectl_mc().words(JOIN).env("NO_COLOR", "1").answer("n\n").code(5);
    assert!(!run.stdout.contains("\u{1b}["), "{run}");
}

#[test]
fn a_standalone_current_context_becomes_the_host_when_somebody_says_yes() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let mut watching = bed.kubectl_mc().words(JOIN).words("--color never").on_screen(60, 200);
    let _ = watching.until("the question", |rows| rows.iter().any(|row| row.starts_with("Proceed? [y/N]")));
    watching.types("yes\n");
    let (run, rows) = watching.end();
    let run = run.code(0);
    for said in ["member \"member1\": Cluster member1 is ready", "4 objects created, 2 patched ("] {
        assert!(rows.iter().any(|row| row.starts_with(said)), "{said}\n{run}");
    }
    assert!(!run.stdout.contains("cluster.cluster.kubesphere.io/member1 created"), "told twice\n{run}");
    assert_eq!(bed.configuration_patches(), [1, 1]);
    let names = bed.kubectl_mc().words(JOIN).words("--color never -o name").answer("").code(0);
    assert!(names.stdout.contains("cluster.cluster.kubesphere.io/member1\r\n"), "{names}");
}
