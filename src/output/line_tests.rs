use kubesphere::known_secrets;
use proptest::prelude::*;

use super::{Colour, Line, Styles, Tone, document, is_harmless};

/// Texts with much in them that steers a terminal: C0, DEL, C1, marks of direction and shape, and Unicode's line ends.
fn hostile() -> impl Strategy<Value = String> {
    "([\u{0}-\u{1f}\u{7f}-\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2066}-\u{206f}]|[ -~äß漢]|.){0,40}"
}

/// As a test reads it.
impl PartialEq<&str> for Line {
    fn eq(&self, other: &&str) -> bool {
        let text = self.to_string();
        text == *other
    }
}

fn plain(line: &Line) -> String {
    line.rendered(Styles::default())
}

#[test]
fn what_steers_a_terminal_is_shown_instead() {
    let hostile = "a\u{1b}[31mb\r\nc\u{9b}2J\u{7}\u{202e}d\u{2066}e\u{2028}f\u{7f}\tg\u{200b}h\u{e0041}";
    let shown = "a^[[31mb c\\u009b2J\\u0007\\u202ed\\u2066e\\u2028f\\u007f g\\u200bh\\ue0041";
    assert_eq!(plain(&Line::from(hostile)), shown);
    assert!(is_harmless("edge-1 漢 ä") && !is_harmless(hostile));
}

#[test]
fn our_colours_stay_and_theirs_do_not() {
    let line = Line::toned(Tone::Bad, "error:").and(" \u{1b}[32mok\u{1b}[0m");
    assert_eq!(line.rendered(Styles { are_colourful: true }), "\u{1b}[31merror:\u{1b}[0m ^[[32mok^[[0m");
    assert_eq!(plain(&line), "error: ^[[32mok^[[0m");
    assert_eq!(line.width(), "error: ^[[32mok^[[0m".len());
}

#[test]
fn a_file_keeps_its_tabs_and_the_carriage_return_at_its_lines_end() {
    assert_eq!(Line::of_file(Tone::Plain, "a:\tb\r\u{1b}\r").to_string(), "a:\tb^[\r");
}

#[test]
fn a_secret_is_hidden_though_colours_cut_through_it() {
    known_secrets::learn("Zq7secretOfTheLineTests81");
    let mut red = Colour::default();
    red.take("\u{1b}[31m");
    let line = Line::of_log(&red, "a Zq7secret").and(Line::of_log(&Colour::default(), "OfTheLineTests81 b"));
    assert_eq!(plain(&line), "\u{1b}[31ma ***\u{1b}[0m b");
    let line = Line::toned(Tone::Good, "Zq7secretOf").and("TheLine").and(Line::toned(Tone::Bad, "Tests81!"));
    assert_eq!(plain(&line), "***!");
    assert_eq!(document("{\"a\": \"Zq7secretOfTheLineTests81\"}"), "{\"a\": \"***\"}");
}

#[test]
fn a_line_is_cut_by_the_columns_that_it_takes() {
    let cut = |text: &str, columns| Line::from(text).cut(columns).to_string();
    assert_eq!(cut("edge-1", 6), "edge-1");
    assert_eq!(cut("edge-1", 5), "edge…");
    assert_eq!(cut("集群集群", 8), "集群集群");
    assert_eq!(cut("集群集群", 7), "集群集…");
    assert_eq!(cut("集群集群", 6), "集群…", "half a letter is none");
    assert_eq!([cut("edge", 1), cut("edge", 0)], ["…", ""]);
    let coloured = Line::toned(Tone::Good, "member").and(" edge-1").cut(8);
    assert_eq!(coloured.rendered(Styles { are_colourful: true }), "\u{1b}[32mmember\u{1b}[0m …");
    assert_eq!(Line::from("集群").padded(6).to_string(), "集群  ");
}

#[test]
fn a_secret_that_is_cut_is_hidden_whole() {
    known_secrets::learn("Hq3secretThatIsCutInTheMiddle5");
    assert_eq!(Line::from("why: Hq3secretThatIsCutInTheMiddle5").cut(14).to_string(), "why: ***");
    assert_eq!(Line::from("Hq3secretThatIsCutInTheMiddle5 is wrong").cut(6).to_string(), "*** i…");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_line_fits_and_steers_no_terminal(text in hostile(), columns in 0_usize..60) {
        let line = Line::from(&text).cut(columns);
        prop_assert!(line.width() <= columns && is_harmless(&plain(&line)));
    }

    #[test]
    fn no_line_steers_a_terminal(text in hostile()) {
        prop_assert!(is_harmless(&plain(&Line::from(&text))));
        let tabs = plain(&Line::of_file(Tone::Plain, &text)).replace('\t', "");
        prop_assert!(is_harmless(tabs.trim_end_matches('\r')));
        let steering = |letter: char| !matches!(letter, '\n' | '\t' | '\u{1_0000}'..);
        prop_assert!(is_harmless(&document(&text).replace(|letter| !steering(letter), "")));
    }

    #[test]
    fn a_document_says_the_same(text in hostile()) {
        let value = serde_json::json!({&text: [&text]});
        let json = document(&serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&json).unwrap(), &value);
        let yaml = document(&serde_yaml::to_string(&value).unwrap());
        prop_assert!(serde_yaml::from_str::<serde_json::Value>(&yaml).is_ok(), "{yaml}");
    }
}
