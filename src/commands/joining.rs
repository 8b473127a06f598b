//! What `join`, its parts and `renew` have in common: a host, and members by their contexts.

use std::path::Path;

use kubesphere::{
    command::{Mc, context_option},
    side::Side,
};

use super::{
    connect::{Clusters, connect},
    continuation::continuation_with,
    look::{Look, look},
    manifests::confirm_usable,
    pipeline,
    request::{MemberRequest, Request},
    skipping::confirm_skippable,
    task::{Looked as _, Task},
};
use crate::{
    cli::ChangeOptions,
    error::{Error, Resume},
    live::{connection::Connection, environment::command_line, places::Places, registering::WithoutVersion},
    output::{document::Document, questions, results::warn_of_unknown_version, ui::Ui},
    plan::{
        intent::{HostChoice, Intent},
        operation::Operation,
    },
};

/// Does what was asked for.
pub(super) async fn run(
    operation: Operation,
    request: impl Future<Output = Result<Request<'_>, Error>>,
    change: &ChangeOptions,
    ui: &Ui,
) -> Result<(), Error> {
    let document = Document::new(operation, change.dry_run);
    let connected = async {
        let request = request.await?;
        confirm_skippable(request.skipped)?;
        for member in &request.members {
            member.placed("skipChecks", confirm_skippable(&member.skipped))?;
        }
        request.manifests_to.map_or(Ok(()), confirm_usable)?;
        let clusters = connect(&request, ui).await?;
        Ok(Joining { request, clusters })
    };
    // Boxed, because it is more state than a stack should carry around.
    Box::pin(pipeline::run(document, change, ui, connected)).await
}

struct Joining<'a> {
    request: Request<'a>,
    clusters: Clusters,
}

impl Joining<'_> {
    /// Whether what has stopped it is some members' affair, and none of the others'.
    fn stops_some_alone(&self, error: &Error) -> bool {
        let obstacles = || error.findings.iter().filter(|finding| finding.is_obstacle());
        let is_stopped = |member: &Connection| {
            obstacles().any(|finding| finding.report.side.as_ref() == Some(&member.side))
        };
        let are_members = obstacles().all(|finding| matches!(finding.report.side, Some(Side::Member { .. })));
        are_members && !self.clusters.members.iter().all(is_stopped)
    }
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

    fn members(&self) -> usize {
        self.clusters.members.len()
    }

    async fn look(&self) -> Look {
        let look = look(&self.clusters, None).await;
        if self.request.continues_on_obstacle { look.leaving_out_stopped(&self.clusters).await } else { look }
    }

    async fn look_again(&self, before: &Look) -> Look {
        look(&self.clusters, Some(before)).await
    }

    fn rest(&self, members: &[&Side]) -> Option<String> {
        let all = self.request.members.iter().zip(&self.clusters.members);
        let rest: Vec<&MemberRequest> = all
            .filter(|(_, connection)| members.contains(&&connection.side))
            .map(|(member, _)| member)
            .collect();
        if rest.is_empty() || rest.len() == self.request.members.len() {
            return None;
        }
        let words = rest.into_iter().map(MemberRequest::word).collect::<Option<Vec<_>>>()?;
        Some(continuation_with(&command_line(), &words))
    }

    fn left_out<'l>(&self, look: &'l Look) -> Vec<&'l Side> {
        look.left_out()
    }

    /// One member's obstacle stops all; the others need not wait for it.
    fn refused(&self, error: Error) -> Error {
        if self.request.operation == Operation::Join && self.stops_some_alone(&error) {
            return error.hint("join the others alone: the same command with `--continue-on-obstacle`");
        }
        let renewals = self.request.members.iter().filter(|member| member.renewed.is_some());
        if renewals.count() < 2 || !self.stops_some_alone(&error) {
            return error;
        }
        if self.request.members.iter().any(|member| member.entry().is_some()) {
            return error.hint("renew the others alone: the same command with their names after the file's");
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
