//! What `configure` does not do, with its reason and its place, and an untouched file.

use std::{
    fs::{self, File},
    os::unix::{fs::chown, process::CommandExt as _},
    process::Command,
};

use crate::support::{CONFIGURATION_HEAD as HEAD, Folder};

#[test]
fn errors_never_look_like_differences() {
    let folder = Folder::of(b"kind: [\n");
    folder.refused("c.yaml --role host --diff", 3, &["error: c.yaml:1:7: not YAML"]);
    folder.refused("none.yaml --role host --diff", 2, &["error: none.yaml does not exist"]);
    folder.refused("c.yaml --role host --diff --jwt-secret-file secret", 2, &["generates its own jwtSecret"]);
    let folder = Folder::with("bare");
    let run = folder.configure("c.yaml --role member --jwt-secret-from-context gone --diff").run();
    run.code(2).stdout("").says("error: no kubeconfig");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_kubectl-mc"));
    program.args(["configure", "c.yaml", "--role", "host", "--diff"]).current_dir(folder.root());
    let output = program.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let nobody = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\ncontexts: [{name: gone, context: {cluster: c}}]\n";
    let run = folder.configure("c.yaml --role member --jwt-secret-from-context gone --diff");
    run.file(".kube/config", nobody).run().code(3).stdout("").says("error: host \"gone\": ");
}

#[test]
fn the_secret_is_not_written_on_a_terminal() {
    let folder = Folder::with("bare");
    let run = folder.configure("- --role member --jwt-secret-file secret").answer("").code(2);
    assert!(run.stdout.contains("the jwtSecret would appear on the screen"), "{run}");
    let run = folder.configure("c.yaml --role member --jwt-secret-stdin").answer("").code(2);
    assert!(run.stdout.contains("--jwt-secret-stdin reads no terminal"), "{run}");
}

#[test]
fn what_is_typed_wrongly_is_said_before_anything_is_read() {
    let folder = Folder::of(b"\xff");
    for (words, said) in [
        (
            "c.yaml --role member",
            "error: a member needs the jwtSecret of its host\nhint: pass --jwt-secret-from-context, ",
        ),
        ("c.yaml --role host --jwt-secret-file secret", "error: a host generates its own jwtSecret"),
        (
            "c.yaml --role member --jwt-secret-file secret --host-cluster-name eu",
            "error: --host-cluster-name is for",
        ),
        (
            "c.yaml --role host --host-cluster-name EU",
            "error: \"EU\" cannot be the name of the host's Cluster",
        ),
        ("- --role host --backup", "error: --backup keeps a file"),
        ("- --role member --jwt-secret-stdin", "error: FILE and the jwtSecret cannot both be stdin"),
        (
            "c.yaml --role member --jwt-secret-from-context a --context b",
            "error: --jwt-secret-from-context and --context both name the host's context\nhint: leave out",
        ),
        ("none --role host", "error: none does not exist"),
    ] {
        folder.refused(words, 2, &[said]);
    }
    for words in ["c.yaml", "--role host", "c.yaml --role none", "c.yaml --role host --diff --backup"] {
        folder.run(words).code(2).stdout("");
    }
    let both = "c.yaml --role member --jwt-secret-file secret --jwt-secret-stdin";
    folder.run(both).code(2).says("cannot be used with");
}

#[test]
fn bad_files_are_refused_with_their_place() {
    for (bytes, said) in [
        (&b""[..], "c.yaml: there is no ClusterConfiguration of installer.kubesphere.io in it"),
        (b"a: 1\n\tb: 2\n", "c.yaml:2:1: not YAML: a tab indents this line"),
        (
            b"a: 1\nb: {a: 1, a: 2}\n",
            "c.yaml:2:11: not YAML: the key `a` appears twice in one mapping (first in line 2)",
        ),
        (b"a: 1\nb: \xff\n", "c.yaml:2:4: not UTF-8: the byte 0xff at offset 8"),
        (b"a: 'b\n", "c.yaml:"),
    ] {
        Folder::of(bytes).refused("c.yaml --role host", 3, &[said]);
    }
    for (spec, said) in [
        (&*format!("---\n{HEAD}"), "c.yaml: there are 2 ClusterConfigurations in it, in the lines 1 and 4"),
        ("x: &x {}\nspec:\n  multicluster: *x\n", "c.yaml:5:3: `spec.multicluster` is an alias"),
        ("spec:\n  multicluster: host\n", "c.yaml:4:3: `spec.multicluster` is not a mapping"),
    ] {
        Folder::of(format!("{HEAD}{spec}").as_bytes()).refused("c.yaml --role host", 3, &[said]);
    }
}

#[test]
fn what_is_not_what_it_seems_is_refused_with_its_place_and_the_way_out() {
    let unseen =
        format!("{HEAD}spec:\n  multicluster:\n    clusterRole: none\n\u{a0}   hostClusterName: eu\n");
    let encrypted = format!("{HEAD}spec: {{}}\nsops:\n  mac: x\n");
    let kubeadms = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n".to_owned();
    for (text, said, hint) in [
        (
            unseen,
            "c.yaml:6:1: the invisible character U+00A0 NO-BREAK SPACE stands here",
            "an ordinary space",
        ),
        (encrypted, "c.yaml:4:1: the file is encrypted by SOPS", "`sops --decrypt --in-place c.yaml`"),
        (kubeadms, "its apiVersion is kubeadm.k8s.io/v1beta3", "set kind and apiVersion right"),
    ] {
        Folder::of(text.as_bytes()).refused("c.yaml --role host", 3, &[said, hint]);
    }
}

#[test]
fn what_nothing_reads_is_told_with_its_line() {
    let folder = Folder::of(format!("{HEAD}spec: {{}}\nmulticluster:\n  clusterRole: member\n").as_bytes());
    let run = folder.run("c.yaml --role host").code(0);
    let _ = run.says(
        "warning: c.yaml: line 4: nothing reads `multicluster` there: its place is `spec.multicluster`",
    );
}

#[test]
fn what_would_lose_a_name_or_its_backup_is_refused() {
    let folder = Folder::with("bare");
    fs::hard_link(folder.path("c.yaml"), folder.path("d.yaml")).unwrap();
    folder.refused("c.yaml --role host", 3, &["c.yaml has other names (hard links)", "hint: make it a file"]);
    fs::remove_file(folder.path("d.yaml")).unwrap();
    fs::create_dir(folder.path("c.yaml.bak")).unwrap();
    folder.refused("c.yaml --role host --backup", 3, &["c.yaml.bak is a directory, so the old file"]);
    folder.run("c.yaml --role host").code(0);
}

/// The secret comes through a pipe, which is opened after the file was read: what writes it changes the file first.
#[test]
fn a_file_that_changes_meanwhile_is_left_as_it_is() {
    let folder = Folder::with("bare");
    let made = Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap();
    assert!(made.success());
    let script = "exec 3> pipe; echo '# theirs' >> c.yaml; cat secret >&3";
    let mut writer = Command::new("sh").args(["-c", script]).current_dir(folder.root()).spawn().unwrap();
    let run = folder.run("c.yaml --role member --jwt-secret-file pipe");
    writer.kill().ok();
    writer.wait().unwrap();
    run.code(3).stdout("").says("error: c.yaml has changed since it was read\nhint: run the same");
    let text = folder.text("c.yaml");
    assert!(text.ends_with("# theirs\n") && text.contains("clusterRole: none"), "{text}");
    assert_eq!(folder.names(), ["c.yaml", "pipe", "secret"]);
}

/// Root may give a file to anybody, so somebody else has to try; only root can become somebody else.
#[test]
fn a_file_whose_owner_would_change_is_refused() {
    let folder = Folder::with("bare");
    if chown(folder.path("c.yaml"), Some(4710), Some(4712)).is_err() {
        return;
    }
    folder.chmod("c.yaml", 0o664);
    folder.chmod(".", 0o777);
    // Where the others may go; copied by another process, since forks of this one would keep it open for writing.
    let copied =
        Command::new("cp").args([env!("CARGO_BIN_EXE_kubectl-mc"), "."]).current_dir(folder.root()).status();
    assert!(copied.unwrap().success());
    let names = folder.names();
    let mut program = Command::new(folder.path("kubectl-mc"));
    program.args(["configure", "c.yaml", "--role", "host", "--backup"]).current_dir(folder.root());
    let output = program.env_clear().uid(4711).gid(4712).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.starts_with("error: c.yaml cannot be replaced: the new file would not keep its owner"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: run as the file's owner"), "{stderr}");
    assert!(folder.text("c.yaml").contains("clusterRole: none"));
    assert_eq!(folder.names(), names);
}

#[test]
fn what_is_no_writable_file_is_refused() {
    let folder = Folder::with("bare");
    folder.refused(". --role host", 3, &["error: . is a directory"]);
    folder.refused("/dev/null --role host", 3, &["error: /dev/null is not a regular file"]);
    folder.chmod("c.yaml", 0o444);
    folder.refused(
        "c.yaml --role host",
        3,
        &["c.yaml is read-only", "hint: if it may be changed: `chmod u+w "],
    );
    folder.run("c.yaml --role host --diff").code(1);
    folder.chmod("c.yaml", 0o644);
    folder.chmod(".", 0o555);
    folder.refused("c.yaml --role host --backup", 3, &["is read-only"]);
    folder.chmod(".", 0o755);
    fs::write(folder.path("c.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    folder.refused("c.yaml --role host", 3, &["c.yaml is longer than 1 MiB"]);
}
