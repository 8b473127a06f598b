//! A preparation: KubeSphere 4 needs none. What is a host there is one from its installation on, and a member is prepared by
//! the host that installs it (kubesphere `pkg/controller/cluster/helper.go@v4.1.3:69-83`).

use crate::plan::{
    core::HostIdentity,
    needs::{Needs, Unplannable},
    observed::Observed,
    operations::Decision,
    phase::Plan,
};

pub(in crate::plan::operations) fn decide(host: &Observed) -> Result<Decision, Unplannable> {
    let identity = HostIdentity::of(host).ok_or(Unplannable::NotObserved)?;
    Ok(Decision { needs: Needs::new(identity.secret), plan: Plan::default() })
}
