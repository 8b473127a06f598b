//! What a host of KubeSphere 4 leaves on a former member: its annotations, where it has not looked there any more, and always
//! ks-core, with its own jwtSecret (kubesphere `cluster_controller.go@v4.1.3`, cleanup).

use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    jwt_secret::JwtSecret,
    object::ExistingObject,
};

use super::{
    kept::Kept,
    member_ownership::{HostEvidence, MemberOwnership, has_token, twice},
    plan::{MemberPlan, MemberSeen, UnjoinIntent, credential_removals},
    trace::Traces,
};
use crate::plan::{
    core::{Claim, Core, CoreRelease, HostIdentity},
    needs::{ConfigurationNeed, Unplannable},
    observed::{Observed, Seen},
};

/// What was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSeen {
    pub core: Core,
    /// What helm's release consists of; absent where nobody looked, because it stays.
    pub installed: Option<Seen<Installed>>,
}

/// Helm's release ks-core, as it stands on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The secret of the host that has installed it.
    pub secret: Option<JwtSecret>,
    /// What of it is there, in the order in which helm deletes it.
    pub objects: Vec<ExistingObject>,
    /// What has the name of a part of it, or was made by its hooks, without helm's marks.
    pub others: Vec<ExistingObject>,
    /// What says itself that it stays.
    pub kept: Vec<ExistingObject>,
    /// Helm's records, the newest last.
    pub records: Vec<ExistingObject>,
}

/// What is to be done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorePlan {
    pub claim: Option<OwnClaim>,
    pub uninstall: Option<Uninstallation>,
}

/// The annotations that name this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnClaim {
    pub claim: Claim,
    /// Whether the host's controller removes them: it does so where it has found the member ready.
    pub goes_by_itself: bool,
}

/// What goes with helm's release, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uninstallation {
    pub objects: Vec<ExistingObject>,
    /// By which an interrupted command knows what there was.
    pub records: Vec<ExistingObject>,
    /// What the host's helm is at work on, or about to try again: it begins anew after each failure until the Cluster goes.
    pub at_work: Option<CoreRelease>,
}

impl Uninstallation {
    pub fn of(installed: &Installed, at_work: Option<CoreRelease>) -> Self {
        Self { objects: installed.objects.clone(), records: installed.records.clone(), at_work }
    }
}

impl CorePlan {
    pub fn is_empty(&self) -> bool {
        self.claim.is_none() && self.uninstall.is_none()
    }
}

pub(super) fn member_plan(
    intent: &UnjoinIntent,
    host: &Observed,
    member: MemberSeen<'_>,
) -> Result<MemberPlan, Unplannable> {
    let MemberSeen { observed, traces, .. } = member;
    let identity = HostIdentity::of(host).ok_or(Unplannable::NotObserved)?;
    let evidence = HostEvidence::of(&intent.name, host, observed);
    let member_ownership = ownership(&intent.name, evidence, (host, &identity), observed, traces);
    let mut kept = Vec::new();
    let removals = credential_removals(&member_ownership, host, traces, &mut kept);
    let is_ours = member_ownership == MemberOwnership::Ours;
    let own = Claim { name: intent.name.clone(), host: identity.name.clone() };
    let goes_by_itself = host.cluster_named(&intent.name).is_some_and(is_ready);
    let claim = claim_of(traces).filter(|claim| is_ours && **claim == own);
    let claim = claim.map(|claim| OwnClaim { claim: claim.clone(), goes_by_itself });
    let installed = installed(traces).filter(|_| is_ours);
    let release = traces.core.as_ref().and_then(|seen| seen.core.release.present());
    // A host tries what has failed again, for as long as there is the Cluster.
    let stands = host.cluster_named(&intent.name).is_some();
    let is_tried =
        |release: &CoreRelease| release.is_at_work(observed.clock.now) || stands && release.has_failed();
    let at_work = release.filter(|release| is_tried(release));
    let uninstall = installed.map(|installed| Uninstallation::of(installed, at_work.cloned()));
    kept.extend(why_it_stays(&member_ownership));
    if matches!(member_ownership, MemberOwnership::Ours | MemberOwnership::Clean) {
        kept.extend(what_stays((observed, traces), &identity, uninstall.is_some()));
    }
    Ok(MemberPlan {
        side: observed.side.clone(),
        member_ownership,
        evidence,
        removals,
        going: None,
        releases: Vec::new(),
        configuration: ConfigurationNeed::InEffect,
        kept,
        left: Vec::new(),
        core: Some(CorePlan { claim, uninstall }),
    })
}

/// Any one trace is enough, as on KubeSphere 3; but where another host says that the member is its own, it is.
fn ownership(
    name: &str,
    evidence: HostEvidence,
    (host, identity): (&Observed, &HostIdentity),
    member: &Observed,
    traces: &Traces,
) -> MemberOwnership {
    if let Some(twice) = twice(name, host, member) {
        return twice;
    }
    let shares = shares_secret(identity, member, traces) || has_token(host, traces);
    let claim = claim_of(traces);
    if member.is_host() || claim.is_some_and(|claim| claim.name == claim.host) {
        return MemberOwnership::Host;
    }
    let is_proven = shares || evidence == HostEvidence::Proven;
    let is_own = |claim: &Claim| claim.name == name && claim.host == identity.name && is_proven;
    match claim {
        Some(claim) if !is_own(claim) => MemberOwnership::Claimed(claim.host.clone()),
        None if !shares && evidence == HostEvidence::Nothing => MemberOwnership::Clean,
        _ => MemberOwnership::Ours,
    }
}

/// The same on a fresh look before its first change: the host's Cluster is gone by then, and what was planned was planned with
/// it. One that stands again is a colleague's.
pub fn ownership_now(
    name: &str,
    (was, evidence): (&MemberOwnership, HostEvidence),
    host: &Observed,
    member: &Observed,
    traces: &Traces,
) -> MemberOwnership {
    let Some(identity) = HostIdentity::of(host) else { return was.clone() };
    if let Some(again) = host.clusters_with_uid(&member.uid).next() {
        return MemberOwnership::Twice(again.name().to_owned());
    }
    // The controller takes the annotations off a ready member, whoever has written them.
    if matches!(was, MemberOwnership::Claimed(_)) && claim_of(traces).is_none() {
        return was.clone();
    }
    ownership(name, evidence, (host, &identity), member, traces)
}

fn is_ready(cluster: &RegisteredCluster) -> bool {
    cluster.condition(ConditionType::Ready).is_some_and(|ready| ready.is_true)
}

fn claim_of(traces: &Traces) -> Option<&Claim> {
    traces.core.as_ref()?.core.claim.present().filter(|claim| !claim.is_nobodys())
}

fn installed(traces: &Traces) -> Option<&Installed> {
    traces.core.as_ref()?.installed.as_ref()?.present()
}

/// Its configuration goes before helm's record, which has the secret too.
fn shares_secret(identity: &HostIdentity, member: &Observed, traces: &Traces) -> bool {
    let secret = match member.config.present() {
        Some(config) => config.issuer_secret.as_ref(),
        None => installed(traces).and_then(|installed| installed.secret.as_ref()),
    };
    secret == Some(&identity.secret)
}

fn why_it_stays(member_ownership: &MemberOwnership) -> Option<Kept> {
    match member_ownership {
        MemberOwnership::Twice(other) => Some(Kept::StillMember(other.clone())),
        MemberOwnership::Claimed(host) => Some(Kept::Claimed(host.clone())),
        MemberOwnership::Host => Some(Kept::Host),
        MemberOwnership::Ours | MemberOwnership::Clean | MemberOwnership::OtherSecret => None,
    }
}

fn what_stays(
    (member, traces): (&Observed, &Traces),
    identity: &HostIdentity,
    is_uninstalled: bool,
) -> Vec<Kept> {
    let release = traces.core.as_ref().map(|seen| &seen.core.release);
    if !matches!(release, Some(Seen::Present(_))) {
        return Vec::new();
    }
    let mut kept = Vec::new();
    if is_uninstalled {
        kept.extend([Kept::SystemNamespace, Kept::Finalizers]);
        let found = installed(traces);
        let words = |objects: &[ExistingObject]| objects.iter().map(|one| one.object.in_words()).collect();
        let others = found.map(|found| words(&found.others)).filter(|others: &Vec<_>| !others.is_empty());
        let by_policy = found.map(|found| words(&found.kept)).filter(|kept: &Vec<_>| !kept.is_empty());
        kept.extend(others.map(Kept::WithoutMarks));
        kept.extend(by_policy.map(Kept::ByPolicy));
    } else {
        kept.push(Kept::Core);
        let secret = member.config.present().and_then(|config| config.issuer_secret.as_ref());
        kept.extend((secret == Some(&identity.secret)).then_some(Kept::JwtSecret));
    }
    kept.push(Kept::Definitions);
    kept
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
