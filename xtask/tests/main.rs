//! What is released, as those who install it meet it.
//!
//! Tests that are ignored need the archive of this platform in target/dist: `cargo xtask dist`, then
//! `cargo test --package xtask -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test's own functions")]
#![expect(unreachable_pub, reason = "nothing is public outside the one test binary")]

mod again;
mod archive;
mod krew;
mod manifest;
mod picture;
mod reference;
mod support;
