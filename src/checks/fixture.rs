//! A join for the tests of checks: healthy until a test says otherwise.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubesphere::{
    cluster::RegisteredCluster, cluster_configuration::ClusterConfiguration, jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig, side::Side, versions::Version,
};
use serde_json::{Value, json};

use super::{Check, MemberSituation, Report, Silent, Situation, Subject, Verdict, run};
use crate::plan::{
    credential::Choice,
    intent::{
        ClusterIntent, Description, HostChoice, HostIntent, Intent, MemberIntent, Reachability, StoredOptions,
    },
    lifetime::DAY,
    member_kubeconfig::{Endpoint, StoredUser},
    member_server::{CertificateSeen, EndpointSeen},
    needs::Unplannable,
    observed::{Clock, Installer, InstallerRun, Observed, Seen},
    operation::Operation,
    operations::decide,
    skipped::Skipped,
    surroundings::Surroundings,
};

/// The host's jwtSecret.
pub(super) const HOST_SECRET: &str = "gfIwilcc0WjNGKJ5DLeksf2JKfcLgTZU";
/// The members' own jwtSecret.
pub(super) const OTHER_SECRET: &str = "x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA";

/// What was typed and what was seen.
pub(super) struct Case {
    intent: Intent,
    host: Option<Observed>,
    members: Vec<Option<Observed>>,
    silent: Vec<Silent>,
    unplannable: Option<Unplannable>,
}

impl Case {
    /// A standalone host `prod` and a standalone member `edge-1`, both KubeSphere 3.4.1.
    pub(super) fn new() -> Self {
        Self::of_version("v3.4.1")
    }

    /// A host of KubeSphere 4.1.3 and a cluster without KubeSphere.
    pub(super) fn of_4() -> Self {
        let text = format!(
            "authentication: {{issuer: {{jwtSecret: {HOST_SECRET}}}}}\nmulticluster: {{clusterRole: host, hostClusterName: host}}"
        );
        Self::new().registered([host_cluster("host")]).member(empty).host(|host| {
            empty(host);
            host.config = Seen::Present(config(&text));
            host.apiserver_version = Version::parse("v4.1.3");
        })
    }

    /// As [`Self::new`], both of this version.
    pub(super) fn of_version(version: &str) -> Self {
        let host = HostIntent { cluster_name: None, rotation: None, chosen: HostChoice::Named };
        let members = vec![member_intent("edge-1")];
        let intent = Intent {
            operation: Operation::Join,
            host,
            members,
            given_secret: None,
            reachability: Reachability::Off,
            left_out: Vec::new(),
            expected: None,
            skipped: Skipped::default(),
        };
        let host = installation(Side::host("prod"), version, HOST_SECRET);
        let member = installation(Side::member("edge-1"), version, OTHER_SECRET);
        Self { intent, host: Some(host), members: vec![Some(member)], silent: Vec::new(), unplannable: None }
    }

    /// With a host like this.
    pub(super) fn host(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(self.host.as_mut().expect("the host answers"));
        self
    }

    /// With a first member like this.
    pub(super) fn member(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(self.members[0].as_mut().expect("the member answers"));
        self
    }

    /// Without a host to ask: its secret was handed over.
    pub(super) fn without_host(mut self) -> Self {
        self.host = None;
        self.intent.operation = Operation::PrepareMember;
        self.intent.given_secret = Some(JwtSecret::new(HOST_SECRET));
        self
    }

    /// With a second member, `edge-2`, like the first.
    pub(super) fn second_member(mut self) -> Self {
        self.intent.members.push(member_intent("edge-2"));
        self.members.push(Some(installation(Side::member("edge-2"), "v3.4.1", OTHER_SECRET)));
        self
    }

    /// The same clusters, reached by these contexts and options.
    pub(super) fn reached(mut self, host: &Side, member: &Side) -> Self {
        self.intent.members[0].side = member.clone();
        self.host(|observed| observed.side = host.clone()).member(|observed| observed.side = member.clone())
    }

    /// With these Clusters on the host.
    pub(super) fn registered(self, clusters: impl Into<Vec<RegisteredCluster>>) -> Self {
        self.host(|host| host.clusters = Seen::Present(clusters.into()))
    }

    /// When this was asked for.
    pub(super) fn wanting(mut self, change: impl FnOnce(&mut Intent)) -> Self {
        change(&mut self.intent);
        self
    }

    /// With what is wanted of the first member's Cluster changed.
    pub(super) fn wanting_cluster(self, change: impl FnOnce(&mut ClusterIntent)) -> Self {
        self.wanting(|intent| change(intent.members[0].cluster.as_mut().expect("it is asked for")))
    }

    /// When only checks are asked for.
    pub(super) fn checking(self) -> Self {
        self.wanting(|intent| intent.operation = Operation::Check)
    }

    /// With a host and a first member that are joined, the member registered under its context's name.
    pub(super) fn joined(self) -> Self {
        let conditions =
            json!([{"type": "Federated", "status": "True"}, {"type": "Ready", "status": "True"}]);
        let with_status = |cluster: RegisteredCluster| with_conditions(&cluster, &conditions);
        let clusters = [host_cluster("host"), cluster("edge-1", "uid-of-edge-1")].map(with_status);
        self.registered(clusters).host(|host| play(host, "host")).member(|member| {
            member.config = Seen::Present(config(&format!("authentication: {{jwtSecret: {HOST_SECRET}}}")));
            member.secret = Seen::Present(JwtSecret::new(HOST_SECRET));
            play(member, "member");
            specify(member, &json!({"authentication": {"jwtSecret": HOST_SECRET}}));
        })
    }

    /// With a member that gave no answer.
    pub(super) fn silent_member(mut self, silent: Silent) -> Self {
        self.members[0] = None;
        self.silent.push(silent);
        self
    }

    /// With a reason why no plan can be made.
    pub(super) fn unplannable(mut self, why: Unplannable) -> Self {
        self.unplannable = Some(why);
        self
    }

    /// What the check says, beside what holds.
    pub(super) fn reports(&self, check: &Check) -> Vec<Report> {
        let found =
            |situation: &Situation<'_>| check.outcomes(Subject::Joining(situation)).0.unwrap_or_default();
        let said = self.with_situation(found).into_iter().filter(|report| !report.is_mere_ok());
        said.collect()
    }

    /// Why the check is not asked, where it is not.
    pub(super) fn skips(&self, check: &Check) -> Option<String> {
        let reports = self.with_situation(|situation| check.reports(Subject::Joining(situation)));
        let skipped = reports.into_iter().find(|report| report.verdict == Verdict::Skipped);
        skipped.map(|report| report.message)
    }

    /// What the check says, as `verdict SIDE: message`.
    pub(super) fn says(&self, check: &Check) -> Vec<String> {
        let reports = self.reports(check);
        reports.iter().map(shown).collect()
    }

    /// What all checks together make known.
    pub(super) fn tells(&self) -> Vec<String> {
        let found = self.with_situation(|situation| run(Subject::Joining(situation), &Skipped::default()));
        let told = found.iter().filter(|finding| finding.report.verdict > Verdict::Ok);
        told.map(|finding| shown(&finding.report)).collect()
    }

    /// What the check's first report says to do.
    pub(super) fn hints(&self, check: &Check) -> String {
        self.reports(check).first().map(|report| report.hints.join("; ")).unwrap_or_default()
    }

    /// All that the checks see.
    pub(super) fn with_situation<T>(&self, look: impl FnOnce(&Situation<'_>) -> T) -> T {
        let answers: Option<Vec<&Observed>> = self.members.iter().map(Option::as_ref).collect();
        let decision = answers.and_then(|members| decide(&self.intent, self.host.as_ref(), &members).ok());
        let members = self.intent.members.iter().zip(&self.members);
        let members =
            members.map(|(intent, observed)| MemberSituation { intent, observed: observed.as_ref() });
        look(&Situation {
            intent: &self.intent,
            host: self.host.as_ref(),
            members: members.collect(),
            silent: &self.silent,
            decision: decision.as_ref(),
            unplannable: self.unplannable.as_ref(),
        })
    }
}

fn shown(report: &Report) -> String {
    let side = report.side.as_ref().map(|side| format!(" {side}")).unwrap_or_default();
    format!("{}{side}: {}", report.verdict.as_str(), report.message)
}

fn member_intent(context: &str) -> MemberIntent {
    let server = format!("https://{context}.example.org:6443");
    let cluster = ClusterIntent {
        name: context.to_owned(),
        description: Description::default(),
        credential: Choice::default(),
        endpoint: Ok(Endpoint {
            server: server.clone(),
            certificate_authority: Some("CA".into()),
            leaves_out_proxy: false,
        }),
        server,
        user: Ok(StoredUser::Certificate { certificate: "C".into(), key: "K".into() }),
        values: None,
        given: StoredOptions::default(),
    };
    MemberIntent { side: Side::member(context), from_other_host: false, cluster: Some(cluster) }
}

/// A standalone installation, as its installer left it.
fn installation(side: Side, version: &str, secret: &str) -> Observed {
    let configuration = json!({
        "metadata": {"name": "ks-installer", "labels": {"version": version}},
        "spec": {"authentication": {"jwtSecret": ""}, "multicluster": {"clusterRole": "none"}},
        "status": {"core": {"status": "enabled", "version": version}},
    });
    Observed {
        server: format!("https://{}.example.org:6443", side.context()),
        kubernetes: "v1.23.17".to_owned(),
        uid: format!("uid-of-{}", side.context()),
        configuration: Seen::Present(ClusterConfiguration::new(configuration)),
        config: Seen::Present(config(&format!("authentication: {{jwtSecret: {secret}}}"))),
        secret: Seen::Present(JwtSecret::new(secret)),
        installer: Seen::Present(Installer {
            version: Version::parse(version),
            replicas: 1,
            ..Installer::default()
        }),
        apiserver_version: None,
        clusters: Seen::Present(Vec::new()),
        joined_as: Seen::Absent,
        run: InstallerRun::NotAsked,
        container: None,
        last_line: None,
        short_name_clashes: Seen::Absent,
        clock: Clock { now: Timestamp::UNIX_EPOCH, ahead_seconds: 0 },
        user: None,
        denied: Vec::new(),
        stored: BTreeMap::new(),
        account: None,
        earlier: None,
        endpoint: None,
        surroundings: Surroundings::default(),
        side,
    }
}

/// An address with a good certificate, as it was seen on 2023-11-14.
pub(super) fn endpoint() -> EndpointSeen {
    let at = 1_700_000_000;
    let names = ["kubernetes", "10.0.0.1"].map(str::to_owned).into();
    let certificate = CertificateSeen { names, covers: true, distrusted: None, until: at + 365 * DAY };
    EndpointSeen { certificate: Ok(certificate), out_of_reach: None, proposals: Vec::new(), at }
}

/// What the text of kubesphere-config means.
pub(super) fn config(text: &str) -> KubesphereConfig {
    KubesphereConfig::parse(text).expect("tests write YAML")
}

/// Changes the ClusterConfiguration by a merge patch of its spec.
pub(super) fn specify(observed: &mut Observed, spec: &Value) {
    change_configuration(observed, &json!({ "spec": spec }));
}

/// Changes the ClusterConfiguration by a merge patch.
pub(super) fn change_configuration(observed: &mut Observed, patch: &Value) {
    let mut object = observed.configuration.present().expect("it is there").object().clone();
    json_patch::merge(&mut object, patch);
    observed.configuration = Seen::Present(ClusterConfiguration::new(object));
}

/// Adds to what stands around the cluster's KubeSphere.
pub(super) fn surround(observed: &mut Observed, change: impl FnOnce(&mut Surroundings)) {
    change(&mut observed.surroundings);
}

/// Gives the cluster a role, in its configuration and in effect.
pub(super) fn play(observed: &mut Observed, role: &str) {
    specify(observed, &json!({"multicluster": {"clusterRole": role}}));
    if role == "host" {
        change_configuration(observed, &json!({"status": {"multicluster": {"status": "enabled"}}}));
    }
    let secret = observed.effective_secret().expect("it has one").expose().to_owned();
    let (enable, age) = (role == "host", if role == "member" { "0" } else { "2h" });
    observed.config = Seen::Present(config(&format!(
        "authentication: {{jwtSecret: {secret}, oauthOptions: {{accessTokenMaxAge: {age}}}}}\n\
         multicluster: {{enable: {enable}, clusterRole: {role}}}"
    )));
}

/// A cluster without any trace of KubeSphere.
pub(super) fn empty(observed: &mut Observed) {
    observed.configuration = Seen::Absent;
    observed.config = Seen::Absent;
    observed.secret = Seen::Absent;
    observed.installer = Seen::Absent;
}

/// A member's Cluster, with the UID that its status has.
pub(super) fn cluster(name: &str, uid: &str) -> RegisteredCluster {
    RegisteredCluster::new(json!({
        "metadata": {"name": name},
        "spec": {"joinFederation": true, "connection": {"type": "direct"}},
        "status": {"uid": uid},
    }))
}

/// The Cluster with these conditions, and what a controller that reached the member writes besides.
pub(super) fn with_conditions(cluster: &RegisteredCluster, conditions: &Value) -> RegisteredCluster {
    cluster.patched(&json!({"status": {"conditions": conditions, "kubeSphereVersion": "v3.4.1"}}))
}

/// The host's own Cluster.
pub(super) fn host_cluster(name: &str) -> RegisteredCluster {
    RegisteredCluster::new(json!({
        "metadata": {"name": name, "labels": {"cluster-role.kubesphere.io/host": ""}},
        "spec": {"joinFederation": true, "connection": {"type": "direct"}},
        "status": {"uid": "uid-of-prod"},
    }))
}
