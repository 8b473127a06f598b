//! What `-v` shows of a real join; that it shows no secret is searched in every output of every test.

use testbed::kubesphere::{Scenario, Version};

use crate::support::Watched;

#[test]
fn every_request_is_shown_and_introduces_itself() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let run = bed.join("member1 -v=6").run().code(0);
    for said in
        ["GET https://", "PATCH https://", "POST https://", "/clusterconfigurations/ks-installer", "200 "]
    {
        assert!(run.stderr.contains(said), "does not say {said:?}\n{run}");
    }
    assert!(
        !run.stderr.contains("sha256:") || !run.stderr.contains("\"jwtSecret\""),
        "bodies are for -v=8\n{run}"
    );
    let agent = concat!("kubectl-mc/", env!("CARGO_PKG_VERSION"));
    let requests = bed.requests();
    assert!(requests.len() > 20, "{requests:?}");
    assert!(requests.iter().all(|event| event.user_agent == agent), "{requests:?}");
}

#[test]
fn bodies_are_shown_with_fingerprints() {
    for version in [Version::V3_1, Version::V3_4] {
        let bed = Watched::lease(&Scenario::new(version));
        let run = bed.join("member1 -v=9").run().code(0);
        for said in ["request body: [", "\"/spec/multicluster/clusterRole\"", "response body: {", "sha256:"] {
            assert!(run.stderr.contains(said), "does not say {said:?}\n{run}");
        }
    }
}
