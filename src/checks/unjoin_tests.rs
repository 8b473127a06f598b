//! A removal, as its checks judge it.

use kubesphere::{
    cluster::RegisteredCluster, jwt_secret::JwtSecret, kubesphere_config::KubesphereConfig, side::Side,
};
use serde_json::json;

use super::{Finding, Silence, Silent, Subject, Unjoining, Verdict, registry::run};
use crate::plan::{
    core::{Claim, Core, CoreRelease},
    observed::{Observed, Seen, fixture},
    secret_places::{config_with, configuration_asking},
    skipped::Skipped,
    unjoin::{
        admission::{Admission, MemberHealth},
        core::CoreSeen,
        plan::{MemberSeen, UnjoinIntent, plan},
        trace::Traces,
    },
};

fn host(clusters: &[RegisteredCluster]) -> Observed {
    let mut host = fixture("v1.34.0");
    (host.side, host.uid) = (Side::host("prod"), "uid-of-host".to_owned());
    host.secret = Seen::Present(JwtSecret::new("hosts"));
    host.clusters = Seen::Present(clusters.to_vec());
    host
}

fn cluster(uid: Option<&str>) -> RegisteredCluster {
    RegisteredCluster::new(json!({"metadata": {"name": "edge"}, "status": {"uid": uid}}))
}

fn intent(force: bool, with_member: bool) -> UnjoinIntent {
    UnjoinIntent { name: "edge".to_owned(), with_member, release_namespaces: false, uninstall: false, force }
}

fn findings(unjoining: &Unjoining<'_>) -> Vec<Finding> {
    run(Subject::Unjoining(unjoining), &Skipped::default())
}

fn told(findings: &[Finding]) -> Vec<String> {
    let worth = findings.iter().filter(|finding| finding.report.verdict > Verdict::Ok);
    let said = worth.map(|finding| {
        format!("{} {}: {}", finding.report.verdict.as_str(), finding.id, finding.report.message)
    });
    said.collect()
}

/// A first removal, of which only the host was looked at.
fn of_host<'a>(intent: &'a UnjoinIntent, host: Option<&'a Observed>) -> Unjoining<'a> {
    Unjoining {
        intent,
        host,
        member: None,
        traces: None,
        silent: &[],
        plan: None,
        unplannable: None,
        is_first: true,
    }
}

fn on_host(cluster: RegisteredCluster, admission: Admission, force: bool) -> Vec<String> {
    let (intent, host) = (intent(force, false), host(&[cluster]));
    let plan = plan(&intent, &host, admission, None).unwrap();
    let findings = findings(&Unjoining { plan: Some(&plan), ..of_host(&intent, Some(&host)) });
    told(&findings)
}

fn with_member(cluster: RegisteredCluster, member: &Observed) -> Vec<String> {
    let (intent, host) = (intent(false, true), host(&[cluster]));
    let unjoining = Unjoining { member: Some(member), ..of_host(&intent, Some(&host)) };
    told(&findings(&unjoining))
}

#[test]
fn a_member_that_the_host_lets_go_is_no_finding() {
    assert_eq!(on_host(cluster(Some("u")), Admission::Passes, false), Vec::<String>::new());
    assert_eq!(on_host(cluster(Some("u")), Admission::Unguarded, false), Vec::<String>::new());
}

#[test]
fn what_the_webhook_denies_is_an_obstacle_unless_it_is_forced() {
    let denied = || Admission::Denies("admission webhook denied the request: refused".to_owned());
    let said = on_host(cluster(Some("u")), denied(), false);
    assert!(
        said[0].starts_with(
            "failure member-readiness: its webhook would deny the deletion of the Cluster \"edge\""
        ),
        "{said:?}"
    );
    assert!(said[0].ends_with("denied the request: refused"), "{said:?}");
    assert_eq!(on_host(cluster(Some("u")), denied(), true), Vec::<String>::new());
}

#[test]
fn force_is_not_proposed_where_another_webhook_or_none_answers() {
    for (admission, said) in [
        (Admission::NotCalled("refused".to_owned()), "its webhook cannot be asked whether"),
        (Admission::DeniedByOther("kyverno".to_owned()), "something else than KubeSphere's webhook keeps"),
    ] {
        let found = on_host(cluster(Some("u")), admission, true);
        assert!(found[0].starts_with(&format!("failure member-readiness: {said}")), "{found:?}");
    }
}

#[test]
fn what_was_not_asked_is_said_as_a_guess() {
    let said = |health| on_host(cluster(Some("u")), Admission::Unasked(health), false).remove(0);
    assert!(said(MemberHealth::Alive).ends_with("the member answers, so it should"));
    let doubtful = said(MemberHealth::Doubtful(vec!["it does not answer".to_owned()]));
    assert!(
        doubtful.starts_with("unknown ") && doubtful.ends_with("probably not: it does not answer"),
        "{doubtful}"
    );
}

#[test]
fn the_hosts_own_cluster_stays() {
    let own = cluster(Some("uid-of-host"))
        .patched(&json!({"metadata": {"labels": {"cluster-role.kubesphere.io/host": ""}}}));
    let said = on_host(own, Admission::NotAsked, false);
    assert_eq!(
        said,
        ["failure different-clusters: the Cluster \"edge\" is the host's own, and cannot be removed"]
    );
}

#[test]
fn another_cluster_than_the_member_is_refused_with_both_uids() {
    let said = with_member(cluster(Some("x")), &fixture("v1.34.0"));
    assert!(
        said[0].starts_with("failure member-registration: it is another cluster than the host's \"edge\"")
            && said[0].ends_with(" is u, and that of \"edge\" x"),
        "{said:?}"
    );
    let said = with_member(cluster(None), &fixture("v1.34.0"));
    assert!(
        said[0].starts_with("failure member-registration: nothing proves that it is the member"),
        "{said:?}"
    );
    assert_eq!(with_member(cluster(Some("u")), &fixture("v1.34.0")), Vec::<String>::new());
}

#[test]
fn version_4_is_no_member_of_a_host_of_3() {
    let mut member = fixture("v1.34.0");
    let config = "{authentication: {issuer: {jwtSecret: abc}}}";
    member.config = Seen::Present(KubesphereConfig::parse(config).unwrap());
    let said = with_member(cluster(Some("u")), &member);
    assert!(
        said[0].starts_with("failure kubesphere-version: KubeSphere 4 is installed, and its host has 3"),
        "{said:?}"
    );
}

#[test]
fn a_cluster_of_gitops_is_said_to_come_back() {
    let kept = cluster(Some("u"))
        .patched(&json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "fleet"}}}));
    let said = on_host(kept, Admission::Passes, false);
    assert_eq!(
        said,
        ["warning managed-elsewhere: the Cluster \"edge\" is managed by Flux, and would come back"]
    );
}

#[test]
fn a_silent_member_leaves_the_way_over_the_host_alone_and_one_that_refuses_is_not_gone() {
    let (intent, host) = (intent(true, true), host(&[cluster(Some("u"))]));
    let hints = |host: Option<&Observed>, silence| -> Vec<Vec<String>> {
        let silent = ["edge", "prod"].map(|context| Silent {
            side: if context == "edge" { Side::member(context) } else { Side::host(context) },
            message: "it does not answer".to_owned(),
            hints: Vec::new(),
            silence,
        });
        let findings = findings(&Unjoining { silent: &silent, ..of_host(&intent, host) });
        let silent = findings.into_iter().filter(|finding| finding.id == "api-reachable");
        silent.map(|finding| finding.report.hints).collect()
    };
    let of_silent = hints(Some(&host), Silence::Away);
    assert!(of_silent[0][0].ends_with("without `--member-context`, with `--force`"), "{of_silent:?}");
    assert_eq!((of_silent[0].len(), of_silent[1].len()), (1, 0));
    for (host, silence) in
        [(Some(&host), Silence::Refused), (Some(&host), Silence::Late), (None, Silence::Away)]
    {
        assert_eq!(hints(host, silence), [Vec::<String>::new(), Vec::new()], "{silence:?}");
    }
}

fn no_traces() -> Traces {
    Traces {
        kubefed: Vec::new(),
        federation_namespace: None,
        credential: Vec::new(),
        namespaces: Seen::Absent,
        core: None,
        denied: Vec::new(),
    }
}

#[test]
fn devops_that_keeps_the_hosts_secret_is_told_with_its_hint() {
    let (intent, host) = (intent(false, true), host(&[cluster(Some("u"))]));
    let said = |secret: &str| {
        let mut member = fixture("v1.34.0");
        member.surroundings.devops = Some(config_with(secret));
        member.configuration = configuration_asking(&json!({"multicluster": {"clusterRole": "member"}}));
        let traces = no_traces();
        let fresh = JwtSecret::new("fresh");
        let seen = MemberSeen { observed: &member, traces: &traces, fresh: &fresh };
        let plan = plan(&intent, &host, Admission::Passes, Some(seen)).unwrap();
        let findings = findings(&Unjoining {
            member: Some(&member),
            traces: Some(&traces),
            plan: Some(&plan),
            ..of_host(&intent, Some(&host))
        });
        let of_devops = findings.into_iter().filter(|finding| finding.id == "jwt-secret-places");
        of_devops.flat_map(|finding| finding.report.hints).collect::<Vec<_>>()
    };
    let hints = said("hosts");
    assert!(hints[0].contains("edit configmap devops-config"), "{hints:?}");
    assert_eq!(hints.len(), 2);
    assert_eq!(said("own"), Vec::<String>::new());
}

/// What is asked of a removal of which nothing but the host's side is wanted, and what of one with its member.
#[test]
fn what_means_nothing_to_a_removal_is_skipped_with_a_reason() {
    let host = host(&[cluster(Some("u"))]);
    let mut member = fixture("v1.34.0");
    member.configuration = configuration_asking(&json!({"multicluster": {"clusterRole": "member"}}));
    let traces = no_traces();
    let fresh = JwtSecret::new("fresh");
    let found = |with_member: bool| {
        let intent = intent(false, with_member);
        let seen = MemberSeen { observed: &member, traces: &traces, fresh: &fresh };
        let plan = plan(&intent, &host, Admission::Passes, with_member.then_some(seen)).unwrap();
        findings(&Unjoining {
            member: with_member.then_some(&member),
            traces: with_member.then_some(&traces),
            plan: Some(&plan),
            ..of_host(&intent, Some(&host))
        })
    };
    let ok = |found: &[Finding]| -> Vec<&str> {
        let ok = found.iter().filter(|finding| finding.report.verdict == Verdict::Ok);
        ok.map(|finding| finding.id).collect()
    };
    let alone = found(false);
    assert_eq!(
        ok(&alone),
        [
            "api-reachable",
            "kubesphere-version",
            "different-clusters",
            "host-role",
            "member-readiness",
            "permissions",
            "managed-elsewhere"
        ]
    );
    let skipped = alone.iter().filter(|finding| finding.report.verdict == Verdict::Skipped);
    assert!(skipped.clone().all(|finding| !finding.report.message.is_empty()), "{alone:?}");
    let registration = alone.iter().find(|finding| finding.id == "member-registration").unwrap();
    assert!(registration.report.message.contains("`--member-context`"), "{registration:?}");
    let both = found(true);
    for id in ["member-registration", "member-credential", "jwt-secret", "jwt-secret-places"] {
        assert!(ok(&both).contains(&id), "{id}: {both:?}");
    }
    assert!(!ok(&both).contains(&"clock-skew"), "{both:?}");
}

#[test]
fn what_a_silent_member_hides_is_skipped_too() {
    let (intent, host) = (intent(false, true), host(&[cluster(Some("u"))]));
    let silent = [Silent {
        side: Side::member("edge"),
        message: "no".to_owned(),
        hints: Vec::new(),
        silence: Silence::Lasting,
    }];
    let found = findings(&Unjoining { silent: &silent, ..of_host(&intent, Some(&host)) });
    let registration = found.iter().find(|finding| finding.id == "member-registration").unwrap();
    assert_eq!(registration.report.verdict, Verdict::Skipped);
    assert_eq!(registration.report.message, "it gave no usable answer");
}

/// Without its Cluster nothing tells that the member was this host's.
#[test]
fn a_host_that_never_had_the_member_is_told_that_another_one_has_it() {
    let (intent, host) = (intent(false, true), host(&[]));
    let mut member = fixture("v1.34.0");
    (member.side, member.uid) = (Side::member("edge"), "uid-of-edge".to_owned());
    let asked = json!({"authentication": {"jwtSecret": "others"}, "multicluster": {"clusterRole": "member"}});
    (member.configuration, member.config) = (configuration_asking(&asked), config_with("others"));
    let host = Observed { config: config_with("hosts"), ..host };
    let traces = no_traces();
    let seen = MemberSeen { observed: &member, traces: &traces, fresh: &JwtSecret::new("fresh") };
    let plan = plan(&intent, &host, Admission::NotAsked, Some(seen)).unwrap();
    let found = |is_first| {
        findings(&Unjoining {
            member: Some(&member),
            traces: Some(&traces),
            plan: Some(&plan),
            is_first,
            ..of_host(&intent, Some(&host))
        })
    };
    let stopped = found(true).into_iter().find(Finding::is_obstacle).unwrap();
    assert_eq!(
        (stopped.id, stopped.report.message.as_str()),
        (
            "member-registration",
            "the host has no Cluster \"edge\", and another host has this member: its role is member, and its jwtSecret is not \
             this host's"
        )
    );
    assert_eq!(stopped.report.hints[0], "name the host that has it with `--context`");
    assert!(stopped.report.hints[1].contains("--from-other-host"), "{:?}", stopped.report.hints);
    assert!(!found(false).iter().any(Finding::is_obstacle), "what an earlier run has left is told as that");
}

fn on_4(observed: &mut Observed, role: &str) {
    let text = format!(
        "{{authentication: {{issuer: {{jwtSecret: hosts}}}}, multicluster: {{clusterRole: {role}}}}}"
    );
    observed.config = Seen::Present(KubesphereConfig::parse(&text).unwrap());
    (observed.secret, observed.configuration) = (Seen::Absent, Seen::Absent);
}

/// What is said of a member of KubeSphere 4 that another host has taken.
fn of_claimed(clusters: &[RegisteredCluster], uninstall: bool) -> Vec<String> {
    let intent = UnjoinIntent { uninstall, ..intent(false, true) };
    let (mut host, mut member) = (host(clusters), fixture("v1.34.0"));
    on_4(&mut host, "host");
    on_4(&mut member, "member");
    let claim = Claim { name: "edge".to_owned(), host: "other".to_owned() };
    let release = CoreRelease { revision: 1, status: "deployed".to_owned(), since: None, began: None };
    let core = Core { claim: Seen::Present(claim), release: Seen::Present(release) };
    let installed = uninstall.then_some(Seen::Absent);
    let traces = Traces { core: Some(CoreSeen { core, installed }), ..no_traces() };
    let fresh = JwtSecret::new("fresh");
    let seen = MemberSeen { observed: &member, traces: &traces, fresh: &fresh };
    let plan = plan(&intent, &host, Admission::Unguarded, Some(seen)).unwrap();
    told(&findings(&Unjoining {
        member: Some(&member),
        traces: Some(&traces),
        plan: Some(&plan),
        ..of_host(&intent, Some(&host))
    }))
}

#[test]
fn of_another_hosts_member_what_goes_is_said_and_what_was_asked_for_is_not_left_out_silently() {
    let managed = "warning member-registration: another host, which calls itself \"other\", manages it";
    let said = of_claimed(&[], false);
    assert_eq!(said, [format!("{managed}: there is nothing of this host to take out")]);
    let said = of_claimed(&[cluster(Some("u"))], false);
    assert!(
        said[0].starts_with(&format!("{managed}: nothing goes but the Cluster here; the annotations")),
        "{said:?}"
    );
    let said = of_claimed(&[cluster(Some("u"))], true);
    let stays = "failure ks-core-release: its ks-core is not uninstalled: another host, which calls itself \"other\", manages it";
    assert_eq!(said[0], stays);
}
