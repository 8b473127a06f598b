//! The configurations have mappings where mappings belong.

use kubesphere::{command::Kubectl, kubesphere_config, side::Side};

use super::{
    Check, Clusters, Report, Rule,
    rule::{EVERY, Outcome, each},
};
use crate::plan::{
    needs::Unplannable,
    observed::{Observed, Seen},
};

pub(super) const CHECK: Check = Check {
    id: "configuration-shape",
    title: "ClusterConfiguration and kubesphere-config are well-formed",
    skippable: false,
    rules: &[Rule::Clusters(EVERY, run)],
    unasked: &[],
};

fn run(clusters: &Clusters<'_>) -> Outcome {
    let configuration = clusters.unplannable.and_then(of_configuration);
    let configs =
        each(clusters.with_installer()?, |observed| &observed.side, |observed| of_config(observed))?;
    Ok(configs.into_iter().chain(configuration).collect())
}

fn of_configuration(unplannable: &Unplannable) -> Option<Report> {
    match unplannable {
        Unplannable::Malformed { side, error } => Some(
            Report::failure(side, format!("in clusterconfigurations/ks-installer, {error}"))
                .hint(edit("clusterconfigurations.installer.kubesphere.io ks-installer", side)),
        ),
        Unplannable::NotObserved | Unplannable::NoCluster { .. } => None,
    }
}

fn of_config(observed: &Observed) -> Option<Report> {
    let side = &observed.side;
    let name = kubesphere_config::NAME;
    let failure = |why: &str| Report::failure(side, format!("in configmaps/{name}, {why}"));
    match (&observed.config, observed.configuration.unreadable()) {
        (Seen::Malformed(why), _) => Some(failure(why).hint(edit(&format!("configmap {name}"), side))),
        (Seen::Unreadable(why), _) => {
            Some(Report::unknown(side, format!("what configmaps/{name} says: {why}")))
        }
        (_, Some(why)) => Some(Report::unknown(side, format!("what its ClusterConfiguration says: {why}"))),
        (Seen::Present(_) | Seen::Absent, None) => None,
    }
}

fn edit(what: &str, side: &Side) -> String {
    format!("fix it: `{}`", Kubectl::on(side).namespace("kubesphere-system").words("edit").words(what))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::CHECK;
    use crate::{
        checks::fixture::Case,
        plan::{configuration_patch::NotAMapping, needs::Unplannable, observed::Seen},
    };

    #[test]
    fn configurations_of_the_usual_shape_are_fine() {
        assert_eq!(Case::new().unplannable(Unplannable::NotObserved).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_configuration_that_cannot_be_patched_is_named_with_its_field() {
        let error = NotAMapping { field: "spec.multicluster".to_owned() };
        let case = Case::new().unplannable(Unplannable::Malformed { side: Side::member("edge-1"), error });
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": in clusterconfigurations/ks-installer, `spec.multicluster` is not a mapping"
            ]
        );
        assert!(case.hints(&CHECK).contains("`kubectl --context edge-1 -n kubesphere-system edit"));
    }

    #[test]
    fn a_kubesphere_config_that_is_no_yaml_is_named_with_its_place() {
        let why = "kubesphere.yaml is not YAML at line 3 column 1".to_owned();
        let case = Case::new().host(|host| host.config = Seen::Malformed(why));
        assert_eq!(
            case.says(&CHECK),
            [
                "failure host \"prod\": in configmaps/kubesphere-config, kubesphere.yaml is not YAML at line 3 column 1"
            ]
        );
    }
}
