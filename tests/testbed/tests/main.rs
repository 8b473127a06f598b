//! The test bed, tested on real control planes.
#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without ends it, also outside of its function"
)]

mod assets;
mod audit;
mod control_plane;
mod differences;
mod distance;
mod front;
mod kubernetes;
mod kubesphere;
mod nodes;
mod objects;
mod peers;
mod pool;
mod process;
