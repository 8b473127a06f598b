//! What is removed, and what another Cluster keeps.

use base64::Engine as _;
use serde_json::json;

use super::{Earlier, EarlierToken, RegisteredCluster, STANDARD, URL_SAFE_NO_PAD, superseded};

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

fn earlier() -> Earlier {
    Earlier { tokens: vec![token("first"), token("second")], users: vec!["u-1".to_owned()], unread: None }
}

#[test]
fn everything_of_this_host_goes_but_what_another_cluster_stores() {
    let names = |others: &[RegisteredCluster]| -> Vec<String> {
        let superseded = superseded(&earlier(), others.iter(), false);
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
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "u-1");
    let certificate = STANDARD.encode(parameters.self_signed(&key).unwrap().pem());
    let storing = [storing_user(&format!("{{client-certificate-data: {certificate}}}"))];
    let kept = superseded(&earlier(), storing.iter(), false);
    assert_eq!((kept.users.len(), kept.empties_binding), (0, false));
    let gone = superseded(&earlier(), [].iter(), false);
    assert_eq!((gone.users, gone.empties_binding), (vec!["u-1".to_owned()], true));
    assert!(!superseded(&earlier(), [].iter(), true).empties_binding, "a new user is bound");
}

#[test]
fn what_was_never_made_is_not_removed() {
    let nothing = superseded(&Earlier::default(), [].iter(), false);
    assert!(nothing.is_empty() && !nothing.empties_binding);
}
