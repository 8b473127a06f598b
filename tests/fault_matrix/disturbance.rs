//! What happens to a request.

use std::{iter, time::Duration};

use http::StatusCode;
use testbed::Fault;

/// A request that takes longer is given up, and one is delayed for longer.
pub const LIMIT: &str = "--request-timeout 6s";
const LATER: Duration = Duration::from_secs(7);

/// In one run. A connection is that of other requests, too: cutting it disturbs these as well.
pub const MANY: usize = 64;
const SOME: usize = 16;
const FEW: usize = 4;

/// Who bears it of a request mostly bears others, too.
const REFUSAL: &str = "403";

pub struct Disturbance {
    pub name: &'static str,
    pub fault: Fault,
    /// Whether the command is killed when the request has met it.
    pub kills: bool,
    pub of_watches: bool,
    /// Whether a command waits for the most part, and takes little of the processor.
    pub waits: bool,
    /// Of so many requests a command may bear it in one run.
    pub together: usize,
    /// The same of requests whose refusal it has borne, where that is awaited.
    pub together_of_borne: Option<usize>,
}

impl Disturbance {
    pub fn is_refusal(&self) -> bool {
        self.name == REFUSAL
    }

    /// Whether it comes after the request was applied.
    pub fn is_after(&self) -> bool {
        matches!(self.fault, Fault::Applied(_))
    }
}

pub fn disturbances() -> Vec<Disturbance> {
    let applied = |fault| Fault::Applied(Box::new(fault));
    let too_many = Fault::Status { code: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(1) };
    let borne = [
        ("429", too_many),
        ("500", Fault::status(500)),
        ("500 of a webhook", Fault::WebhookUnknown),
        ("502", Fault::status(502)),
        ("503", Fault::status(503)),
        ("504", Fault::status(504)),
        ("truncated", Fault::CutAfterBytes(20)),
        ("applied, then 503", applied(Fault::status(503))),
        ("applied, then 504", applied(Fault::status(504))),
    ];
    let cuts = [("cut before", Fault::Drop), ("cut after", applied(Fault::Drop))];
    let refusal = (REFUSAL, Fault::status(403));
    let others = [("401", Fault::status(401)), ("409", Fault::status(409))];
    let waits = [("delayed", Fault::Delay(LATER)), ("applied, never answered", applied(Fault::Hang))];
    let kills = [("killed before", Fault::Hang), ("killed after", applied(Fault::Hang))];
    let watches = [
        ("broken", Fault::CutAfter(Duration::from_millis(50))),
        ("closed", Fault::Closed),
        ("410", Fault::Gone),
        ("an ERROR event", Fault::ErrorEvent),
    ];
    let of = |(name, fault)| Disturbance {
        name,
        fault,
        kills: false,
        of_watches: false,
        waits: false,
        together: 1,
        together_of_borne: None,
    };
    let refusal = iter::once(of(refusal));
    let borne = borne.map(|borne| Disturbance { together: MANY, ..of(borne) });
    let cuts = cuts.map(|cut| Disturbance { together: FEW, ..of(cut) });
    let others = others.map(|other| Disturbance { together_of_borne: Some(FEW), ..of(other) });
    let waits = waits.map(|waits| Disturbance { waits: true, together_of_borne: Some(FEW), ..of(waits) });
    let kills = kills.map(|kill| Disturbance { kills: true, together: SOME, ..of(kill) });
    let watches = watches.map(|watches| Disturbance { of_watches: true, together: MANY, ..of(watches) });
    refusal.chain(borne).chain(cuts).chain(others).chain(waits).chain(kills).chain(watches).collect()
}
