//! What `join`, its parts and `renew` have in common: a host, and members by their contexts.

use std::path::Path;

use kubesphere::command::{Mc, context_option};

use super::{
    connect::{Clusters, connect},
    look::{Look, look},
    manifests::confirm_usable,
    pipeline::{self, Looked as _, Task},
    request::Request,
};
use crate::{
    cli::{ChangeOptions, Global},
    error::{Error, Resume},
    live::{connection::Connection, places::Places, registering::WithoutVersion},
    output::{document::Document, questions, results::warn_of_unknown_version, ui::Ui},
    plan::{
        intent::{HostChoice, Intent},
        operation::Operation,
    },
};

/// Does what was asked for.
pub(super) async fn run(
    request: &Request<'_>,
    change: &ChangeOptions,
    global: &Global,
    ui: &Ui,
) -> Result<(), Error> {
    let document = Document::new(request.operation, change.dry_run);
    let connected = async {
        pipeline::confirm_skippable(request.skipped)?;
        request.manifests_to.map_or(Ok(()), confirm_usable)?;
        Ok(Joining { request, clusters: connect(request, global, ui).await? })
    };
    // Boxed, because it is more state than a stack should carry around.
    Box::pin(pipeline::run(document, change, ui, connected)).await
}

struct Joining<'a> {
    request: &'a Request<'a>,
    clusters: Clusters,
}

impl Task for Joining<'_> {
    type Look = Look;

    fn operation(&self) -> Operation {
        self.request.operation
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

    fn skipped(&self) -> &[String] {
        self.request.skipped
    }

    fn members(&self) -> usize {
        self.clusters.members.len()
    }

    async fn look(&self) -> Look {
        look(&self.clusters, self.request.skipped, None).await
    }

    async fn look_again(&self, before: &Look) -> Look {
        look(&self.clusters, self.request.skipped, Some(before)).await
    }

    /// One member's obstacle stops a renewal of all; the others need not wait for it.
    fn refused(&self, error: Error) -> Error {
        if self.request.renewed.len() < 2 {
            return error;
        }
        let host = self.clusters.host.as_ref().map(|host| &host.side);
        let renew = Mc::new("renew").words("NAME").host(host);
        // All members are looked up in one kubeconfig.
        let members = self.clusters.members.first().map(|member| &member.side);
        let renew = members.into_iter().fold(renew, Mc::member_options).skipping(self.request.skipped);
        error.hint(format!("renew the others one by one: `{renew} --member-context NAME`"))
    }

    fn manifests_to(&self) -> Option<&Path> {
        self.request.manifests_to
    }

    fn unasked(&self, look: &Look) -> (&'static str, String) {
        let is_said = self.clusters.intent.host.chosen == HostChoice::Named;
        let unsaid = look.host().filter(|host| !is_said && !host.is_host());
        let context = unsaid.map(|host| format!(" {}", context_option(&host.side))).unwrap_or_default();
        ("this changes clusters", format!("--yes{context}"))
    }

    async fn agrees(&self, _: &Look, ui: &Ui) -> Result<bool, Error> {
        questions::go_on(ui).await
    }

    fn resume(&self) -> Resume {
        self.request.resume
    }

    fn concluded(&self, look: &Look, _: &mut Document, ui: &Ui) -> Result<(), Error> {
        for member in look.without_kubesphere_version() {
            warn_of_unknown_version(ui, member, &WithoutVersion::Unasked);
        }
        Ok(())
    }
}
