use jiff::{SignedDuration, Timestamp};
use kubesphere::{
    cluster::RegisteredCluster,
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    object::{ExistingObject, ObjectKind},
    side::Side,
};
use serde_json::json;

use super::{CoreSeen, Installed, ownership_now};
use crate::plan::{
    core::{Claim, Core, CoreRelease},
    observed::{Observed, Seen, fixture},
    operations::decide_removal,
    unjoin::{
        admission::Admission,
        kept::Kept,
        member_ownership::MemberOwnership,
        plan::{MemberPlan, MemberSeen, UnjoinIntent, plan},
        trace::Traces,
    },
};

const HOSTS: &str = "the-secret-of-the-host";
const OTHERS: &str = "the-secret-of-another";

struct Case {
    intent: UnjoinIntent,
    host: Observed,
    member: Observed,
    traces: Traces,
}

fn configured(observed: &mut Observed, role: &str, secret: &str) {
    let text = format!(
        "{{authentication: {{issuer: {{jwtSecret: {secret}}}}}, multicluster: {{clusterRole: {role}, hostClusterName: hub}}}}"
    );
    observed.config = Seen::Present(KubesphereConfig::parse(&text).unwrap());
}

fn cluster(name: &str, uid: &str, ready: &str) -> RegisteredCluster {
    let status = json!({"uid": uid, "conditions": [{"type": "Ready", "status": ready}]});
    RegisteredCluster::new(json!({"metadata": {"name": name, "uid": name}, "status": status}))
}

fn object(kind: ObjectKind, name: &str) -> ExistingObject {
    ExistingObject { object: kind.named(name).in_namespace("kubesphere-system"), uid: name.to_owned() }
}

fn claim(name: &str, host: &str) -> Seen<Claim> {
    Seen::Present(Claim { name: name.to_owned(), host: host.to_owned() })
}

impl Case {
    /// A member that its host has found ready.
    fn new() -> Self {
        let (mut host, mut member) = (fixture("v1.34.0"), fixture("v1.34.0"));
        (host.side, host.uid) = (Side::host("hub"), "h".to_owned());
        configured(&mut host, "host", HOSTS);
        configured(&mut member, "member", HOSTS);
        host.clusters = Seen::Present(vec![cluster("edge", &member.uid, "True")]);
        let release = CoreRelease {
            revision: 1,
            status: "deployed".to_owned(),
            since: Some(Timestamp::UNIX_EPOCH),
            began: None,
        };
        let core = Core { claim: claim("edge", "hub"), release: Seen::Present(release) };
        let traces = Traces {
            kubefed: Vec::new(),
            federation_namespace: None,
            credential: Vec::new(),
            namespaces: Seen::Absent,
            core: Some(CoreSeen { core, installed: None }),
            denied: Vec::new(),
        };
        let (with_member, release_namespaces, uninstall, force) = (true, false, false, false);
        let name = "edge".to_owned();
        let intent = UnjoinIntent { name, with_member, release_namespaces, uninstall, force };
        Self { intent, host, member, traces }
    }

    fn without_cluster(mut self) -> Self {
        self.host.clusters = Seen::Present(Vec::new());
        self
    }

    fn claimed(mut self, name: &str, host: &str) -> Self {
        self.core().core.claim = claim(name, host);
        self
    }

    fn with_secret(mut self, secret: &str) -> Self {
        configured(&mut self.member, "member", secret);
        self
    }

    fn uninstalling(mut self) -> Self {
        self.intent.uninstall = true;
        self.core().installed = Some(Seen::Present(Installed {
            secret: Some(JwtSecret::new(HOSTS)),
            objects: vec![object(ObjectKind::DEPLOYMENT, "ks-agent")],
            others: vec![object(ObjectKind::CONFIG_MAP, "of-others")],
            kept: vec![object(ObjectKind::SECRET, "kept")],
            records: vec![object(ObjectKind::SECRET, "v1"), object(ObjectKind::SECRET, "v2")],
        }));
        self
    }

    fn core(&mut self) -> &mut CoreSeen {
        self.traces.core.as_mut().unwrap()
    }

    fn member(&self) -> MemberPlan {
        let (observed, traces, fresh) = (&self.member, &self.traces, &JwtSecret::new("unused"));
        let seen = MemberSeen { observed, traces, fresh };
        plan(&self.intent, &self.host, Admission::Unguarded, Some(seen)).unwrap().member.unwrap()
    }

    fn ownership(&self) -> MemberOwnership {
        self.member().member_ownership
    }

    /// The verbs and objects of the steps that are shown.
    fn steps(&self) -> Vec<String> {
        let (observed, traces, fresh) = (&self.member, &self.traces, &JwtSecret::new("unused"));
        let seen = MemberSeen { observed, traces, fresh };
        let found = plan(&self.intent, &self.host, Admission::Unguarded, Some(seen)).unwrap();
        let plan = decide_removal(&self.intent, &found, &self.host, Some(&self.member), None);
        plan.shown().map(|step| format!("{} {}", step.verb(), step.object())).collect()
    }
}

fn host_claimed(host: &str) -> MemberOwnership {
    MemberOwnership::Claimed(host.to_owned())
}

#[test]
fn a_member_is_ours_by_any_one_trace_and_another_hosts_where_that_says_so() {
    assert_eq!(Case::new().ownership(), MemberOwnership::Ours);
    let left = || Case::new().without_cluster();
    assert_eq!(left().ownership(), MemberOwnership::Ours, "it has the host's secret");
    assert_eq!(left().claimed("", "").ownership(), MemberOwnership::Ours);
    assert_eq!(left().claimed("", "").with_secret(OTHERS).ownership(), MemberOwnership::Clean);
    assert_eq!(left().with_secret(OTHERS).ownership(), host_claimed("hub"), "many hosts have one name");
    assert_eq!(Case::new().claimed("theirs", "other").ownership(), host_claimed("other"));
    assert_eq!(left().claimed("edge", "edge").ownership(), MemberOwnership::Host);
}

#[test]
fn helms_record_tells_whose_it_was_once_the_configuration_is_gone() {
    let mut case = Case::new().without_cluster().claimed("", "").uninstalling();
    case.member.config = Seen::Absent;
    assert_eq!(case.ownership(), MemberOwnership::Ours);
    let other = Case::new().without_cluster().claimed("", "").with_secret(OTHERS).uninstalling();
    assert_eq!(other.ownership(), MemberOwnership::Clean, "what is in effect counts");
    assert_eq!(other.member().core.unwrap().uninstall, None);
}

#[test]
fn a_member_that_is_registered_twice_stays_one() {
    let mut case = Case::new().uninstalling();
    let twin = cluster("blue", &case.member.uid, "True");
    case.host.clusters = Seen::Present(vec![cluster("edge", &case.member.uid, "True"), twin]);
    assert_eq!(case.ownership(), MemberOwnership::Twice("blue".to_owned()));
    assert_eq!(case.steps(), ["delete cluster.cluster.kubesphere.io/edge"]);
}

#[test]
fn the_controller_removes_the_annotations_of_a_ready_member_and_this_command_all_others() {
    assert_eq!(Case::new().steps(), ["delete cluster.cluster.kubesphere.io/edge"]);
    let mut unready = Case::new();
    unready.host.clusters = Seen::Present(vec![cluster("edge", &unready.member.uid, "False")]);
    let patch = "patch namespace/kubesphere-system";
    assert_eq!(unready.steps(), ["delete cluster.cluster.kubesphere.io/edge", patch]);
    assert_eq!(Case::new().without_cluster().steps(), [patch]);
    assert_eq!(Case::new().without_cluster().claimed("theirs", "other").steps(), Vec::<String>::new());
}

#[test]
fn what_stays_is_told_and_what_is_uninstalled_ends_with_helms_records() {
    let kept = Case::new().member().kept;
    assert_eq!(kept, [Kept::Core, Kept::JwtSecret, Kept::Definitions]);
    let case = Case::new().uninstalling();
    let uninstall = "delete deployment.apps/ks-agent, secret/v1, secret/v2";
    assert_eq!(case.steps(), ["delete cluster.cluster.kubesphere.io/edge", uninstall]);
    let others = Kept::WithoutMarks(vec!["ConfigMap kubesphere-system/of-others".to_owned()]);
    let by_policy = Kept::ByPolicy(vec!["Secret kubesphere-system/kept".to_owned()]);
    assert_eq!(
        case.member().kept,
        [Kept::SystemNamespace, Kept::Finalizers, others, by_policy, Kept::Definitions]
    );
    let claimed = Case::new().claimed("theirs", "other").uninstalling().member();
    assert_eq!(
        (claimed.core.unwrap().uninstall, claimed.kept),
        (None, vec![Kept::Claimed("other".to_owned())])
    );
}

/// It begins anew after each failure, for as long as there is the Cluster.
#[test]
fn what_the_hosts_helm_is_at_work_on_is_waited_for() {
    let waits = |case: Case, minutes: i64, status: &str| {
        let mut case = case.uninstalling();
        let now = case.member.clock.now;
        let since = Some(now - SignedDuration::from_mins(minutes));
        let release = CoreRelease { revision: 2, status: status.to_owned(), since, began: None };
        case.core().core.release = Seen::Present(release);
        case.member().core.unwrap().uninstall.unwrap().at_work.is_some()
    };
    assert!(waits(Case::new(), 3, "pending-upgrade"));
    assert!(!waits(Case::new(), 60, "pending-upgrade"), "nobody is at work on it any more");
    assert!(waits(Case::new(), 3, "failed"), "it may be tried again at any time");
    assert!(!waits(Case::new().without_cluster(), 3, "failed") && !waits(Case::new(), 3, "deployed"));
}

#[test]
fn on_a_fresh_look_it_is_as_planned_or_a_colleagues() {
    let (case, planned) = (Case::new(), Case::new().member());
    let now = |case: &Case| {
        let was = (&planned.member_ownership, planned.evidence);
        ownership_now("edge", was, &case.host, &case.member, &case.traces)
    };
    assert_eq!(now(&case), MemberOwnership::Twice("edge".to_owned()), "it was registered again");
    assert_eq!(now(&Case::new().without_cluster().claimed("", "")), MemberOwnership::Ours);
    let taken = Case::new().without_cluster().claimed("theirs", "other").with_secret(OTHERS);
    assert_eq!(now(&taken), host_claimed("other"));
    let was = (&host_claimed("other"), planned.evidence);
    let wiped = Case::new().without_cluster().claimed("", "");
    assert_eq!(
        ownership_now("edge", was, &wiped.host, &wiped.member, &wiped.traces),
        host_claimed("other"),
        "the controller has taken off what another host had written"
    );
}
