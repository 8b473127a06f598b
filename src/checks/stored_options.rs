//! What of the options that say what the host stores of a member changes nothing, because it is registered already.

use kubesphere::{
    cluster::RegisteredCluster, command::Mc, fleet_entry::Setting, installer_log::mask,
    stored_kubeconfig::StoredKubeconfig, versions::Generation,
};
use secrecy::ExposeSecret as _;

use super::{
    Report, Situation, Verdict,
    described::verdict,
    rule::{Outcome, each, some},
};
use crate::plan::{
    credential::{Choice, CredentialKind},
    installation::other_values,
    intent::ClusterIntent,
    observed::Observed,
    skipped::Skipped,
    stored_credential::{StoredCredentialKind, stored_credential},
};

/// A join stores a kubeconfig once; another one is made by a renewal.
pub(super) fn without_effect(situation: &Situation<'_>) -> Outcome {
    let (host, clusters) = (situation.host_with_clusters()?, situation.answering_clusters()?.into_iter());
    // The options of a check say how the member would be joined, a fleet file how it is.
    let clusters = clusters.filter(|(intent, _)| situation.changes_clusters() || intent.given.name);
    let verdict = verdict(situation);
    let registered = clusters.filter_map(|(intent, member)| {
        let cluster = host.cluster_named(&intent.name).filter(|cluster| !cluster.is_host())?;
        let is_same = cluster.member_uid().is_none_or(|uid| uid == member.uid);
        let stored = cluster.stored_kubeconfig();
        let skipped = &situation.intent.skipped;
        is_same.then_some(About { host, member, cluster, intent, stored, skipped, verdict })
    });
    let registered = some(registered, "no member is registered yet")?;
    each(registered, |about| &about.member.side, |about| about.reports())
}

struct About<'a> {
    host: &'a Observed,
    member: &'a Observed,
    cluster: &'a RegisteredCluster,
    intent: &'a ClusterIntent,
    stored: Option<StoredKubeconfig>,
    skipped: &'a Skipped,
    verdict: Verdict,
}

impl About<'_> {
    /// One command changes all of it, and is said once.
    fn reports(&self) -> Vec<Report> {
        let options = [
            (Setting::Server, self.server()),
            (Setting::Credentials, self.credentials()),
            (Setting::CertificateAuthority, self.certificate_authority()),
            (Setting::TlsServerName, self.tls_server_name()),
        ];
        let differing =
            options.into_iter().filter_map(|(setting, stands)| Some(self.report(setting, &stands?)));
        let mut reports: Vec<Report> = differing.collect();
        let last = reports.pop().map(|last| last.hint(self.hint()));
        reports.extend(last);
        reports.extend(self.values());
        reports
    }

    fn report(&self, setting: Setting, stands: &str) -> Report {
        let said = self.member.side.setting(setting);
        let message = format!("it is registered already, so {said} has no effect on the host: {stands}");
        Report::of(self.verdict, &self.member.side, message)
    }

    /// A change of them has helm upgrade the member. A host of 3 does nothing with any.
    fn values(&self) -> Option<Report> {
        self.host.generation().filter(|generation| *generation == Generation::Four)?;
        self.intent.values.as_ref().filter(|values| !self.cluster.stores_values(values))?;
        let report = self.report(Setting::Values, "it has other values for the chart ks-core, or none");
        Some(report.hint(other_values(&self.host.side, self.cluster.name())))
    }

    fn server(&self) -> Option<String> {
        let stored = self.stored.as_ref().and_then(StoredKubeconfig::server);
        let stored = stored.or_else(|| self.cluster.endpoint())?;
        let is_same = stored.trim_end_matches('/') == self.intent.server.trim_end_matches('/');
        let differs = self.intent.given.server && !is_same;
        differs.then(|| format!("it reaches the member at {}", mask(stored)))
    }

    fn credentials(&self) -> Option<String> {
        let wanted = self.intent.given.credentials?.kind(self.host.kubesphere_version());
        let stored = stored_credential(self.stored.as_ref(), self.cluster.is_direct());
        let is_wanted = match wanted {
            CredentialKind::Context => !stored.is_ours,
            CredentialKind::ServiceAccount => {
                stored.is_ours && stored.kind == StoredCredentialKind::ServiceAccount
            }
            CredentialKind::Certificate => stored.is_ours && stored.kind == StoredCredentialKind::Certificate,
        };
        let (noun, made) = (stored.kind.noun(), if stored.is_ours { "was made" } else { "was not made" });
        let differs = stored.kind != StoredCredentialKind::None && !is_wanted;
        differs.then(|| format!("it has a {noun} that {made} for it"))
    }

    fn certificate_authority(&self) -> Option<String> {
        self.intent.given.certificate_authority.as_ref()?;
        let wanted = self.intent.endpoint.as_ref().ok()?.certificate_authority.as_ref()?;
        let stored = self.stored.as_ref()?.certificate_authority();
        let what = if stored.is_some() { "another authority" } else { "no authority" };
        let is_same = stored.is_some_and(|stored| stored.trim() == wanted.expose_secret().trim());
        (!is_same).then(|| format!("it trusts {what} for the member's server"))
    }

    /// None that we store has such a name.
    fn tls_server_name(&self) -> Option<String> {
        let wanted = self.intent.given.tls_server_name.as_deref()?;
        let stored = self.stored.as_ref()?.tls_server_name();
        let expected = stored.map_or_else(|| "the server's address".to_owned(), |name| format!("\"{name}\""));
        (stored != Some(wanted)).then(|| format!("it expects {expected} in the server's certificate"))
    }

    /// With everything that was asked for, as it leaves nothing of the old kubeconfig.
    fn renewal(&self) -> Mc {
        let given = &self.intent.given;
        let mut renew = Mc::new("renew")
            .word(self.cluster.name())
            .host(&self.host.side)
            .member_context(&self.member.side);
        if given.server {
            renew = renew.setting(Setting::Server, &self.intent.server);
        }
        if let Some(choice) = given.credentials {
            renew = renew.setting(Setting::Credentials, name(choice));
        }
        if let Some(path) = &given.certificate_authority {
            renew = renew.setting(Setting::CertificateAuthority, path);
        }
        renew.skipping(&self.skipped.of(&self.member.side))
    }

    /// What its agent connects has no kubeconfig to renew.
    fn hint(&self) -> String {
        let renewal = self.renewal();
        if self.cluster.is_direct() {
            // The name in a certificate is stored by no command.
            let elsewhere = self.tls_server_name().filter(|_| !self.intent.given.server);
            return elsewhere.map_or_else(
                || format!("store another kubeconfig: `{renewal}`"),
                |_| self.covered(&renewal),
            );
        }
        let unjoin = Mc::new("unjoin").word(self.cluster.name()).host(&self.host.side);
        format!("remove it, then join it again: `{}`", unjoin.member_context(&self.member.side))
    }
}

impl About<'_> {
    fn covered(&self, renewal: &Mc) -> String {
        let address = "https://ADDRESS:PORT";
        let renewal = renewal.clone().setting(Setting::Server, address);
        let said = match self.member.side.entry() {
            Some(_) => format!("{}, then ", self.member.side.setting_to(Setting::Server, address)),
            None => String::new(),
        };
        format!("store an address that the member's certificate covers: {said}`{renewal}`")
    }
}

fn name(choice: Choice) -> &'static str {
    match choice {
        Choice::Auto => "auto",
        Choice::Context => "context",
        Choice::ServiceAccount => "service-account",
    }
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use serde_json::json;

    use crate::{
        checks::{
            fixture::{Case, cluster},
            member_registration::CHECK,
        },
        plan::{
            credential::Choice,
            intent::{ClusterIntent, Expected},
            operation::Operation,
        },
    };

    const STORED: &str = "https://edge-1.example.org:6443";

    /// A member of which the host has a service account's token that was made for it, and an authority.
    fn registered(given: impl FnOnce(&mut ClusterIntent)) -> Case {
        let claims = r#"{"sub": "system:serviceaccount:kubesphere-system:kubectl-mc-host"}"#;
        let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims));
        let kubeconfig = json!({
            "clusters": [{"name": "a", "cluster": {
                "server": STORED, "certificate-authority-data": STANDARD.encode("CA\n")}}],
            "users": [{"name": "a", "user": {"token": token}}],
        });
        let kubeconfig = STANDARD.encode(kubeconfig.to_string());
        let cluster = cluster("edge-1", "uid-of-edge-1")
            .patched(&json!({"spec": {"connection": {"kubeconfig": kubeconfig}}}));
        Case::new().joined().registered([cluster]).wanting_cluster(given)
    }

    #[test]
    fn what_was_not_given_or_stands_already_is_no_word_worth() {
        assert_eq!(registered(|_| ()).says(&CHECK), Vec::<String>::new());
        let same = registered(|cluster| {
            cluster.given.server = true;
            cluster.given.credentials = Some(Choice::Auto);
            cluster.given.certificate_authority = Some("ca.crt".to_owned());
            cluster.endpoint.as_mut().unwrap().certificate_authority = Some("CA".into());
        });
        assert_eq!(same.says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn each_option_is_named_with_what_stands_and_the_renewal_that_changes_it() {
        let case = registered(|cluster| {
            cluster.server = "https://10.0.0.7:6443".to_owned();
            cluster.given.server = true;
            cluster.given.credentials = Some(Choice::Context);
            cluster.given.certificate_authority = Some("my ca.crt".to_owned());
            cluster.endpoint.as_mut().unwrap().certificate_authority = Some("another".into());
        });
        let said = |option: &str, stands: &str| {
            format!(
                "warning member \"edge-1\": it is registered already, so `{option}` has no effect on the host: {stands}"
            )
        };
        assert_eq!(
            case.says(&CHECK),
            [
                said("--member-server", "it reaches the member at https://edge-1.example.org:6443"),
                said("--credentials", "it has a token that was made for it"),
                said("--member-certificate-authority", "it trusts another authority for the member's server"),
            ]
        );
        let hints: Vec<_> = case.reports(&CHECK).into_iter().map(|report| report.hints).collect();
        let renewal = "store another kubeconfig: `kubectl mc renew edge-1 --context prod --member-context edge-1 \
             --member-server https://10.0.0.7:6443 --credentials context --member-certificate-authority 'my ca.crt'`";
        assert_eq!(hints, [vec![], vec![], vec![renewal.to_owned()]], "said once");
    }

    #[test]
    fn a_name_in_the_certificate_is_stored_by_no_command() {
        let case = registered(|cluster| cluster.given.tls_server_name = Some("kube".to_owned()));
        assert!(
            case.says(&CHECK)[0].ends_with("it expects the server's address in the server's certificate")
        );
        assert!(case.hints(&CHECK).ends_with("--member-server https://ADDRESS:PORT`"));
    }

    #[test]
    fn only_what_registers_members_and_finds_one_registered_says_it() {
        let elsewhere = |cluster: &mut ClusterIntent| {
            cluster.server = "https://10.0.0.7:6443".to_owned();
            cluster.given.server = true;
        };
        assert_eq!(Case::new().wanting_cluster(elsewhere).says(&CHECK), Vec::<String>::new());
        let importing = registered(elsewhere).wanting(|intent| intent.operation = Operation::Import);
        assert_eq!(importing.says(&CHECK).len(), 1);
        assert_eq!(registered(elsewhere).checking().says(&CHECK), Vec::<String>::new());
        let filed = || registered(elsewhere).checking().wanting_cluster(|cluster| cluster.given.name = true);
        assert!(filed().says(&CHECK)[0].starts_with("warning "));
        let expected = filed().wanting(|intent| intent.expected = Some(Expected::Joined));
        assert!(
            expected.says(&CHECK)[0].starts_with("failure "),
            "whoever expects it is told that it is not so"
        );
    }

    #[test]
    fn a_member_that_its_agent_connects_is_taken_out_first() {
        let proxied = cluster("edge-1", "uid-of-edge-1").patched(&json!({"spec": {"connection": {
            "type": "proxy", "kubernetesAPIEndpoint": STORED}}}));
        let case = Case::new().joined().registered([proxied]).wanting_cluster(|cluster| {
            cluster.server = "https://10.0.0.7:6443".to_owned();
            cluster.given.server = true;
        });
        assert!(case.hints(&CHECK).contains("`kubectl mc unjoin edge-1 --context prod"));
    }
}
