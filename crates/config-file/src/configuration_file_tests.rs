//! Edits of single forms of YAML; whole files stand in the integration tests.

use kubesphere::{configuration_patch::Wanted, jwt_secret::JwtSecret, role::Role};
use proptest::prelude::*;

use super::ConfigurationFile;

const HEAD: &str = "apiVersion: installer.kubesphere.io/v1alpha1\nkind: ClusterConfiguration\n";

fn host() -> Wanted {
    Wanted { role: Role::Host, host_cluster_name: None, jwt_secret: None }
}

fn named(name: &str) -> Wanted {
    Wanted { host_cluster_name: Some(name.to_owned()), ..host() }
}

fn member(secret: &str) -> Wanted {
    Wanted { role: Role::Member, host_cluster_name: None, jwt_secret: Some(JwtSecret::new(secret)) }
}

fn edit(text: &str, wanted: &Wanted) -> Result<String, String> {
    let edited = ConfigurationFile::parse(text).and_then(|file| file.edit(wanted));
    edited.map_err(|problem| {
        let at = problem.at.map_or_else(|| "-".to_owned(), |at| format!("{}:{}", at.line, at.column));
        format!("{at} {}", problem.fault)
    })
}

/// This text after the head becomes that one, and a second edit changes nothing.
#[track_caller]
fn becomes(before: &str, wanted: &Wanted, after: &str) {
    let edited = edit(&format!("{HEAD}{before}"), wanted).unwrap();
    assert_eq!(edited, format!("{HEAD}{after}"));
    assert_eq!(edit(&edited, wanted).unwrap(), edited);
}

/// This text after the head is refused, at a place and with words.
#[track_caller]
fn refused(before: &str, wanted: &Wanted, expected: &str) {
    assert_eq!(edit(&format!("{HEAD}{before}"), wanted).unwrap_err(), expected);
}

#[test]
fn quotes_are_kept() {
    becomes(
        "spec:\n  authentication:\n    jwtSecret: \"\"   # note\n  multicluster:\n    clusterRole: 'none'\n",
        &member("abc"),
        "spec:\n  authentication:\n    jwtSecret: \"abc\"   # note\n  multicluster:\n    clusterRole: 'member'\n",
    );
}

#[test]
fn a_plain_value_gets_quotes_where_it_needs_them() {
    for secret in ["12345", "1e5", "true", "-x", "2001-01-01", "~"] {
        becomes(
            "spec: {authentication: {jwtSecret: old}, multicluster: {clusterRole: member}}\n",
            &member(secret),
            &format!(
                "spec: {{authentication: {{jwtSecret: \"{secret}\"}}, multicluster: {{clusterRole: member}}}}\n"
            ),
        );
    }
}

#[test]
fn a_number_is_not_the_text_of_its_digits() {
    becomes(
        "spec: {authentication: {jwtSecret: 12345}, multicluster: {clusterRole: member}}",
        &member("12345"),
        "spec: {authentication: {jwtSecret: \"12345\"}, multicluster: {clusterRole: member}}",
    );
}

#[test]
fn missing_keys_are_added_at_the_end_of_their_mapping() {
    becomes(
        "spec:\n    authentication:\n        other: 1  # x\n        # of authentication\n    multicluster:\n        clusterRole: none\n\n# end\n",
        &member("abc"),
        "spec:\n    authentication:\n        other: 1  # x\n        # of authentication\n        jwtSecret: abc\n    multicluster:\n        clusterRole: member\n\n# end\n",
    );
}

#[test]
fn comments_at_odd_places_stay_with_their_neighbours() {
    becomes(
        "spec:\n  authentication:\n#   odd\n    # adminPassword: x\n    jwtSecret: ''\n  terminal:\n    timeout: 600\n      # deep\n # shallow\n#  dev_tag: x\n",
        &host(),
        "spec:\n  authentication:\n#   odd\n    # adminPassword: x\n    jwtSecret: ''\n  terminal:\n    timeout: 600\n      # deep\n  multicluster:\n    clusterRole: host\n # shallow\n#  dev_tag: x\n",
    );
}

#[test]
fn missing_parents_are_added_with_the_files_indentation() {
    becomes(
        "metadata:\n   name: x\n",
        &member("abc"),
        "metadata:\n   name: x\nspec:\n   authentication:\n      jwtSecret: abc\n   multicluster:\n      clusterRole: member\n",
    );
    becomes("spec:\n    a: 1\n", &host(), "spec:\n    a: 1\n    multicluster:\n        clusterRole: host\n");
}

#[test]
fn parents_without_a_value_become_mappings() {
    becomes(
        "spec:\n  authentication:   # note\n  # below\n  multicluster: ~  # none yet\n  other: 1\n",
        &member("abc"),
        "spec:\n  authentication:   # note\n    jwtSecret: abc\n  # below\n  multicluster: {clusterRole: member}  # none yet\n  other: 1\n",
    );
    becomes(
        "spec:\n",
        &named("eu"),
        "spec:\n  multicluster:\n    clusterRole: host\n    hostClusterName: eu\n",
    );
    becomes("spec: null\n", &host(), "spec: {multicluster: {clusterRole: host}}\n");
    becomes("spec: {}\n", &host(), "spec: {multicluster: {clusterRole: host}}\n");
    becomes("spec:\n  multicluster: {}", &host(), "spec:\n  multicluster: {clusterRole: host}");
}

#[test]
fn values_that_are_left_out_are_filled_in() {
    becomes(
        "spec:\n  authentication:\n    jwtSecret:   # keep\n  multicluster:\n    clusterRole: null\n",
        &member("abc"),
        "spec:\n  authentication:\n    jwtSecret: abc   # keep\n  multicluster:\n    clusterRole: member\n",
    );
    becomes(
        "spec: {authentication: {jwtSecret: , a: 1}, multicluster: {clusterRole}}\n",
        &member("abc"),
        "spec: {authentication: {jwtSecret: abc , a: 1}, multicluster: {clusterRole: member}}\n",
    );
}

#[test]
fn flow_mappings_are_edited_in_their_lines() {
    becomes(
        "spec:\n  multicluster: { other: 1, }  # note\n  authentication: {\n    jwtSecret: 'x', # old\n    a: \"b\" # last\n  }\n",
        &member("abc"),
        "spec:\n  multicluster: { other: 1, clusterRole: member, }  # note\n  authentication: {\n    jwtSecret: 'abc', # old\n    a: \"b\" # last\n  }\n",
    );
    becomes(
        "spec: {multicluster: {a: }, authentication: {b}}\n",
        &member("abc"),
        "spec: {multicluster: {a: , clusterRole: member }, authentication: {b , jwtSecret: abc}}\n",
    );
}

#[test]
fn json_stays_json() {
    let text = r#"{"apiVersion": "installer.kubesphere.io/v1alpha1", "kind": "ClusterConfiguration", "spec": {"authentication": {}, "multicluster": null}}"#;
    let edited = edit(text, &member("abc")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&edited).unwrap();
    assert_eq!(value["spec"]["authentication"]["jwtSecret"], "abc");
    assert_eq!(value["spec"]["multicluster"]["clusterRole"], "member");
}

#[test]
fn line_ends_a_missing_newline_and_a_byte_order_mark_stay() {
    let text = format!("\u{feff}{HEAD}spec:\n  authentication:\n  multicluster:\n    clusterRole: none");
    let edited = edit(&text.replace('\n', "\r\n"), &member("abc")).unwrap();
    let expected = format!(
        "\u{feff}{HEAD}spec:\n  authentication:\n    jwtSecret: abc\n  multicluster:\n    clusterRole: member"
    );
    assert_eq!(edited, expected.replace('\n', "\r\n"));
    becomes("spec:\n  a: 1", &host(), "spec:\n  a: 1\n  multicluster:\n    clusterRole: host");
    becomes(
        "spec:\n  authentication:",
        &member("abc"),
        "spec:\n  authentication:\n    jwtSecret: abc\n  multicluster:\n    clusterRole: member",
    );
}

#[test]
fn what_is_added_after_a_block_of_lines_is_no_part_of_it() {
    becomes(
        "spec:\n  text: |+\n    # no comment\n\n    b\n\n# end\n",
        &host(),
        "spec:\n  text: |+\n    # no comment\n\n    b\n\n  multicluster:\n    clusterRole: host\n# end\n",
    );
    becomes(
        "spec:\n  a: 1\n  text: |\n    unended",
        &host(),
        "spec:\n  a: 1\n  multicluster:\n    clusterRole: host\n  text: |\n    unended",
    );
    becomes(
        "spec:\n  a: 1\n  list:\n  - a\n  - >-\n    b\n    c",
        &host(),
        "spec:\n  a: 1\n  multicluster:\n    clusterRole: host\n  list:\n  - a\n  - >-\n    b\n    c",
    );
    becomes(
        "spec:\n  text: \"a\n    b\"  # note\n",
        &host(),
        "spec:\n  text: \"a\n    b\"  # note\n  multicluster:\n    clusterRole: host\n",
    );
}

#[test]
fn the_configuration_is_found_by_group_and_kind_wherever_it_stands() {
    let other = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nspec: {multicluster: {clusterRole: none}}\n";
    let text = format!(
        "# first\n{other}---\n{HEAD}spec: {{multicluster: {{clusterRole: none}}}}\n...\n---\n{other}"
    );
    let expected = format!(
        "# first\n{other}---\n{HEAD}spec: {{multicluster: {{clusterRole: host}}}}\n...\n---\n{other}"
    );
    assert_eq!(edit(&text, &host()).unwrap(), expected);
}

#[test]
fn items_of_a_list_are_found() {
    let item = "apiVersion: installer.kubesphere.io/v1alpha1\n  kind: ClusterConfiguration\n";
    let text = format!(
        "apiVersion: v1\nkind: List\nitems:\n- kind: Namespace\n- {item}  spec:\n    a: 1\n- kind: ConfigMap\n"
    );
    let expected = text.replace("    a: 1\n", "    a: 1\n    multicluster:\n      clusterRole: host\n");
    assert_eq!(edit(&text, &host()).unwrap(), expected);
    let bare = format!("- {item}");
    assert_eq!(
        edit(&bare, &host()).unwrap(),
        format!("{bare}  spec:\n    multicluster:\n      clusterRole: host\n")
    );
}

#[test]
fn none_and_two_are_refused() {
    let expected = "- there is no ClusterConfiguration of installer.kubesphere.io in it";
    for text in ["", "\u{feff}", "# nothing\n", "---\n---\n", "plain", "- 1\n", "kind: Cluster\n"] {
        assert_eq!(edit(text, &host()).unwrap_err(), expected, "{text:?}");
    }
    assert_eq!(
        edit(&format!("{HEAD}---\n{HEAD}"), &host()).unwrap_err(),
        "- there are 2 ClusterConfigurations in it, in the lines 1 and 4"
    );
}

#[test]
fn a_wrong_kind_or_version_is_told_where_it_stands() {
    for (text, at, wrong) in [
        ("kind: ClusterConfiguration\n", "1:1", "apiVersion is missing"),
        (
            "a: 1\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n",
            "3:1",
            "apiVersion is kubeadm.k8s.io/v1beta3",
        ),
        (
            "apiVersion: installer.kubesphere.io/v1beta1\nkind: ClusterConfiguration\n",
            "1:1",
            "apiVersion is installer.kubesphere.io/v1beta1",
        ),
        (
            "- apiVersion: installer.kubesphere.io/v1\n  kind: Clusterconfiguration\n",
            "1:3",
            "kind is Clusterconfiguration, its apiVersion is installer.kubesphere.io/v1",
        ),
    ] {
        let expected = format!(
            "{at} this is not a ClusterConfiguration of installer.kubesphere.io/v1alpha1: its {wrong}"
        );
        assert_eq!(edit(text, &host()).unwrap_err(), expected, "{text:?}");
    }
    let kubeadms = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n---\n";
    assert!(edit(&format!("{kubeadms}{HEAD}"), &host()).is_ok(), "beside the right one it is another's");
}

#[test]
fn what_stands_elsewhere_or_is_repeated_elsewhere_is_refused() {
    let anchor = "has an anchor (`&`): other places of the file may repeat it";
    for (spec, at, field, mark) in [
        (
            "x: &x none\nspec: {multicluster: {clusterRole: *x}}",
            "4:23",
            "spec.multicluster.clusterRole",
            "is an alias (`*`): its value stands elsewhere",
        ),
        (
            "x: &x {}\nspec: {multicluster: *x}",
            "4:8",
            "spec.multicluster",
            "is an alias (`*`): its value stands elsewhere",
        ),
        ("spec: {multicluster: {clusterRole: &x none}}", "3:23", "spec.multicluster.clusterRole", anchor),
        ("spec:\n  multicluster: &x\n    clusterRole: none", "4:3", "spec.multicluster", anchor),
        (
            "spec: {multicluster: {clusterRole: !!str none}}",
            "3:23",
            "spec.multicluster.clusterRole",
            "has a tag (`!`)",
        ),
        ("spec: !x {}", "3:1", "spec", "has a tag (`!`)"),
        (
            "x: &x {a: 1}\nspec:\n  multicluster:\n    <<: *x",
            "6:5",
            "spec.multicluster",
            "takes keys from elsewhere (`<<`)",
        ),
    ] {
        refused(spec, &host(), &format!("{at} `{field}` {mark}"));
    }
}

#[test]
fn what_has_another_form_is_refused() {
    refused("spec:\n  multicluster: host\n", &host(), "4:3 `spec.multicluster` is not a mapping");
    refused("spec:\n  multicluster: []\n", &host(), "4:3 `spec.multicluster` is not a mapping");
    refused("spec: [1]\n", &host(), "3:1 `spec` is not a mapping");
    refused(
        "spec: {multicluster: {clusterRole: [host]}}\n",
        &host(),
        "3:23 `spec.multicluster.clusterRole` is not a single value",
    );
    refused(
        "spec:\n  multicluster:\n    clusterRole: |-\n      none\n",
        &host(),
        "5:5 `spec.multicluster.clusterRole` is written as a block of lines (`|` or `>`)",
    );
    becomes(
        "spec:\n  multicluster:\n    clusterRole: |-\n      host\n",
        &host(),
        "spec:\n  multicluster:\n    clusterRole: |-\n      host\n",
    );
}

#[test]
fn what_cannot_be_edited_is_refused_at_its_key() {
    let refusal = "it is written in a way that cannot be edited without changing something else";
    for (spec, at) in [
        ("? spec\n", "3:3"),
        ("spec:\n  a: 1\n  ? multicluster\n", "5:5"),
        ("spec: {a: 1, ? multicluster\n  : }\n", "3:16"),
    ] {
        refused(spec, &host(), &format!("{at} {refusal}"));
    }
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    refused(
        "spec:\n\tmulticluster:\n",
        &host(),
        "4:1 not YAML: a tab indents this line, where only spaces may",
    );
    refused(
        "a: 1\nb: 2\na: 3\n",
        &host(),
        "5:1 not YAML: the key `a` appears twice in one mapping (first in line 3)",
    );
    refused("spec: {\n", &host(), "3:7 not YAML: unclosed bracket '{'");
    assert!(edit(&format!("{HEAD}a: \u{7}\n"), &host()).is_err());
}

#[test]
fn what_both_readers_understand_differently_is_refused() {
    // YAML 1.1 and 1.2 agree on the form; where they do not, the second reading notices.
    for spec in ["? spec\n", "?\n  spec\n:\n  multicluster:\n", "spec: {multicluster: {? clusterRole}}\n"] {
        if let Ok(edited) = edit(&format!("{HEAD}{spec}"), &host()) {
            let value: serde_json::Value = serde_yaml::from_str(&edited).unwrap();
            assert_eq!(value["spec"]["multicluster"]["clusterRole"], "host", "{edited}");
        }
    }
}

/// Lines that real files have, and lines that no file should have.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ \t]{0,6}(spec|multicluster|authentication|clusterRole|jwtSecret|kind|items|<<|- )?[:,]?[ ]?[&*!|>{}\\[\\]\"'#%?~-]{0,3}[ ]?(none|x|ClusterConfiguration)?",
        Just(HEAD.to_owned()),
        Just("---".to_owned()),
        "\\PC{0,12}",
    ]
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(lines in prop::collection::vec(any_line(), 0..14), end in "(\n|\r\n|\r)") {
        let text = lines.join(&end);
        for text in [text.clone(), format!("{HEAD}{text}")] {
            if let Ok(edited) = edit(&text, &member("abc")) {
                prop_assert_eq!(edit(&edited, &member("abc")), Ok(edited.clone()));
                let shown = ConfigurationFile::parse(&edited).unwrap().shown(&[]);
                prop_assert_eq!(shown.matches('\n').count(), edited.matches('\n').count());
            }
        }
    }
}
