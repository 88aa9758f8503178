//! The methods this gateway plays: in flows a checked request, out flows what its node says.
//! A further method is one more row and one more function.

mod points;

use crate::answer::{Outcome, Refusal};
use crate::biz::Biz;
use crate::ledger::Ledger;
use crate::protocol::Request;

type Play = fn(&Biz, &mut Ledger) -> Outcome;

const METHODS: &[(&str, Play)] = &[
    ("koubei.marketing.tool.points.update", points::update),
    ("koubei.marketing.tool.points.query", points::query),
];

/// True when `run` can play it.
pub fn known(method: &str) -> bool {
    METHODS.iter().any(|(name, _)| *name == method)
}

/// Plays it.
pub fn run(request: &Request, ledger: &mut Ledger) -> Outcome {
    match METHODS.iter().find(|(name, _)| *name == request.method) {
        Some((_, play)) => play(&request.biz, ledger),
        None => Err(Refusal::new("40002", "isv.invalid-method", "不存在的方法名").nameless()),
    }
}
