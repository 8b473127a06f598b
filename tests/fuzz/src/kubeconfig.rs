use std::cell::LazyCell;

use kube_connect::connection::Connection;
use kube_connect::environment::Environment;
use kube_connect::kubeconfig::{ConnectionOptions, Kubeconfig};
use kube_connect::selected_context::{SelectedContext, select};
use kubesphere::side::Side;
use tokio::runtime::{Builder, Runtime};

pub(super) const WORDS: &[&str] = &[
    "current-context: a\n",
    "certificate-authority-data: ",
    "client-certificate-data: ",
    "client-key-data: ",
    "token: ",
    "tokenFile: /dev/null\n",
    "proxy-url: socks5://u:p@127.0.0.1:1080\n",
    "tls-server-name: ",
    "insecure-skip-tls-verify: true\n",
    "server: https://[::1]:6443/a?b#c\n",
    "as: ",
    "auth-provider: {name: gcp}\n",
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
];

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        const { LazyCell::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime")) };
}

/// The whole way to a connection, but for credential plugins, which would be run, and for what stands in other files.
pub(super) fn run(bytes: &[u8]) {
    let kubeconfig = match Kubeconfig::parse(bytes) {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => return drop(error.to_string()),
    };
    let current = kubeconfig.current_context.iter().map(String::as_str);
    let contexts: Vec<String> = current.chain(kubeconfig.contexts()).take(3).map(str::to_owned).collect();
    for context in contexts {
        let options = ConnectionOptions { context: Some(context), ..ConnectionOptions::default() };
        match select(&kubeconfig, Side::member, &options) {
            Err(error) => drop((error.to_string(), error.hints(None))),
            Ok(selected) if stands_elsewhere(&selected) => {}
            Ok(selected) => RUNTIME.with(|runtime| {
                let server = selected.server.to_string();
                match runtime.block_on(Connection::open(selected, &Environment::default(), None)) {
                    Ok(connection) => assert_eq!(connection.server, server.trim_end_matches('/')),
                    Err(error) => drop((error.to_string(), error.hints(), error.is_of_kubeconfig())),
                }
            }),
        }
    }
}

/// In a file, in what a plugin answers, or in this machine's trust store.
fn stands_elsewhere(selected: &SelectedContext) -> bool {
    let (cluster, user) = (&selected.cluster, &selected.user);
    let needs_trust_store =
        cluster.certificate_authority_data.is_none() && selected.server.scheme_str() == Some("https");
    let files =
        [&cluster.certificate_authority, &user.client_certificate, &user.client_key, &user.token_file];
    needs_trust_store || user.exec.is_some() || files.into_iter().any(Option::is_some)
}
