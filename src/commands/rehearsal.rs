//! What the steps of a plan come to, without taking them.

use super::{
    carry_out::{cluster_object, configuration_object, created, patched, restarted},
    connect::Clusters,
    credentials::{foreseen_pieces, rehearse_credential},
    renewal::{foreseen_renewal, rehearse_renewal},
};
use crate::{
    error::Error,
    kubesphere::side::Side,
    live::{
        apply::{Persistence, create_cluster, patch_configuration, restart_installer},
        connection::Connection,
    },
    output::document::Outcome,
    plan::{
        join::{ConfigurationStep, Plan, Registration},
        member_kubeconfig::kubeconfig,
    },
};

/// Sends every change with `dryRun=All`, so that the API servers' admission has its say, and waits for nothing.
pub(super) async fn rehearse(clusters: &Clusters, plan: &Plan) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    for (connection, member) in clusters.members.iter().zip(&plan.members) {
        outcomes.extend(rehearse_credential(connection, member).await?);
    }
    for (connection, host) in clusters.host.iter().zip(&plan.host) {
        rehearse_step(connection, &host.configuration, &mut outcomes).await?;
    }
    for (connection, member) in clusters.members.iter().zip(&plan.members) {
        rehearse_step(connection, &member.configuration, &mut outcomes).await?;
    }
    for (intent, member) in clusters.intent.members.iter().zip(&plan.members) {
        let (Some(host), Some(intent), Some(cluster)) = (&clusters.host, &intent.cluster, &member.cluster)
        else {
            continue;
        };
        if cluster.renewal().is_some() {
            outcomes.extend(rehearse_renewal(host, member).await?);
        }
        if cluster.registration == Registration::Create {
            // Without a user: the credential is not there yet.
            let endpoint = intent.endpoint.as_ref().expect("the check member-credential has passed");
            let stored = kubeconfig(&intent.name, endpoint, None);
            create_cluster(host, intent, &stored, Persistence::DryRun).await?;
            outcomes.push(created(&cluster.host, &cluster.name));
        }
    }
    Ok(outcomes)
}

/// Sends what a configuration's step would change; `outcomes` gets what that comes to.
pub(super) async fn rehearse_step(
    connection: &Connection,
    step: &ConfigurationStep,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Error> {
    match step {
        ConfigurationStep::InEffect | ConfigurationStep::Await | ConfigurationStep::AwaitController => {}
        ConfigurationStep::Patch(patch) => {
            patch_configuration(connection, patch, Persistence::DryRun).await?;
        }
        ConfigurationStep::Restart => {
            restart_installer(connection, connection.clock.now(), Persistence::DryRun).await?;
        }
    }
    outcomes.extend(foreseen(&connection.side, step));
    Ok(())
}

/// What every step of the plan would come to.
pub(super) fn foreseen_outcomes(plan: &Plan) -> Vec<Outcome> {
    let host = plan.host.iter().filter_map(|host| foreseen(&host.side, &host.configuration));
    let members = plan.members.iter().filter_map(|member| foreseen(&member.side, &member.configuration));
    let clusters = plan.creations().map(|(_, cluster)| created(&cluster.host, &cluster.name));
    let credentials = plan.members.iter().flat_map(foreseen_pieces);
    let renewals = plan.members.iter().flat_map(foreseen_renewal);
    credentials.chain(host).chain(members).chain(clusters).chain(renewals).collect()
}

fn foreseen(side: &Side, step: &ConfigurationStep) -> Option<Outcome> {
    match step {
        ConfigurationStep::InEffect | ConfigurationStep::Await | ConfigurationStep::AwaitController => None,
        ConfigurationStep::Patch(_) => Some(patched(side)),
        ConfigurationStep::Restart => Some(restarted(side)),
    }
}

/// What a command was about that found nothing to do: the Clusters, or else the configurations.
pub(super) fn unchanged(plan: &Plan) -> Vec<Outcome> {
    let outcome = |side: &Side, object| Outcome { side: side.clone(), object, verb: "unchanged" };
    let clusters = plan.members.iter().filter_map(|member| member.cluster.as_ref());
    let clusters: Vec<_> =
        clusters.map(|cluster| outcome(&cluster.host, cluster_object(&cluster.name))).collect();
    if !clusters.is_empty() {
        return clusters;
    }
    let host = plan.host.iter().map(|host| &host.side);
    let sides = host.chain(plan.members.iter().map(|member| &member.side));
    sides.map(|side| outcome(side, configuration_object())).collect()
}
