use kubesphere::{
    cluster::RegisteredCluster,
    cluster_configuration::ClusterConfiguration,
    cluster_webhook::{self, ClusterWebhook, WEBHOOK},
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    object::{ExistingObject, ObjectKind},
    side::Side,
};
use serde_json::{Value, json};

use super::{Deletion, MemberPlan, MemberSeen, UnjoinIntent, UnjoinPlan, plan};
use crate::plan::{
    access::Access,
    credential::{HostUid, Ownership},
    narrowing::{Field, Restoration, narrow},
    needs::ConfigurationNeed,
    observed::{Observed, Seen, fixture},
    operations::unjoin::decide,
    rotation::Secrets,
    unjoin::{
        admission::Admission,
        kept::Kept,
        member_ownership::{HostEvidence, MemberOwnership, tenure_now},
        namespaces::{WorkspaceNamespace, WorkspaceSeen},
        trace::{
            CredentialTrace, FEDERATION_NAMESPACE, FederationNamespace, TracedCredential, Traces,
            kubefed_account,
        },
    },
};

const HOST: &str = "11111111-1111-1111-1111-111111111111";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";

struct Case {
    intent: UnjoinIntent,
    host: Observed,
    member: Observed,
    traces: Traces,
}

fn cluster(name: &str, uid: &str) -> RegisteredCluster {
    let metadata = json!({"name": name, "uid": format!("object-{name}")});
    RegisteredCluster::new(json!({"metadata": metadata, "status": {"uid": uid}}))
}

fn configured(observed: &mut Observed, role: &str, secret: &str) {
    let spec = json!({"authentication": {"jwtSecret": secret}, "multicluster": {"clusterRole": role}});
    let object = json!({"metadata": {"resourceVersion": "7"}, "spec": spec, "status": {"core": {"version": "v3.4.1"}}});
    observed.configuration = Seen::Present(ClusterConfiguration::new(object));
    let config = format!(
        "{{authentication: {{jwtSecret: {secret}}}, multicluster: {{clusterRole: {role}, clusterName: edge}}}}"
    );
    observed.config = Seen::Present(KubesphereConfig::parse(&config).unwrap());
}

fn trace(kind: ObjectKind, name: &str) -> ExistingObject {
    ExistingObject { object: kind.named(name), uid: format!("uid-of-{name}") }
}

fn piece(kind: ObjectKind, name: &str, part: TracedCredential) -> CredentialTrace {
    CredentialTrace { trace: trace(kind, name), part, whose: Ownership::Ours }
}

fn token(name: &str, host: &str) -> CredentialTrace {
    piece(ObjectKind::SECRET, name, TracedCredential::Token(Some(HostUid::new(host))))
}

impl Case {
    /// A joined member called edge, with what a join leaves there.
    fn new() -> Self {
        let (mut host, mut member) = (fixture("v1.34.0"), fixture("v1.34.0"));
        host.side = Side::host("prod");
        HOST.clone_into(&mut host.uid);
        configured(&mut host, "host", "hosts");
        host.clusters = Seen::Present(vec![cluster("edge", &member.uid)]);
        configured(&mut member, "member", "hosts");
        member.joined_as = Seen::Present(vec!["edge".to_owned()]);
        let traces = Traces {
            kubefed: vec![trace(ObjectKind::SERVICE_ACCOUNT, &kubefed_account("edge"))],
            federation_namespace: Some(FederationNamespace {
                trace: trace(ObjectKind::NAMESPACE, FEDERATION_NAMESPACE),
                is_going: false,
                others: Vec::new(),
                untold: Vec::new(),
            }),
            credential: vec![
                token("token-of-host", HOST),
                piece(ObjectKind::CLUSTER_ROLE_BINDING, "binding", TracedCredential::Binding),
                piece(ObjectKind::SERVICE_ACCOUNT, "account", TracedCredential::Account),
                piece(ObjectKind::CLUSTER_ROLE_BINDING, "user", TracedCredential::UserBinding),
                piece(ObjectKind::CERTIFICATE_REQUEST, "request", TracedCredential::Request),
            ],
            namespaces: Seen::Present(Vec::new()),
            core: None,
            denied: Vec::new(),
        };
        let intent = UnjoinIntent {
            name: "edge".to_owned(),
            with_member: true,
            release_namespaces: false,
            uninstall: false,
            force: false,
        };
        Self { intent, host, member, traces }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// After an earlier run has deleted the Cluster.
    fn gone(self) -> Self {
        self.with(|case| case.host.clusters = Seen::Present(Vec::new()))
    }

    /// Without anything that a join leaves.
    fn bare(self) -> Self {
        self.with(|case| {
            case.traces.kubefed.clear();
            case.traces.credential.clear();
            case.traces.federation_namespace = None;
            case.member.joined_as = Seen::Present(Vec::new());
        })
    }

    fn plan(&self) -> UnjoinPlan {
        let fresh = JwtSecret::new("fresh");
        let seen = MemberSeen { observed: &self.member, traces: &self.traces, fresh: &fresh };
        plan(&self.intent, &self.host, Admission::Unguarded, Some(seen)).unwrap()
    }

    fn member(&self) -> MemberPlan {
        self.plan().member.unwrap()
    }

    /// The steps of what was found out.
    fn steps(&self, found: &UnjoinPlan) -> crate::plan::phase::Plan {
        let secrets = Secrets { former: JwtSecret::new("former"), fresh: JwtSecret::new("fresh") };
        decide(&self.intent, found, &self.host, Some(&self.member), Some(&secrets))
    }

    fn accesses(&self, found: &UnjoinPlan, side: &Side) -> Vec<Access> {
        self.steps(found).accesses(side)
    }
}

fn removed(plan: &MemberPlan) -> Vec<&str> {
    plan.removals.iter().map(|trace| trace.object.name.as_str()).collect()
}

#[test]
fn everything_of_a_member_goes_in_order_and_its_configuration_last() {
    let case = Case::new();
    let plan = case.steps(&case.plan());
    let steps: Vec<String> = plan.shown().map(|step| format!("{} {}", step.verb(), step.object())).collect();
    assert_eq!(
        steps,
        [
            "delete cluster.cluster.kubesphere.io/edge",
            "delete serviceaccount/edge-kubesphere",
            "delete namespace/kube-federation-system",
            "delete secret/token-of-host",
            "delete clusterrolebinding.rbac.authorization.k8s.io/binding",
            "delete serviceaccount/account",
            "delete clusterrolebinding.rbac.authorization.k8s.io/user",
            "delete certificatesigningrequest.certificates.k8s.io/request",
            "patch clusterconfiguration.installer.kubesphere.io/ks-installer",
        ]
    );
}

#[test]
fn the_cluster_is_deleted_once() {
    let deleting =
        cluster("edge", "u").patched(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    let plan = Case::new().with(|case| case.host.clusters = Seen::Present(vec![deleting])).plan();
    assert!(matches!(plan.deletion, Deletion::Await(_)));
    let verbs = |plan: &UnjoinPlan| {
        let accesses = Case::new().accesses(plan, &plan.host);
        accesses.iter().map(|access| access.verb).collect::<Vec<_>>()
    };
    assert_eq!(verbs(&plan), ["get"]);
    assert_eq!(Case::new().gone().plan().deletion, Deletion::Done);
    let asked = UnjoinPlan { admission: Admission::Passes, ..Case::new().plan() };
    assert_eq!(verbs(&asked), ["get", "delete", "patch"]);
}

fn left_narrowed(field: Field, cluster: &str) -> Restoration {
    let rule = json!({"apiGroups": ["*"], "operations": ["*"], "resources": ["clusters"]});
    let webhook =
        ClusterWebhook::new(json!({"metadata": {}, "webhooks": [{"name": WEBHOOK, "rules": [rule]}]}));
    let narrowing = narrow(&webhook, cluster, field, jiff::Timestamp::UNIX_EPOCH).unwrap();
    narrowing.restoration(&webhook).unwrap()
}

#[test]
fn a_narrowing_that_opens_the_webhook_for_this_cluster_has_to_be_restored_first() {
    let may_patch_webhook = |field, cluster| {
        let narrowed = Some(left_narrowed(field, cluster));
        let plan = UnjoinPlan { narrowed, ..Case::new().plan() };
        Case::new()
            .accesses(&plan, &plan.host)
            .iter()
            .any(|access| access.resource == cluster_webhook::PLURAL && access.verb == "patch")
    };
    assert!(may_patch_webhook(Field::Rules, "other") && may_patch_webhook(Field::MatchConditions, "edge"));
    assert!(!may_patch_webhook(Field::MatchConditions, "other"));
}

#[test]
fn any_single_trace_is_enough_to_go_on_after_the_host() {
    let only = |change: fn(&mut Case)| {
        let alone = |case: &mut Case| configured(&mut case.member, "none", "own");
        Case::new().gone().bare().with(alone).with(change).member().member_ownership
    };
    assert_eq!(only(|_| {}), MemberOwnership::Clean);
    assert_eq!(
        only(|case| case.member.joined_as = Seen::Present(vec!["edge".to_owned()])),
        MemberOwnership::Ours
    );
    assert_eq!(only(|case| case.traces.credential.push(token("t", HOST))), MemberOwnership::Ours);
    assert_eq!(only(|case| case.traces.credential.push(token("t", OTHER))), MemberOwnership::Clean);
    assert_eq!(only(|case| configured(&mut case.member, "member", "hosts")), MemberOwnership::Ours);
    assert_eq!(only(|case| configured(&mut case.member, "none", "hosts")), MemberOwnership::Ours);
    assert_eq!(
        only(|case| case.member.joined_as = Seen::Present(vec!["other".to_owned()])),
        MemberOwnership::Clean
    );
}

#[test]
fn a_clean_member_needs_nothing() {
    let case = Case::new().gone().bare().with(|case| configured(&mut case.member, "none", "own"));
    assert!(case.plan().is_empty());
}

/// A join that was stopped before it made a token leaves an account that may do everything.
#[test]
fn an_account_without_a_token_goes_whoever_made_it_unless_another_host_uses_it() {
    let binding = || piece(ObjectKind::CLUSTER_ROLE_BINDING, "kubectl-mc-host", TracedCredential::Binding);
    let account = || piece(ObjectKind::SERVICE_ACCOUNT, "kubectl-mc-host", TracedCredential::Account);
    let clean = |token: Option<CredentialTrace>| {
        let left = move |case: &mut Case| {
            configured(&mut case.member, "none", "own");
            case.traces.credential.extend([binding(), account()].into_iter().chain(token));
        };
        let names = Case::new().gone().bare().with(left).member().removals.into_iter();
        names.map(|removal| removal.object.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        clean(None),
        ["clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host", "serviceaccount/kubectl-mc-host"]
    );
    assert_eq!(clean(Some(token("t", OTHER))), Vec::<String>::new());
}

#[test]
fn a_member_of_another_secret_keeps_all_that_may_be_another_hosts() {
    let case = || Case::new().gone().with(|case| configured(&mut case.member, "member", "others"));
    let plan = case().member();
    assert_eq!(
        (&plan.member_ownership, &plan.configuration),
        (&MemberOwnership::OtherSecret, &ConfigurationNeed::InEffect)
    );
    assert_eq!(removed(&plan), ["token-of-host", "binding", "account"]);
    assert_eq!(plan.left.len(), 1, "kubefed's account is residue");
    let named = |case: &mut Case| {
        let config = "{authentication: {jwtSecret: others}, multicluster: {clusterName: blue}}";
        case.member.config = Seen::Present(KubesphereConfig::parse(config).unwrap());
    };
    let plan = case().with(named).member();
    assert_eq!(removed(&plan)[0], "edge-kubesphere", "the other host knows it by another name");
    assert_eq!(plan.left, []);
    let plan = case().with(|case| case.traces.credential.push(token("token-of-other", OTHER))).member();
    assert_eq!(removed(&plan), ["token-of-host"]);
    assert!(plan.kept.contains(&Kept::OtherSecret), "{:?}", plan.kept);
}

#[test]
fn a_registered_member_is_ours_whatever_its_secret_unless_another_host_shows() {
    let drifted = |change: fn(&mut Case)| {
        let drift = |case: &mut Case| configured(&mut case.member, "member", "former");
        Case::new().with(drift).with(change).member()
    };
    let plan = drifted(|_| {});
    assert_eq!((&plan.member_ownership, plan.evidence), (&MemberOwnership::Ours, HostEvidence::Proven));
    assert!(matches!(plan.configuration, ConfigurationNeed::Patch(_)));
    let others = drifted(|case| case.traces.credential.push(token("token-of-other", OTHER)));
    assert_eq!(others.member_ownership, MemberOwnership::OtherSecret);
    let nameless = |case: &mut Case| {
        let cluster = RegisteredCluster::new(json!({"metadata": {"name": "edge"}}));
        case.host.clusters = Seen::Present(vec![cluster]);
    };
    assert_eq!(drifted(nameless).member_ownership, MemberOwnership::OtherSecret);
}

#[test]
fn a_secret_that_changes_after_the_plan_is_not_taken_for_a_renewal_of_the_host() {
    let planned = Case::new();
    let now = |change: fn(&mut Case)| {
        let now = Case::new().gone().with(change);
        tenure_now("edge", (&planned.member, HostEvidence::Proven), &now.host, &now.member, &now.traces)
    };
    assert_eq!(now(|_| {}), MemberOwnership::Ours);
    assert_eq!(now(|case| configured(&mut case.member, "member", "others")), MemberOwnership::OtherSecret);
    assert_eq!(now(|case| configured(&mut case.host, "host", "renewed")), MemberOwnership::Ours);
    assert_eq!(now(|case| configured(&mut case.member, "host", "hosts")), MemberOwnership::Host);
    let renamed = |case: &mut Case| case.host.clusters = Seen::Present(vec![cluster("blue", "u")]);
    assert_eq!(now(renamed), MemberOwnership::Twice("blue".to_owned()));
}

#[test]
fn a_member_on_its_way_out_is_nobody_elses() {
    // The patch of an earlier run stands, and its run has not been: the secret in effect is the host's still.
    let case = Case::new().gone().bare().with(|case| {
        let effective = case.member.config.clone();
        configured(&mut case.member, "none", "fresh-of-before");
        case.member.config = effective;
    });
    let plan = case.member();
    assert_eq!(
        (plan.member_ownership, plan.configuration),
        (MemberOwnership::Ours, ConfigurationNeed::Restart)
    );
}

#[test]
fn a_member_that_is_registered_twice_loses_the_names_own_traces_only() {
    let twin = |case: &mut Case| {
        case.host.clusters = Seen::Present(vec![cluster("edge", "u"), cluster("blue", "u")]);
    };
    let plan = Case::new().with(twin).member();
    assert_eq!(plan.member_ownership, MemberOwnership::Twice("blue".to_owned()));
    assert_eq!(
        (removed(&plan), &plan.configuration),
        (vec!["edge-kubesphere"], &ConfigurationNeed::InEffect)
    );
}

#[test]
fn a_host_is_left_alone() {
    let plan = Case::new().gone().with(|case| configured(&mut case.member, "host", "own")).member();
    assert_eq!(plan.member_ownership, MemberOwnership::Host);
    assert!(
        !removed(&plan).contains(&"edge-kubesphere") && plan.configuration == ConfigurationNeed::InEffect
    );
}

#[test]
fn what_is_not_ours_or_another_hosts_stays_and_is_told() {
    let case = Case::new().with(|case| {
        case.traces.credential[2].whose = Ownership::Foreign("it has no label".to_owned());
        case.traces.credential.push(token("token-of-other", OTHER));
    });
    let plan = case.member();
    let removed = removed(&plan);
    assert!(removed.contains(&"token-of-host") && removed.contains(&"user"), "{removed:?}");
    assert!(
        ["binding", "account", "token-of-other"].iter().all(|name| !removed.contains(name)),
        "{removed:?}"
    );
    let foreign = |kept: &Kept| matches!(kept, Kept::Foreign { piece, why } if piece.object.name == "account" && why == "it has no label");
    assert!(plan.kept.iter().any(foreign), "{:?}", plan.kept);
    let shared = |kept: &Kept| matches!(kept, Kept::Shared(piece) if piece.object.name == "binding");
    assert!(plan.kept.iter().any(shared), "{:?}", plan.kept);
}

#[test]
fn kubefeds_namespace_goes_only_where_it_is_known_to_be_empty() {
    let filled = |others: &[&str], untold: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Case::new()
            .with(|case| {
                let namespace = case.traces.federation_namespace.as_mut().unwrap();
                (namespace.others, namespace.untold) = (words(others), words(untold));
            })
            .member()
    };
    for plan in [filled(&["configmaps/mine"], &[]), filled(&[], &["widgets.example.org (forbidden)"])] {
        assert!(!removed(&plan).contains(&FEDERATION_NAMESPACE));
        let (Kept::Filled { namespace, .. } | Kept::Untold { namespace, .. }) = &plan.kept[0] else {
            panic!("{:?}", plan.kept);
        };
        assert_eq!(namespace.object.in_words(), "Namespace kube-federation-system");
    }
}

#[test]
fn an_empty_namespace_of_kubefed_that_nothing_else_of_a_host_stands_beside_goes() {
    let clean = |change: fn(&mut FederationNamespace)| {
        let mut namespace = Case::new().traces.federation_namespace.unwrap();
        change(&mut namespace);
        Case::new()
            .gone()
            .bare()
            .with(|case| {
                configured(&mut case.member, "none", "own");
                case.traces.federation_namespace = Some(namespace);
            })
            .member()
    };
    assert_eq!(removed(&clean(|_| {})), [FEDERATION_NAMESPACE]);
    assert!(clean(|namespace| namespace.is_going = true).going.is_some());
    let stays: [fn(&mut FederationNamespace); 2] = [
        |namespace| namespace.others.push("configmaps/mine".to_owned()),
        |namespace| namespace.untold.push("widgets.example.org (forbidden)".to_owned()),
    ];
    for change in stays {
        let plan = clean(change);
        assert!(plan.is_empty() && plan.kept.is_empty(), "{plan:?}");
    }
}

#[test]
fn a_namespace_that_goes_already_is_waited_for_and_not_deleted_again() {
    let case = Case::new().with(|case| case.traces.federation_namespace.as_mut().unwrap().is_going = true);
    let plan = case.plan();
    let steps = case.steps(&plan);
    let last = steps.shown().last().unwrap();
    assert_eq!((last.verb(), last.object()), ("wait", "namespace/kube-federation-system".to_owned()));
    assert!(!removed(plan.member.as_ref().unwrap()).contains(&FEDERATION_NAMESPACE));
}

#[test]
fn namespaces_are_released_where_that_is_asked_for_and_counted_else() {
    let owned = |name: &str| -> Value {
        json!({"name": name, "uid": "n", "labels": {"kubesphere.io/workspace": "team"}})
    };
    let namespaces =
        |seen| ["shop", "mail"].map(|name| WorkspaceNamespace::of(&owned(name), |_| seen).unwrap()).to_vec();
    let case = |release_namespaces, seen| {
        Case::new().with(|case| {
            case.intent.release_namespaces = release_namespaces;
            case.traces.namespaces = Seen::Present(namespaces(seen));
        })
    };
    let plan = |release_namespaces, seen| case(release_namespaces, seen).member();
    let released = plan(true, WorkspaceSeen::Managed);
    assert_eq!((released.releases.len(), released.kept.len()), (2, 0));
    let releasing = case(true, WorkspaceSeen::Managed);
    assert!(releasing.accesses(&releasing.plan(), &released.side).iter().any(|access| (
        access.verb,
        access.resource
    ) == (
        "patch",
        "namespaces"
    )));
    let kept = plan(false, WorkspaceSeen::Managed);
    assert!(matches!(&kept.kept[..], [Kept::Namespaces(names), ..] if names.len() == 2), "{:?}", kept.kept);
    assert_eq!(plan(true, WorkspaceSeen::Own).releases, []);
    let again = Case::new().gone().bare().with(|case| {
        configured(&mut case.member, "none", "own");
        case.intent.release_namespaces = true;
        case.traces.namespaces = Seen::Present(namespaces(WorkspaceSeen::Managed));
    });
    assert_eq!((again.member().member_ownership, again.member().releases.len()), (MemberOwnership::Clean, 2));
}

#[test]
fn every_right_is_asked_for_once() {
    let case = Case::new();
    let accesses = case.accesses(&case.plan(), &case.member.side);
    let asked: Vec<String> =
        accesses.iter().map(|access| format!("{} {}", access.verb, access.resource)).collect();
    assert_eq!(
        asked,
        [
            "delete serviceaccounts",
            "delete namespaces",
            "get namespaces",
            "delete secrets",
            "delete clusterrolebindings",
            "delete certificatesigningrequests",
            "patch clusterconfigurations",
        ]
    );
}
