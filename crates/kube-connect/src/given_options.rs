//! What was given of the connection options, for the commands that are printed.

use super::kubeconfig::ConnectionOptions;
use kubesphere::{
    given_options::{Choice, GivenOptions},
    side::Side,
};

/// Everything but the token, and but the extras of a user to act as, which older kubectls do not know.
pub(super) fn given(options: &ConnectionOptions, side: &Side) -> GivenOptions {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let insecure = options.insecure_skip_tls_verify.then(|| "true".to_owned());
    let single = [
        (Choice::Kubeconfig, path(&options.kubeconfig)),
        (Choice::Cluster, options.cluster.clone()),
        (Choice::User, options.user.clone()),
        (Choice::Server, options.server.clone()),
        (Choice::CertificateAuthority, path(&options.certificate_authority)),
        (Choice::ClientCertificate, path(&options.client_certificate)),
        (Choice::ClientKey, path(&options.client_key)),
        (Choice::TlsServerName, options.tls_server_name.clone()),
        (Choice::InsecureSkipTlsVerify, insecure),
        (Choice::As, options.impersonate.clone()),
    ];
    let single = single.into_iter().filter_map(|(choice, value)| Some((choice, value?)));
    let groups = options.impersonate_groups.iter().map(|group| (Choice::AsGroup, group.clone()));
    let uid = options.impersonate_uid.iter().map(|uid| (Choice::AsUid, uid.clone()));
    let none = options.entry.iter().cloned().fold(GivenOptions::default(), GivenOptions::in_fleet);
    single.chain(groups).chain(uid).fold(none, |given, (choice, value)| {
        let is_the_hosts = choice == Choice::Kubeconfig && options.kubeconfig_is_hosts;
        match side {
            Side::Member { .. } if !is_the_hosts => given.with_member(choice, value),
            Side::Member { .. } | Side::Host { .. } => given.with(choice, value),
        }
    })
}
