use std::ffi::OsString;
use std::fs;

use tempfile::TempDir;

use super::*;

fn kubeconfig(context: &str, current: &str, authority: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: \"{current}\"\n\
         clusters:\n- name: {context}\n  cluster: {{server: 'https://{context}:6443', certificate-authority: {authority}, certificate-authority-data: ''}}\n\
         users:\n- name: {context}\n  user: {{token: secret-{context}}}\n\
         contexts:\n- name: {context}\n  context: {{cluster: {context}, user: {context}}}\n"
    )
}

fn environment(files: &[PathBuf]) -> Environment {
    let list: OsString = std::env::join_paths(files).unwrap();
    Environment { kubeconfig: Some(list), ..Environment::default() }
}

fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_list_is_merged_as_kubectl_merges_it() {
    let folder = TempDir::new().unwrap();
    let first = written(&folder, "a/one", &kubeconfig("one", "", "ca.crt"));
    let second = written(&folder, "b/two", &kubeconfig("two", "two", "ca.crt"));
    let third = written(&folder, "c/again", &kubeconfig("one", "one", "other.crt"));
    let missing = folder.path().join("missing");
    let merged =
        load(&ConnectionOptions::default(), &environment(&[missing, PathBuf::new(), first, second, third]))
            .unwrap();
    assert_eq!(merged.current_context.as_deref(), Some("two"), "an empty current-context does not win");
    let names: Vec<_> = merged.contexts.iter().map(|named| named.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    let cluster = merged.clusters[0].cluster.as_ref().unwrap();
    assert_eq!(Path::new(cluster.certificate_authority.as_ref().unwrap()), folder.path().join("a/ca.crt"));
    assert_eq!(cluster.certificate_authority_data, None, "empty means absent");
}

#[test]
fn home_is_the_last_resort() {
    let folder = TempDir::new().unwrap();
    written(&folder, ".kube/config", &kubeconfig("home", "home", "ca.crt"));
    let environment = Environment { home: Some(folder.path().to_owned()), ..Environment::default() };
    let found = load(&ConnectionOptions::default(), &environment).unwrap();
    assert_eq!(found.current_context.as_deref(), Some("home"));
}

#[test]
fn an_explicit_file_must_exist() {
    let options =
        ConnectionOptions { kubeconfig: Some("/nowhere/config".into()), ..ConnectionOptions::default() };
    let error = load(&options, &Environment::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read kubeconfig `/nowhere/config`");
}

#[test]
fn nothing_found_says_where_it_looked() {
    let environment = environment(&["/nowhere/one".into(), "/nowhere/two".into()]);
    let error = load(&ConnectionOptions::default(), &environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no kubeconfig with a context was found (looked at `/nowhere/one`, `/nowhere/two`)"
    );
    assert_eq!(error.hints(), ["name a file with `--kubeconfig` or `$KUBECONFIG`"]);
    let error = load(&ConnectionOptions::default(), &Environment::default()).unwrap_err();
    assert!(error.to_string().contains("neither"), "{error}");
    let options = ConnectionOptions { server: Some("https://edge".into()), ..ConnectionOptions::default() };
    assert!(load(&options, &Environment::default()).is_ok(), "--server needs no kubeconfig");
}

#[test]
fn a_malformed_file_is_named_with_its_place_and_without_its_content() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [
        ("syntax", "apiVersion: v1\nusers:\n- name: a\n  user: {token: hunter22hunter22\n"),
        ("types", "apiVersion: v1\nusers: hunter22hunter22\n"),
        ("scalar", "hunter22hunter22"),
        ("token", "users:\n- name: a\n  user:\n    token: [hunter22hunter22]\n"),
    ] {
        let path = written(&folder, name, text);
        let error = load(&ConnectionOptions::default(), &environment(&[path])).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("is malformed at line "), "{shown}");
        assert!(shown.contains(name) && !shown.contains("hunter22"), "{shown}");
    }
    let path = folder.path().join("binary");
    fs::write(&path, [0x80, 0x81]).unwrap();
    let error = load(&ConnectionOptions::default(), &environment(&[path])).unwrap_err();
    assert!(error.to_string().ends_with("is malformed: it is not text"), "{error}");
}
