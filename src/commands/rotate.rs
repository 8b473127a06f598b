//! `kubectl mc rotate`.

mod members;

use std::{cell::Cell, path::Path};

use kubesphere::{jwt_secret::JwtSecret, side::Side};

use super::{
    candidates::observed_host,
    connect::Clusters,
    contexts::{open, select_host},
    look::{Look, look_for},
    manifests::confirm_usable,
    pipeline,
    skipping::confirm_skippable,
    task::{Looked as _, Task},
};
use crate::{
    cli::{Global, Rotate, RotateJwtSecret},
    error::Error,
    live::{connection::Connection, environment::Environment, fresh_secret::fresh_secret, places::Places},
    output::{document::Document, questions, rotation, ui::Ui},
    plan::{
        intent::{HostChoice, HostIntent, Intent, MemberIntent, Reachability},
        operation::Operation,
        result::StepResult,
        rotation::{Rotation, Secrets},
        skipped::Skipped,
        steps::configure::{configuration, installer},
    },
};
use members::{Members, members};

/// Gives the host and all its members another secret.
pub async fn run(rotate: &Rotate, global: &Global, ui: &Ui) -> Result<(), Error> {
    let Rotate::JwtSecret(rotate) = rotate;
    let document = Document::new(Operation::Rotate, rotate.change.dry_run);
    let connected = async {
        confirm_skippable(&rotate.skip.checks)?;
        rotate.manifests.manifests_to.as_deref().map_or(Ok(()), confirm_usable)?;
        Ok(Rotating { rotate, clusters: connect(rotate, global, ui).await?, completes: Cell::new(false) })
    };
    // Boxed, because it is more state than a stack should carry around.
    Box::pin(pipeline::run(document, &rotate.change, ui, connected)).await
}

/// What the host's secret is by now decides at every later look whether it has another one already.
async fn connect(rotate: &RotateJwtSecret, global: &Global, ui: &Ui) -> Result<Clusters, Error> {
    let environment = Environment::of_process();
    let host = open(vec![select_host(global, &environment)?], global, &environment, ui).await?.remove(0);
    let observed = observed_host(&host).await?;
    let Members { connections, unreached } =
        Box::pin(members(&observed, rotate.parallel, global, ui)).await?;
    let rotation = observed.wanted_secret().map(|former| Rotation {
        secrets: Secrets { former, fresh: fresh_secret() },
        completes: false,
        unreached,
    });
    let chosen = if global.host.context.is_some() { HostChoice::Named } else { HostChoice::CurrentContext };
    let member = |side: &Side| MemberIntent { side: side.clone(), from_other_host: false, cluster: None };
    let intent = Intent {
        operation: Operation::Rotate,
        host: HostIntent { cluster_name: None, rotation, chosen },
        members: connections.iter().map(|connection| member(&connection.side)).collect(),
        given_secret: None,
        reachability: Reachability::Off,
        left_out: Vec::new(),
        skipped: Skipped::everywhere(&rotate.skip.checks),
        expected: None,
    };
    let places = Places::new(rotate.parallel.parallel, connections.len());
    Ok(Clusters { host: Some(host), members: connections, intent, places })
}

struct Rotating<'a> {
    rotate: &'a RotateJwtSecret,
    clusters: Clusters,
    /// Whether it has been found to complete an earlier rotation.
    completes: Cell<bool>,
}

impl Rotating<'_> {
    async fn look(&self, before: Option<&Look>) -> Look {
        let mut intent = self.clusters.intent.clone();
        if let Some(rotation) = &mut intent.host.rotation {
            rotation.completes = self.completes.get();
        }
        let look = look_for(intent, &self.clusters, before).await;
        let secret = look.decision.as_ref().ok().map(|decision| &decision.needs.secret);
        if secret.is_some_and(|secret| Some(secret) != self.fresh()) {
            self.completes.set(true);
        }
        look
    }

    fn fresh(&self) -> Option<&JwtSecret> {
        self.clusters.intent.host.rotation.as_ref().map(|rotation| &rotation.secrets.fresh)
    }
}

impl Task for Rotating<'_> {
    type Look = Look;

    fn operation(&self) -> Operation {
        Operation::Rotate
    }

    fn connections(&self) -> Vec<&Connection> {
        self.clusters.host.iter().chain(&self.clusters.members).collect()
    }

    fn places(&self) -> &Places {
        &self.clusters.places
    }

    fn intent(&self) -> Option<&Intent> {
        Some(&self.clusters.intent)
    }

    fn manifests_to(&self) -> Option<&Path> {
        self.rotate.manifests.manifests_to.as_deref()
    }

    fn members(&self) -> usize {
        self.clusters.members.len()
    }

    async fn look(&self) -> Look {
        Rotating::look(self, None).await
    }

    async fn look_again(&self, before: &Look) -> Look {
        Rotating::look(self, Some(before)).await
    }

    fn unasked(&self, _: &Look) -> (&'static str, String) {
        ("this changes clusters, and ends all sessions", "--yes".to_owned())
    }

    async fn agrees(&self, _: &Look, ui: &Ui) -> Result<bool, Error> {
        questions::go_on(ui).await
    }

    fn broken_off(changes: &[StepResult], ui: &Ui) {
        let is_sent = |change: &&StepResult| [configuration(), installer()].contains(&change.object);
        let is_hosts = |change: &&StepResult| matches!(change.cluster, Side::Host { .. });
        let sent = changes.iter().filter(is_sent);
        let (hosts, members): (Vec<_>, Vec<_>) = sent.partition(is_hosts);
        if hosts.len() + members.len() > 0 {
            rotation::broken_off(ui, hosts.first().map(|change| &change.cluster), members.len());
        }
    }

    fn concluded(&self, _: &Look, _: &mut Document, _: &Ui) -> Result<(), Error> {
        Ok(())
    }

    fn done(&self, look: &Look, _: &mut Document, ui: &Ui) {
        if self.completes.get() {
            rotation::not_fresh(ui);
        }
        if let (Some(rotation), Some(host)) = (&self.clusters.intent.host.rotation, look.host()) {
            rotation::left_behind(ui, &host.side, &rotation.unreached);
        }
    }
}
