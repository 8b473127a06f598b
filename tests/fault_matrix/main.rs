//! Every request of a join, a renewal and an unjoin meets every fault; then the same command again reaches the end that an
//! undisturbed one reaches.
//!
//! What need not be run is what would be run twice:
//! - A command keeps nothing but what it writes on the clusters. Where a disturbed one has changed nothing, the same command
//!   again is the undisturbed one.
//! - A command looks, plans, and carries out its plan. Where a look was disturbed and came to the same observations, findings
//!   and plan (the object of `-o json`, whole), what follows is the undisturbed command. So the requests of the look are
//!   disturbed in `--dry-run=client`, and where the object differs, in the whole command.
//! - What the same command does again depends on what stands on the clusters. Where that is what stood there before, when the
//!   same command came to the undisturbed end, it comes to it now.
//! - A killed command has done what an undisturbed one has done by then. Of up to 16 requests between the same two changes,
//!   the last is killed; each change and each watch is killed by itself.
//! - What changes nothing is the same whether the fault comes before it was applied or after.
//!
//! What a command bears is tried of many requests in one run: where each of them has met its fault and the end is the
//! undisturbed one, it has borne them all. Where it is not, halves are tried, down to the single request.
//!
//! It keeps both processors busy: no other test runs beside it.
//!
//! `FAULT_MATRIX=control-planes` tries a part of it on real control planes: see [`Extent`]. `FAULT_OPERATION` picks one
//! operation.

#![expect(clippy::unwrap_used, reason = "a test's own functions")]
#![expect(unreachable_pub, reason = "nothing is public outside the one test binary")]

mod disturbance;
mod extent;
mod ground;
mod matrix;
mod request;
#[path = "../integration/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the rest is other tests'")]
mod support;
mod work;

use std::{env, thread, time::Instant};

use testbed::kubesphere::Version;

use disturbance::{Disturbance, disturbances};
use extent::Extent;
use ground::Ground;
use matrix::Matrix;
use work::Work;

const GENERATIONS: [Version; 2] = [Version::V3_4, Version::V4_1_3];

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
    let (extent, disturbances, picked) = (Extent::wanted(), disturbances(), env::var("FAULT_OPERATION").ok());
    let operations =
        OPERATIONS.iter().filter(|operation| picked.as_ref().is_none_or(|name| name == operation.name));
    let grounds: Vec<Ground<'_>> = operations
        .flat_map(|operation| {
            GENERATIONS.map(|version| Ground { version, clusters: extent.clusters(), operation })
        })
        .collect();
    let (disturbances, at_once) = (&disturbances, extent.operations_at_once().min(grounds.len().max(1)));
    let tried = grounds.chunks(at_once).flat_map(|grounds| {
        thread::scope(|scope| {
            let running = grounds.iter().map(|ground| scope.spawn(|| tried(*ground, extent, disturbances)));
            let running: Vec<_> = running.collect();
            running.into_iter().map(|running| running.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let mut failed = Vec::new();
    for (told, points) in tried {
        println!("{told}");
        failed.extend(points);
    }
    assert!(failed.is_empty(), "{} points failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// What is told of an operation, and its points that failed.
fn tried(ground: Ground<'_>, extent: Extent, disturbances: &[Disturbance]) -> (String, Vec<String>) {
    let begun = Instant::now();
    let matrix = Matrix::new(ground, extent, disturbances);
    let results = Work::of(&matrix);
    let told = format!(
        "{} {}: {} requests, {} points in {} runs, {:.0} s, {} failed\n{results}",
        ground.version,
        ground.operation.name,
        matrix.requests(),
        results.points(),
        results.runs,
        begun.elapsed().as_secs_f64(),
        results.failed.len(),
    );
    (told, results.failed)
}
