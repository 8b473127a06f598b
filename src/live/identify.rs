//! Which cluster stands behind a registered one, and whether it takes what is stored of it.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures::{StreamExt as _, stream};
use kube::config::{AuthInfo, Cluster};
use kubesphere::{
    cluster::RegisteredCluster,
    given_options::{Choice, GivenOptions},
    go_base64,
    jwt_secret::JwtSecret,
    kubesphere_config::KubesphereConfig,
    side::Side,
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout_at;

use super::{
    connection::Connection,
    environment::Environment,
    kubeconfig::{ConnectionOptions, Kubeconfig},
    observe::{config, kube_system_uid},
    places::Places,
    request_error::{Cause, RequestError},
    selected_context::{SelectedContext, select},
    time_limit,
};
use crate::plan::{observed::Seen, registration::Probe};

/// A member that is gone must not hold up a join.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How many members are asked at once.
const ASKED_AT_ONCE: usize = 8;

/// The Cluster with the UID of its member's kube-system, which is asked for through the kubeconfig that the host has stored,
/// once for each object. Who did not answer when all were asked is not asked again.
///
/// KubeSphere 3.1 and 3.2 do not record it (kubesphere `cluster_types.go@v3.2.1`), and no version does before
/// its controller has reached the member.
pub async fn identified(host: &Connection, cluster: RegisteredCluster) -> RegisteredCluster {
    if host.known_members.is_silent(cluster.object_uid()) { cluster } else { asked(host, cluster).await }
}

/// All of them, in their order.
pub async fn all_identified(
    host: &Connection,
    clusters: impl IntoIterator<Item = RegisteredCluster>,
) -> Vec<RegisteredCluster> {
    let clusters = clusters.into_iter().map(|cluster| async {
        let cluster = asked(host, cluster).await;
        if is_unknown(&cluster) {
            host.known_members.remember(cluster.object_uid(), None);
        }
        cluster
    });
    stream::iter(clusters).buffered(ASKED_AT_ONCE).collect().await
}

async fn asked(host: &Connection, mut cluster: RegisteredCluster) -> RegisteredCluster {
    if !is_unknown(&cluster) {
        return cluster;
    }
    cluster.asked_uid = match host.known_members.behind(cluster.object_uid()) {
        None => identity(&cluster, ANSWERS_WITHIN).await.ok(),
        known => known,
    };
    if let Some(uid) = &cluster.asked_uid {
        host.known_members.remember(cluster.object_uid(), Some(uid));
    }
    cluster
}

/// Whether nobody but the member can tell who it is.
fn is_unknown(cluster: &RegisteredCluster) -> bool {
    cluster.member_uid().is_none() && !cluster.is_host() && cluster.is_direct()
}

/// What the members of these Clusters say when they are asked through what the host has stored, by the Clusters' names; where
/// the host's secret is given, also whether it is theirs.
pub async fn probe_all(
    clusters: impl IntoIterator<Item = RegisteredCluster>,
    hosts: Option<&JwtSecret>,
    places: &Places,
) -> BTreeMap<String, Probe> {
    let probes = places.each(clusters, async |cluster| {
        let probe = probe(&cluster, hosts, ANSWERS_WITHIN).await;
        (cluster.name().to_owned(), probe)
    });
    probes.await.into_iter().collect()
}

/// What the member of a Cluster says of late, without holding up anything.
pub(super) async fn probe_shortly(cluster: &RegisteredCluster) -> Probe {
    probe(cluster, None, ANSWERS_WITHIN).await
}

/// What the member of a Cluster says when it is asked through what the host has stored; where the host's secret is given,
/// also whether it is its own.
pub async fn probe(cluster: &RegisteredCluster, hosts: Option<&JwtSecret>, within: Duration) -> Probe {
    match (&cluster.asked_uid, hosts) {
        _ if !cluster.is_direct() => Probe::NotAsked,
        (Some(_), None) => Probe::Answered,
        (None, None) => probed(cluster.member_uid(), identity(cluster, within).await),
        (_, Some(hosts)) => {
            let answer = ask(cluster, within, async |member| {
                tokio::try_join!(kube_system_uid(member), async { Ok(config(member).await) })
            });
            match answer.await {
                Ok((uid, config)) => compared(probed(cluster.member_uid(), Ok(uid)), config, hosts),
                Err(error) => probed(cluster.member_uid(), Err(error)),
            }
        }
    }
}

/// The same of the member that has answered, with what its kubesphere-config says.
fn compared(probe: Probe, config: Result<Seen<KubesphereConfig>, RequestError>, hosts: &JwtSecret) -> Probe {
    if !matches!(probe, Probe::Answered | Probe::AnsweredUnproven) {
        return probe;
    }
    match config {
        Ok(Seen::Present(config)) => match config.effective_secret() {
            Some(secret) if secret == hosts => probe,
            Some(_) => Probe::OtherSecret,
            None => Probe::SecretUntold("kubesphere-config has none".to_owned()),
        },
        Ok(Seen::Absent) => Probe::SecretUntold("kubesphere-config is not there".to_owned()),
        Ok(Seen::Unreadable(why) | Seen::Malformed(why)) => Probe::SecretUntold(why),
        Err(error) => Probe::SecretUntold(error.cause.to_string()),
    }
}

fn probed(known: Option<&str>, answer: Result<String, Unidentified>) -> Probe {
    match (known, answer) {
        (None, Ok(_)) => Probe::AnsweredUnproven,
        (Some(known), Ok(found)) if known == found => Probe::Answered,
        (Some(_), Ok(found)) => Probe::OtherCluster(found),
        (_, Err(error)) if error.is_refusal() => Probe::Refused(error.to_string()),
        (_, Err(error)) => Probe::Failed(error.to_string()),
    }
}

/// Why a member could not be asked through what is stored of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unidentified {
    /// There is nothing to ask it with.
    #[error("none is stored")]
    NotStored,
    /// It cannot be read, or names nothing that one can connect to.
    #[error("it cannot be read, or names nothing to connect to")]
    Unusable,
    /// What somebody stored on the host must neither start a program on this machine nor have a file of it sent to a
    /// server of their choice.
    #[error("it names a program or a file, which the host's pods do not have")]
    NotSelfContained,
    /// No answer, or a refusal.
    #[error("{0}")]
    Unanswered(Cause),
}

impl Unidentified {
    /// Whether the host fails with it, too: not for want of an answer to this machine.
    fn is_refusal(&self) -> bool {
        match self {
            Self::NotStored | Self::Unusable | Self::NotSelfContained => true,
            Self::Unanswered(cause) => {
                matches!(cause, Cause::Unauthorized | Cause::Forbidden { .. } | Cause::Certificate { .. })
            }
        }
    }
}

/// The UID of the member's kube-system.
async fn identity(cluster: &RegisteredCluster, within: Duration) -> Result<String, Unidentified> {
    ask(cluster, within, async |member| kube_system_uid(member).await).await
}

/// What the member answers, asked through the stored kubeconfig and from this machine.
async fn ask<T>(
    cluster: &RegisteredCluster,
    within: Duration,
    question: impl AsyncFn(&Connection) -> Result<T, RequestError>,
) -> Result<T, Unidentified> {
    let context = stored_context(cluster)?;
    let asked = async {
        let connection = Connection::open(context, &Environment::in_passing(), Some(within)).await;
        // What it fails with is what was stored: the kinds of authentication that it cannot have are told above.
        let connection = connection.map_err(|_| Unidentified::Unusable)?;
        question(&connection).await.map_err(|error| Unidentified::Unanswered(error.cause))
    };
    let late = |_| Err(Unidentified::Unanswered(Cause::TimedOut { after: within }));
    timeout_at(time_limit::within(within), asked).await.unwrap_or_else(late)
}

/// A connection to the member by what the host has stored of it, once that has led to the cluster that the host knows; why
/// there is none, as a fragment.
pub async fn stored_connection(
    cluster: &RegisteredCluster,
    request_timeout: Option<Duration>,
) -> Result<(Connection, String), String> {
    let failed = |why: &dyn fmt::Display| format!("the kubeconfig that the host stores of it fails: {why}");
    let context = stored_context(cluster).map_err(|error| failed(&error))?;
    let side = side_of_stored(cluster.name(), &context.name);
    let context = SelectedContext { side, ..context };
    let connection = Connection::open(context, &Environment::of_process(), request_timeout).await;
    let connection = connection.map_err(|_| failed(&Unidentified::Unusable))?;
    let answer = timeout_at(time_limit::within(ANSWERS_WITHIN), kube_system_uid(&connection)).await;
    let answer = answer.map_err(|_| failed(&Cause::TimedOut { after: ANSWERS_WITHIN }))?;
    let uid = answer.map_err(|error| failed(&error.cause))?;
    match cluster.member_uid().filter(|known| *known != uid) {
        Some(_) => Err("the kubeconfig that the host stores of it leads to another cluster".to_owned()),
        None => Ok((connection, uid)),
    }
}

/// As the host calls it. The commands that are printed name the file that a person would write the kubeconfig to.
fn side_of_stored(cluster: &str, context: &str) -> Side {
    let given = GivenOptions::default().with_member(Choice::Kubeconfig, stored_file(cluster));
    Side::member(cluster).reached_by(if context == cluster { given } else { given.without_context() })
}

/// The file that printed commands take a stored kubeconfig to be in.
pub fn stored_file(cluster: &str) -> String {
    format!("{cluster}.kubeconfig")
}

pub(super) fn stored_context(cluster: &RegisteredCluster) -> Result<SelectedContext, Unidentified> {
    let stored = cluster.kubeconfig_base64().ok_or(Unidentified::NotStored)?;
    let text = go_base64::decoded(stored.expose_secret()).ok_or(Unidentified::Unusable)?;
    let kubeconfig = Kubeconfig::parse(&text).map_err(|_| Unidentified::Unusable)?;
    let context = select(&kubeconfig, Side::member, &ConnectionOptions::default());
    let context = context.map_err(|_| Unidentified::Unusable)?;
    if is_self_contained(&context) { Ok(context) } else { Err(Unidentified::NotSelfContained) }
}

fn is_self_contained(context: &SelectedContext) -> bool {
    let Cluster { certificate_authority, .. } = &context.cluster;
    let AuthInfo { exec, auth_provider, token_file, client_certificate, client_key, .. } = &context.user;
    let files = [certificate_authority, token_file, client_certificate, client_key];
    exec.is_none() && auth_provider.is_none() && files.iter().all(|file| file.is_none())
}

#[cfg(test)]
mod tests {
    use kubesphere::{jwt_secret::JwtSecret, kubesphere_config::KubesphereConfig, side::Side};

    use super::{Kubeconfig, compared, is_self_contained};
    use crate::{
        live::{kubeconfig::ConnectionOptions, selected_context::select},
        plan::{observed::Seen, registration::Probe},
    };

    #[test]
    fn the_right_cluster_may_have_another_secret() {
        let config = |text: &str| Ok(Seen::Present(KubesphereConfig::parse(text).unwrap()));
        let (same, other) = ("authentication: {jwtSecret: abc}", "authentication: {jwtSecret: xyz}");
        let seen = |probe, text| compared(probe, config(text), &JwtSecret::new("abc"));
        for probe in [Probe::Answered, Probe::AnsweredUnproven] {
            assert_eq!(seen(probe.clone(), same), probe);
            assert_eq!(seen(probe, other), Probe::OtherSecret);
        }
        assert!(matches!(seen(Probe::Answered, "{}"), Probe::SecretUntold(_)));
        let elsewhere = Probe::OtherCluster("w".to_owned());
        assert_eq!(seen(elsewhere.clone(), other), elsewhere, "its secret is another host's affair");
        let unread =
            compared(Probe::Answered, Ok(Seen::Unreadable("forbidden".to_owned())), &JwtSecret::new("a"));
        assert_eq!(unread, Probe::SecretUntold("forbidden".to_owned()));
    }

    fn stored(user: &str) -> bool {
        let text = format!(
            "{{clusters: [{{name: a, cluster: {{server: 'https://192.0.2.1'}}}}], users: [{{name: a, user: {user}}}], \
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}], current-context: a}}"
        );
        let kubeconfig = Kubeconfig::parse(text.as_bytes()).unwrap();
        is_self_contained(&select(&kubeconfig, Side::member, &ConnectionOptions::default()).unwrap())
    }

    #[test]
    fn no_file_and_no_program_of_this_machine_is_used_for_a_stored_kubeconfig() {
        assert!(stored("{token: abc}"));
        for user in [
            "{tokenFile: /etc/passwd}",
            "{client-certificate: /a, client-key: /b}",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch}}",
        ] {
            assert!(!stored(user), "{user}");
        }
    }
}
