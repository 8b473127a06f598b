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

/// A kubeconfig is confidential, so it has no `Debug` for `unwrap_err`.
fn refused(options: &ConnectionOptions, environment: &Environment) -> KubeconfigError {
    load(options, environment).err().expect("it is refused")
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
    assert_eq!(merged.contexts().collect::<Vec<_>>(), ["one", "two"]);
    let cluster = merged.cluster("one").unwrap().cluster().unwrap();
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
    let error = refused(&options, &Environment::default());
    assert_eq!(error.to_string(), "cannot read kubeconfig `/nowhere/config`");
}

#[test]
fn nothing_found_says_where_it_looked() {
    let environment = environment(&["/nowhere/one".into(), "/nowhere/two".into()]);
    let error = refused(&ConnectionOptions::default(), &environment);
    assert_eq!(
        error.to_string(),
        "no kubeconfig with a context was found (looked at `/nowhere/one`, `/nowhere/two`)"
    );
    assert_eq!(
        error.hints(None),
        ["name a file with `--kubeconfig` or `$KUBECONFIG`, or a member's with `--member-kubeconfig`"]
    );
    let error = refused(&ConnectionOptions::default(), &Environment::default());
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
    ] {
        let path = written(&folder, name, text);
        let error = refused(&ConnectionOptions::default(), &environment(&[path]));
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("is malformed: line "), "{shown}");
        assert!(shown.contains(name) && !shown.contains("hunter22"), "{shown}");
    }
    let path = folder.path().join("binary");
    fs::write(&path, [0x80, 0x81]).unwrap();
    let error = refused(&ConnectionOptions::default(), &environment(&[path]));
    assert!(error.to_string().ends_with("is malformed: it is not text"), "{error}");
}

#[test]
fn a_name_that_stands_twice_in_one_file_is_refused_and_in_two_files_is_not() {
    let folder = TempDir::new().unwrap();
    let one = written(&folder, "one", "users: [{name: a}]\ncontexts: [{name: x}]\n");
    let same = written(&folder, "same", "users: [{name: a}]\n");
    let twice = written(&folder, "twice", "clusters:\n- name: kubernetes\n- name: kubernetes\n");
    assert!(load(&ConnectionOptions::default(), &environment(&[one.clone(), same])).is_ok());
    let error = refused(&ConnectionOptions::default(), &environment(&[one, twice]));
    let said = "is malformed: line 3: there is another cluster named \"kubernetes\" in line 2";
    assert!(error.to_string().ends_with(said), "{error}");
    assert_eq!(error.hints(None), ["rename or remove one cluster of the two: kubectl refuses the file, too"]);
}

#[test]
fn an_entry_is_read_when_it_is_used() {
    let folder = TempDir::new().unwrap();
    let text = "users:\n- name: number\n  user: {token: 42}\n- name: list\n  user: {tokenFile: [hunter22]}\n\
                - name: text\n  user: hunter22\n- name: good\n  user: {exec: {command: ./x, env: [{name: A, value: null}]}}\n\
                - name: plugin\n  user: {exec: {interactiveMode: Sometimes}}\n- name: none\n\
                contexts: [{name: x, context: {user: good}}]\n";
    let path = written(&folder, "config", text);
    let kubeconfig = load(&ConnectionOptions::default(), &environment(std::slice::from_ref(&path))).unwrap();
    let user = |name: &str| kubeconfig.user(name).unwrap().user();
    let command = user("good").unwrap().exec.unwrap().command.unwrap();
    assert_eq!(Path::new(&command), folder.path().join("./x"));
    assert!(user("none").is_ok());
    assert_eq!(kubeconfig.context("x").unwrap().context().unwrap().cluster, "", "absent means empty");
    for (name, line, why) in [
        ("number", 2, "its `token` is a number, which quotes make text of"),
        ("list", 4, "its `tokenFile` is a list"),
        ("text", 6, "what it says is text"),
        ("plugin", 10, "its `exec` is a mapping, or something in it is of a wrong kind"),
    ] {
        let error = user(name).unwrap_err();
        let place = format!("user \"{name}\" in line {line} of `{}` cannot be used: ", path.display());
        assert!(error.to_string().starts_with(&format!("{place}{why}")), "{error}");
        assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
    }
}
