//! `cargo fuzz TARGET [EXECUTIONS] [SEED]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to watch")]

use std::{
    env, fs,
    io::{Error, Result},
    process::{Command, ExitCode, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use fuzz::target::{Failure, TARGETS, Target};

const EXECUTIONS: u64 = 10_000_000;

/// So many in one process, which never forgets a secret that it has learned. A text that takes its process along, as an
/// endless recursion does, is one of these.
const BATCH: u64 = 50_000;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default| words.get(at).map_or(Some(default), |word| word.parse().ok());
    let target = words.first().and_then(|name| Target::named(name));
    let (Some(target), Some(executions), Some(seed)) = (target, number(1, EXECUTIONS), number(2, 1)) else {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("usage: cargo fuzz TARGET [EXECUTIONS] [SEED]\ntargets: {names}");
        return ExitCode::from(2);
    };
    let name = target.name;
    let begun = Instant::now();
    let borne = if executions <= BATCH {
        bears(target, executions, seed)
    } else {
        bears_batches(&Batches { name, executions, seed })
    };
    match borne {
        Ok(()) => {
            let per_second = u128::from(executions) * 1000 / begun.elapsed().as_millis().max(1);
            println!("{name}: bears {executions} executions with the seed {seed}, {per_second} a second");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bears(target: &Target, executions: u64, seed: u64) -> Result<()> {
    let Err(Failure(text)) = target.execute(executions, seed) else { return Ok(()) };
    let path = format!("{}.failure", target.name);
    fs::write(&path, text)?;
    Err(Error::other(format!("does not bear what stands in {path}; it belongs into its corpus")))
}

struct Batches<'a> {
    name: &'a str,
    executions: u64,
    seed: u64,
}

/// As many at once as there are processors.
fn bears_batches(batches: &Batches<'_>) -> Result<()> {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let processors = thread::available_parallelism()?.get();
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(|| batches.work(&next))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })
}

impl Batches<'_> {
    /// One batch after the other, until all are done or one has failed.
    fn work(&self, next: &AtomicU64) -> Result<()> {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let before = batch.saturating_mul(BATCH);
            if before >= self.executions {
                return Ok(());
            }
            if batch > 0 && before.is_multiple_of(1_000_000) {
                println!("{}: {before} executions", self.name);
            }
            let ended = self.run(BATCH.min(self.executions - before), self.seed.wrapping_add(batch));
            ended.inspect_err(|_| next.store(u64::MAX / 2, Ordering::Relaxed))?;
        }
    }

    fn run(&self, executions: u64, seed: u64) -> Result<()> {
        let mut command = Command::new(env::current_exe()?);
        command.args([self.name, &executions.to_string(), &seed.to_string()]).stdout(Stdio::null());
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(Error::other(format!("{status} with the seed {seed}"))) }
    }
}
