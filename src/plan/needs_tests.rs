use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig, side::Side,
};
use serde_json::{Value, json};

use super::{ConfigurationNeed, Registration, host_need, member_need, registration, signing_secret};
use crate::plan::{
    configuration_patch::ConfigurationPatch,
    credential::Choice,
    intent::{
        ClusterIntent, Description, HostChoice, HostIntent, Intent, MemberIntent, Reachability, StoredOptions,
    },
    observed::{InstallerRun, Observed, Seen, fixture},
    operation::Operation,
    operations::decide,
    phase::Plan,
    skipped::Skipped,
};

const VERSIONS: [&str; 4] = ["v3.1.1", "v3.2.1", "v3.3.2", "v3.4.1"];
const OURS: &str = "abc";

/// A cluster whose configuration asks for one thing and whose kubesphere-config carries another.
fn cluster(version: &str, spec: &Value, config: &str) -> Observed {
    let configuration =
        json!({"metadata": {"resourceVersion": "7"}, "spec": spec, "status": {"core": {"version": version}}});
    Observed {
        configuration: Seen::Present(ClusterConfiguration::new(configuration)),
        config: Seen::Present(KubesphereConfig::parse(config).unwrap()),
        run: InstallerRun::Idle { last_failure: None },
        ..fixture("v1.27.4")
    }
}

fn asking(role: &str, secret: &str) -> Value {
    json!({"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": role}})
}

/// kubesphere-config of a member, as each version writes it.
fn member_config(version: &str, secret: &str) -> String {
    match version {
        "v3.1.1" | "v3.2.1" => {
            format!("{{authentication: {{jwtSecret: {secret}, oauthOptions: {{accessTokenMaxAge: 0}}}}}}")
        }
        _ => format!(
            "{{authentication: {{jwtSecret: {secret}}}, multicluster: {{clusterRole: member, enable: false}}}}"
        ),
    }
}

fn standalone_config(secret: &str) -> String {
    format!("{{authentication: {{jwtSecret: {secret}}}}}")
}

/// A step in one word: what changes, or what is done.
fn word(step: &ConfigurationNeed) -> String {
    match step {
        ConfigurationNeed::InEffect => "nothing".to_owned(),
        ConfigurationNeed::Await => "wait".to_owned(),
        ConfigurationNeed::AwaitController => "controller".to_owned(),
        ConfigurationNeed::Restart => "restart".to_owned(),
        ConfigurationNeed::Patch(patch) => changed(patch),
    }
}

fn changed(patch: &ConfigurationPatch) -> String {
    let leaf = |field: &str| field.rsplit('.').next().unwrap_or_default().to_owned();
    patch.changes.iter().map(|change| leaf(&change.field)).collect::<Vec<_>>().join("+")
}

#[test]
fn a_member_needs_what_it_lacks_of_role_secret_and_effect() {
    const BOTH: &str = "jwtSecret+clusterRole";
    // The role asked for, the secret asked for; then what follows where ours, another's secret as a member, and
    // nothing is in effect.
    let table = [
        ("none", "", ["clusterRole", BOTH, BOTH]),
        ("none", "xyz", [BOTH, BOTH, BOTH]),
        ("none", OURS, ["clusterRole", "clusterRole", "clusterRole"]),
        ("member", "", ["nothing", "jwtSecret", "jwtSecret"]),
        ("member", "xyz", ["jwtSecret", "jwtSecret", "jwtSecret"]),
        ("member", OURS, ["nothing", "restart", "restart"]),
    ];
    for version in VERSIONS {
        let effects = [member_config(version, OURS), member_config(version, "xyz"), standalone_config("xyz")];
        for (role, secret, expected) in table {
            for (effect, expected) in effects.iter().zip(expected) {
                let member = cluster(version, &asking(role, secret), effect);
                let step = member_need(&member, &JwtSecret::new(OURS)).unwrap();
                assert_eq!(word(&step), expected, "{version}: asks for {role:?} {secret:?}, has {effect}");
            }
        }
    }
}

#[test]
fn what_is_asked_for_and_not_in_effect_waits_for_a_run_that_may_bring_it() {
    let run = |run| Observed { run, ..cluster("v3.4.1", &asking("member", OURS), &standalone_config("xyz")) };
    let unknown = |is_likely| InstallerRun::Unknown { why: "forbidden".to_owned(), is_likely };
    let runs = [
        (InstallerRun::UnderWay("preparing 1/4".to_owned()), "wait"),
        (unknown(true), "wait"),
        (unknown(false), "restart"),
        (InstallerRun::Idle { last_failure: None }, "restart"),
    ];
    for (state, expected) in runs {
        assert_eq!(word(&member_need(&run(state), &JwtSecret::new(OURS)).unwrap()), expected);
    }
}

fn host_config(version: &str) -> &'static str {
    match version {
        "v3.1.1" | "v3.2.1" => "{authentication: {jwtSecret: abc}, multicluster: {enable: true}}",
        _ => "{authentication: {jwtSecret: abc}, multicluster: {enable: true, clusterRole: host}}",
    }
}

fn host_intent(cluster_name: Option<&str>) -> HostIntent {
    HostIntent { cluster_name: cluster_name.map(str::to_owned), rotation: None, chosen: HostChoice::Named }
}

fn with_host_cluster(host: Observed) -> Observed {
    let object = json!({"metadata": {"name": "host", "labels": {"cluster-role.kubesphere.io/host": ""}},
                        "status": {"conditions": [{"type": "Federated", "status": "True"}]}});
    Observed { clusters: Seen::Present(vec![RegisteredCluster::new(object)]), ..host }
}

#[test]
fn a_host_needs_what_it_lacks_of_role_effect_and_its_own_cluster() {
    for version in VERSIONS {
        let step = |host: &Observed| word(&host_need(&host_intent(None), host).unwrap());
        let fresh = cluster(version, &asking("none", ""), &standalone_config("abc"));
        assert_eq!(step(&fresh), "clusterRole", "{version}");
        let asked = cluster(version, &asking("host", ""), &standalone_config("abc"));
        assert_eq!(step(&asked), "restart", "{version}");
        assert_eq!(
            step(&with_host_cluster(cluster(version, &asking("host", ""), host_config(version)))),
            "nothing"
        );
        let another = with_host_cluster(cluster(version, &asking("host", "xyz"), host_config(version)));
        assert_eq!(step(&another), "restart", "{version}: its own new secret is not in effect");
        assert_eq!(signing_secret(&another, &ConfigurationNeed::Restart).unwrap().expose(), "xyz");
    }
}

#[test]
fn no_run_of_the_installer_helps_where_only_the_controller_is_late() {
    let mut spec = cluster("v3.4.1", &asking("host", ""), host_config("v3.4.1"));
    let mut object = spec.configuration.present().unwrap().object().clone();
    object["status"]["multicluster"] = json!({"status": "enabled"});
    spec.configuration = Seen::Present(ClusterConfiguration::new(object));
    assert_eq!(word(&host_need(&host_intent(None), &spec).unwrap()), "controller");
}

#[test]
fn the_hosts_cluster_name_counts_only_while_it_has_none() {
    let fresh = cluster("v3.4.1", &asking("none", ""), &standalone_config("abc"));
    assert_eq!(word(&host_need(&host_intent(Some("eu")), &fresh).unwrap()), "clusterRole+hostClusterName");
    let standing = with_host_cluster(cluster("v3.4.1", &asking("host", ""), host_config("v3.4.1")));
    assert_eq!(word(&host_need(&host_intent(Some("eu")), &standing).unwrap()), "nothing");
}

#[test]
fn a_missing_secret_key_is_added_only_where_a_run_follows_anyway() {
    let spec =
        |role: &str| json!({"authentication": {"adminPassword": "x"}, "multicluster": {"clusterRole": role}});
    let fresh = cluster("v3.4.1", &spec("none"), &standalone_config("abc"));
    assert_eq!(word(&host_need(&host_intent(None), &fresh).unwrap()), "jwtSecret+clusterRole");
    let standing = with_host_cluster(cluster("v3.4.1", &spec("host"), host_config("v3.4.1")));
    assert_eq!(word(&host_need(&host_intent(None), &standing).unwrap()), "nothing");
}

#[test]
fn a_cluster_is_created_once_and_waited_for_until_it_is_joined() {
    let conditions = json!([{"type": "Federated", "status": "True"}, {"type": "Ready", "status": "True"}]);
    let registered = |status: Value| {
        let object = json!({"metadata": {"name": "m"}, "spec": {"joinFederation": true}, "status": status});
        let host = cluster("v3.4.1", &asking("host", ""), host_config("v3.4.1"));
        Observed { clusters: Seen::Present(vec![RegisteredCluster::new(object)]), ..host }
    };
    let host = registered(json!({}));
    assert_eq!(registration("other", &host, "u"), Registration::Create);
    assert_eq!(registration("m", &host, "u"), Registration::Await);
    let ready = registered(json!({"uid": "u", "conditions": conditions}));
    assert_eq!(registration("m", &ready, "u"), Registration::Joined);
    assert_eq!(
        registration("m", &ready, "another"),
        Registration::Await,
        "the check cluster-name refuses it"
    );
}

fn intent(operation: Operation) -> Intent {
    let cluster = matches!(operation, Operation::Join | Operation::Import).then(|| ClusterIntent {
        name: "m".to_owned(),
        description: Description::default(),
        server: "https://10.0.0.1:6443".to_owned(),
        credential: Choice::default(),
        endpoint: Err(Vec::new()),
        user: Err(Vec::new()),
        values: None,
        given: StoredOptions::default(),
    });
    let member = MemberIntent { side: Side::member("member1"), from_other_host: false, cluster };
    let members = if operation == Operation::PrepareHost { Vec::new() } else { vec![member] };
    Intent {
        operation,
        host: host_intent(None),
        members,
        given_secret: None,
        reachability: Reachability::Off,
        left_out: Vec::new(),
        expected: None,
        skipped: Skipped::default(),
    }
}

fn steps(plan: &Plan) -> Vec<String> {
    plan.shown().map(|step| format!("{} {}", step.cluster().context(), step.verb())).collect()
}

#[test]
fn the_parts_in_sequence_are_the_steps_of_a_join() {
    let fresh = |side| Observed { side, ..cluster("v3.4.1", &asking("none", ""), &standalone_config("abc")) };
    let (host, member) = (fresh(Side::host("prod")), fresh(Side::member("member1")));
    let planned = |operation| {
        let intent = intent(operation);
        let members: Vec<_> = intent.members.iter().map(|_| &member).collect();
        steps(&decide(&intent, Some(&host), &members).unwrap().plan)
    };
    assert_eq!(planned(Operation::Join), ["member1 create", "prod patch", "member1 patch", "prod create"]);
    assert_eq!(planned(Operation::PrepareHost), ["prod patch"]);
    assert_eq!(planned(Operation::PrepareMember), ["member1 patch"], "the host is only read");
    assert_eq!(planned(Operation::Import), ["member1 create", "prod create"], "no configuration is changed");
}

#[test]
fn a_given_secret_needs_no_host() {
    let member = cluster("v3.4.1", &asking("none", ""), &standalone_config("xyz"));
    let given = Intent { given_secret: Some(JwtSecret::new(OURS)), ..intent(Operation::PrepareMember) };
    let made = decide(&given, None, &[&member]).unwrap();
    assert_eq!(
        (made.needs.secret.expose(), steps(&made.plan).as_slice()),
        (OURS, &["member1 patch".to_owned()][..])
    );
    assert!(decide(&intent(Operation::PrepareMember), None, &[&member]).is_err(), "nobody knows the secret");
}
