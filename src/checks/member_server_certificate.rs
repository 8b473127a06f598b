//! The certificate of a member's server is valid for what will be stored, and for some time.

use kubesphere::{fleet_entry::Setting, side::Side};

use super::{
    Check, Report, Rule, Situation,
    member_server_address::with_proposals,
    rule::{NOTHING_STORED, Outcome, STORING, each},
};
use crate::plan::{
    intent::ClusterIntent,
    lifetime::{SOON, day, left},
    member_server::{CertificateSeen, EndpointSeen, host},
};

pub(super) const CHECK: Check = Check {
    id: "member-server-certificate",
    title: "the server's certificate is valid for the stored address",
    skippable: true,
    rules: &[Rule::Joining(STORING, run)],
    unasked: &[NOTHING_STORED],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let members = situation.members_to_store()?.into_iter();
    let seen =
        members.filter_map(|(side, cluster, member)| Some((side, cluster, member?.endpoint.as_ref()?)));
    let seen: Vec<_> = seen.collect();
    if seen.is_empty() {
        return Err(situation.undecided());
    }
    let of_member = |(side, cluster, endpoint): (Side, _, &EndpointSeen)| match &endpoint.certificate {
        Ok(certificate) => of_certificate(&side, cluster, endpoint, certificate),
        Err(why) => vec![Report::unknown(&side, format!("what the certificate of its server says: {why}"))],
    };
    each(seen, |(side, ..)| side, of_member)
}

fn of_certificate(
    side: &Side,
    cluster: &ClusterIntent,
    endpoint: &EndpointSeen,
    certificate: &CertificateSeen,
) -> Vec<Report> {
    let uncovered = (!certificate.covers).then(|| {
        let names = certificate.names.join(", ");
        let message = format!(
            "the certificate of its server does not cover {}: it is for {names}",
            host(&cluster.server)
        );
        with_proposals(Report::failure(side, message), side, Some(endpoint))
    });
    let distrusted = certificate.distrusted.as_ref().map(|why| {
        Report::failure(
            side,
            format!("the authority that would be stored does not vouch for its server: {why}"),
        )
        .hint(format!("name the one that does: {}", authority(side)))
    });
    let reports = uncovered.into_iter().chain(distrusted).chain(by_trust_store(side, cluster));
    reports.chain(ending(side, endpoint.at, certificate.until)).collect()
}

/// What is stored without an authority is judged by the trust store of the pod that reads it (client-go `rest/config.go`).
fn by_trust_store(side: &Side, cluster: &ClusterIntent) -> Option<Report> {
    let endpoint = cluster.endpoint.as_ref().ok()?;
    endpoint.certificate_authority.is_none().then(|| {
        let message = "its context names no certificate authority: this machine's own trust store vouches for its server, and \
                       the host's pods have another";
        Report::warning(side, message.to_owned())
            .hint(format!("name the authority that signed the server's certificate: {}", authority(side)))
    })
}

fn authority(side: &Side) -> String {
    side.setting_to(Setting::CertificateAuthority, "FILE")
}

fn ending(side: &Side, now: i64, until: i64) -> Option<Report> {
    let certificate = "the certificate of its server";
    if until <= now {
        let message = format!("{certificate} expired on {}", day(until));
        return Some(
            Report::failure(side, message).hint("renew it, as with `kubeadm certs renew apiserver`"),
        );
    }
    (until - now < SOON).then(|| {
        let message = format!("{certificate} expires on {}, in {}", day(until), left(now, until));
        Report::warning(side, message).hint("renew it in time, as with `kubeadm certs renew apiserver`")
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, endpoint},
        plan::{lifetime::DAY, member_server::CertificateSeen},
    };

    fn seeing(change: impl FnOnce(&mut CertificateSeen)) -> Case {
        Case::new().member(|member| {
            let mut seen = endpoint();
            change(seen.certificate.as_mut().expect("it is seen"));
            member.endpoint = Some(seen);
        })
    }

    #[test]
    fn one_that_is_good_needs_no_words() {
        assert_eq!(seeing(|_| ()).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn one_for_another_address_or_of_another_authority_is_refused() {
        let case = seeing(|certificate| {
            certificate.covers = false;
            certificate.distrusted =
                Some("the server's certificate is signed by an unknown authority".to_owned());
        });
        assert_eq!(
            case.says(&CHECK),
            [
                "failure member \"edge-1\": the certificate of its server does not cover edge-1.example.org: it is for \
                 kubernetes, 10.0.0.1",
                "failure member \"edge-1\": the authority that would be stored does not vouch for its server: the server's \
                 certificate is signed by an unknown authority",
            ]
        );
        assert!(case.hints(&CHECK).contains("`--member-server https://ADDRESS:PORT`"));
    }

    #[test]
    fn one_that_ends_soon_is_a_warning_and_one_that_has_ended_is_refused() {
        let now = endpoint().at;
        let soon = seeing(|certificate| certificate.until = now + 29 * DAY);
        assert_eq!(
            soon.says(&CHECK),
            ["warning member \"edge-1\": the certificate of its server expires on 2023-12-13, in 29 days"]
        );
        let ended = seeing(|certificate| certificate.until = now - 1);
        assert_eq!(
            ended.says(&CHECK),
            ["failure member \"edge-1\": the certificate of its server expired on 2023-11-14"]
        );
        assert_eq!(
            seeing(|certificate| certificate.until = now + 31 * DAY).says(&CHECK),
            Vec::<String>::new()
        );
    }

    #[test]
    fn that_only_this_machine_vouches_for_it_is_a_warning() {
        let case = seeing(|_| ()).wanting_cluster(|cluster| {
            cluster.endpoint.as_mut().unwrap().certificate_authority = None;
        });
        assert_eq!(
            case.says(&CHECK),
            [
                "warning member \"edge-1\": its context names no certificate authority: this machine's own trust store vouches \
                 for its server, and the host's pods have another"
            ]
        );
        assert!(case.hints(&CHECK).contains("`--member-certificate-authority FILE`"));
    }

    #[test]
    fn one_that_could_not_be_seen_is_unknown() {
        let case = Case::new().member(|member| {
            let mut seen = endpoint();
            seen.certificate = Err("no answer in time".to_owned());
            member.endpoint = Some(seen);
        });
        let said = "unknown member \"edge-1\": what the certificate of its server says: no answer in time";
        assert_eq!(case.says(&CHECK), [said]);
    }
}
