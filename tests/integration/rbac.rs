//! The roles in docs/rbac are enough for their duties, and nothing in them is more than that.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use testbed::{
    Access, AuditEvent, Fault, Front, Rule,
    bed::Cluster,
    block_on,
    kubesphere::{Installation, InstallerScenario, Peculiarity, Role, Scenario, Version, objects},
};

use crate::{
    four_refusals::claimed_by,
    support::{Faulty, Grant, Kubeconfig, KubectlMc, RoleFile, Run, Watched, exists, user},
};

/// What every change on one machine needs besides.
const GO: &str = "--context host --yes --skip-check member-server-loopback";

/// Namespaces that a cluster may not have yet: no Role can stand in them beforehand.
const LATER: [&str; 2] = ["kube-federation-system", "kubesphere-devops-system"];

/// Where a wait takes longer than it does here, pods that cannot start are looked for; without the right they are not told.
const LOOKED_FOR_LATE: [&str; 1] = ["list pods in kube-federation-system"];

/// A duty, the files with the roles for it on each side, and how it is shown that they are what it needs.
struct Duty {
    host: &'static [&'static str],
    member: &'static [&'static str],
    /// What the roles do not give on purpose: it is reported as unknown.
    spared: &'static [&'static str],
    exercises: &'static [Exercise],
}

/// Commands that end well, on a bed of their own; before the last one the installer may have failed.
struct Exercise {
    bed: fn() -> Scenario,
    /// What an administrator does first.
    first: fn(&Watched),
    commands: &'static [&'static str],
}

macro_rules! duties {
    ($($name:ident => $duty:expr;)+) => {
        const DUTIES: &[(&str, Duty)] = &[$((stringify!($name), $duty)),+];
        $(#[test] fn $name() { let duty: Duty = $duty; duty.holds(stringify!($name)); })+
    };
}

duties! {
    join => Duty {
        host: &["join-on-host", "federation-on-host"],
        member: &["join-on-member", "federation-on-member", "devops"],
        spared: &[],
        exercises: &[
            Exercise { bed: standalone, first: nothing, commands: &["join member1"] },
            Exercise { bed: failed_before, first: nothing, commands: &["join member1"] },
            Exercise { bed: with_history, first: nothing, commands: &["join member1 --wait=false --skip-check member-leftovers"] },
        ],
    };
    join_by_certificate => Duty {
        host: &["join-on-host"],
        member: &["join-on-member-for-3.3"],
        spared: &[],
        exercises: &[Exercise { bed: of_3_3_to_fail, first: nothing, commands: &["join member1", "join member1"] }],
    };
    join_on_4 => Duty {
        host: &["join-on-host-for-4"],
        member: &["join-on-member-for-4"],
        spared: &[],
        exercises: &[
            Exercise { bed: of_4, first: with_namespace, commands: &["join member1"] },
            Exercise { bed: former_of_4, first: nothing, commands: &["join member1"] },
        ],
    };
    import_to_4 => Duty {
        host: &["join-on-host-for-4"],
        member: &["join-on-member-for-4"],
        spared: &[],
        exercises: &[Exercise { bed: former_of_4, first: nothing, commands: &["import member1"] }],
    };
    prepare_host => Duty {
        host: &["prepare-host"],
        member: &[],
        spared: &[],
        exercises: &[
            Exercise { bed: standalone, first: nothing, commands: &["prepare host"] },
            Exercise { bed: failed_before, first: nothing, commands: &["prepare host"] },
        ],
    };
    prepare_member => Duty {
        host: &["prepare-member-on-host"],
        member: &["prepare-member-on-member"],
        spared: &[],
        exercises: &[
            Exercise { bed: with_host, first: nothing, commands: &["prepare member member1"] },
            Exercise { bed: member_failed_before, first: nothing, commands: &["prepare member member1"] },
        ],
    };
    import => Duty {
        host: &["import-on-host", "federation-on-host"],
        member: &["import-on-member", "federation-on-member"],
        spared: &[],
        exercises: &[
            Exercise {
                bed: prepared,
                first: nothing,
                commands: &["import member1"],
            },
            Exercise {
                bed: with_history,
                first: nothing,
                commands: &["import member1 --wait=false --skip-check member-leftovers"],
            },
        ],
    };
    describe => Duty {
        host: &["join-on-host", "federation-on-host", "describe-on-host"],
        member: &["join-on-member", "federation-on-member"],
        spared: &[],
        exercises: &[Exercise {
            bed: prepared,
            first: joined,
            commands: &["join member1 --alias Edge"],
        }],
    };
    check => Duty {
        host: &["check-on-host", "federation-on-host", "devops"],
        member: &["check-on-member", "federation-on-member", "devops"],
        spared: &["list secrets in kubesphere-system"],
        exercises: &[
            Exercise { bed: standalone, first: nothing, commands: &["check member1"] },
            Exercise { bed: with_history, first: nothing, commands: &["check member1 --skip-check member-leftovers"] },
            Exercise { bed: prepared, first: joined, commands: &["check member1"] },
            Exercise { bed: former_of_4, first: joined, commands: &["check member1"] },
        ],
    };
    check_with_probes => Duty {
        host: &["check-on-host", "federation-on-host", "probe-on-host"],
        member: &["check-on-member", "federation-on-member"],
        spared: &[],
        exercises: &[Exercise {
            bed: prepared,
            first: joined,
            commands: &["check member1 --reachability=nodes"],
        }],
    };
    logs => Duty {
        host: &["logs"],
        member: &["logs"],
        spared: &[],
        exercises: &[Exercise { bed: prepared, first: nothing, commands: &["logs", "logs member1"] }],
    };
    logs_on_4 => Duty {
        host: &["logs-on-host-for-4"],
        member: &["logs-on-member-for-4"],
        spared: &[],
        exercises: &[
            Exercise { bed: former_of_4, first: joined, commands: &["logs"] },
            Exercise { bed: of_4, first: begun, commands: &["logs member1"] },
        ],
    };
    get => Duty {
        host: &["get"],
        member: &[],
        spared: &[],
        exercises: &[Exercise { bed: prepared, first: joined, commands: &["get --probe", "get --watch"] }],
    };
    renew => Duty {
        host: &["renew-on-host", "federation-on-host"],
        member: &["renew-on-member", "federation-on-member"],
        spared: &[],
        exercises: &[
            Exercise {
                bed: prepared,
                first: joined,
                commands: &["renew member1 --member-context member1"],
            },
            Exercise {
                bed: prepared,
                first: joined_by_context,
                commands: &["renew member1 --member-context member1"],
            },
        ],
    };
    renew_on_4 => Duty {
        host: &["renew-on-host-for-4"],
        member: &["renew-on-member-for-4"],
        spared: &[],
        exercises: &[
            Exercise { bed: bare_of_4, first: joined, commands: &["renew member1 --member-context member1"] },
            Exercise {
                bed: bare_of_4,
                first: joined_by_context,
                commands: &["renew member1 --member-context member1"],
            },
        ],
    };
    rotate => Duty {
        host: &["prepare-host"],
        member: &["prepare-member-on-member", "federation-on-member"],
        spared: &[],
        exercises: &[
            Exercise { bed: prepared, first: joined, commands: &["rotate jwt-secret"] },
            Exercise {
                bed: failing_once_each,
                first: joined,
                commands: &["rotate jwt-secret", "rotate jwt-secret", "rotate jwt-secret"],
            },
        ],
    };
    unjoin => Duty {
        host: &["unjoin-on-host"],
        member: &["unjoin-on-member"],
        // Where a role of its own stands in it, the namespace is not empty: it stays.
        spared: &["list * in kube-federation-system"],
        exercises: &[
            Exercise {
                bed: prepared_to_fail,
                first: joined,
                commands: &["unjoin member1 --member-context member1", "unjoin member1 --member-context member1"],
            },
        ],
    };
    unjoin_on_4 => Duty {
        host: &["unjoin-on-host-for-4"],
        member: &["unjoin-on-member-for-4"],
        spared: &[],
        exercises: &[
            Exercise { bed: bare_of_4, first: joined, commands: &["unjoin member1 --member-context member1"] },
            Exercise {
                bed: bare_of_4,
                first: left_behind,
                commands: &["unjoin member1 --member-context member1"],
            },
        ],
    };
    uninstall_on_4 => Duty {
        host: &["unjoin-on-host-for-4"],
        member: &["unjoin-on-member-for-4", "uninstall-on-member-for-4"],
        spared: &[],
        exercises: &[Exercise {
            bed: bare_of_4,
            first: joined,
            commands: &["unjoin member1 --member-context member1 --uninstall"],
        }],
    };
    unjoin_of_a_dead_member => Duty {
        host: &["unjoin-on-host", "unjoin-force-on-host"],
        member: &[],
        spared: &[],
        exercises: &[Exercise { bed: prepared, first: gone, commands: &["unjoin member1 --force"] }],
    };
    jwt_secret => Duty {
        host: &["jwt-secret", "devops"],
        member: &["jwt-secret", "devops"],
        spared: &[],
        exercises: &[Exercise { bed: with_history, first: nothing, commands: &["jwt-secret member1"] }],
    };
}

fn standalone() -> Scenario {
    Scenario::new(Version::V3_4)
}

fn of(role: Role) -> Installation {
    Installation::new(Version::V3_4).role(role)
}

fn with_host() -> Scenario {
    standalone().host(of(Role::Host))
}

fn prepared() -> Scenario {
    with_host().member(of(Role::Member))
}

fn nothing(_: &Watched) {}

fn joined(bed: &Watched) {
    let _ = bed.join("member1").run().code(0);
}

/// The host is at work on it.
fn begun(bed: &Watched) {
    let _ = bed.join("member1 --wait=false").run().code(0);
}

/// The member has no account for the host.
fn joined_by_context(bed: &Watched) {
    let _ = bed.join("member1 --credentials context").run().code(0);
}

/// Removed on the host alone, which did not reach the member.
fn left_behind(bed: &Watched) {
    joined(bed);
    let _ = bed.kubectl_mc().words("unjoin member1 --context host --yes").run().code(0);
    claimed_by(bed, "member1", "host");
}

fn gone(bed: &Watched) {
    joined(bed);
    bed.member(1).kill();
}

/// What the configurations say is not in effect.
fn failed_before() -> Scenario {
    let failed = || of(Role::None).installer(InstallerScenario::FailedBefore);
    standalone().host(failed()).member(failed())
}

/// The host is one, and what the member's configuration says is not in effect.
fn member_failed_before() -> Scenario {
    with_host().member(of(Role::None).installer(InstallerScenario::FailedBefore))
}

/// The member's next run fails, and the one after a restart does not.
fn failing_once(version: Version, role: Role) -> Installation {
    Installation::new(version).role(role).installer(InstallerScenario::StorageClassMissing)
}

fn prepared_to_fail() -> Scenario {
    with_host().member(failing_once(Version::V3_4, Role::Member))
}

fn failing_once_each() -> Scenario {
    let host = failing_once(Version::V3_4, Role::Host);
    standalone().host(host).member(failing_once(Version::V3_4, Role::Member))
}

/// The host takes certificates only.
fn of_3_3_to_fail() -> Scenario {
    Scenario::new(Version::V3_3).member(failing_once(Version::V3_3, Role::None))
}

/// The host takes a cluster without KubeSphere, and is slow with it.
fn of_4() -> Scenario {
    let slow = Installation::bare(Version::V4_1_3).with(Peculiarity::SlowPods);
    Scenario::new(Version::V4_1_3).member(slow)
}

fn bare_of_4() -> Scenario {
    Scenario::new(Version::V4_1_3)
}

fn former_of_4() -> Scenario {
    Scenario::new(Version::V4_1_3).member(Installation::new(Version::V4_1_3).role(Role::Member))
}

/// A Role in it comes after it.
fn with_namespace(bed: &Watched) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": objects::SYSTEM}});
    let client = bed.member(1).client();
    block_on(async move { objects::create(&client, &namespace).await }).unwrap();
}

/// Both have DevOps, and the member has what an earlier host left.
fn with_history() -> Scenario {
    let team = || "team-7".to_owned();
    let host = of(Role::Host).with(Peculiarity::DevOps).with(Peculiarity::FederatedWorkspace(team()));
    let member = of(Role::Member).with(Peculiarity::DevOps).with(Peculiarity::LeftoverWorkspace(team()));
    with_host().host(host).member(member)
}

/// Whether no duty before this one has the file: the first one has to use all of it.
fn is_first(file: &str, duty: &str) -> bool {
    let first = DUTIES.iter().find(|(_, duty)| duty.host.contains(&file) || duty.member.contains(&file));
    first.is_some_and(|(name, _)| *name == duty)
}

impl Duty {
    fn holds(&self, name: &str) {
        let mut used = [BTreeSet::new(), BTreeSet::new()];
        for exercise in self.exercises {
            let [on_host, on_member] = self.exercise(exercise, name);
            used[0].extend(on_host);
            used[1].extend(on_member);
        }
        let sides = [self.host, self.member].into_iter().zip(&used);
        let files = sides.flat_map(|(files, used)| files.iter().map(move |file| (*file, used)));
        let faults =
            files.filter(|(file, _)| is_first(file, name)).flat_map(|(file, used)| faults(file, used));
        let faults: Vec<String> = faults.collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// What the commands did on each side as users who have the roles and nothing else.
    fn exercise(&self, exercise: &Exercise, name: &str) -> [Vec<Access>; 2] {
        let bed = Faulty::lease(&(exercise.bed)().on_control_planes());
        (exercise.first)(&bed);
        let fronts = [("host", bed.before_host()), ("member1", bed.before_member(1))];
        for (_, front) in fronts {
            forget_once(front);
        }
        let sides = [(bed.host(), self.host), (bed.member(1), self.member)];
        let without = sides
            .map(|(cluster, files)| LATER.map(|namespace| !files.is_empty() && !exists(cluster, namespace)));
        let users = sides.map(|(cluster, files)| {
            for file in files {
                RoleFile::read(file).bind(cluster, name);
            }
            user(cluster, name)
        });
        let [host, member] = users;
        let kubeconfig = Kubeconfig::of(&bed).user("host", host).user("member1", member);
        let kubeconfig = fronts.iter().fold(kubeconfig, |kubeconfig, (context, front)| {
            kubeconfig.cluster(context, &json!({"server": front.server()}))
        });
        for (index, command) in exercise.commands.iter().enumerate() {
            let program = bed.kubectl_mc_with(&kubeconfig).words(command).words(options_of(command));
            let run = if command.contains(" --watch") { watch(&bed, program, name) } else { program.run() };
            let ended = if command.contains(" --watch") { 130 } else { 0 };
            let failed = index + 1 < exercise.commands.len() && the_installer_failed(&run);
            assert!(run.code == Some(ended) || failed || only_the_permissions_failed(&run), "{run}");
        }
        let [host, member] = without;
        [(bed.host(), host), (bed.member(1), member)]
            .map(|(cluster, missing)| self.done_by(cluster, name, missing))
    }

    fn spares(&self, access: &str) -> bool {
        self.spared.iter().chain(&LOOKED_FOR_LATE).any(|spared| {
            let (begin, end) = spared.split_once('*').unwrap_or((spared, ""));
            access.starts_with(begin) && access.ends_with(end)
        })
    }

    /// What this user did there and asked about. Nothing was denied that a role could have given: of the namespaces
    /// that may come later, these were not there yet.
    #[track_caller]
    fn done_by(&self, cluster: &Cluster, user: &str, missing: [bool; 2]) -> Vec<Access> {
        let events = cluster.audit().since(cluster.mark());
        let events = events.into_iter().filter(|event| event.user == user).collect::<Vec<_>>();
        let came_later = |access: &Access| {
            LATER.iter().zip(missing).any(|(name, missing)| missing && access.namespace == *name)
        };
        let denied = events.iter().filter(|event| event.is_forbidden).filter_map(AuditEvent::access);
        let denied: BTreeSet<String> =
            denied.filter(|access| !came_later(access)).map(|access| access.to_string()).collect();
        let denied: Vec<_> = denied.iter().filter(|access| !self.spares(access)).collect();
        assert!(denied.is_empty(), "{}: {user} may not {denied:#?}", cluster.context());
        let asked = events.iter().filter_map(|event| event.reviewed.clone());
        asked.chain(events.iter().filter_map(AuditEvent::access)).collect()
    }
}

/// An API server that has forgotten what a watch begins with, so that it is listed.
fn forget_once(front: &Front) {
    for name in ["ks-installer", "kubesphere-config"] {
        let watch = format!("watch=true&timeoutSeconds=120&fieldSelector=metadata.name%3D{name}");
        front.add(Rule::on("GET", &watch, Fault::Gone).times(1));
    }
}

/// Ends with 130, as the interruption that it is.
fn watch(bed: &Watched, program: KubectlMc, user: &str) -> Run {
    let started = program.start();
    let is_watch = |event: AuditEvent| event.user == user && event.verb == "watch";
    bed.wait_for("the watch", |bed| {
        let host = bed.host();
        host.audit().since(host.mark()).into_iter().any(is_watch)
    });
    started.signal("INT")
}

/// A check of what is not joined says that its user may not join it.
fn only_the_permissions_failed(run: &Run) -> bool {
    let mut failures = run.stdout.lines().filter(|line| line.starts_with("failure ")).peekable();
    run.code == Some(3) && failures.peek().is_some() && failures.all(|line| line.contains(" permissions "))
}

/// As a bed's that is to fail once.
fn the_installer_failed(run: &Run) -> bool {
    run.code == Some(1) && run.stderr.contains("Stopping if default StorageClass was not found")
}

/// What looks only neither asks nor probes.
fn options_of(command: &str) -> &'static str {
    match command.split(' ').next() {
        Some("logs" | "jwt-secret" | "get") => "--context host",
        Some("unjoin" | "rotate") => "--context host --yes",
        Some("check") => "--context host -o wide --skip-check member-server-loopback",
        _ => GO,
    }
}

/// What a file gives that nothing used, gives twice, or gives more widely than it was used.
fn faults(file: &str, used: &BTreeSet<Access>) -> Vec<String> {
    let grants = RoleFile::read(file).grants();
    let is_included = |grant: &&Grant| grants.iter().any(|other| other.includes(grant));
    let twice = grants.iter().filter(is_included).map(|grant| (grant, "another rule gives it"));
    let faulty = grants.iter().filter_map(|grant| Some((grant, fault(grant, used)?)));
    twice.chain(faulty).map(|(grant, fault)| format!("{file}: {grant}: {fault}")).collect()
}

fn fault(grant: &Grant, used: &BTreeSet<Access>) -> Option<&'static str> {
    let allowed: Vec<&Access> = used.iter().filter(|access| grant.allows(access)).collect();
    let [names, namespaces]: [BTreeSet<&str>; 2] = [
        allowed.iter().map(|access| access.name.as_str()).collect(),
        allowed.iter().map(|access| access.namespace.as_str()).collect(),
    ];
    let namespace = namespaces.first().copied().unwrap_or_default();
    if allowed.is_empty() {
        return Some("nothing uses it");
    }
    // A namespace is asked for as if it stood in itself.
    let is_namespaced = grant.resource != "namespaces" && !namespace.is_empty();
    if grant.namespace.is_none() && namespaces.len() == 1 && is_namespaced {
        return Some("a Role is enough");
    }
    let is_of_one = names.len() == 1 && names.iter().all(|name| is_fixed(name));
    (grant.name.is_none() && is_of_one).then_some("it needs one name only")
}

/// Whether an object has this name on every cluster. Names with digits are of this bed's clusters.
fn is_fixed(name: &str) -> bool {
    !name.is_empty() && !name.contains(|sign: char| sign.is_ascii_digit())
}

#[test]
fn every_file_is_of_a_duty_and_bound_to_its_group() {
    let shown: BTreeSet<&str> =
        DUTIES.iter().flat_map(|(_, duty)| [duty.host, duty.member].concat()).collect();
    assert_eq!(RoleFile::names(), shown.into_iter().collect::<Vec<_>>());
    let page = fs::read_to_string("docs/credentials.md").unwrap();
    let (_, told) = page.split_once("## What each role is worth").unwrap();
    let worth: String = told
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('|').nth(1))
        .collect();
    for name in RoleFile::names() {
        RoleFile::read(&name).assert_bound_to_its_group();
        assert!(page.contains(&format!("(rbac/{name}.yaml)")), "docs/credentials.md does not lead to {name}");
        assert!(
            worth.contains(&format!("`{name}`")),
            "docs/credentials.md does not say what {name} is worth"
        );
    }
}
