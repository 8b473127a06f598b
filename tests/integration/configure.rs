//! `configure`, as its users meet it: the file, the streams and the exit codes.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
    process::Command,
};

use kubesphere::jwt_secret::JwtSecret;
use testbed::kubesphere::{Installation, Peculiarity, Role, Scenario, Version};

use crate::support::{
    CONFIGURATION_HEAD as HEAD, Folder, GIVEN_SECRET as SECRET, Kubeconfig, KubectlMc, MEMBER, Run, STRACE,
    Watched, user_who_may,
};

#[test]
fn a_host_is_configured_once() {
    let folder = Folder::with("kubekey");
    folder.chmod("c.yaml", 0o640);
    let old = folder.text("c.yaml");
    let run = folder.run("c.yaml --role host").code(0).stdout("c.yaml configured\n");
    assert_eq!(run.stderr, "");
    assert_ne!(folder.text("c.yaml"), old);
    let written = fs::metadata(folder.path("c.yaml")).unwrap();
    let run = folder.run("c.yaml --role host --backup").code(0).stdout("c.yaml unchanged\n");
    assert_eq!(run.stderr, "");
    let left = fs::metadata(folder.path("c.yaml")).unwrap();
    assert_eq!((left.ino(), left.mtime_nsec()), (written.ino(), written.mtime_nsec()));
    assert_eq!(folder.names(), ["c.yaml", "secret"]);
}

#[test]
fn a_members_file_is_closed_to_all_but_its_owner() {
    let folder = Folder::with("installer");
    let run = folder.run(MEMBER).code(0).stdout("c.yaml configured\n");
    run.says(
        "warning: c.yaml: nobody but its owner may read it any longer, because it holds the jwtSecret now\n",
    );
    assert_eq!(folder.mode("c.yaml"), 0o600);
    assert!(folder.text("c.yaml").contains(&format!("    jwtSecret: \"{SECRET}\"           # Ask the host")));
    let run = folder.run(MEMBER).code(0).stdout("c.yaml unchanged\n");
    assert_eq!(run.stderr, "");
    folder.chmod("c.yaml", 0o604);
    let run = folder.run(MEMBER).code(0).stdout("c.yaml unchanged\n");
    run.says("warning: c.yaml: everybody may read it, and it holds the jwtSecret: `chmod o-r c.yaml`\n");
    assert_eq!(folder.mode("c.yaml"), 0o604);
}

#[test]
fn a_hosts_file_with_secrets_stays_open_with_a_warning() {
    let folder = Folder::with("kubekey");
    fs::rename(folder.path("c.yaml"), folder.path("my c.yaml")).unwrap();
    for result in ["configured", "unchanged"] {
        let run = folder.configure("--role host").args(["my c.yaml"]).run().code(0);
        run.stdout(&format!("my c.yaml {result}\n")).says(
            "warning: my c.yaml: everybody may read it, and it holds secrets: `chmod o-r 'my c.yaml'`\n",
        );
        assert_eq!(folder.mode("my c.yaml"), 0o644);
    }
    assert_eq!(Folder::with("bare").run("c.yaml --role host").code(0).stderr, "");
}

#[test]
fn a_secret_that_goes_to_an_open_file_is_warned_about() {
    let folder = Folder::with("bare");
    let program = env!("CARGO_BIN_EXE_kubectl-mc");
    let stderr = |umask, role| {
        let script = format!("umask {umask}; exec {program} configure - {role} < c.yaml > {umask}.yaml");
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.root()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let member = "--role member --jwt-secret-file secret";
    assert_eq!(
        stderr("022", member),
        "warning: stdout: everybody may read the file that it goes to, and it holds the jwtSecret\nhint: close it with `chmod o-r FILE`; the next one is closed from the start with `umask 077`\n"
    );
    assert!(folder.text("022.yaml").contains(SECRET));
    assert_eq!(stderr("077", member), "");
    assert_eq!(stderr("022", "--role host"), "", "it holds none");
}

#[test]
fn a_members_file_does_not_make_a_host_without_a_word() {
    let folder = Folder::with("bare");
    folder.run(MEMBER).code(0);
    let fingerprint = JwtSecret::new(SECRET).fingerprint();
    let run = folder.run("c.yaml --role host").code(0).stdout("c.yaml configured\n");
    run.says(&format!(
        "warning: c.yaml: the jwtSecret {fingerprint} is in it already, and this host will sign with it"
    ));
}

#[test]
fn a_backup_keeps_what_was_there() {
    let folder = Folder::with("bare");
    let old = folder.text("c.yaml");
    fs::write(folder.path("c.yaml.bak"), "older").unwrap();
    folder.run(&format!("{MEMBER} --backup")).code(0).stdout("c.yaml configured\n");
    assert_eq!(folder.text("c.yaml.bak"), old);
    assert_eq!(folder.mode("c.yaml.bak"), 0o644);
    let with_secret = folder.text("c.yaml");
    folder.chmod("c.yaml", 0o644);
    folder.run("c.yaml --role host --backup").code(0);
    assert_eq!(folder.text("c.yaml.bak"), with_secret);
    assert_eq!(folder.mode("c.yaml.bak"), 0o600);
    assert_eq!(folder.mode("c.yaml"), 0o644);
    assert_eq!(folder.names(), ["c.yaml", "c.yaml.bak", "secret"]);
}

#[test]
fn a_link_leads_to_its_file() {
    let folder = Folder::with("bare");
    fs::create_dir(folder.path("real")).unwrap();
    fs::rename(folder.path("c.yaml"), folder.path("real/c.yaml")).unwrap();
    symlink("real/c.yaml", folder.path("c.yaml")).unwrap();
    folder.run("c.yaml --role host --backup").code(0).stdout("c.yaml configured\n");
    assert_eq!(fs::read_link(folder.path("c.yaml")).unwrap(), Path::new("real/c.yaml"));
    assert!(folder.text("real/c.yaml").contains("clusterRole: host"));
    assert!(folder.text("real/c.yaml.bak").contains("clusterRole: none"));
    assert_eq!(folder.names(), ["c.yaml", "real", "secret"]);
}

/// A write that fails half way kills the process, as a full quota or a power failure would end it.
#[test]
fn a_kill_half_way_leaves_the_old_file_and_nothing_of_the_new_one() {
    let text = format!("{HEAD}spec:\n{}", "  # long\n".repeat(2000));
    let folder = Folder::of(text.as_bytes());
    let program = env!("CARGO_BIN_EXE_kubectl-mc");
    let script = format!("ulimit -c 0; ulimit -f 2; exec {program} configure {MEMBER}");
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.root()).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(folder.text("c.yaml"), text);
    assert_eq!(folder.names(), ["c.yaml", "secret"]);
}

/// At each call that makes, fills, closes or moves a file. Only between the last two a copy stays, which nobody else may
/// read, until the next run.
#[test]
fn killed_at_each_call_it_leaves_the_old_file_or_the_new_one_and_the_next_run_sweeps() {
    if !STRACE.is_there() {
        return;
    }
    let (old, new) = {
        let folder = Folder::with("bare");
        let old = folder.text("c.yaml");
        folder.run(MEMBER).code(0);
        (old, folder.text("c.yaml"))
    };
    let mut left_at = Vec::new();
    for call in ["?open", "flock", "write", "fchmod", "fsync", "linkat", "renameat"] {
        for number in 1.. {
            let folder = Folder::with("bare");
            let killed = format!("inject={call}:signal=KILL:when={number}");
            let mut strace = Command::new("strace");
            strace
                .args(["-f", "-o/dev/null", "-e", &killed])
                .args([env!("CARGO_BIN_EXE_kubectl-mc"), "configure"]);
            let ended = strace.args(MEMBER.split(' ')).current_dir(folder.root()).output().unwrap().status;
            let text = folder.text("c.yaml");
            assert!(text == old || text == new, "{call} {number}: {text}");
            let names = folder.names();
            let left: Vec<&String> =
                names.iter().filter(|name| !["c.yaml", "secret"].contains(&name.as_str())).collect();
            assert!(left.iter().all(|name| folder.mode(name) == 0o600), "{call} {number}: {names:?}");
            left_at.extend(left.iter().map(|_| call));
            folder.run(MEMBER).code(0);
            assert_eq!(folder.text("c.yaml"), new, "{call} {number}");
            assert_eq!(
                (folder.mode("c.yaml"), folder.names()),
                (0o600, vec!["c.yaml".to_owned(), "secret".to_owned()])
            );
            if ended.success() {
                break;
            }
        }
    }
    assert_eq!(left_at, ["renameat"], "it has a name between two calls alone");
}

#[test]
fn a_difference_is_shown_without_secrets_and_ends_with_1() {
    let folder = Folder::with("kubekey");
    let old = folder.text("c.yaml");
    let fingerprint = JwtSecret::new(SECRET).fingerprint();
    let run = folder.run(&format!("{MEMBER} --diff")).code(1);
    let expected = format!(
        "--- c.yaml
+++ c.yaml
@@ -44,7 +44,7 @@
   persistence:
     storageClass: \"\"
   authentication:
-    jwtSecret: \"\"
+    jwtSecret: \"{fingerprint}\"
   zone: \"\"
   local_registry: \"\"
   namespace_override: \"\"
@@ -55,7 +55,7 @@
     port: 2379
     tlsEnable: true
   multicluster:
-    clusterRole: none 
+    clusterRole: member 
   network:
     networkpolicy:
       enabled: false
"
    );
    let run = run.stdout(&expected);
    assert_eq!(run.stderr, "");
    assert_eq!(folder.text("c.yaml"), old);
    folder.run(MEMBER).code(0);
    let run = folder.run(&format!("{MEMBER} --diff")).code(0).stdout("");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_difference_near_passwords_masks_them() {
    let near = "  authentication: # jwtSecret: correct horse\n    adminPassword: Hunter@123\n    # adminPassword: Hunter@124\n    jwtSecret: hunter-of-logs\n";
    let folder = Folder::of(format!("{HEAD}spec:\n{near}").as_bytes());
    let run = folder.run(&format!("{MEMBER} --diff --color always")).code(1);
    for shown in
        ["adminPassword: ***\n", "# adminPassword: ***", &JwtSecret::new("hunter-of-logs").fingerprint()]
    {
        assert!(run.stdout.contains(shown), "{run}");
    }
    assert!(run.stdout.contains("\u{1b}[31m-    jwtSecret: sha256:"), "{run}");
    assert!(run.stdout.contains("\u{1b}[32m+    jwtSecret: sha256:"), "{run}");
}

#[test]
fn a_difference_hides_the_old_and_the_new_secret_wherever_they_stand() {
    let old = "OldSecretOfAnotherHost";
    let text = format!(
        "{HEAD}spec:\n  # key of prod: {SECRET}\n  note: \"it was {old}\"\n  authentication:\n    jwtSecret: {old} # not {SECRET}\n    kid: x{SECRET}y # was {old}\n"
    );
    let run = Folder::of(text.as_bytes()).run(&format!("{MEMBER} --diff")).code(1);
    let [old_print, new_print] = [old, SECRET].map(|secret| JwtSecret::new(secret).fingerprint());
    assert!(!run.stdout.contains(old), "{run}");
    for shown in [
        format!("   # key of prod: {new_print}\n   note: \"it was {old_print}\"\n"),
        format!(
            "-    jwtSecret: {old_print} # not {new_print}\n+    jwtSecret: {new_print} # not {new_print}\n"
        ),
        format!("     kid: x{new_print}y # was {old_print}\n"),
    ] {
        assert!(run.stdout.contains(&shown), "{run}");
    }
}

#[test]
fn stdin_is_filtered_to_stdout() {
    let folder = Folder::with("kubekey");
    let old = folder.text("c.yaml").replace('\n', "\r\n");
    // Here what the file holds is the result.
    let filter = |words| KubectlMc::new("", Vec::new()).folder(folder.root()).stdin(&old).words(words).run();
    let run = filter("configure - --role host").code(0);
    let run = run.stdout(&old.replace("    clusterRole: none \r\n", "    clusterRole: host \r\n"));
    assert_eq!(run.stderr, "");
    let run = filter("configure - --role member --jwt-secret-file secret").code(0);
    assert!(run.stdout.contains(SECRET), "{run}");
    let run = folder.configure("- --role member --jwt-secret-file secret --diff").stdin(&old).run().code(1);
    assert!(run.stdout.starts_with("--- stdin\n+++ stdin\n@@ "), "{run}");
    folder.configure("- --role host").stdin("x").run().code(3).stdout("").says("error: stdin: there is no");
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let folder = Folder::with("kubekey");
    let old = folder.text("c.yaml");
    let run = folder.configure("- --role host").stdin(&old).run_unread().code(0);
    assert_eq!(run.stderr, "");
    folder.configure("c.yaml --role host --diff").run_unread().code(0);
    folder.configure("c.yaml --role host").run_unread().code(0);
    assert!(folder.text("c.yaml").contains("clusterRole: host"));
}

#[test]
fn a_secret_comes_from_stdin_or_a_file_and_is_checked() {
    let folder = Folder::with("bare");
    let from_stdin = "c.yaml --role member --jwt-secret-stdin";
    folder.configure(from_stdin).stdin(&format!("{SECRET}\r\n")).run().code(0).stdout("c.yaml configured\n");
    assert!(folder.text("c.yaml").contains(&format!("jwtSecret: '{SECRET}'")));
    folder.run(MEMBER).code(0).stdout("c.yaml unchanged\n");
    let run = folder.configure(from_stdin).stdin("").run().code(3);
    run.says("error: stdin: the jwtSecret cannot be used: it is empty\nhint: ");
    for unusable in ["correct horse", "Hunter@123\n\n"] {
        let run = folder.configure(from_stdin).stdin(unusable).run().code(3);
        run.says("error: stdin: the jwtSecret cannot be used: it holds a character outside");
    }
    folder.refused("c.yaml --role member --jwt-secret-file none", 2, &["error: none cannot be read"]);
    folder.refused("c.yaml --role member --jwt-secret-file .", 3, &["error: . cannot be read"]);
    fs::write(folder.path("long"), vec![b'a'; 200_000]).unwrap();
    folder.refused(
        "c.yaml --role member --jwt-secret-file long",
        3,
        &["error: long: ", "is longer than 4096"],
    );
    fs::write(folder.path("empty"), "\n").unwrap();
    folder.refused("c.yaml --role member --jwt-secret-file empty", 3, &["error: empty: ", "it is empty"]);
}

#[test]
fn what_kubekey_or_kubesphere_would_do_to_it_is_said() {
    let folder = Folder::with("kubekey");
    let run = folder.run("c.yaml --role host --host-cluster-name time-zone").code(0);
    run.says("warning: c.yaml: KubeKey edits its copy").says("`zone`").says("\"time-zone\" would be lost");
    let folder = Folder::with("bare");
    let run = folder.run("c.yaml --role host --host-cluster-name time-zone").code(0);
    run.says("warning: c.yaml: KubeSphere v3.1.0 ignores hostClusterName").does_not_say("KubeKey");
}

/// `configure` on a bed, with a file that asks for nothing yet.
fn on_bed(bed: &Watched, words: &str) -> (Folder, Run) {
    let folder = Folder::with("installer");
    let program = bed.kubectl_mc().folder(folder.root());
    let run = program.words("configure c.yaml --role member --jwt-secret-from-context").words(words).run();
    (folder, run)
}

#[test]
fn the_hosts_own_secret_is_taken_from_it() {
    let bed = Watched::shared();
    let (folder, run) = on_bed(bed, "host");
    let run = run.code(0).stdout("c.yaml configured\n");
    run.says("warning: host \"host\": it is not a host yet, and only a host can import members\n")
        .says("hint: make it one: `kubectl mc prepare host --context host`\n");
    let secret = bed.host().configured("authentication.jwtSecret");
    assert!(folder.text("c.yaml").contains(&format!("jwtSecret: {secret}  ")), "{secret}");
    let (_, run) = on_bed(bed, "gone");
    run.code(2).stdout("").says("gone");
    bed.assert_untouched();
}

#[test]
fn a_members_secret_is_not_taken_and_a_hosts_is_without_a_word() {
    let installed = |role| Installation::new(Version::V3_2).role(role);
    let scenario = Scenario::new(Version::V3_2).host(installed(Role::Host)).member(installed(Role::Member));
    let bed = Watched::lease(&scenario);
    let (_, run) = on_bed(&bed, "host");
    run.code(0).stdout("c.yaml configured\n").does_not_say("role");
    let (folder, run) = on_bed(&bed, "member1");
    run.code(3)
        .stdout("")
        .says("error: host \"member1\": it is a member, and its jwtSecret may not be its host's\n")
        .says("hint: name the context of its host instead");
    assert_eq!(folder.mode("c.yaml"), 0o644);
    bed.assert_untouched();
}

#[test]
fn a_cluster_without_kubesphere_has_no_secret() {
    let empty = Installation::new(Version::V3_4).with(Peculiarity::NoKubeSphere);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(empty));
    let (_, run) = on_bed(&bed, "host");
    run.code(3).says("error: host \"host\": KubeSphere is not installed\n").says("hint: ");
}

#[test]
fn the_secrets_copy_does_where_the_configuration_may_not_be_read() {
    let bed = Watched::shared();
    let take = |user: &str, right: &str| {
        let kubeconfig = Kubeconfig::of(bed).user("host", user_who_may(bed.host(), user, &[right]));
        let folder = Folder::with("installer");
        let program = bed.kubectl_mc_with(&kubeconfig).folder(folder.root());
        (program.words("configure c.yaml --role member --jwt-secret-from-context host").run(), folder)
    };
    let (run, folder) = take("reads-secrets", "get secrets");
    run.code(0).says("warning: host \"host\": whether it is a host could not be read\n");
    let secret = bed.host().configured("authentication.jwtSecret");
    assert!(folder.text("c.yaml").contains(&format!("jwtSecret: {secret}  ")));
    let (run, _) = take("reads-nodes", "get nodes");
    run.code(1)
        .says("error: host \"host\": get configmaps/kubesphere-config in kubesphere-system: forbidden")
        .says("hint: the user needs \"get\" on configmaps");
    bed.assert_untouched();
}
