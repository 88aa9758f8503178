//! The state table of an offer: a stage and an event become an action. No I/O.
//!
//! In: where an offer stands ([`Stage`], [`Facts`]) and what happened ([`Event`]). Out: what to do
//! ([`Action`]). `docs/redemption.md` is the same table in words; `client::redeem` carries it out.

/// Where an offer stands. What each knows and who acts in it: `docs/redemption.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// FREEZE was not sent, or nobody knows its end.
    Freezing,
    /// Frozen; there is no token, so no link was ever shown.
    Frozen,
    /// A token is here; the link may be out.
    Authorised,
    /// Handed to another queue, whose receipt is awaited. No link was shown.
    Exported,
    /// The other queue has it; the link may be shown here.
    Handed,
    /// Claimed; COMMIT is not accepted yet.
    Committing,
    /// To be released; CANCEL is not accepted yet.
    Cancelling,
    /// Claimed although it was released; CONSUME is not accepted yet.
    Consuming,
    /// Spent.
    Done,
    /// Released.
    Cancelled,
}

impl Stage {
    /// Every stage, with the letter it has in a record.
    const LETTERS: [(Stage, &'static str); 10] = [
        (Stage::Freezing, "f"),
        (Stage::Frozen, "z"),
        (Stage::Authorised, "a"),
        (Stage::Exported, "e"),
        (Stage::Handed, "h"),
        (Stage::Committing, "c"),
        (Stage::Cancelling, "x"),
        (Stage::Consuming, "s"),
        (Stage::Done, "d"),
        (Stage::Cancelled, "k"),
    ];

    /// As it stands in a record.
    pub(crate) fn letter(self) -> &'static str {
        Self::LETTERS.iter().find(|(stage, _)| *stage == self).map_or("", |(_, letter)| letter)
    }

    /// Back from there; `None` for a letter of a later version.
    pub(crate) fn of_letter(letter: &str) -> Option<Stage> {
        Self::LETTERS.iter().find(|(_, known)| *known == letter).map(|(stage, _)| *stage)
    }

    /// The points.update that is due in this stage.
    pub fn job(self) -> Option<Job> {
        match self {
            Stage::Freezing => Some(Job::Freeze),
            Stage::Committing => Some(Job::Commit),
            Stage::Cancelling => Some(Job::Cancel),
            Stage::Consuming => Some(Job::Consume),
            _ => None,
        }
    }

    /// Nothing is owed any more; kept to know a late notification.
    pub fn is_over(self) -> bool {
        matches!(self, Stage::Done | Stage::Cancelled | Stage::Handed)
    }
}

/// A request an offer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Reserves the points.
    Freeze,
    /// Asks for the claim token (prizesend.auth).
    Auth,
    /// Spends what was reserved.
    Commit,
    /// Releases what was reserved.
    Cancel,
    /// Spends what was released before the claim came.
    Consume,
}

impl Job {
    /// Whether it was this stage's request: an answer to an earlier stage's changes nothing.
    pub(crate) fn is_of(self, stage: Stage) -> bool {
        stage.job() == Some(self) || (self, stage) == (Job::Auth, Stage::Frozen)
    }

    /// As it stands in what keys are made of.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Job::Freeze => "FREEZE",
            Job::Auth => "AUTH",
            Job::Commit => "COMMIT",
            Job::Cancel => "CANCEL",
            Job::Consume => "CONSUME",
        }
    }
}

/// What decides beside the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The stage's request was sent at least once.
    pub sent: bool,
    /// A notification is noted in the entry.
    pub claimed: bool,
    /// The shopper left while nobody knew whether the points were frozen.
    pub unwanted: bool,
    /// A link may be out, here or where the offer came from.
    pub shown: bool,
}

/// How the stage's request ended, when it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Accepted,
    /// A signed refusal of a first attempt.
    Refused,
    /// A signed refusal after an attempt of unknown end, or one that speaks of a repeat.
    Uncertain,
}

/// Which claim a notification speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The offer's first.
    First,
    /// The one that is noted already.
    Again,
    /// Another: a second coupon, or another shopper's.
    Other,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The stage's request ended.
    Answer(Reply),
    /// A notification came.
    Claim(Whose),
    /// The caller gives up; `word`: and vouches that the link is out of the shopper's reach.
    Cancel {
        /// The caller's word.
        word: bool,
    },
    /// The time of the stage is over.
    Time,
    /// To be handed over.
    Export,
    /// The new owner's receipt came.
    Receipt,
}

/// What to do about it. Durable before anybody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing; all is as it should be.
    Stay,
    /// The stage changes; its request is a new one, never sent.
    Go(Stage),
    /// The claim is noted; the stage and its request stay.
    NoteClaim,
    /// That nobody wants it any more is noted.
    NoteUnwanted,
    /// Nothing is owed: the entry is settled.
    Settle,
    /// A person has to look: a dead letter.
    Bury,
    /// A coupon nobody froze for: a dead letter of its own.
    Debt,
    /// The message is stored beside the offer, for its owner.
    Store,
    /// Not now.
    Refuse,
}

/// The table.
pub fn next(stage: Stage, facts: Facts, event: Event) -> Action {
    match event {
        Event::Answer(reply) => answered(stage, facts, reply),
        Event::Claim(whose) => claimed(stage, facts, whose),
        Event::Cancel { word } => cancelled(stage, facts, word),
        Event::Time => timed_out(stage, facts),
        Event::Export => match stage {
            Stage::Authorised => Action::Go(Stage::Exported),
            Stage::Exported | Stage::Handed => Action::Stay,
            _ => Action::Refuse,
        },
        Event::Receipt => match stage {
            Stage::Exported => Action::Go(Stage::Handed),
            Stage::Handed => Action::Stay,
            _ => Action::Refuse,
        },
    }
}

fn answered(stage: Stage, facts: Facts, reply: Reply) -> Action {
    use Reply::{Accepted, Refused, Uncertain};
    match (stage, reply) {
        (Stage::Freezing, Accepted) if facts.claimed => Action::Go(Stage::Committing),
        (Stage::Freezing, Accepted) if facts.unwanted => Action::Go(Stage::Cancelling),
        (Stage::Freezing, Accepted) => Action::Go(Stage::Frozen),
        (Stage::Freezing, Refused) if !facts.claimed => Action::Settle,
        (Stage::Freezing, _) => Action::Bury,
        (Stage::Frozen, Accepted) => Action::Go(Stage::Authorised),
        (Stage::Frozen, _) => Action::Go(Stage::Cancelling),
        (Stage::Committing | Stage::Consuming, Accepted) => Action::Go(Stage::Done),
        (Stage::Cancelling, Accepted) if facts.claimed => Action::Go(Stage::Consuming),
        (Stage::Cancelling, Accepted) if facts.shown => Action::Go(Stage::Cancelled),
        (Stage::Cancelling, Accepted) => Action::Settle,
        (Stage::Cancelling, Refused) if facts.claimed => Action::Go(Stage::Committing),
        (Stage::Committing | Stage::Consuming | Stage::Cancelling, Refused | Uncertain) => {
            Action::Bury
        }
        _ => Action::Stay,
    }
}

fn claimed(stage: Stage, facts: Facts, whose: Whose) -> Action {
    match (stage, whose) {
        (Stage::Exported | Stage::Handed, _) => Action::Store,
        (_, Whose::Again) => Action::Stay,
        (_, Whose::Other) => Action::Debt,
        (Stage::Freezing, Whose::First) => Action::NoteClaim,
        (Stage::Frozen | Stage::Authorised, Whose::First) => Action::Go(Stage::Committing),
        (Stage::Cancelling, Whose::First) if facts.sent => Action::NoteClaim,
        (Stage::Cancelling, Whose::First) => Action::Go(Stage::Committing),
        (Stage::Cancelled, Whose::First) => Action::Go(Stage::Consuming),
        // These are reached by a claim, which is noted.
        (Stage::Committing | Stage::Consuming | Stage::Done, Whose::First) => Action::Stay,
    }
}

fn cancelled(stage: Stage, facts: Facts, word: bool) -> Action {
    match stage {
        Stage::Freezing if facts.claimed => Action::Refuse,
        Stage::Freezing if facts.sent => Action::NoteUnwanted,
        Stage::Freezing => Action::Settle,
        Stage::Frozen => Action::Go(Stage::Cancelling),
        Stage::Authorised | Stage::Exported if word => Action::Go(Stage::Cancelling),
        Stage::Cancelling if facts.claimed => Action::Refuse,
        Stage::Cancelling | Stage::Cancelled => Action::Stay,
        _ => Action::Refuse,
    }
}

fn timed_out(stage: Stage, facts: Facts) -> Action {
    match stage {
        Stage::Freezing if !facts.sent && !facts.claimed => Action::Settle,
        Stage::Frozen | Stage::Authorised | Stage::Exported => Action::Go(Stage::Cancelling),
        _ if stage.is_over() => Action::Settle,
        _ => Action::Stay,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "redeem_saga_tests.rs"]
mod tests;
