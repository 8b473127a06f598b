//! How many connections a join opens.

use std::time::Duration;

use testbed::kubesphere::{Scenario, Version};

use crate::support::{Kubeconfig, Watched};

/// Both sides are standalone, and each is reached through a proxy that counts. The host reaches the member directly.
/// How many connections the join opens to each.
fn opened(http2: &str) -> [u64; 2] {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let (kubeconfig, ways) = Kubeconfig::far(&bed, Duration::ZERO);
    let program = bed.kubectl_mc_with(&kubeconfig).env("DISABLE_HTTP2", http2);
    let words = format!("member1 --member-server {}", bed.member(1).server());
    let _ = program.join(&words).run().code(0);
    bed.assert_joined(1, "member1");
    ways.map(|way| way.traffic().connections)
}

/// One for all requests to each side, one with the credential that is stored, and one that looks at the member's
/// certificate.
#[test]
fn a_join_opens_a_connection_for_each_user_of_each_side() {
    let [host, member] = opened("");
    assert_eq!(host, 1);
    assert!(member <= 3, "{member}");
}

#[test]
fn without_http2_a_join_goes_as_well() {
    let [host, member] = opened("1");
    assert!(host > 1 && member > 1, "{host} and {member}");
}
