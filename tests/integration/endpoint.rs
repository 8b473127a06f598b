//! The address that is stored of a member: what is given for it, what is proposed, and what its certificate says.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};
use testbed::{
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
};

use crate::support::{Kubeconfig, KubectlMc, Run, Watched};

const IMPORT: &str = "import member1 --context host --yes --skip-check member-server-loopback";

fn prepared() -> Watched {
    let of = |role| Installation::new(Version::V3_4).role(role);
    Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::Member)))
}

/// The cluster in the kubeconfig that the host stores.
fn stored_cluster(bed: &Watched) -> Value {
    let text = bed.host().cluster("member1")["spec"]["connection"]["kubeconfig"].as_str().unwrap().to_owned();
    let kubeconfig: Value = serde_yaml::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    kubeconfig["clusters"][0]["cluster"].clone()
}

/// As a join with these words, of a bed that nobody changes.
fn refused(words: &str) -> Run {
    let bed = Watched::shared();
    let run = bed.join(&format!("member1 {words}")).run().code(3).stdout("");
    bed.assert_untouched();
    run
}

#[test]
fn a_given_server_is_stored_and_this_machine_connects_as_its_context_says() {
    let bed = prepared();
    let port = bed.member(1).server().rsplit_once(':').unwrap().1.to_owned();
    let server = format!("https://localhost:{port}");
    let _ = bed.kubectl_mc().words(IMPORT).words(&format!("--member-server {server}")).run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(stored_cluster(&bed)["server"], server.as_str());
    // The context's own address is another one, and yet the same Cluster is meant.
    let again = bed.kubectl_mc().words(IMPORT).words(&format!("--member-server {server}")).run().code(0);
    let _ = again.stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

#[test]
fn an_address_that_the_certificate_does_not_cover_is_refused_with_those_it_does() {
    let run = refused("--member-server https://127.0.0.2:9");
    let _ = run
        .says("error: member \"member1\": the certificate of its server does not cover 127.0.0.2: it is for localhost, kubernetes, ")
        .says(", 127.0.0.1, 10.0.0.1")
        .says(" [member-server-certificate]\n")
        .says("warning: member \"member1\": this machine does not reach https://127.0.0.2:9 itself (")
        .says("; what counts is whether the host does [member-server-address]\n");
}

#[test]
fn addresses_that_the_member_itself_knows_are_proposed() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let kubeconfig = "clusters: [{name: '', cluster: {server: 'https://10.0.0.1:6443'}}]";
    let info = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info", "namespace": "kube-public"},
                      "data": {"kubeconfig": kubeconfig}});
    let client = bed.member(1).client();
    block_on(async move { objects::create(&client, &info).await.unwrap() });
    let hint = "hint: if the host reaches it, an address that the member itself knows: `--member-server https://10.0.0.1:6443`\n";
    let run = bed.kubectl_mc().words("join member1 --context host --yes").run().code(3);
    let _ = run.says("is this machine's loopback").says("[member-server-loopback]\n").says(hint);
    let run = bed.join("member1 --member-server https://lb.kubesphere.local:6443").run().code(3);
    let _ = run
        .says("its server https://lb.kubesphere.local:6443 is an alias in the /etc/hosts of the member's own nodes")
        .says("[member-server-address]\n")
        .says(hint);
    bed.assert_untouched();
}

/// An authority that has signed nothing here.
fn foreign_authority() -> String {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.self_signed(&key).unwrap().pem()
}

#[test]
fn an_authority_that_does_not_vouch_for_the_server_is_refused() {
    let bed = Watched::shared();
    let program =
        bed.join("member1 --member-certificate-authority ca.pem").file("ca.pem", &foreign_authority());
    let run = program.at_home().run().code(3).stdout("");
    let _ = run
        .says("error: member \"member1\": the authority that would be stored does not vouch for its server: ")
        .says("signed by an unknown authority [member-server-certificate]\n")
        .says("hint: name the one that does: `--member-certificate-authority FILE`\n");
    bed.assert_untouched();
}

#[test]
fn an_unverified_context_is_stored_with_the_authority_that_is_given() {
    let bed = prepared();
    let insecure = json!({"insecure-skip-tls-verify": true, "certificate-authority-data": null});
    let kubeconfig = Kubeconfig::of(&bed).cluster("member1", &insecure);
    let authority = bed.member(1).plane().ca_pem();
    let program = bed.kubectl_mc_with(&kubeconfig).file("ca.pem", &authority).at_home();
    let run = program.words(IMPORT).words("--member-certificate-authority ca.pem").run().code(0);
    let _ = run.says("member1\": the server's certificate is not verified (insecure-skip-tls-verify)");
    bed.assert_joined(1, "member1");
    let stored = stored_cluster(&bed);
    assert_eq!(stored["certificate-authority-data"], STANDARD.encode(authority));
    assert_eq!(stored.get("insecure-skip-tls-verify"), None);
}

#[test]
fn a_name_that_only_the_context_needs_is_no_matter_where_a_server_is_given() {
    let bed = prepared();
    let kubeconfig = Kubeconfig::of(&bed).cluster("member1", &json!({"tls-server-name": "kubernetes"}));
    let server = bed.member(1).server();
    let program = bed.kubectl_mc_with(&kubeconfig).words(IMPORT);
    let _ = program.words(&format!("--member-server {server}")).run().code(0);
    assert_eq!(stored_cluster(&bed).get("tls-server-name"), None);
    bed.assert_joined(1, "member1");
}

#[test]
fn an_authority_that_cannot_be_read_is_named() {
    let program = KubectlMc::new(&Kubeconfig::of(Watched::shared()).text(), Vec::new());
    let run = program.join("member1 --member-certificate-authority /nowhere/ca.pem").run().code(2).stdout("");
    let _ = run
        .says("cannot read the certificate authority `/nowhere/ca.pem`: No such file")
        .says("hint: name another file with `--member-certificate-authority`");
}

#[test]
fn what_is_no_address_is_refused_as_typed() {
    let program = || KubectlMc::new(&Kubeconfig::of_nobody().text(), Vec::new());
    for server in ["http://edge:6443", "edge:6443", "https://u:p@edge", "https://edge?x"] {
        let run = program().join(&format!("member1 --member-server {server}")).run().code(2).stdout("");
        let _ = run.says("must be https://ADDRESS:PORT, without user and query");
    }
}

/// A token of the administrator's that ends in an hour, as a cloud's login gives it.
fn token_of_an_hour(bed: &Watched) -> String {
    let ask = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                     "spec": {"audiences": [], "expirationSeconds": 3600}});
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let ask = http::Request::post(path).body(ask.to_string().into_bytes()).unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "hourly"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    let client = bed.member(1).client();
    let answer: Value = block_on(async move {
        objects::create(&client, &binding).await.unwrap();
        client.request(ask).await.unwrap()
    });
    answer["status"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_of_an_hour_is_not_stored_but_makes_a_service_account() {
    let bed = prepared();
    let kubeconfig = Kubeconfig::of(&bed).user("member1", json!({"token": token_of_an_hour(&bed)}));
    let run = bed.kubectl_mc_with(&kubeconfig).words(IMPORT).words("--credentials context").run().code(3);
    let _ = run
        .says("error: member \"member1\": the token of its context expires in ")
        .says("nobody renews what is stored [member-credential-lifetime]\n");
    bed.assert_untouched();
    let _ = bed.kubectl_mc_with(&kubeconfig).words(IMPORT).run().code(0);
    bed.assert_joined(1, "member1");
}
