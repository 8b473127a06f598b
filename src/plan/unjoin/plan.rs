//! What taking a member out still has to do.

use kubesphere::{
    cluster::RegisteredCluster, jwt_secret::JwtSecret, object::ExistingObject, side::Side,
    versions::Generation,
};

use super::{
    admission::Admission,
    core::{self, CorePlan},
    kept::Kept,
    member_ownership::{HostEvidence, MemberOwnership, member_ownership},
    namespaces::{Release, WorkspaceNamespace},
    standalone::standalone_need,
    trace::{CredentialTrace, FederationNamespace, TracedCredential, Traces},
};
use crate::plan::{
    credential::{HostUid, Ownership},
    narrowing::{Field, Restoration},
    needs::{ConfigurationNeed, Unplannable},
    observed::{Observed, Seen},
    rotation::Secrets,
};

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent yes and no")]
pub struct UnjoinIntent {
    pub name: String,
    /// Whether the member's side is done too.
    pub with_member: bool,
    /// Whether the namespaces of the host's workspaces become the member's own.
    pub release_namespaces: bool,
    /// Whether ks-core goes from the member too.
    pub uninstall: bool,
    /// Whether a webhook that denies it is got out of the way.
    pub force: bool,
}

/// Everything that it will do, in order: the host's step, then the member's.
#[derive(Clone, Debug)]
pub struct UnjoinPlan {
    pub host: Side,
    pub name: String,
    /// What becomes of the Cluster.
    pub deletion: Deletion,
    /// Whether the host's admission lets it.
    pub admission: Admission,
    /// By which field the webhook is narrowed for it, where it is.
    pub forced: Option<Field>,
    /// What an earlier command has left narrowed.
    pub narrowed: Option<Restoration>,
    /// What the member needs, where it is asked for.
    pub member: Option<MemberPlan>,
}

/// What becomes of the Cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Deletion {
    /// It is deleted, and waited for until its finalizer is gone.
    Delete(RegisteredCluster),
    /// Somebody has deleted it, and its finalizer is waited for.
    Await(RegisteredCluster),
    /// It is gone.
    Done,
}

/// What a member needs.
#[derive(Clone, Debug)]
pub struct MemberPlan {
    pub side: Side,
    /// Whose it is.
    pub member_ownership: MemberOwnership,
    /// What the host had of it.
    pub evidence: HostEvidence,
    /// What is removed, in this order.
    pub removals: Vec<ExistingObject>,
    /// The namespace that an earlier run has deleted, and that is waited for.
    pub going: Option<ExistingObject>,
    /// The namespaces that become its own.
    pub releases: Vec<Release>,
    pub configuration: ConfigurationNeed,
    /// What is there and stays, and why.
    pub kept: Vec<Kept>,
    /// What of it kubefed has made under this name, for whichever host.
    pub left: Vec<ExistingObject>,
    /// What of KubeSphere 4 is to be done.
    pub core: Option<CorePlan>,
}

/// What was seen of a member.
#[derive(Clone, Copy, Debug)]
pub struct MemberSeen<'a> {
    /// Its cluster.
    pub observed: &'a Observed,
    /// What a join left there.
    pub traces: &'a Traces,
    /// A random secret, made for it.
    pub fresh: &'a JwtSecret,
}

pub fn plan(
    intent: &UnjoinIntent,
    host: &Observed,
    admission: Admission,
    member: Option<MemberSeen<'_>>,
) -> Result<UnjoinPlan, Unplannable> {
    let deletion = match host.cluster_named(&intent.name) {
        None => Deletion::Done,
        Some(cluster) if cluster.is_being_deleted() => Deletion::Await(cluster.clone()),
        Some(cluster) => Deletion::Delete(cluster.clone()),
    };
    let of_member = match host.generation() {
        Some(Generation::Four) => core::member_plan,
        _ => member_plan,
    };
    let member = member.map(|member| of_member(intent, host, member)).transpose()?;
    let (host, name) = (host.side.clone(), intent.name.clone());
    Ok(UnjoinPlan { host, name, deletion, admission, forced: None, narrowed: None, member })
}

impl UnjoinPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.deletion == Deletion::Done
            && self.member.as_ref().is_none_or(MemberPlan::is_empty)
            && !self.has_left_narrowed()
    }

    /// Whether an earlier command of its own has not come to restoring the webhook.
    pub fn has_left_narrowed(&self) -> bool {
        self.narrowed.as_ref().is_some_and(|narrowed| narrowed.record.cluster == self.name)
    }

    /// What is restored first; what serves this Cluster is taken over instead.
    pub fn restored_first(&self) -> Option<&Restoration> {
        self.narrowed.as_ref().filter(|narrowed| {
            self.forced.is_none() || !narrowed.serves(&self.name) || self.admits_by_narrowing()
        })
    }

    /// Whether the webhook's answer says nothing, because it is narrowed: it is asked anew when that is restored.
    pub fn admits_by_narrowing(&self) -> bool {
        self.admission.denial().is_none()
            && self.narrowed.as_ref().is_some_and(|narrowed| narrowed.concerns(&self.name))
    }
}

impl MemberPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.removals.is_empty()
            && self.going.is_none()
            && self.releases.is_empty()
            && self.configuration == ConfigurationNeed::InEffect
            && self.core.as_ref().is_none_or(CorePlan::is_empty)
    }

    /// Whether its DevOps has the secret of this host, whose member it is no longer.
    pub fn devops_keeps_secret(&self, host: &Observed, member: &Observed) -> bool {
        let leaves = matches!(
            self.member_ownership,
            MemberOwnership::Ours | MemberOwnership::Clean | MemberOwnership::OtherSecret
        );
        let devops = member.surroundings.devops.as_ref().and_then(Seen::present);
        let kept = devops.and_then(|config| config.jwt_secret.as_ref());
        leaves && kept.is_some() && kept == host.effective_secret()
    }

    /// Whether its secret is replaced.
    pub fn renews_secret(&self) -> bool {
        matches!(self.configuration, ConfigurationNeed::Patch(_))
    }
}

impl Deletion {
    /// The Cluster, while it stands.
    pub fn cluster(&self) -> Option<&RegisteredCluster> {
        match self {
            Self::Delete(cluster) | Self::Await(cluster) => Some(cluster),
            Self::Done => None,
        }
    }
}

fn member_plan(
    intent: &UnjoinIntent,
    host: &Observed,
    member: MemberSeen<'_>,
) -> Result<MemberPlan, Unplannable> {
    let MemberSeen { observed, traces, fresh } = member;
    let evidence = HostEvidence::of(&intent.name, host, observed);
    let member_ownership = member_ownership(&intent.name, evidence, host, observed, traces);
    let mut kept = Vec::new();
    let mut removals = kubefed_removals(&intent.name, &member_ownership, observed, traces, &mut kept);
    let namespace = traces.federation_namespace.as_ref().filter(|_| member_ownership.takes_namespace());
    removals.extend(namespace.and_then(|found| emptied(found, &member_ownership, &mut kept)));
    removals.extend(credential_removals(&member_ownership, host, traces, &mut kept));
    let releases = releases(intent, &member_ownership, &traces.namespaces, &mut kept);
    let configuration = match (&member_ownership, host.effective_secret()) {
        (MemberOwnership::Ours, Some(former)) => {
            standalone_need(observed, &Secrets { former: former.clone(), fresh: fresh.clone() })?
        }
        (MemberOwnership::Ours, None) => return Err(Unplannable::NotObserved),
        _ => ConfigurationNeed::InEffect,
    };
    kept.extend(why_configuration_stays(&member_ownership));
    let going = namespace.filter(|namespace| namespace.is_going).map(|namespace| namespace.trace.clone());
    let left = left(&intent.name, &member_ownership, observed, traces);
    let side = observed.side.clone();
    Ok(MemberPlan {
        side,
        member_ownership,
        evidence,
        removals,
        going,
        releases,
        configuration,
        kept,
        left,
        core: None,
    })
}

fn why_configuration_stays(member_ownership: &MemberOwnership) -> Option<Kept> {
    match member_ownership {
        MemberOwnership::Ours | MemberOwnership::Clean => None,
        MemberOwnership::Twice(other) => Some(Kept::StillMember(other.clone())),
        MemberOwnership::Claimed(host) => Some(Kept::Claimed(host.clone())),
        MemberOwnership::OtherSecret => Some(Kept::OtherSecret),
        MemberOwnership::Host => Some(Kept::Host),
    }
}

/// What the host's kubefed works with.
fn kubefed_removals(
    name: &str,
    member_ownership: &MemberOwnership,
    member: &Observed,
    traces: &Traces,
    kept: &mut Vec<Kept>,
) -> Vec<ExistingObject> {
    if !member_ownership.takes_kubefeds(name, member) {
        kept.extend(traces.kubefed.first().cloned().map(Kept::Kubefed));
        return Vec::new();
    }
    traces.kubefed.clone()
}

/// What stays of that though nobody knows whether somebody uses it.
fn left(
    name: &str,
    member_ownership: &MemberOwnership,
    member: &Observed,
    traces: &Traces,
) -> Vec<ExistingObject> {
    let stays =
        *member_ownership == MemberOwnership::OtherSecret && !member_ownership.takes_kubefeds(name, member);
    if stays { traces.kubefed.clone() } else { Vec::new() }
}

/// Kubefed's namespace once nothing else is in it. Where nothing else of a host is left, an empty one is what an earlier
/// command could not look into, and any other is nobody's business.
fn emptied(
    found: &FederationNamespace,
    member_ownership: &MemberOwnership,
    kept: &mut Vec<Kept>,
) -> Option<ExistingObject> {
    if found.is_going {
        return None;
    }
    let (namespace, others, untold) = (found.trace.clone(), found.others.clone(), found.untold.clone());
    let stays = match (others.as_slice(), untold.as_slice()) {
        ([], []) => return Some(namespace),
        ([], _) => Kept::Untold { namespace, untold },
        _ => Kept::Filled { namespace, others },
    };
    kept.extend(Some(stays).filter(|_| *member_ownership != MemberOwnership::Clean));
    None
}

/// This host's tokens; and what every host shares, where no other host is left: also of a join that was stopped before it
/// had made a token, which leaves an account of nobody with all rights.
pub(super) fn credential_removals(
    member_ownership: &MemberOwnership,
    host: &Observed,
    traces: &Traces,
    kept: &mut Vec<Kept>,
) -> Vec<ExistingObject> {
    if matches!(member_ownership, MemberOwnership::Twice(_)) {
        return Vec::new();
    }
    let is_clean = *member_ownership == MemberOwnership::Clean;
    let host = HostUid::new(&host.uid);
    let others = traces.credential.iter().any(|piece| is_of_another(piece, host));
    let mut removals = Vec::new();
    for piece in &traces.credential {
        if let Ownership::Foreign(why) = &piece.whose {
            if is_clean {
                continue;
            }
            kept.push(Kept::Foreign { piece: piece.trace.clone(), why: why.clone() });
            continue;
        }
        let goes = match piece.part {
            TracedCredential::Token(of) => of == Some(host),
            TracedCredential::Binding | TracedCredential::Account => !others,
            // Whose certificate it is cannot be told; another host has made the last one.
            TracedCredential::UserBinding | TracedCredential::Request => {
                *member_ownership == MemberOwnership::Ours
            }
        };
        if goes {
            removals.push(piece.trace.clone());
        } else if !is_clean {
            kept.push(Kept::Shared(piece.trace.clone()));
        }
    }
    removals
}

fn is_of_another(piece: &CredentialTrace, host: HostUid) -> bool {
    matches!(piece.part, TracedCredential::Token(of) if of != Some(host))
}

fn releases(
    intent: &UnjoinIntent,
    member_ownership: &MemberOwnership,
    namespaces: &Seen<Vec<WorkspaceNamespace>>,
    kept: &mut Vec<Kept>,
) -> Vec<Release> {
    // A second run, after the first has advised it, finds nothing else of the host.
    let may = *member_ownership == MemberOwnership::Ours
        || (*member_ownership == MemberOwnership::Clean && intent.release_namespaces);
    if !may {
        return Vec::new();
    }
    let of_host: Vec<&WorkspaceNamespace> =
        namespaces.present().into_iter().flatten().filter(|namespace| namespace.is_of_host()).collect();
    if intent.release_namespaces {
        return of_host.into_iter().map(WorkspaceNamespace::release).collect();
    }
    let names: Vec<String> = of_host.iter().map(|namespace| namespace.name().to_owned()).collect();
    if !names.is_empty() {
        kept.push(Kept::Namespaces(names));
    }
    kept.extend(namespaces.unreadable().map(|why| Kept::UnlistedNamespaces(why.to_owned())));
    Vec::new()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
