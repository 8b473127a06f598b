//! Files with a ClusterConfiguration: exactly the intended lines change, in files with every trap that real ones have,
//! and in generated ones.

use std::fs;

use config_file::configuration_file::ConfigurationFile;
use kubectl_mc::plan::configuration_patch::Wanted;
use kubesphere::{jwt_secret::JwtSecret, role::Role};
use proptest::prelude::*;
use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

use crate::support::{Place, generated};

const FILES: [&str; 5] = ["installer", "bare", "kubekey", "list", "sparse"];
const SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";

fn host(name: Option<&str>) -> Wanted {
    Wanted { role: Role::Host, host_cluster_name: name.map(str::to_owned), jwt_secret: None }
}

fn member(secret: &str) -> Wanted {
    Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: Some(JwtSecret::new(secret)) }
}

fn fixture(name: &str) -> String {
    fs::read_to_string(format!("tests/fixtures/configurations/{name}.yaml")).unwrap()
}

#[track_caller]
fn edit(text: &str, wanted: &Wanted) -> String {
    let edited = ConfigurationFile::parse(text).and_then(|file| file.edit(wanted));
    edited.unwrap_or_else(|problem| panic!("{problem:?}\n{text}"))
}

/// What happens to one line: its number, what is replaced in it and by what, or what is put after it.
enum Line {
    Replaced(usize, &'static str, &'static str),
    Followed(usize, &'static str),
}

/// The edit changes these lines of the file and nothing else, whatever its line ends, with and without a byte order mark
/// and a final newline; a second edit changes nothing.
#[track_caller]
fn assert_changes(name: &str, wanted: &Wanted, lines: &[Line]) {
    let text = fixture(name);
    let mut expected: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in lines {
        match line {
            Line::Replaced(number, old, new) => {
                let line = &mut expected[number - 1];
                assert_eq!(line.matches(old).count(), 1, "{name} line {number}: {line}");
                *line = line.replace(old, new);
            }
            Line::Followed(number, new) => expected[number - 1] = [&expected[number - 1], *new].join("\n"),
        }
    }
    let end = if text.ends_with('\n') { "\n" } else { "" };
    let expected = expected.join("\n") + end;
    assert_forms(&text, &expected, wanted);
    assert_forms(text.trim_end_matches('\n'), expected.trim_end_matches('\n'), wanted);
}

#[track_caller]
fn assert_forms(text: &str, expected: &str, wanted: &Wanted) {
    let forms: [fn(&str) -> String; 3] =
        [str::to_owned, |text| text.replace('\n', "\r\n"), |text| format!("\u{feff}{text}")];
    for form in forms {
        let edited = edit(&form(text), wanted);
        assert_eq!(edited, form(expected));
        assert_eq!(edit(&edited, wanted), edited);
    }
}

#[test]
fn a_hosts_file_changes_in_its_role_alone() {
    let role = |line| [Line::Replaced(line, "clusterRole: none", "clusterRole: host")];
    assert_changes("installer", &host(None), &role(50));
    assert_changes("bare", &host(None), &role(11));
    assert_changes("kubekey", &host(None), &role(58));
    assert_changes("list", &host(None), &role(12));
}

#[test]
fn a_members_file_changes_in_its_role_and_its_secret() {
    let role = |line| Line::Replaced(line, "clusterRole: none", "clusterRole: member");
    let quoted = "jwtSecret: \"gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU\"";
    let member = member(SECRET);
    let secret = |line| Line::Replaced(line, "jwtSecret: \"\"", quoted);
    assert_changes("installer", &member, &[Line::Replaced(14, "jwtSecret: \"\"  ", SPACED), role(50)]);
    let single = "jwtSecret: 'gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU'";
    assert_changes("bare", &member, &[Line::Replaced(9, "jwtSecret: ''", single), role(11)]);
    assert_changes("kubekey", &member, &[secret(47), role(58)]);
    assert_changes("list", &member, &[secret(11), role(12)]);
}

/// Followed by blanks, because the comment of that line has the words too.
const SPACED: &str = "jwtSecret: \"gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU\"  ";

#[test]
fn a_name_is_added_below_the_role() {
    let role = |line| Line::Replaced(line, "clusterRole: none", "clusterRole: host");
    let named = host(Some("frankfurt"));
    let name = "    hostClusterName: frankfurt";
    assert_changes("installer", &named, &[role(50), Line::Followed(50, name)]);
    assert_changes("kubekey", &named, &[role(58), Line::Followed(58, name)]);
    let in_line = "clusterRole: host, hostClusterName: frankfurt";
    assert_changes("list", &named, &[Line::Replaced(12, "clusterRole: none", in_line)]);
}

#[test]
fn what_is_missing_is_added_where_it_belongs() {
    let role = "    multicluster:\n        clusterRole: host";
    assert_changes("sparse", &host(None), &[Line::Followed(11, role)]);
    let secret = "        jwtSecret: gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";
    let role = "    multicluster:\n        clusterRole: member";
    assert_changes("sparse", &member(SECRET), &[Line::Followed(8, secret), Line::Followed(11, role)]);
}

#[test]
fn no_file_shows_its_secrets() {
    for name in FILES {
        let edited = edit(&fixture(name), &member(SECRET));
        let shown = ConfigurationFile::parse(&edited).unwrap().shown(&[]);
        for secret in ["unter", "correct horse", SECRET] {
            assert!(!shown.contains(secret), "{name} shows {secret}:\n{shown}");
        }
        assert!(shown.contains(&JwtSecret::new(SECRET).fingerprint()), "{name}");
        assert_eq!(shown.lines().count(), edited.lines().count());
    }
}

fn parse(text: &str) -> Vec<Value> {
    let text = text.trim_start_matches('\u{feff}');
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect()
}

fn set(value: &mut Value, path: &[&str], text: &str) {
    match path {
        [] => *value = Value::from(text),
        [key, rest @ ..] => {
            if value.is_null() {
                *value = Value::Mapping(Mapping::new());
            }
            let fields = value.as_mapping_mut().unwrap();
            set(fields.entry(Value::from(*key)).or_insert(Value::Null), rest, text);
        }
    }
}

fn intended(text: &str, place: &Place, wanted: &Wanted) -> Vec<Value> {
    let mut documents = parse(text);
    let document = &mut documents[place.document];
    let document = match (place.item, document.is_sequence()) {
        (Some(item), true) => &mut document[item],
        (Some(item), false) => &mut document["items"][item],
        (None, _) => document,
    };
    set(document, &["spec", "multicluster", "clusterRole"], wanted.role.as_str());
    if let Some(name) = &wanted.host_cluster_name {
        set(document, &["spec", "multicluster", "hostClusterName"], name);
    }
    if let Some(secret) = &wanted.jwt_secret {
        set(document, &["spec", "authentication", "jwtSecret"], secret.expose());
    }
    documents
}

/// A line's content, and its comment from the blank before it.
fn split(line: &str) -> (&str, &str) {
    let comment = if line.trim_start().starts_with('#') { Some(0) } else { line.find("   #") };
    line.split_at(comment.unwrap_or(line.len()))
}

/// Whether a line may change: it holds one of the fields, or a parent of theirs.
fn may_change(line: &str) -> bool {
    let words = ["spec", "authentication", "multicluster", "clusterRole", "hostClusterName", "jwtSecret"];
    words.iter().any(|word| split(line).0.contains(word))
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let name = prop::option::of("[a-z]{1,5}(-[0-9]{1,3})?|[0-9]{1,4}");
    prop_oneof![
        name.prop_map(|name| host(name.as_deref())),
        prop_oneof!["[A-Za-z0-9._~-]{1,12}", "[0-9]{1,6}", "[0-9]e[0-9]", "true|no|null|y|0x1f"]
            .prop_map(|secret| member(&secret)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_edit_sets_what_is_wanted_and_leaves_all_other_lines(
        choices in prop::collection::vec(any::<u8>(), 0..240),
        is_crlf: bool,
        has_mark: bool,
        is_unended: bool,
        wanted in any_wanted(),
    ) {
        let (text, place) = generated(&choices, is_crlf, has_mark, is_unended);
        let edited = edit(&text, &wanted);
        prop_assert!(parse(&edited) == intended(&text, &place, &wanted), "\n{}\n=>\n{}", text, edited);
        let others = |text: &str| -> Vec<String> {
            text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !may_change(line)).map(str::to_owned).collect()
        };
        prop_assert_eq!(others(&edited), others(&text));
        let comments = |text: &str| -> Vec<String> { text.lines().map(|line| split(line).1.to_owned()).filter(|it| !it.is_empty()).collect() };
        prop_assert_eq!(comments(&edited), comments(&text));
        prop_assert_eq!(edited.ends_with('\n'), text.ends_with('\n'));
        prop_assert_eq!(edited.matches('\n').count() == edited.matches("\r\n").count(), is_crlf || !edited.contains('\n'));
        prop_assert_eq!(edit(&edited, &wanted), edited.clone());
        let (old, new) = (text.lines().count(), edited.lines().count());
        prop_assert!((old..=old + 6).contains(&new));
    }
}
