//! Which members are left out, so that what stops them stops no other.

use kubesphere::side::Side;

use super::Look;
use crate::{
    checks::Finding,
    commands::{connect::Clusters, task::Looked as _, time_limit::confirm_in_time},
    plan::intent::Intent,
};

/// What was asked for without the members that these findings have stopped.
pub(super) fn without(mut intent: Intent, stopped: &[Finding]) -> Intent {
    intent.members.retain(|member| !is_stopped(&member.side, stopped));
    intent
}

fn is_stopped(member: &Side, stopped: &[Finding]) -> bool {
    stopped.iter().any(|finding| finding.report.side.as_ref() == Some(member))
}

pub(super) fn is_among(member: &Side, intent: &Intent) -> bool {
    intent.members.iter().any(|wanted| wanted.side == *member)
}

impl Look {
    /// Leaves the members out that checks have stopped, as long as others are left, and nothing stops those.
    pub(in crate::commands) async fn leaving_out_stopped(mut self, clusters: &Clusters) -> Self {
        while self.can_leave_out() {
            let stopped: Vec<Finding> = self.obstacles().map(left_out).collect();
            let members = self.intent.members.iter().zip(std::mem::take(&mut self.members));
            self.members = members
                .filter(|(intent, _)| !is_stopped(&intent.side, &stopped))
                .map(|(_, seen)| seen)
                .collect();
            self.intent = without(self.intent, &stopped);
            self.silent.retain(|silent| !is_stopped(&silent.side, &stopped));
            self.left_out.extend(stopped);
            self.judge(clusters, true).await;
        }
        self
    }

    /// The members that are left out.
    pub(in crate::commands) fn left_out(&self) -> Vec<&Side> {
        let mut sides: Vec<&Side> = Vec::new();
        for side in self.left_out.iter().filter_map(|finding| finding.report.side.as_ref()) {
            if !sides.contains(&side) {
                sides.push(side);
            }
        }
        sides
    }

    fn can_leave_out(&self) -> bool {
        let stopped: Vec<Finding> = self.obstacles().cloned().collect();
        let is_members =
            |finding: &Finding| finding.report.side.as_ref().is_some_and(|side| is_among(side, &self.intent));
        let mut members = self.intent.members.iter();
        !stopped.is_empty()
            && confirm_in_time(self.silent()).is_ok()
            && stopped.iter().all(is_members)
            && members.any(|member| !is_stopped(&member.side, &stopped))
    }
}

/// What stops a member, and nobody else.
fn left_out(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    finding.report.message.push_str(" (this member is left out)");
    finding
}
