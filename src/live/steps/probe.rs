use crate::{
    checks::{Finding, member_reachable},
    live::{
        execute::{Execute, Turn},
        failure::Failure,
        reach::probe::{dry_run, probe},
        report::Event,
    },
    plan::steps::probe::Probe,
};

impl Execute for Probe {
    async fn execute(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.probing.host)?;
        let run = turn.run;
        let probed = probe(host, &self.probing, run.deadline, &run.undo.pods, run.report).await;
        let found = member_reachable::probed(&probed, &run.skipped());
        turn.tell(&host.side, Event::Found(found.clone()));
        turn.entry.findings.extend(found.iter().cloned());
        if found.iter().any(Finding::is_obstacle) { Err(Failure::Unreachable(found)) } else { Ok(()) }
    }

    /// What admission refuses is told, and ends nothing: reachability is only unknown then.
    async fn dry_run(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let host = turn.connection(&self.probing.host)?;
        let found = member_reachable::probed(&dry_run(host, &self.probing).await, &turn.run.skipped());
        turn.tell(&host.side, Event::Found(found.clone()));
        turn.entry.findings.extend(found);
        Ok(())
    }
}
