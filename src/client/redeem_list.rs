//! What a person sees of the offers: one line each, with where it stands.
//!
//! In: a cursor. Out: offers, claims without one, and what waits for a person.

use super::Client;
use crate::points::redeem::{Claim, KIND_CLAIM, KIND_OFFER, Offer};
use crate::points::redeem_saga::Stage;
use crate::port::Ports;
use crate::queue::{Cursor, Entry, EntryState};
use crate::status::Result;

/// Where an offer stands, for people and programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Standing {
    /// FREEZE was not sent, or nobody knows its end.
    Freezing = 1,
    /// Frozen; there is no token yet.
    Frozen = 2,
    /// The link may be shown.
    Authorised = 3,
    /// Handed to another queue; its receipt is awaited.
    Exported = 4,
    /// The other queue has it; the link may be shown here.
    Handed = 5,
    /// Claimed; to be spent.
    Committing = 6,
    /// To be released.
    Cancelling = 7,
    /// Claimed although it was released; to be spent without a freeze.
    Consuming = 8,
    /// Spent.
    Done = 9,
    /// Released.
    Cancelled = 10,
    /// A coupon whose offer is not here.
    Claim = 11,
    /// A coupon is out and its points were refused: a debt, for a person.
    Owed = 12,
    /// FREEZE was refused after an attempt of unknown end: points may be frozen under a number
    /// nobody knows. For a person.
    Uncertain = 13,
    /// CANCEL was refused: for a person.
    Stuck = 14,
}

impl Standing {
    /// Of an offer's entry.
    fn of(stage: Stage, claimed: bool, letter: bool) -> Standing {
        match stage {
            Stage::Committing | Stage::Consuming if letter => Standing::Owed,
            _ if letter && claimed => Standing::Owed,
            Stage::Freezing if letter => Standing::Uncertain,
            _ if letter => Standing::Stuck,
            Stage::Freezing => Standing::Freezing,
            Stage::Frozen => Standing::Frozen,
            Stage::Authorised => Standing::Authorised,
            Stage::Exported => Standing::Exported,
            Stage::Handed => Standing::Handed,
            Stage::Committing => Standing::Committing,
            Stage::Cancelling => Standing::Cancelling,
            Stage::Consuming => Standing::Consuming,
            Stage::Done => Standing::Done,
            Stage::Cancelled => Standing::Cancelled,
        }
    }
}

/// One line of [`Client::redeem_list`].
#[derive(Clone, Copy, Debug)]
pub struct Listed<'b> {
    /// Number of the queue entry.
    pub seq: u64,
    /// Where it stands.
    pub standing: Standing,
    /// The offer's number.
    pub out_biz_no: &'b str,
    /// The shopper; of a claim, who took the coupon.
    pub user_id: &'b str,
    /// Points; 0 for a claim.
    pub points: u32,
    /// What FREEZE answered; empty before, and for a claim.
    pub point_log_no: &'b str,
    /// The FREEZE's idempotency key; of a claim, its own.
    pub req_id: &'b str,
    /// How often the request that is due was sent.
    pub attempts: u8,
    /// When it was started (or the message came), seconds since 1970; 0 = unknown.
    pub created: u64,
    /// Since when it stands there; 0 = unknown.
    pub since: u64,
    /// For a person: the refusal may have met a repeat of what was executed before.
    pub uncertain: bool,
    /// For a person: the gateway's code, or `CLAIM`: a coupon nobody froze for.
    pub code: &'b str,
    /// For a person: the gateway's sub_code.
    pub sub_code: &'b str,
}

impl<P: Ports> Client<'_, P> {
    /// The next offer, or claim without one, behind `cursor`; those that are settled are left out.
    /// `None` at the end.
    pub fn redeem_list(&mut self, cursor: &mut Cursor) -> Result<Option<Listed<'_>>> {
        loop {
            let before = *cursor;
            let Some(entry) = self.walk(cursor)? else { return Ok(None) };
            let ours = matches!(entry.item.kind, KIND_OFFER | KIND_CLAIM);
            if ours && entry.state != EntryState::Settled {
                *cursor = before;
                break;
            }
        }
        // Read once more: what a loop has borrowed it cannot return.
        self.walk(cursor)?.map(listed).transpose()
    }
}

pub(super) fn standing(entry: &Entry<'_>, offer: &Offer<'_>) -> Standing {
    let letter = matches!(entry.state, EntryState::Dead | EntryState::Parked);
    Standing::of(offer.stage, !offer.notify_id.is_empty(), letter)
}

fn listed(entry: Entry<'_>) -> Result<Listed<'_>> {
    let reason = entry.reason;
    let mut line = Listed {
        seq: entry.seq,
        standing: Standing::Claim,
        out_biz_no: "",
        user_id: "",
        points: entry.item.points,
        point_log_no: "",
        req_id: entry.item.req_id,
        attempts: entry.attempts,
        created: entry.item.created,
        since: entry.item.created,
        uncertain: reason.is_some_and(|reason| reason.uncertain),
        code: reason.map_or("", |reason| reason.code),
        sub_code: reason.map_or("", |reason| reason.sub_code),
    };
    if entry.item.kind == KIND_CLAIM {
        let claim = Claim::load(entry.item.body)?;
        (line.out_biz_no, line.user_id) = (claim.out_biz_no, claim.buyer_id);
        if matches!(entry.state, EntryState::Dead | EntryState::Parked) {
            line.standing = Standing::Owed;
        }
        return Ok(line);
    }
    let offer = Offer::load(entry.item.body)?;
    line.standing = standing(&entry, &offer);
    (line.out_biz_no, line.user_id) = (offer.face.biz_no, offer.face.user_id);
    (line.point_log_no, line.since) = (offer.point_log_no, offer.at);
    Ok(line)
}
