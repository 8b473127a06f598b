//! What is released, as those who install it meet it.
//!
//! Tests that are ignored are for `cargo test --package xtask -- --ignored --test-threads 1`: the first one makes the
//! archive of this platform in target/dist, which the others need.

#![expect(clippy::unwrap_used, reason = "a test's own functions")]
#![expect(unreachable_pub, reason = "nothing is public outside the one test binary")]

mod again;
mod archive;
mod krew;
mod manifest;
mod picture;
mod reference;
mod support;
