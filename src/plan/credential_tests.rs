//! Which credential it is, what is made for it, and what is ours.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Account, Asked, Choice, CredentialKind, CredentialObject, HostUid, Ownership, Seen, Version, user,
};
use crate::plan::credential_step::CredentialStep;

const HOST: HostUid = HostUid(0x1f << 96);
const S: CredentialKind = CredentialKind::ServiceAccount;

fn account(token: Seen<Ownership>, binding: Seen<Ownership>) -> Account {
    let (service_account, tokens_of_others) = (Seen::Present(Ownership::Ours), Vec::new());
    Account { service_account, binding, host: HOST, token, tokens_of_others }
}

#[test]
fn only_a_host_of_3_3_gets_a_certificate() {
    let kinds = |choice: Choice| {
        ["v3.1.1", "v3.2.1", "v3.3.0", "v3.3.2", "v3.4.1"].map(|host| choice.kind(Version::parse(host)))
    };
    assert_eq!(kinds(Choice::Auto), [S, S, CredentialKind::Certificate, CredentialKind::Certificate, S]);
    assert_eq!(kinds(Choice::ServiceAccount), [S; 5], "that 3.3 does not take it says member-credential");
    assert_eq!(kinds(Choice::Context), [CredentialKind::Context; 5]);
    assert_eq!(Choice::default().kind(None), S);
}

#[test]
fn what_is_ours_already_is_not_made_again() {
    let missing = |account: Option<&Account>| {
        CredentialStep::new(CredentialKind::ServiceAccount, HOST, account).missing
    };
    assert_eq!(
        missing(None),
        [CredentialObject::ServiceAccount, CredentialObject::Binding, CredentialObject::Token(HOST)]
    );
    let ours = || Seen::Present(Ownership::Ours);
    assert_eq!(missing(Some(&account(ours(), ours()))), []);
    assert_eq!(missing(Some(&account(Seen::Absent, ours()))), [CredentialObject::Token(HOST)]);
    assert_eq!(missing(Some(&account(ours(), Seen::Absent))), [CredentialObject::Binding]);
}

#[test]
fn what_is_made_is_known_as_ours_and_nothing_else_is() {
    for piece in [
        CredentialObject::ServiceAccount,
        CredentialObject::Binding,
        CredentialObject::Token(HOST),
        CredentialObject::UserBinding,
    ] {
        let mut object = piece.manifest(None);
        assert_eq!(piece.ownership(&object), Ownership::Ours, "{piece:?}");
        object["metadata"]["labels"] = Value::Null;
        assert!(matches!(piece.ownership(&object), Ownership::Foreign(_)), "{piece:?}");
    }
    let users = CredentialObject::UserBinding.manifest(None);
    let why = "it does not bind kubectl-mc-host to cluster-admin".to_owned();
    assert_eq!(CredentialObject::Binding.ownership(&users), Ownership::Foreign(why));
}

#[test]
fn what_somebody_has_changed_is_not_ours_any_more() {
    let why = |piece: CredentialObject, object: &Value| match piece.ownership(object) {
        Ownership::Foreign(why) => why,
        Ownership::Ours => "ours".to_owned(),
    };
    for piece in [CredentialObject::Binding, CredentialObject::UserBinding] {
        let mut binding = piece.manifest(None);
        let another = json!({"kind": "User", "name": "kubectl-mc-host", "apiGroup": "another"});
        binding["subjects"].as_array_mut().unwrap().push(another);
        assert_eq!(why(piece, &binding), "it binds others than kubectl-mc-host to cluster-admin too");
    }
    let mut secret = CredentialObject::Token(HOST).manifest(None);
    secret["type"] = json!("Opaque");
    assert_eq!(
        why(CredentialObject::Token(HOST), &secret),
        "it is not a token of ServiceAccount kubectl-mc-host"
    );
    let mut secret = CredentialObject::Token(HOST).manifest(None);
    secret["metadata"]["annotations"] = Value::Null;
    assert_eq!(
        why(CredentialObject::Token(HOST), &secret),
        "it is not a token of ServiceAccount kubectl-mc-host"
    );
}

#[test]
fn each_host_has_a_token_of_its_own() {
    let uid = "0a14ca43-3bbf-4824-bbb5-38c7f6abfd29";
    let (host, another) = (HostUid::new(uid), HostUid::new("1a14ca43-3bbf-4824-bbb5-38c7f6abfd29"));
    assert_eq!(host.to_string(), uid);
    let secret = CredentialObject::Token(host).manifest(None);
    assert_eq!(secret["metadata"]["name"], "kubectl-mc-host-token-0a14ca43");
    let why = format!("it is not for the host with the UID {another}");
    assert_eq!(CredentialObject::Token(another).ownership(&secret), Ownership::Foreign(why));
}

#[test]
fn each_certificate_has_a_user_of_its_own() {
    let asked = Asked { user: "kubectl-mc-host-1f", request: "PEM" };
    let binding = CredentialObject::UserBinding.manifest(Some(asked));
    assert_eq!(binding["subjects"][0]["name"], "kubectl-mc-host-1f");
    assert_eq!(CredentialObject::Rebinding.ownership(&binding), Ownership::Ours);
    let request = CredentialObject::Certificate.manifest(Some(asked));
    assert_eq!(request["metadata"]["name"], "kubectl-mc-host-1f");
}

#[test]
fn a_certificate_is_made_each_time_and_before_its_binding() {
    let missing = |binding| {
        CredentialStep::new(CredentialKind::Certificate, HOST, Some(&account(Seen::Absent, binding))).missing
    };
    assert_eq!(missing(Seen::Absent), [CredentialObject::Certificate, CredentialObject::UserBinding]);
    let ours = Seen::Present(Ownership::Ours);
    assert_eq!(
        missing(ours),
        [CredentialObject::Certificate, CredentialObject::Rebinding],
        "the user is another one"
    );
    assert_eq!(CredentialStep::new(CredentialKind::Context, HOST, None).missing, []);
}

#[test]
fn a_renewal_makes_everything_anew_beside_what_there_is() {
    let ours = || Seen::Present(Ownership::Ours);
    let now: Timestamp = "2025-11-22T13:00:34.25Z".parse().unwrap();
    let renewed = |kind, account: &Account| CredentialStep::renewed(kind, HOST, Some(account), now).missing;
    let another = CredentialObject::AnotherToken(HOST, now);
    assert_eq!(renewed(CredentialKind::ServiceAccount, &account(ours(), ours())), [another]);
    assert_eq!(another.name(), "kubectl-mc-host-token-0000001f-19aaba6ea4a");
    let next = CredentialObject::AnotherToken(HOST, "2025-11-22T13:00:34.75Z".parse().unwrap());
    assert_ne!(next.name(), another.name(), "the next one in the same second is another one");
    assert_eq!(another.ownership(&another.manifest(None)), Ownership::Ours);
    assert_eq!(
        renewed(CredentialKind::ServiceAccount, &account(Seen::Absent, Seen::Absent)),
        [CredentialObject::Binding, another]
    );
    assert_eq!(
        renewed(CredentialKind::Certificate, &account(Seen::Absent, ours())),
        [CredentialObject::Certificate, CredentialObject::AddedUser]
    );
    let first = account(Seen::Absent, Seen::Absent);
    assert_eq!(
        renewed(CredentialKind::Certificate, &first),
        [CredentialObject::Certificate, CredentialObject::UserBinding]
    );
    assert_eq!(renewed(CredentialKind::Context, &account(ours(), ours())), []);
}

#[test]
fn users_of_two_certificates_are_ours_and_others_beside_them_are_not() {
    let mut binding =
        CredentialObject::UserBinding.manifest(Some(Asked { user: "kubectl-mc-host-1", request: "" }));
    binding["subjects"].as_array_mut().unwrap().push(user("kubectl-mc-host-2"));
    assert_eq!(CredentialObject::AddedUser.ownership(&binding), Ownership::Ours);
    binding["subjects"].as_array_mut().unwrap().push(user("jane"));
    assert!(matches!(CredentialObject::AddedUser.ownership(&binding), Ownership::Foreign(_)));
}
