//! What happens on the clusters, in words.

use super::words::count;
use crate::{
    checks::cluster_webhook::narrowed,
    live::report::{Activity, Completed, Notice, Reached},
    plan::{credential::CredentialObject, foreign_writes::ForeignWrite, lifetime::day, narrowing::Remark},
};

/// A fragment: `waiting until the role host is in effect`.
pub(super) fn activity(activity: &Activity) -> String {
    match activity {
        Activity::InstallerRun => "waiting for the installer's run that is under way".to_owned(),
        Activity::Role(role) => format!("waiting until the role {role} is in effect"),
        Activity::Secret => "waiting until the jwtSecret is in effect".to_owned(),
        Activity::ClusterReady(name) => format!("waiting until the Cluster {name} is ready"),
        Activity::ClusterLook(name) => {
            format!("waiting until ks-controller-manager has looked at the Cluster {name}")
        }
        Activity::ClusterRelease(name) => {
            format!("waiting until ks-controller-manager removes the finalizer of Cluster {name}")
        }
        Activity::Narrowing(name) => format!("narrowing the webhook for Cluster {name}"),
        Activity::ClusterGone(name) => format!("waiting until Cluster {name} is gone"),
        Activity::Gone(trace) => format!("waiting until {} is gone", trace.object.in_words()),
        Activity::Helm => "waiting until no helm is at work on ks-core".to_owned(),
        Activity::Uninstallation => "waiting until all that belongs to ks-core is gone".to_owned(),
        Activity::Token(secret) => format!("waiting for the token in Secret {secret}"),
        Activity::Certificate(signer) => format!("waiting for the certificate of {signer}"),
        Activity::Probes => "waiting for the nodes' probes".to_owned(),
    }
}

/// Where the installer stands, as a fragment.
pub(super) fn installer_stands(text: &str) -> String {
    format!("installer: {text}")
}

/// A sentence for the record.
pub(super) fn deed(deed: &Completed) -> String {
    match deed {
        Completed::RoleInEffect(role) => format!("the role {role} is in effect"),
        Completed::SecretInEffect => "the jwtSecret is in effect".to_owned(),
        Completed::Patched => "ClusterConfiguration ks-installer patched".to_owned(),
        Completed::Restarted => "Deployment ks-installer restarted".to_owned(),
        Completed::ClusterCreated(name) => format!("Cluster {name} created"),
        Completed::ClusterReady(name) => format!("Cluster {name} is ready"),
        Completed::ClusterRenewed(name) => format!("Cluster {name} has the new kubeconfig"),
        Completed::ClusterDescribed(name) => format!("Cluster {name} patched"),
        Completed::ClusterDeleted(name) => format!("Cluster {name} deleted"),
        Completed::ClusterGone(name) => format!("Cluster {name} is gone"),
        Completed::ClusterFinalized(name) => finalized(name),
        Completed::Deleted(trace) => format!("{} deleted", trace.object.in_words()),
        Completed::Gone(trace) => format!("{} is gone", trace.object.in_words()),
        Completed::Unclaimed => "Namespace kubesphere-system no longer names a host".to_owned(),
        Completed::ObjectsDeleted(number) => format!("{} of ks-core deleted", count(*number, "object")),
        Completed::Uninstalled => "ks-core is uninstalled".to_owned(),
        Completed::Released(namespace) => format!("Namespace {namespace} is the member's own"),
        Completed::Made(piece) => made(*piece),
        Completed::CredentialTried => "host credential verified (cluster-admin)".to_owned(),
        Completed::Signed(end) => format!("client certificate signed by the member, until {}", day(*end)),
        Completed::EarlierDeleted(object) => format!("{} deleted", object.in_words()),
        Completed::EarlierUsersRemoved(name) => format!("earlier users removed from {name}"),
        Completed::Narrowed(record) => narrowed(record),
        Completed::Restored(remark) => restored(remark.as_ref()),
        Completed::OthersRestored(remark) => {
            with_remark("webhook restored that another command had narrowed", remark.as_ref())
        }
        Completed::LeftoversDeleted(number) => {
            format!("{} of an earlier command deleted", count(*number, "probe pod"))
        }
        Completed::Probed(reached) => probed(reached),
    }
}

fn finalized(name: &str) -> String {
    format!(
        "Cluster {name} is gone, with what kubefed has of it; not taken from its users is the grant that they have for it \
         (annotation iam.kubesphere.io/granted-clusters), which a cluster that is joined under this name would inherit"
    )
}

fn made(piece: CredentialObject) -> String {
    format!("{} {} {}", piece.type_meta().1, piece.name(), piece.effect().as_str())
}

fn probed(reached: &[Reached]) -> String {
    let members = reached.iter().map(|Reached { server, from, of, unknown }| match (of, unknown) {
        (_, 0) => format!("{server} from {from} of {of} nodes"),
        (0, unknown) => format!("{server} unknown, as {} could not probe it", count(*unknown, "node")),
        (_, unknown) => format!("{server} from {from} of {of} nodes, and {unknown} could not probe it"),
    });
    format!("reachable: {}", members.collect::<Vec<_>>().join(", "))
}

/// That this command's narrowing was restored.
pub(super) fn restored(remark: Option<&Remark>) -> String {
    with_remark("webhook restored", remark)
}

fn with_remark(done: &str, remark: Option<&Remark>) -> String {
    remark.map_or_else(|| done.to_owned(), |remark| format!("{done}: {}", of_restoration(remark)))
}

fn of_restoration(remark: &Remark) -> String {
    match remark {
        Remark::AlreadyOriginal(field) => format!("{} had its original value already", field.name()),
        Remark::OursTaken(field) => {
            format!("somebody else changed {} meanwhile: only our condition went", field.name())
        }
        Remark::LeftToOthers(field) => {
            format!("somebody else changed {} meanwhile, which stays as they set it", field.name())
        }
        Remark::WebhookGone => "there is no such webhook any more".to_owned(),
        Remark::OthersFaster => "somebody else was faster".to_owned(),
        Remark::AnnotationRewritten(why) => {
            format!("somebody else has rewritten the annotation that tells how to restore it ({why})")
        }
    }
}

/// Something to know, as a fragment.
pub(super) fn note(note: &Notice) -> String {
    match note {
        Notice::PatchOvertaken => {
            "somebody else changed the ClusterConfiguration meanwhile: looked and planned again".to_owned()
        }
        Notice::RestartOvertaken => {
            "somebody else changed Deployment ks-installer meanwhile: looked and planned again".to_owned()
        }
        Notice::PatchLost => {
            "the installer re-created the ClusterConfiguration and lost the patch: it is sent again"
                .to_owned()
        }
        Notice::PatchUnanswered(why) => {
            format!("no answer to the patch ({why}): looked whether it has arrived")
        }
        Notice::CreationUnanswered(why) => {
            format!("no answer to the creation ({why}): looked whether it has arrived")
        }
        Notice::CreatedByOthers(name) => format!("somebody else created the Cluster {name} meanwhile"),
        Notice::DeletedByOthers(name) => format!("somebody else has deleted Cluster {name}"),
        Notice::Twin(name) => {
            format!("the same cluster was registered as \"{name}\" too, later; that Cluster has to go")
        }
        Notice::Failing { cluster, reason } => {
            format!("Cluster {cluster}: {reason}; the controller tries again")
        }
        Notice::NotEmpty(trace) => format!("{} is not empty any more, and stays", trace.object.in_words()),
        Notice::Certificate(remark) => format!("the client certificate that the host will store {remark}"),
        Notice::EarlierStay(why) => {
            format!("earlier credentials stay, since nobody knows which Clusters store them: {why}")
        }
        Notice::RestoredByOthers => {
            "another command has restored the webhook; it is narrowed again".to_owned()
        }
        Notice::StaysNarrowed(why) => format!("the webhook stays narrowed: {why}"),
        Notice::ControllerAway { cluster, seconds } => format!(
            "ks-controller-manager has not removed its finalizer from Cluster {cluster} within {seconds} s: its part is done for it"
        ),
        Notice::WrittenByOthers(ForeignWrite::Meanwhile) => {
            "somebody else has changed its Cluster while KubeSphere is being installed: the host's controller loses what \
             came of it, and installs it again"
                .to_owned()
        }
        Notice::WrittenByOthers(ForeignWrite::Lost) => {
            "somebody else has taken KSCoreReady from its Cluster: the host's controller installs KubeSphere again"
                .to_owned()
        }
        Notice::Warning(text) => text.clone(),
        Notice::PodStuck(pod) => pod.to_string(),
        Notice::PodStays(why) => {
            format!("a probe pod stays until the next command that changes this host: {why}")
        }
        Notice::LeftoverStays(why) => format!("a leftover probe pod stays: {why}"),
    }
}
