//! Every request of a join, a renewal and an unjoin meets every fault; then the same command again reaches the end that an
//! undisturbed one reaches.
//!
//! What need not be run is what would be run twice:
//! - A command keeps nothing but what it writes on the clusters. Where a disturbed one has changed nothing, the same command
//!   again is the undisturbed one.
//! - A command looks, plans, and carries out its plan. Where a look was disturbed and came to the same observations, findings
//!   and plan (the object of `-o json`, whole), what follows is the undisturbed command. So the requests of the look are
//!   disturbed in `--dry-run=client`, and where the object differs, in the whole command.
//! - What changes nothing is the same whether the fault comes before it was applied or after.
//!
//! What a command bears is tried of many requests in one run: where each of them has met its fault and the end is the
//! undisturbed one, it has borne them all. Where it is not, halves are tried, down to the single request.
//!
//! Only a part is tried by `cargo test`, in which each request meets some of the faults and each fault some of the requests.
//! `FAULT_MATRIX` in the environment has more: see [`Extent`].

mod disturbance;
mod extent;
mod ground;
mod matrix;
mod request;

use std::{env, time::Instant};

use testbed::kubesphere::Version;

use disturbance::disturbances;
use extent::Extent;
use ground::{Ground, Undisturbed};
use matrix::Matrix;

const GENERATIONS: [Version; 1] = [Version::V3_4];

const OPERATIONS: [Operation; 3] = [
    Operation { name: "join", before: "", words: JOIN },
    Operation { name: "renew", before: JOIN, words: RENEW },
    Operation { name: "unjoin", before: JOIN, words: UNJOIN },
];
const JOIN: &str = "join member1 --context host --yes --skip-check member-server-loopback";
const RENEW: &str =
    "renew member1 --member-context member1 --context host --yes --skip-check member-server-loopback";
const UNJOIN: &str = "unjoin member1 --member-context member1 --context host --yes";

pub struct Operation {
    name: &'static str,
    before: &'static str,
    words: &'static str,
}

#[test]
fn after_every_fault_the_same_command_reaches_the_undisturbed_end() {
    let (extent, disturbances) = (Extent::wanted(), disturbances());
    let picked = env::var("FAULT_OPERATION").ok();
    let mut failed = Vec::new();
    for version in GENERATIONS {
        let operations = OPERATIONS.iter();
        for operation in
            operations.filter(|operation| picked.as_ref().is_none_or(|name| name == operation.name))
        {
            let begun = Instant::now();
            let ground = Ground { version, clusters: extent.clusters(), operation };
            let undisturbed = Undisturbed::of(ground);
            let requests = undisturbed.looks.len() + undisturbed.others.len();
            let matrix = Matrix { ground, extent, undisturbed, disturbances: &disturbances };
            let results = matrix.run();
            println!(
                "{version} {}: {requests} requests, {} points in {} runs, {:.0} s, {} failed\n{results}",
                operation.name,
                results.points(),
                results.runs,
                begun.elapsed().as_secs_f64(),
                results.failed.len(),
            );
            failed.extend(results.failed);
        }
    }
    assert!(failed.is_empty(), "{} points failed:\n{}", failed.len(), failed.join("\n\n"));
}
