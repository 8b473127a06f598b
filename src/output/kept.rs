//! What stays on a member, in words.

use super::words::count;
use crate::{checks::member_leftovers::listed, plan::unjoin::kept::Kept};

/// A fragment with the reason: `Namespace kube-federation-system, because others are in it: …`.
pub(super) fn sentence(kept: &Kept) -> String {
    match kept {
        Kept::StillMember(other) => format!(
            "its configuration and its credential, because it stays a member of this host under the name \"{other}\""
        ),
        Kept::OtherSecret => {
            "its configuration and its namespaces, because its role is member and its jwtSecret is not this host's: \
             another host may have taken it"
                .to_owned()
        }
        Kept::Host => "its configuration and its namespaces, because it is a host itself".to_owned(),
        Kept::Kubefed(first) => format!("{}, because it may be another host's", first.object.in_words()),
        Kept::Filled { namespace, others } => {
            format!("{}, because others are in it: {}", namespace.object.in_words(), listed(others))
        }
        Kept::Untold { namespace, untold } => {
            format!("{}, because it is not known to be empty: {}", namespace.object.in_words(), listed(untold))
        }
        Kept::Shared(piece) => format!("{}, because another host may use it", piece.object.in_words()),
        Kept::Foreign { piece, why } => format!("{}, which is not ours: {why}", piece.object.in_words()),
        Kept::Namespaces(names) => format!(
            "{} in workspaces of the host, which are deleted together with their workspace ({}); \
             `--release-namespaces` makes them the member's own",
            count(names.len(), "namespace"),
            listed(names)
        ),
        Kept::Claimed(host) => format!(
            "all that belongs to KubeSphere, because another host, which calls itself \"{host}\", says that it is its own"
        ),
        Kept::Core => "helm release ks-core in kubesphere-system with all that belongs to it: Deployment ks-agent, webhook \
                       configurations, users and roles; `--uninstall` deletes it"
            .to_owned(),
        Kept::JwtSecret => "the host's jwtSecret, in ConfigMap kubesphere-config and in helm's records: whoever may read them \
                            can sign logins for the host and all its members; `--uninstall` deletes them"
            .to_owned(),
        Kept::Definitions => {
            "the CustomResourceDefinitions of KubeSphere (*.kubesphere.io, app.k8s.io) with all that there is of these kinds, \
             as users' projects and roles"
                .to_owned()
        }
        Kept::SystemNamespace => "Namespace kubesphere-system, which helm does not delete either".to_owned(),
        // kubesphere `pkg/controller/namespace/namespace_controller.go@v4.1.3`.
        Kept::Finalizers => "the finalizer kubesphere.io/cascading-deletion on namespaces that belong to workspaces: without \
                             KubeSphere nobody takes it off when such a namespace is deleted, which then hangs until you do"
            .to_owned(),
        Kept::WithoutMarks(names) => {
            format!("what has no mark of helm release ks-core: {}", listed(names))
        }
        Kept::ByPolicy(names) => format!("what is to be kept by its own annotation: {}", listed(names)),
        Kept::UnlistedNamespaces(why) => {
            format!("namespaces in workspaces of the host, if there are any: they cannot be listed ({why})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use crate::plan::unjoin::kept::Kept;

    #[test]
    fn of_many_names_a_few_are_shown() {
        let names = |count: usize| (1..=count).map(|number| format!("n{number}")).collect();
        let said = |count| sentence(&Kept::Namespaces(names(count)));
        assert!(said(1).starts_with("1 namespace in workspaces of the host, "), "{}", said(1));
        assert!(said(2).starts_with("2 namespaces in workspaces of the host, "), "{}", said(2));
        assert!(said(5).contains("(n1, n2, n3, n4, n5);"), "{}", said(5));
        assert!(said(7).contains("(n1, n2, n3, n4, n5 and 2 more);"), "{}", said(7));
    }
}
