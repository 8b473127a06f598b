//! What is removed, and what another Cluster keeps.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    Earlier, EarlierToken, HostUid, RegisteredCluster, StoredKubeconfig, stores_user, superseded,
    useless_users,
};

const USER: &str = "kubectl-mc-host-0000002a-1";

fn host() -> HostUid {
    HostUid::new("0000002a-0000-0000-0000-000000000000")
}

/// A Cluster that stores nothing.
fn unregistered() -> RegisteredCluster {
    RegisteredCluster::new(json!({}))
}

fn token(name: &str) -> EarlierToken {
    EarlierToken { name: name.to_owned(), uid: format!("uid-of-{name}"), account: Some("account".to_owned()) }
}

/// A Cluster with the token of this Secret of this account.
fn storing(secret: &str, account: &str) -> RegisteredCluster {
    let claims = json!({"kubernetes.io/serviceaccount/secret.name": secret,
                        "kubernetes.io/serviceaccount/service-account.uid": account});
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    storing_user(&format!("{{token: h.{claims}.s}}"))
}

fn storing_user(user: &str) -> RegisteredCluster {
    let text = format!("users: [{{name: other, user: {{}}}}, {{name: a, user: {user}}}]");
    RegisteredCluster::new(json!({"spec": {"connection": {"kubeconfig": STANDARD.encode(text)}}}))
}

/// A Cluster with the certificate of this user, in lines as `base64` writes it into a file.
fn storing_certificate(user: &str) -> RegisteredCluster {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, user);
    let certificate = STANDARD.encode(parameters.self_signed(&key).unwrap().pem());
    storing_user(&format!("{{client-certificate-data: \"{certificate}\\n\"}}"))
}

fn earlier() -> Earlier {
    Earlier { tokens: vec![token("first"), token("second")], users: vec![USER.to_owned()], unread: None }
}

#[test]
fn everything_of_this_host_goes_but_what_another_cluster_stores() {
    let names = |others: &[RegisteredCluster]| -> Vec<String> {
        let superseded = superseded(&earlier(), (host(), &unregistered()), others.iter(), false);
        superseded.tokens.into_iter().map(|token| token.name).collect()
    };
    assert_eq!(names(&[]), ["first", "second"]);
    assert_eq!(names(&[storing("first", "account")]), ["second"]);
    assert_eq!(
        names(&[storing("first", "account of another member")]),
        ["first", "second"],
        "every member has a Secret of this name"
    );
    assert_eq!(names(&[storing_user("{token: opaque}")]), ["first", "second"]);
}

#[test]
fn a_certificates_user_stays_while_a_cluster_has_the_certificate() {
    let storing = [storing_certificate(USER)];
    let kept = superseded(&earlier(), (host(), &unregistered()), storing.iter(), false);
    assert_eq!((kept.users.len(), kept.empties_binding), (0, false));
    let gone = superseded(&earlier(), (host(), &unregistered()), [].iter(), false);
    assert_eq!((gone.users, gone.empties_binding), (vec![USER.to_owned()], true));
    assert!(
        !superseded(&earlier(), (host(), &unregistered()), [].iter(), true).empties_binding,
        "a new user is bound"
    );
}

#[test]
fn what_was_never_made_is_not_removed() {
    let nothing = superseded(&Earlier::default(), (host(), &unregistered()), [].iter(), false);
    assert!(nothing.is_empty() && !nothing.empties_binding);
}

#[test]
fn users_of_other_hosts_stay_and_of_no_host_goes_the_stored_one_alone() {
    let users = [
        USER,
        "kubectl-mc-host-0000002b-1",
        "kubectl-mc-host-0123456789abcdef",
        "kubectl-mc-host-fedcba9876543210",
    ];
    let earlier = Earlier { users: users.map(str::to_owned).into(), ..Earlier::default() };
    let nothing_stored = superseded(&earlier, (host(), &unregistered()), [].iter(), false);
    assert_eq!((nothing_stored.users, nothing_stored.empties_binding), (vec![users[0].to_owned()], false));
    let stored = storing_certificate(users[2]);
    let superseded = superseded(&earlier, (host(), &stored), [].iter(), false);
    assert_eq!(superseded.users, [users[0], users[2]]);
}

fn kubeconfig_of(cluster: &RegisteredCluster) -> StoredKubeconfig {
    let text = STANDARD.decode(cluster.kubeconfig_base64().unwrap().expose_secret()).unwrap();
    StoredKubeconfig { text: SecretString::from(String::from_utf8(text).unwrap()) }
}

fn user(random: &str) -> String {
    host().user(random)
}

#[test]
fn of_two_joins_at_once_the_one_whose_cluster_stands_keeps_its_user_and_the_other_lets_its_own_go() {
    let of_another_host = "kubectl-mc-host-0000002b-1".to_owned();
    let bound = [user("left-over"), of_another_host, user("first"), user("second"), user("later")];
    let stored = storing_certificate(&user("second"));
    let useless = |random| {
        let kubeconfig = kubeconfig_of(&storing_certificate(&user(random)));
        useless_users(&bound, host(), &kubeconfig, [&stored].into_iter())
    };
    assert_eq!(useless("second"), [user("left-over"), user("first")], "who came later is about to be stored");
    assert_eq!(useless("first"), [user("first")]);
    assert_eq!(useless("gone"), Vec::<String>::new());
}

#[test]
fn a_cluster_stores_the_user_of_its_certificate_and_no_other() {
    let cluster = storing_certificate(&user("stored"));
    assert!(stores_user(&cluster, &user("stored")) && !stores_user(&cluster, &user("other")));
    assert!(!stores_user(&storing("first", "account"), &user("stored")));
}

#[test]
fn a_renewal_that_was_overtaken_finds_what_it_has_made() {
    let earlier = Earlier { users: vec![USER.to_owned(), user("made")], ..earlier() };
    let held = earlier.held_by(&kubeconfig_of(&storing("second", "account")));
    assert_eq!((held.tokens, held.users), (vec![token("second")], Vec::new()));
    let held = earlier.held_by(&kubeconfig_of(&storing_certificate(&user("made"))));
    assert_eq!((held.tokens, held.users), (Vec::new(), vec![user("made")]));
}
