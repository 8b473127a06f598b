//! A test bed, with what our own program did to its clusters.

use std::{fs, ops::Deref, sync::LazyLock, thread, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{Client, api::ListParams};
use testbed::{
    AuditEvent, Bed, Mark,
    bed::{Cluster, condition},
    block_on,
    kubesphere::{Scenario, Version, objects},
};

use super::{Kubeconfig, KubectlMc, kubeconfig::secrets_in};

/// An apiserver that was killed does not answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How our requests are told from the stand-ins'.
const USER_AGENT: &str = "kubectl-mc/";

/// A test bed whose clusters are asked what we sent them.
pub struct Watched {
    bed: Bed,
}

impl Watched {
    pub fn lease(scenario: &Scenario) -> Self {
        Self { bed: Bed::lease(scenario) }
    }

    /// A standalone host and a standalone member of 3.4, for all tests that end before the first change.
    pub fn shared() -> &'static Self {
        // In a thread of its own: the test that comes first does not hold it alone.
        static SHARED: LazyLock<Watched> = LazyLock::new(|| {
            thread::spawn(|| Watched::lease(&Scenario::new(Version::V3_4))).join().expect("the bed is leased")
        });
        &SHARED
    }

    /// The program, on this bed.
    pub fn kubectl_mc(&self) -> KubectlMc {
        self.searched(KubectlMc::new(&fs::read_to_string(self.bed.kubeconfig()).unwrap(), self.bed.secrets()))
    }

    /// The program, on this bed with another kubeconfig.
    pub fn kubectl_mc_with(&self, kubeconfig: &Kubeconfig) -> KubectlMc {
        self.searched(KubectlMc::new(&kubeconfig.text(), self.bed.secrets()))
    }

    /// No output of it may hold a credential that it has made.
    pub(super) fn searched(&self, program: KubectlMc) -> KubectlMc {
        let clients: Vec<Client> = self.clusters().map(Cluster::client).collect();
        program.making(move || clients.iter().flat_map(credentials_on).collect())
    }

    /// `join` with what a bed on one machine needs, and without a question.
    pub fn join(&self, words: &str) -> KubectlMc {
        self.kubectl_mc().join(words)
    }

    /// Waits until our program has sent so many writes.
    pub fn until_writes(&self, count: usize) {
        self.wait_for(&format!("{count} writes"), |_| self.writes().len() >= count);
    }

    /// The member took this host's secret and role, and the host has it as a Cluster that is Ready.
    #[track_caller]
    pub fn assert_joined(&self, number: usize, name: &str) {
        let (host, member) = (self.host(), self.member(number));
        assert_eq!(condition(&host.cluster(name), "Ready"), Some("True"), "{}", self.dump());
        let secret = member.configured("authentication.jwtSecret");
        assert!(
            secret == host.configured("authentication.jwtSecret") && !secret.is_null(),
            "{}",
            self.dump()
        );
        assert_eq!(member.cluster_configuration()["spec"]["multicluster"]["clusterRole"], "member");
    }

    /// Every request of ours since the bed was handed out.
    pub fn requests(&self) -> Vec<AuditEvent> {
        self.clusters().flat_map(|cluster| cluster.audit().since_by(cluster.mark(), USER_AGENT)).collect()
    }

    /// Every request of ours since the marks.
    pub fn requests_since(&self, marks: &[Mark]) -> Vec<AuditEvent> {
        let clusters = self.clusters().zip(marks);
        clusters.flat_map(|(cluster, mark)| cluster.audit().since_by(*mark, USER_AGENT)).collect()
    }

    /// Where the audit logs stand.
    pub fn marks(&self) -> Vec<Mark> {
        self.clusters().map(|cluster| cluster.audit().mark()).collect()
    }

    /// Our writes, access reviews and probe pods aside, as `verb resource/name`.
    pub fn writes(&self) -> Vec<String> {
        let requests = self.requests();
        requests.iter().filter(|event| event.changes() && event.resource != "pods").map(shown).collect()
    }

    /// As [`Self::writes`] since the marks, what may have been stored: see [`stored`].
    pub fn stored_since(&self, marks: &[Mark]) -> Vec<String> {
        let clusters = self.clusters().zip(marks);
        let writes = |(cluster, mark): (&Cluster, &Mark)| {
            let events = cluster.audit().since_by(*mark, USER_AGENT);
            let kept = stored(&events).filter(|event| event.resource != "pods");
            kept.map(shown).collect::<Vec<_>>()
        };
        clusters.flat_map(writes).collect()
    }

    /// As [`Self::stored_since`], since the bed was handed out.
    pub fn stored(&self) -> Vec<String> {
        self.stored_since(&self.clusters().map(Cluster::mark).collect::<Vec<_>>())
    }

    /// What we did to probe pods, as verbs in order.
    pub fn probe_writes(&self) -> Vec<String> {
        let requests = self.requests();
        let pods = requests.iter().filter(|event| event.changes() && event.resource == "pods");
        pods.map(|event| event.verb.clone()).collect()
    }

    /// Nothing of ours was written, not even a pod; access reviews aside.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!((self.writes(), self.probe_writes()), (Vec::new(), Vec::new()));
    }

    /// How many patches each ClusterConfiguration was sent, the host's first.
    pub fn configuration_patches(&self) -> Vec<usize> {
        let is_patch =
            |event: &&AuditEvent| event.verb == "patch" && event.resource == "clusterconfigurations";
        let patches = |cluster: &Cluster| {
            cluster.audit().since_by(cluster.mark(), USER_AGENT).iter().filter(is_patch).count()
        };
        self.clusters().map(patches).collect()
    }

    pub fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        std::iter::once(self.bed.host()).chain(self.bed.members())
    }
}

/// The tokens of our service accounts there, what is confidential in the kubeconfigs of Clusters, and the jwtSecret that the
/// ClusterConfiguration asks for. An apiserver that is away keeps what it has.
fn credentials_on(cluster: &Client) -> Vec<String> {
    let configurations = objects::cluster_configurations(cluster);
    let secrets = objects::objects(cluster, "v1", "Secret", Some(objects::SYSTEM));
    let clusters = objects::clusters(cluster);
    let (secrets, clusters, configuration) = block_on(async move {
        let all = ListParams::default();
        let ours = objects::labelled(&secrets, "app.kubernetes.io/managed-by=kubectl-mc");
        let clusters = tokio::time::timeout(ANSWERS_WITHIN, clusters.list(&all));
        let ours = tokio::time::timeout(ANSWERS_WITHIN, ours).await;
        let configuration = tokio::time::timeout(ANSWERS_WITHIN, configurations.get("ks-installer")).await;
        let clusters = clusters.await.ok().and_then(Result::ok);
        (ours.ok().and_then(Result::ok), clusters, configuration.ok().and_then(Result::ok))
    });
    let decoded = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let tokens = secrets.into_iter().flatten();
    let tokens = tokens.filter_map(|secret| decoded(secret.data["data"]["token"].as_str()?));
    let clusters = clusters.into_iter().flatten();
    let kubeconfigs =
        clusters.filter_map(|cluster| decoded(cluster.data["spec"]["connection"]["kubeconfig"].as_str()?));
    let asked = configuration
        .and_then(|found| found.data["spec"]["authentication"]["jwtSecret"].as_str().map(str::to_owned));
    let asked = asked.filter(|asked| asked.len() >= 32);
    tokens.chain(kubeconfigs.flat_map(|text| secrets_in(&text))).chain(asked).collect()
}

fn shown(event: &AuditEvent) -> String {
    format!("{} {}/{}", event.verb, event.resource, event.name)
}

/// The writes to one cluster that may have been stored. One that was under way when its sender ended may have been
/// cut before the store or behind it (the apiserver logs it as 504): it counts unless it was sent again later.
fn stored(events: &[AuditEvent]) -> impl Iterator<Item = &AuditEvent> {
    let is_refused = |event: &AuditEvent| (400..500).contains(&event.code);
    let is_accepted = |event: &AuditEvent| (200..300).contains(&event.code);
    let writes = events.iter().enumerate().filter(move |(_, event)| event.changes() && !is_refused(event));
    let is_kept = move |(place, event): &(usize, &AuditEvent)| {
        let mut later = events[place + 1..].iter().filter(|later| !is_refused(later));
        is_accepted(event) || !later.any(|later| later.changes() && shown(later) == shown(event))
    };
    writes.filter(is_kept).map(|(_, event)| event)
}

impl Deref for Watched {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        &self.bed
    }
}
