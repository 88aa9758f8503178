//! Offers in the queue: found, looked at, changed, joined with the claims that came before them.
//!
//! In: a queue, numbers, messages. Out: entries that moved on, durable when a call returns. What
//! becomes of an offer is `points::redeem_saga`'s decision; here it is carried out.

use super::profiles::Profiles;
use crate::points::redeem::{Claim, GROWTH, KIND_CLAIM, KIND_OFFER, OFFER_MAX, Offer};
use crate::points::redeem_saga::{Action, Event, Facts, Stage, Whose, next};
use crate::port::Storage;
use crate::queue::{Cursor, Entry, EntryState, Item, LIVE_FULL, Queue, Reason, Replace, Terms};
use crate::status::{Error, Result, Status};

/// What rests without a time of its own is looked at this often, in milliseconds: an hour.
pub(super) const LOOK_MS: u32 = 3_600_000;

/// What an entry asks for at a glance.
pub(super) enum Look {
    /// Its request goes out.
    Sends,
    /// Nothing before so many milliseconds have passed.
    Rests(u32),
    /// [`Books::tend`] has something to do.
    Moves,
}

/// Looks at an entry `sync` came by at `now` (0: no clock to go by).
pub(super) fn look(entry: &Entry<'_>, now: u64) -> Look {
    // What cannot be read is held, like all such entries, where requests are made.
    match entry.item.kind {
        KIND_CLAIM if Claim::load(entry.item.body).is_ok() => return Look::Moves,
        KIND_OFFER => {}
        _ => return Look::Sends,
    }
    let Ok(offer) = Offer::load(entry.item.body) else { return Look::Sends };
    let facts = offer.facts(entry.attempts);
    let timed_out =
        offer.is_timed_out(now) && next(offer.stage, facts, Event::Time) != Action::Stay;
    match offer.stage {
        _ if timed_out || has_no_time(&offer, now) => Look::Moves,
        // Whoever started it may have gone; only what may be frozen has to be known.
        // But a coupon for it is out: then it is frozen, or owed.
        Stage::Freezing if !facts.sent && !facts.claimed => rests(&offer, now),
        stage if stage.job().is_some() => Look::Sends,
        _ => rests(&offer, now),
    }
}

/// Until its time is over.
fn rests(offer: &Offer<'_>, now: u64) -> Look {
    let left = offer.time_left(now).map(|seconds| seconds.saturating_mul(1000).max(1000));
    Look::Rests(left.map_or(LOOK_MS, |ms| u32::try_from(ms).unwrap_or(u32::MAX - 1)))
}

/// The clock was unknown when its time began: it begins now.
fn has_no_time(offer: &Offer<'_>, now: u64) -> bool {
    offer.at == 0 && now != 0
}

/// What changes in an offer; `None` stays.
#[derive(Clone, Copy, Default)]
pub(super) struct Patch<'p> {
    /// Another stage, whose request was never sent.
    pub(super) stage: Option<Stage>,
    pub(super) at: Option<u64>,
    pub(super) point_log_no: Option<&'p str>,
    pub(super) token: Option<&'p str>,
    pub(super) notify_id: Option<&'p str>,
    pub(super) to: Option<&'p str>,
    pub(super) unwanted: bool,
}

impl<'p> Patch<'p> {
    fn apply<'o>(&self, offer: Offer<'o>) -> Offer<'o>
    where
        'p: 'o,
    {
        Offer {
            stage: self.stage.unwrap_or(offer.stage),
            at: self.at.unwrap_or(offer.at),
            point_log_no: self.point_log_no.unwrap_or(offer.point_log_no),
            token: self.token.unwrap_or(offer.token),
            notify_id: self.notify_id.unwrap_or(offer.notify_id),
            to: self.to.unwrap_or(offer.to),
            unwanted: self.unwanted || offer.unwanted,
            ..offer
        }
    }
}

/// An offer's entry, as far as decisions need it.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) seq: u64,
    pub(super) state: EntryState,
    pub(super) stage: Stage,
    pub(super) facts: Facts,
    /// The claim that was looked for, to this offer.
    pub(super) whose: Whose,
    pub(super) at: u64,
    pub(super) profile: u64,
    pub(super) timed_out: bool,
    pub(super) imported: bool,
}

impl Held {
    fn of(entry: &Entry<'_>, claim: Option<&Claim<'_>>, now: u64) -> Result<Held> {
        let offer = Offer::load(entry.item.body)?;
        Ok(Held {
            seq: entry.seq,
            state: entry.state,
            stage: offer.stage,
            facts: offer.facts(entry.attempts),
            whose: claim.map_or(Whose::First, |claim| offer.whose(claim)),
            at: offer.at,
            profile: entry.item.profile,
            timed_out: offer.is_timed_out(now),
            imported: offer.imported,
        })
    }

    /// A person has to deal with it.
    pub(super) fn is_letter(&self) -> bool {
        matches!(self.state, EntryState::Dead | EntryState::Parked)
    }

    /// What the table says.
    pub(super) fn on(&self, event: Event) -> Action {
        next(self.stage, self.facts, event)
    }
}

/// Where a notification went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Filed {
    /// Its offer is here and will be spent (or was).
    Joined = 1,
    /// Its offer is not here, or was handed over: it is stored, and joined when the offer comes.
    Stored = 2,
    /// A coupon nobody froze for: a dead letter, for a person.
    Debt = 3,
}

/// The queue with all it needs for a call.
pub(super) struct Books<'d> {
    pub(super) queue: &'d mut Queue,
    pub(super) storage: &'d mut dyn Storage,
    pub(super) record: &'d mut [u8],
}

impl Books<'_> {
    /// The offer under this number, of one of the client's merchants: pending, or a dead letter.
    pub(super) fn find(
        &mut self,
        number: &str,
        profiles: &Profiles<'_>,
        claim: Option<&Claim<'_>>,
        now: u64,
    ) -> Result<Option<Held>> {
        let wanted = |item: &Item<'_>| {
            let named = |offer: Offer<'_>| offer.face.biz_no == number;
            let ours = item.kind == KIND_OFFER && profiles.of(item.profile).is_some();
            ours && Offer::load(item.body).is_ok_and(named)
        };
        let found = self.queue.find_where(&mut *self.storage, &wanted, self.record)?;
        found.map(|entry| Held::of(&entry, claim, now)).transpose()
    }

    /// The offer with this entry number.
    pub(super) fn get(&mut self, seq: u64, now: u64) -> Result<Option<Held>> {
        let found = self.queue.get(&mut *self.storage, seq, self.record)?;
        let found = found.filter(|entry| entry.item.kind == KIND_OFFER);
        found.map(|entry| Held::of(&entry, None, now)).transpose()
    }

    /// Changes an offer; durable when it returns.
    pub(super) fn change(&mut self, seq: u64, patch: &Patch<'_>) -> Result<()> {
        self.near(seq, |books| books.try_change(seq, patch))
    }

    fn try_change(&mut self, seq: u64, patch: &Patch<'_>) -> Result<()> {
        let mut room = [0; OFFER_MAX];
        let body = self.changed(seq, patch, &mut room)?;
        let how = Replace { body, fresh: patch.stage.is_some() };
        self.queue.replace(&mut *self.storage, seq, &how, self.record)
    }

    /// An offer's body as it will be.
    #[inline(never)] // so that the offer itself is gone while its body is written
    fn changed<'r>(
        &mut self,
        seq: u64,
        patch: &Patch<'_>,
        room: &'r mut [u8; OFFER_MAX],
    ) -> Result<&'r [u8]> {
        let entry = self.queue.get(&mut *self.storage, seq, self.record)?;
        let entry = entry.ok_or(Error::new(Status::NotFound, "offer"))?;
        patch.apply(Offer::load(entry.item.body)?).store(room)
    }

    /// Nothing is owed for it any more.
    pub(super) fn settle(&mut self, seq: u64) -> Result<()> {
        self.near(seq, |books| books.queue.settle(&mut *books.storage, seq))
    }

    /// Does `work`; where the entry is behind the queue's window, brings it there first.
    pub(super) fn near<R>(
        &mut self,
        seq: u64,
        mut work: impl FnMut(&mut Self) -> Result<R>,
    ) -> Result<R> {
        match work(self) {
            Err(error) if error.status == Status::Range => {}
            done => return done,
        }
        self.bring_near(seq)?;
        work(self).map_err(busy)
    }

    /// Brings an entry among those that can be changed. `Busy`: there is no room for that; older
    /// ones have to go out first.
    pub(super) fn bring_near(&mut self, seq: u64) -> Result<()> {
        match self.queue.reach(&mut *self.storage, seq, self.record)? {
            true => Ok(()),
            false => Err(Error::new(Status::Busy, "queue")),
        }
    }

    /// Records a new offer. `TooLong` where the medium's sectors have no room for what its record
    /// will have to say: later is too late, for points are frozen then.
    pub(super) fn begin(&mut self, item: &Item<'_>) -> Result<u64> {
        let limit = self.queue.body_max(item.req_id.len());
        if item.body.len().saturating_add(GROWTH) > limit {
            return Err(Error::new(Status::TooLong, "redeem").at(limit));
        }
        self.append(item, true)
    }

    /// Records an item; older entries make way for it. `held`: only as long as the backlog, where an
    /// offer stands as soon as it changes, has room.
    pub(super) fn append(&mut self, item: &Item<'_>, held: bool) -> Result<u64> {
        // A coupon that is out is filed whatever the limits say: nobody could refuse it any more.
        let terms = Terms { now: item.created, held, manager: item.kind == KIND_CLAIM };
        loop {
            match self.queue.append_on(&mut *self.storage, item, &terms) {
                Err(error) if error.what == LIVE_FULL => {
                    if !self.queue.relieve(&mut *self.storage, self.record)? {
                        return Err(error);
                    }
                }
                told => return told.map(|appended| appended.seq),
            }
        }
    }

    /// Carries out what changes the offer's own entry.
    pub(super) fn act(&mut self, seq: u64, action: Action, patch: &Patch<'_>) -> Result<()> {
        match action {
            Action::Go(stage) => self.change(seq, &Patch { stage: Some(stage), ..*patch }),
            Action::NoteClaim => self.change(seq, &Patch { stage: None, at: None, ..*patch }),
            Action::NoteUnwanted => self.change(seq, &Patch { unwanted: true, ..Patch::default() }),
            Action::Settle => self.settle(seq),
            _ => Ok(()),
        }
    }

    /// Does what time, or a claim that waits, asks of an entry; false: it rests as it is.
    pub(super) fn tend(&mut self, seq: u64, profiles: &Profiles<'_>, now: u64) -> Result<bool> {
        let entry = self.queue.get(&mut *self.storage, seq, self.record)?;
        let Some(entry) = entry else { return Ok(false) };
        if entry.item.kind == KIND_CLAIM {
            let (mut room, mut len) = ([0; OFFER_MAX], 0);
            for (to, from) in room.iter_mut().zip(entry.item.body) {
                *to = *from;
                len += 1;
            }
            let profile = entry.item.profile;
            let claim = Claim::load(room.get(..len).unwrap_or_default())?;
            let filed = self.file(&claim, (profile, Some(seq)), profiles, now)?;
            return Ok(filed != Filed::Stored);
        }
        let held = Held::of(&entry, None, now)?;
        if held.at == 0 && now != 0 {
            self.change(seq, &Patch { at: Some(now), ..Patch::default() })?;
            return Ok(true);
        }
        let action = if held.timed_out { held.on(Event::Time) } else { Action::Stay };
        self.act(seq, action, &Patch { at: Some(now), ..Patch::default() })?;
        Ok(action != Action::Stay)
    }

    /// Takes a claim to its offer. `own` is the profile to store it under, and its entry if it was
    /// stored before.
    pub(super) fn file(
        &mut self,
        claim: &Claim<'_>,
        own: (u64, Option<u64>),
        profiles: &Profiles<'_>,
        now: u64,
    ) -> Result<Filed> {
        // A debt that a person has been told of is that person's, whatever became of the offer since.
        if own.1.is_none() && self.debt(&|known| known == claim)?.is_some() {
            return Ok(Filed::Debt);
        }
        let Some(held) = self.find(claim.out_biz_no, profiles, Some(claim), now)? else {
            return self.keep(claim, own, now).map(|_| Filed::Stored);
        };
        let action = match held.whose {
            Whose::Again if held.is_letter() => Action::Stay,
            _ if held.is_letter() => Action::Debt,
            whose => held.on(Event::Claim(whose)),
        };
        match action {
            Action::Store => return self.keep(claim, own, now).map(|_| Filed::Stored),
            Action::Debt => {
                let seq = self.keep(claim, own, now)?;
                self.owe(seq, now)?;
                return Ok(Filed::Debt);
            }
            _ => {}
        }
        let (notify_id, at) = (Some(claim.notify_id), Some(now));
        self.act(held.seq, action, &Patch { notify_id, at, ..Patch::default() })?;
        if let Some(stored) = own.1 {
            self.settle(stored)?;
        }
        Ok(Filed::Joined)
    }

    /// The first claim that waits for a person and is `wanted`: its number and state.
    pub(super) fn debt(
        &mut self,
        wanted: &dyn Fn(&Claim<'_>) -> bool,
    ) -> Result<Option<(u64, EntryState)>> {
        let mut cursor = Cursor::default();
        while let Some(letter) = self.queue.letters(&mut *self.storage, &mut cursor, self.record)? {
            if is_claim(&letter.item, wanted) {
                return Ok(Some((letter.seq, letter.state)));
            }
        }
        Ok(None)
    }

    /// The first claim that is `wanted`, whether it waits for its offer or for a person.
    pub(super) fn claim(
        &mut self,
        wanted: &dyn Fn(&Claim<'_>) -> bool,
    ) -> Result<Option<(u64, EntryState)>> {
        let claim = |item: &Item<'_>| is_claim(item, wanted);
        let entry = self.queue.find_where(&mut *self.storage, &claim, self.record)?;
        Ok(entry.map(|entry| (entry.seq, entry.state)))
    }

    /// Stores a claim beside the offers, once; says its number.
    fn keep(&mut self, claim: &Claim<'_>, own: (u64, Option<u64>), now: u64) -> Result<u64> {
        if let Some(seq) = own.1 {
            return Ok(seq);
        }
        if let Some((seq, _)) = self.claim(&|known| known == claim)? {
            return Ok(seq);
        }
        let req_id = claim.req_id();
        let mut room = [0; OFFER_MAX];
        let body = claim.store(&mut room)?;
        let (kind, points) = (KIND_CLAIM, 0);
        let item = Item { req_id: &req_id, profile: own.0, kind, points, created: now, body };
        self.append(&item, false)
    }

    /// Makes a stored claim a dead letter, unless it is one.
    fn owe(&mut self, seq: u64, at: u64) -> Result<()> {
        let entry = self.queue.get(&mut *self.storage, seq, self.record)?;
        let waits =
            |entry: &Entry<'_>| matches!(entry.state, EntryState::Waiting | EntryState::Sent);
        if !entry.as_ref().is_some_and(waits) {
            return Ok(());
        }
        let reason = Reason { uncertain: false, at, code: DEBT, sub_code: "no points were frozen" };
        self.near(seq, |books| {
            books.queue.bury(&mut *books.storage, seq, &reason, books.record).map(|_| ())
        })
    }

    /// A person has dealt with a refused entry, or with a claim that waits: it is forgotten.
    pub(super) fn forget(&mut self, seq: u64, state: EntryState) -> Result<()> {
        match state {
            EntryState::Dead => self.queue.discard(&mut *self.storage, seq),
            _ => self.settle(seq),
        }
    }
}

fn is_claim(item: &Item<'_>, wanted: &dyn Fn(&Claim<'_>) -> bool) -> bool {
    item.kind == KIND_CLAIM && Claim::load(item.body).is_ok_and(|claim| wanted(&claim))
}

/// Nothing is wrong but that the queue has no room for a change now.
pub(super) fn is_full(error: &Error) -> bool {
    matches!(error.status, Status::QueueFull | Status::Busy)
}

/// Behind more entries than can be moved: they have to go out first.
fn busy(error: Error) -> Error {
    match error.status {
        Status::Range => Error::new(Status::Busy, "queue"),
        _ => error,
    }
}

/// The code of a dead letter that is a coupon nobody froze for.
const DEBT: &str = "CLAIM";
