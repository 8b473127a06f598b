//! `cargo fuzz TARGET [EXECUTIONS] [SEED]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to watch")]

use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use fuzz::target::{Failure, TARGETS, Target};

const EXECUTIONS: u64 = 10_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default| words.get(at).map_or(Some(default), |word| word.parse().ok());
    let target = words.first().and_then(|name| Target::named(name));
    let (Some(target), Some(executions), Some(seed)) = (target, number(1, EXECUTIONS), number(2, 1)) else {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("usage: cargo fuzz TARGET [EXECUTIONS] [SEED]\ntargets: {names}");
        return ExitCode::from(2);
    };
    run(target, executions, seed)
}

fn run(target: &Target, executions: u64, seed: u64) -> ExitCode {
    let name = target.name;
    let begun = Instant::now();
    let per_second = |done: u64| u128::from(done) * 1000 / begun.elapsed().as_millis().max(1);
    let tell = |done| println!("{name}: {done} executions, {} a second", per_second(done));
    match target.execute(executions, seed, tell) {
        Ok(()) => {
            println!(
                "{name}: bears {executions} executions with the seed {seed}, {} a second",
                per_second(executions)
            );
            ExitCode::SUCCESS
        }
        Err(Failure(text)) => {
            let path = format!("{name}.failure");
            match fs::write(&path, text) {
                Ok(()) => {
                    eprintln!("{name}: does not bear what stands in {path}; it belongs into its corpus");
                }
                Err(error) => {
                    eprintln!("{name}: does not bear a text, and {path} cannot be written: {error}");
                }
            }
            ExitCode::FAILURE
        }
    }
}
