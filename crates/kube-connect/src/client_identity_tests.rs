use kubesphere::side::Side;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

// Keys of nobody, each before its certificate, made by openssl: rcgen makes none of these kinds.
const RSA_PKCS_1: &str = include_str!("client_identity_tests/rsa-2048-pkcs1.pem");
const X509_V1_SEC_1: &str = include_str!("client_identity_tests/x509-v1.pem");
const P_521: &str = include_str!("client_identity_tests/p-521.pem");
const SECP256K1: &str = include_str!("client_identity_tests/secp256k1.pem");
const RSA_1024: &str = include_str!("client_identity_tests/rsa-1024.pem");

fn read(certificate: &str, key: &str) -> Result<ClientIdentity, String> {
    let side = Side::member("edge");
    let material = |what| Material { side: &side, what, entry: Some("user \"u\""), file: None };
    let certificate = (material("client certificate"), certificate.to_owned());
    let key = (material("client key"), key.to_owned());
    client_identity(&certificate, &key).map_err(|error| error.to_string())
}

/// What is said of a text that holds both.
fn refused(both: &str) -> String {
    read(both, both).unwrap_err()
}

fn made(kind: &'static rcgen::SignatureAlgorithm) -> (String, String) {
    let key = KeyPair::generate_for(kind).unwrap();
    (CertificateParams::default().self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn keys_are_read_whatever_their_label_says() {
    let labels = ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ANY PRIVATE KEY"];
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let (certificate, key) = made(kind);
        for label in labels {
            let key = key.replace("PRIVATE KEY", label);
            assert!(read(&certificate, &key).is_ok(), "{label}");
        }
    }
    for (both, own) in [(RSA_PKCS_1, "RSA PRIVATE KEY"), (X509_V1_SEC_1, "EC PRIVATE KEY")] {
        for label in labels {
            let both = both.replace(own, label);
            assert!(read(&both, &both).is_ok(), "{label}");
        }
    }
}

#[test]
fn a_chain_is_shown_whole_and_what_stands_around_it_does_not_matter() {
    let (own, key) = made(&PKCS_ECDSA_P256_SHA256);
    let (authority, _) = made(&PKCS_ECDSA_P256_SHA256);
    let broken = "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n";
    let text = format!("Subject: CN=x\n{own}{key}{broken}\nIssuer: y\r\n{authority}the end");
    assert_eq!(read(&text, &text).unwrap().certified.cert.len(), 2);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (certificate, _) = made(&PKCS_ECDSA_P256_SHA256);
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        let (_, key) = made(kind);
        assert_eq!(
            read(&certificate, &key).unwrap_err(),
            "member \"edge\": the client key of user \"u\" is not the one of the client certificate: they do not belong \
             together"
        );
    }
}

#[test]
fn a_key_with_which_nothing_can_be_signed_here_is_named_with_its_kind() {
    for (both, kind) in
        [(P_521, "ECDSA on P-521"), (SECP256K1, "ECDSA on secp256k1"), (RSA_1024, "RSA of 1024 bits")]
    {
        let said = refused(both);
        let expected = format!(
            "member \"edge\": the client key of user \"u\" is {kind}, with which kubectl-mc cannot sign: it can with RSA of \
             2048 to 4096 bits, ECDSA on P-256 and P-384, and Ed25519"
        );
        assert_eq!(said, expected);
    }
    let hint = Defect::Unsupported { kind: String::new() }.hint(&Side::member("edge"));
    assert!(
        hint.contains("`kubectl --context edge create token SERVICEACCOUNT --namespace NAMESPACE`"),
        "{hint}"
    );
    assert!(hint.contains("`--member-token TOKEN`"), "{hint}");
}

#[test]
fn what_is_missing_or_damaged_is_told() {
    let (certificate, key) = made(&PKCS_ECDSA_P256_SHA256);
    let said = |certificate: &str, key: &str| read(certificate, key).unwrap_err();
    assert!(
        said("", &key).ends_with("certificate of user \"u\" holds no certificate in PEM, but no PEM at all")
    );
    assert!(said(&key, &key).ends_with("holds no certificate in PEM, but PRIVATE KEY"));
    assert!(said(&certificate, &certificate).ends_with("holds no private key in PEM, but CERTIFICATE"));
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let by_header = RSA_PKCS_1.replacen("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1);
    for key in [encrypted, by_header] {
        assert!(
            said(&certificate, &key).contains("the client key of user \"u\" is encrypted with a passphrase")
        );
    }
    let cut = |text: &str| {
        let block = pem::blocks(text).next().unwrap();
        let content = &block.content[..block.content.len() - 1];
        pem_of(&block.label, content)
    };
    assert!(said(&cut(&certificate), &key).contains("cannot be read as a certificate: it is damaged"));
    assert!(said(&certificate, &cut(&key)).contains("cannot be read as a private key: it is damaged"));
}

fn pem_of(label: &str, content: &[u8]) -> String {
    use base64::Engine as _;
    let content = base64::engine::general_purpose::STANDARD.encode(content);
    format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n")
}
