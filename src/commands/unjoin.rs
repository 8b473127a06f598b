//! `kubectl mc unjoin`.

mod connect;
mod fleet;
mod forced;
mod host;
mod look;
mod outcome;
mod residue;

use kubesphere::{cluster::RegisteredCluster, command::Mc, side::Side};

use super::{pipeline, task::Task};
use crate::{
    cli::{Global, Unjoin},
    error::Error,
    live::{connection::Connection, places::Places},
    output::{
        document::Document,
        questions,
        ui::Ui,
        unjoin::{core_objects_on_member, objects_on_member, show_core_remains, show_member_remains},
    },
    plan::operation::Operation,
};
use connect::{Clusters, connect};
use look::{Look, look};
use residue::residue;

/// Takes the member out.
pub async fn run(unjoin: &Unjoin, global: &Global, ui: &Ui) -> Result<(), Error> {
    if let Some(path) = &unjoin.fleet.filename {
        return Box::pin(fleet::run(path, unjoin, global, ui)).await;
    }
    let [name] = unjoin.names.as_slice() else {
        return Err(Error::usage("only one NAME can be taken out at a time without `-f`")
            .hint("take them out one by one"));
    };
    let document = Document::new(Operation::Unjoin, unjoin.change.dry_run).of_removal(name);
    let connected = async {
        let clusters = connect(unjoin, name, global, ui).await?;
        Ok(Removing { unjoin, name: name.to_owned(), clusters })
    };
    // Boxed, because it is more state than a stack should carry around.
    Box::pin(pipeline::run(document, &unjoin.change, ui, connected)).await
}

struct Removing<'a> {
    unjoin: &'a Unjoin,
    name: String,
    clusters: Clusters,
}

impl Task for Removing<'_> {
    type Look = Look;

    fn operation(&self) -> Operation {
        Operation::Unjoin
    }

    fn connections(&self) -> Vec<&Connection> {
        [&self.clusters.host].into_iter().chain(&self.clusters.member).collect()
    }

    fn places(&self) -> &Places {
        &self.clusters.places
    }

    fn members(&self) -> usize {
        1
    }

    async fn look(&self) -> Look {
        look(&self.clusters, self.unjoin.change.dry_run, None).await
    }

    async fn look_again(&self, before: &Look) -> Look {
        look(&self.clusters, self.unjoin.change.dry_run, Some(before)).await
    }

    fn unasked(&self, look: &Look) -> (&'static str, String) {
        if look.uninstalls() {
            ("this uninstalls KubeSphere from the member", "--yes".to_owned())
        } else if look.is_forced() {
            ("this narrows a webhook of the host", "--force --yes".to_owned())
        } else {
            ("this changes clusters", "--yes".to_owned())
        }
    }

    /// Of a file's members others may have been taken out before.
    fn untouched(&self) -> String {
        match self.unjoin.fleet.filename {
            Some(_) => format!("Cluster {} is left as it is", self.name),
            None => "nothing was changed".to_owned(),
        }
    }

    /// A mere yes to a narrowed webhook, or to an uninstallation, is said too easily.
    async fn agrees(&self, look: &Look, ui: &Ui) -> Result<bool, Error> {
        let name = &self.name;
        if look.uninstalls() {
            Ok(questions::go_on(ui).await? && questions::uninstalled_name(ui, name).await?)
        } else if look.is_forced() {
            questions::cluster_name(ui, name).await
        } else {
            questions::go_on(ui).await
        }
    }

    fn concluded(&self, look: &Look, document: &mut Document, ui: &Ui) -> Result<(), Error> {
        residue(ui, &self.clusters, look, document)
    }

    /// Of a member whose context was not named.
    fn done(&self, look: &Look, document: &mut Document, ui: &Ui) {
        if self.clusters.member.is_some() {
            return;
        }
        let name = &self.name;
        if look.is_of_4() {
            let was_reached = look.cluster().is_none_or(|cluster| cluster.member_uid().is_some());
            return core_remains(name, was_reached, &self.clusters.host.side, document, ui);
        }
        let is_proxy = look.cluster().is_some_and(RegisteredCluster::is_proxy);
        let unjoin =
            Mc::new("unjoin").word(name).words("--member-context CONTEXT").host(&self.clusters.host.side);
        document.remains(&objects_on_member(name, is_proxy));
        show_member_remains(ui, name, is_proxy, &unjoin.to_string());
    }
}

/// Of a member of KubeSphere 4, which its host has installed.
fn core_remains(name: &str, was_reached: bool, host: &Side, document: &mut Document, ui: &Ui) {
    let unjoin = Mc::new("unjoin").word(name).words("--member-context CONTEXT").host(host);
    document.remains(&core_objects_on_member(was_reached));
    show_core_remains(ui, name, was_reached, &unjoin.to_string());
}
