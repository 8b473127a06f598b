//! New kubeconfigs in Clusters that stand. The look that a new kubeconfig causes may still go by the old one, so that the old
//! credential is needed until another look (kubesphere `pkg/utils/clusterclient/clusterclient.go@v4.1.3:62-85`).

use crate::plan::{
    core::HostIdentity,
    intent::Intent,
    needs::{Needs, Unplannable},
    observed::Observed,
    operations::{
        Decision,
        renew::{Renewal, renewing},
    },
    step::Step,
    steps::{look_again::LookAgain, renew::WaitsFor},
};

pub(in crate::plan::operations) fn decide(
    intent: &Intent,
    host: &Observed,
    members: &[&Observed],
) -> Result<Decision, Unplannable> {
    let identity = HostIdentity::of(host).ok_or(Unplannable::NotObserved)?;
    let plan = renewing(intent, host, members, with_another_look)?;
    Ok(Decision { needs: Needs::new(identity.secret), plan })
}

fn with_another_look(mut renewal: Renewal) -> Vec<Step> {
    renewal.renewed.waits_for = WaitsFor::Look;
    let again = LookAgain::after(&renewal.renewed);
    renewal.steps([Step::LookAgain(again)])
}
