//! What a rotation says beside its plan.

use kubesphere::{command::Kubectl, side::Side};

use super::{ui::Ui, words::count};
use crate::{
    checks::{
        recent_rotation::another,
        rotated_members::{completion, removal},
    },
    live::identify::stored_file,
    plan::rotation::Unreached,
};

/// That the host's own credential is used.
pub fn by_stored_kubeconfig(ui: &Ui, host: &Side, cluster: &str) {
    let file = stored_file(cluster);
    ui.message(format!(
        "no context points to Cluster {cluster}: the kubeconfig that the host stores of it is used, and called {file} in commands"
    ));
    let get = Kubectl::on(host).words("get clusters.cluster.kubesphere.io").word(cluster);
    ui.hint(format!(
        "for those, write it where nobody else reads it: `(umask 077; {get} -o jsonpath='{{.spec.connection.kubeconfig}}' | base64 -d > {file})`"
    ));
}

/// That the host has the secret that it had before.
pub fn not_fresh(ui: &Ui) {
    ui.warning("an earlier rotation is completed; this one has made no fresh jwtSecret");
    ui.hint(another());
}

/// That the host is ahead of its members, of which so many were sent its secret; a run that completes an earlier rotation does
/// not change the host.
pub fn broken_off(ui: &Ui, host: Option<&Side>, sent: usize) {
    let host = host
        .map(|host| format!("{host}: it has the new jwtSecret, or gets it from the run of its installer; "));
    let sent = if sent == 0 {
        String::new()
    } else {
        format!("the jwtSecret was sent to {}; ", count(sent, "member"))
    };
    ui.warning(format!(
        "{}{sent}until the rotation is completed, each member that does not have it yet answers 401 to all that the host's users \
         ask of it, and goes on taking tokens that are signed with the former one",
        host.unwrap_or_default()
    ));
}

/// Which members do not have it, with what gives it to them.
pub fn left_behind(ui: &Ui, host: &Side, unreached: &[Unreached]) {
    for Unreached { cluster, .. } in unreached {
        ui.warning(format!(
            "{host}: its member \"{cluster}\" was left behind: it answers 401 to all that the host's users ask of it, and goes on \
             taking tokens that are signed with its own jwtSecret"
        ));
    }
    if !unreached.is_empty() {
        ui.hint(format!("once it is reached, give it the host's: `{}`", completion(host)));
        ui.hint(format!("if it is gone for good, take it out: `{}`", removal(host, "NAME")));
    }
}
