//! What is left over once everything is done.

use kubesphere::{
    devops_config,
    object::{ExistingObject, ObjectKind},
    side::Side,
};

use super::{connect::Clusters, look::Look};
use crate::{
    error::{Error, ErrorKind},
    output::{
        document::{Document, Remain},
        ui::Ui,
        unjoin::{show_residue, warn_of_untold},
        words::count,
    },
};

/// Lists it, which is exit code 3; nothing is left where nothing is to do and kubefed's objects are gone.
pub(super) fn residue(
    ui: &Ui,
    clusters: &Clusters,
    look: &Look,
    document: &mut Document,
) -> Result<(), Error> {
    let host = &clusters.host.side;
    warn_of_untold(ui, host, &look.host_untold);
    let of_host = look.host_remains.iter().map(|trace| of_trace(host, trace));
    let undone = look.plan().shown().flat_map(|step| {
        let side = step.cluster().clone();
        step.objects().into_iter().map(move |object| Remain {
            object,
            side: Some(side.clone()),
            removal: None,
        })
    });
    let kept = look.found().and_then(|plan| plan.member.as_ref());
    let kept =
        kept.into_iter().flat_map(|member| member.left.iter().map(|trace| of_trace(&member.side, trace)));
    let kept: Vec<Remain> = kept.collect();
    let are_kept = !kept.is_empty();
    let remains: Vec<Remain> = of_host.chain(undone).chain(kept).chain(devops(look)).collect();
    document.remains(&remains);
    if remains.is_empty() {
        return Ok(());
    }
    show_residue(ui, &remains);
    let left = count(remains.len(), "object");
    let error = Error::new(ErrorKind::Obstacle, format!("it is done, but left {left} behind"));
    Err(error.hint(if are_kept {
        "what may be another host's is kept; remove it by hand where no other host has the member"
    } else {
        "somebody else changes these clusters, or a controller is away; run the same command again"
    }))
}

/// The host's key in the member's DevOps, where the installer has left it.
fn devops(look: &Look) -> Option<Remain> {
    let (host, member) = (look.host.as_ref()?, look.member.as_ref()?);
    let plan = look.found()?.member.as_ref()?;
    plan.devops_keeps_secret(host, member).then(|| Remain {
        side: Some(member.side.clone()),
        object: ObjectKind::CONFIG_MAP.named(devops_config::NAME).in_namespace(devops_config::NAMESPACE),
        removal: Some(devops_config::edit(&member.side)),
    })
}

fn of_trace(side: &Side, trace: &ExistingObject) -> Remain {
    Remain {
        side: Some(side.clone()),
        object: trace.object.clone(),
        removal: Some(trace.object.deletion(side)),
    }
}
