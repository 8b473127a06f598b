//! What an unjoin leaves.

use kubesphere::{cluster_configuration::NAMESPACE, kubesphere_config, object::ObjectKind, side::Side};

use super::{document::Remain, line::Line, style::Tone, ui::Ui};
use crate::plan::{
    core::{HOST_ANNOTATION, NAME_ANNOTATION},
    credential::{ACCOUNT, CredentialObject, USER_BINDING},
    observed::Denied,
    steps::configure::configuration,
    unjoin::trace::{FEDERATION_NAMESPACE, kubefed_account, kubefed_role},
};

/// What of kubefed's may not be read on the host.
pub fn warn_of_untold(ui: &Ui, host: &Side, untold: &[Denied]) {
    for Denied { resource, .. } in untold {
        ui.warning(format!(
            "{host}: whether {resource} are left in {FEDERATION_NAMESPACE} is not known: forbidden"
        ));
    }
}

/// That the answer was no to one of several members.
pub fn show_declined(ui: &Ui, declined: String) {
    ui.message(declined);
}

/// What is left over on both sides, with the commands that remove it.
pub fn show_residue(ui: &Ui, remains: &[Remain]) {
    for remain in remains {
        let side = remain.side.as_ref().map(|side| format!("{side}: ")).unwrap_or_default();
        let left = Line::toned(Tone::Attention, "left over:");
        ui.message(left.and(format!(" {side}{}", remain.object)));
        if let Some(removal) = &remain.removal {
            ui.hint(format!("`{removal}`"));
        }
    }
}

/// What remains on a member that nobody has named a context of.
pub fn show_member_remains(ui: &Ui, name: &str, is_proxy: bool, continuation: &str) {
    ui.message(Line::toned(Tone::Strong, format!("What remains on the member \"{name}\"")));
    for line in &member_remains(name, is_proxy) {
        ui.message(format!("  - {line}"));
    }
    ui.hint(format!("to remove all of it: `{continuation}`"));
}

/// In words, by the names that everything has there.
fn member_remains(name: &str, is_proxy: bool) -> Vec<String> {
    let (account, role) = (kubefed_account(name), kubefed_role(name));
    let mut lines = vec![
        "the role member and the host's jwtSecret in its ClusterConfiguration, with which the host signs tokens".to_owned(),
        format!(
            "in {FEDERATION_NAMESPACE} the ServiceAccount {account} and its token, with the ClusterRole and \
             ClusterRoleBinding {role}: `kubectl --context CONTEXT delete --ignore-not-found clusterrole,clusterrolebinding {role}`, \
             `kubectl --context CONTEXT -n {FEDERATION_NAMESPACE} delete --ignore-not-found serviceaccount {account}`"
        ),
        credential_remains(),
        "namespaces in workspaces of the host".to_owned(),
    ];
    if is_proxy {
        lines.push("the agent: Deployment cluster-agent".to_owned());
    }
    lines
}

/// What remains on a member of KubeSphere 4 that nobody has named a context of; its host may never have reached it.
pub fn show_core_remains(ui: &Ui, name: &str, was_reached: bool, continuation: &str) {
    ui.message(Line::toned(Tone::Strong, format!("What remains on the member \"{name}\"")));
    let installed = was_reached.then(core_remains).into_iter().flatten();
    let unreached = (!was_reached).then(|| {
        "nothing that this host has installed, because it never reached it by this Cluster".to_owned()
    });
    for line in unreached.into_iter().chain(installed).chain([credential_remains()]) {
        ui.message(format!("  - {line}"));
    }
    ui.hint(format!("to remove the host's annotations and its credential: `{continuation}`"));
    if was_reached {
        ui.hint(format!("and ks-core with the host's jwtSecret: `{continuation} --uninstall`"));
    }
}

fn core_remains() -> [String; 3] {
    [
        format!(
            "helm release ks-core in {NAMESPACE} with all that belongs to it: Deployment ks-agent, webhook configurations, users \
             and roles; and KubeSphere's CustomResourceDefinitions"
        ),
        format!(
            "the host's jwtSecret, in ConfigMap {} and in helm's records, with which the host signs tokens",
            kubesphere_config::NAME
        ),
        format!(
            "where the host did not reach it, the annotations {NAME_ANNOTATION} and {HOST_ANNOTATION} of Namespace {NAMESPACE}, by \
             which it is the host's"
        ),
    ]
}

fn credential_remains() -> String {
    format!(
        "the host's credential, where a join has made one: `kubectl --context CONTEXT delete --ignore-not-found \
         clusterrolebinding {ACCOUNT} {USER_BINDING}`, `kubectl --context CONTEXT -n {NAMESPACE} delete --ignore-not-found \
         serviceaccount {ACCOUNT}`"
    )
}

/// The same as objects, for programs.
pub fn core_objects_on_member(was_reached: bool) -> Vec<Remain> {
    let in_system = |(kind, name): (ObjectKind, &str)| kind.named(name).in_namespace(NAMESPACE);
    let installed = [(ObjectKind::DEPLOYMENT, "ks-agent"), (ObjectKind::CONFIG_MAP, kubesphere_config::NAME)];
    let installed = installed.into_iter().filter(|_| was_reached).map(in_system);
    let credential =
        [CredentialObject::ServiceAccount, CredentialObject::Binding, CredentialObject::UserBinding];
    let objects = installed.chain(credential.map(CredentialObject::object));
    objects.map(|object| Remain { side: None, object, removal: None }).collect()
}

/// The same as objects, for programs; the credential's are there only where a join has made one.
pub fn objects_on_member(name: &str, is_proxy: bool) -> Vec<Remain> {
    let role = kubefed_role(name);
    let agent = is_proxy.then(|| ObjectKind::DEPLOYMENT.named("cluster-agent").in_namespace(NAMESPACE));
    let account = ObjectKind::SERVICE_ACCOUNT.named(kubefed_account(name)).in_namespace(FEDERATION_NAMESPACE);
    let objects = [
        configuration(),
        account,
        ObjectKind::CLUSTER_ROLE.named(&role),
        ObjectKind::CLUSTER_ROLE_BINDING.named(&role),
        CredentialObject::ServiceAccount.object(),
        CredentialObject::Binding.object(),
        CredentialObject::UserBinding.object(),
    ];
    let remains = objects.into_iter().chain(agent);
    remains.map(|object| Remain { side: None, object, removal: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::{member_remains, objects_on_member};

    #[test]
    fn what_remains_on_a_member_is_the_same_in_words_and_for_programs() {
        let words = member_remains("edge", true).join("\n");
        let objects = objects_on_member("edge", true);
        for remain in &objects {
            let name = &remain.object.name;
            assert!(name == "ks-installer" || words.contains(name), "{name}");
            assert!(remain.side.is_none());
        }
        assert_eq!((objects.len(), objects_on_member("edge", false).len()), (8, 7));
        let commands = words.matches("`kubectl ").count();
        assert_eq!((commands, words.matches("`kubectl --context CONTEXT ").count()), (4, 4));
    }
}
