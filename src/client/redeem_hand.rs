//! Handing an offer over: from the till that froze the points to the server where the notification
//! arrives.
//!
//! In: an offer and a name; later a receipt. Out: a signed text; on the other side an entry, and the
//! receipt. One owner at a time: `docs/redemption.md` says who may act between the steps.

use super::Client;
use super::keys::Vault;
use super::redeem::{Offered, Standing};
use super::redeem_books::{Books, Patch};
use crate::crypto::Digest;
use crate::gateway::SIGNATURE_MAX;
use crate::points::redeem::{self, KIND_OFFER, OFFER_MAX, Offer, TO_MAX};
use crate::points::redeem_saga::{Action, Event, Stage};
use crate::points::redeem_text::{Handover, Kind, PAYLOAD_MAX, TEXT_MAX};
use crate::points::sale::{self, Deposit, Owner};
use crate::port::Ports;
use crate::queue::Item;
use crate::status::{Error, Result, Status};

impl<P: Ports> Client<'_, P> {
    /// Hands the offer to the queue called `to`: the signed text for it, in `out`
    /// ([`TEXT_MAX`] bytes). Works offline.
    ///
    /// Durable before this returns; again gives the same text. The link can be had after
    /// [`redeem_handed_over`](Self::redeem_handed_over). Do it before the link is shown: a claim
    /// that comes meanwhile is only stored here. `NotFound`; `BadState` when there is no link yet, or
    /// the offer has gone another way; `Conflict` about `to` when it was handed to another;
    /// `Missing`, `TooLong`, `Encoding` about `to`; `Signer` when requests are signed elsewhere;
    /// `BufferTooSmall`, `Entropy`, `QueueFull`, `Storage`.
    pub fn redeem_export<'o>(
        &mut self,
        out_biz_no: &str,
        to: &str,
        out: &'o mut [u8],
    ) -> Result<&'o str> {
        let text = self.export_offer(out_biz_no, to, out);
        self.note(text)
    }

    fn export_offer<'o>(&mut self, number: &str, to: &str, out: &'o mut [u8]) -> Result<&'o str> {
        redeem::out_biz_no(number, "out_biz_no")?;
        sale::required_id(to, "to", TO_MAX)?;
        self.signs_here()?;
        self.mend()?;
        let now = self.trusted_time();
        let Self { queue, ports, record, profiles, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        let held = books.find(number, profiles, None, now)?;
        let held = held.ok_or(Error::new(Status::NotFound, "out_biz_no"))?;
        let action = if held.is_letter() { Action::Refuse } else { held.on(Event::Export) };
        if action == Action::Refuse || held.imported {
            return Err(Error::new(Status::BadState, "offer"));
        }
        // Before anything changes: what cannot be signed stays here.
        if out.len() < TEXT_MAX {
            return Err(Error::new(Status::BufferTooSmall, "text").at(TEXT_MAX));
        }
        books.act(held.seq, action, &Patch { to: Some(to), ..Patch::default() })?;
        let mut payload = [0; PAYLOAD_MAX];
        let payload = self.handover(held.seq, to, &mut payload)?;
        self.seal(Kind::Offer, payload, out)
    }

    /// What is said of the offer in entry `seq`.
    fn handover<'p>(&mut self, seq: u64, to: &str, room: &'p mut [u8]) -> Result<&'p [u8]> {
        let gone = Error::new(Status::NotFound, "out_biz_no");
        let Self { queue, ports, record, profiles, .. } = self;
        let entry = queue.get(ports.storage(), seq, record)?.ok_or(gone)?;
        let offer = Offer::load(entry.item.body)?;
        if offer.to != to {
            return Err(Error::new(Status::Conflict, "to"));
        }
        let text = Handover {
            user_id: offer.face.user_id,
            activity_account: offer.face.activity_account,
            out_biz_no: offer.face.biz_no,
            prize_id: offer.prize_id,
            claim_life_s: offer.claim_life_s,
            at: offer.at,
            point_log_no: offer.point_log_no,
            to,
            points: entry.item.points,
            merchant: profiles.of(entry.item.profile).ok_or(gone)?.merchant,
        };
        text.store(room)
    }

    /// Takes an offer over: `me` is this queue's name, `receipt` room for the receipt
    /// ([`TEXT_MAX`] bytes). Works offline.
    ///
    /// Durable before this returns; again gives the same receipt, which goes back to the till. A
    /// claim that came before is joined by the next `sync`. `Malformed`; `Signature` when it is not
    /// of this application's key, or was changed; `Argument` about `text.to` when it is for another
    /// queue; `NotFound` about `text.merchant` when this client does not act for them; `Range`
    /// about `text.at` when its time is over; `Conflict` when another offer has its number;
    /// `BadState` when this one was given up here, or comes from here. Other errors as
    /// [`redeem_export`](Self::redeem_export).
    pub fn redeem_import<'o>(
        &mut self,
        text: &str,
        me: &str,
        receipt: &'o mut [u8],
    ) -> Result<&'o str> {
        let taken = self.import_offer(text, me, receipt);
        self.note(taken)
    }

    fn import_offer<'o>(&mut self, text: &str, me: &str, out: &'o mut [u8]) -> Result<&'o str> {
        sale::required_id(me, "me", TO_MAX)?;
        self.signs_here()?;
        let mut room = [0; PAYLOAD_MAX];
        let text = Handover::load(self.open_text(Kind::Offer, text, &mut room)?)?;
        text.check()?;
        if text.to != me {
            return Err(Error::new(Status::Argument, "text.to"));
        }
        self.mend()?;
        let offered = self.take_over(&text)?;
        // Whoever shows a link after this has to be able to count on it.
        let counts = matches!(
            offered.standing,
            Standing::Authorised | Standing::Committing | Standing::Done | Standing::Owed
        );
        if !counts {
            return Err(Error::new(Status::BadState, "offer"));
        }
        let (out_biz_no, point_log_no, to) = (text.out_biz_no, text.point_log_no, text.to);
        let receipt = Handover { out_biz_no, point_log_no, to, ..Handover::default() };
        let mut room = [0; PAYLOAD_MAX];
        let payload = receipt.store(&mut room)?;
        self.seal(Kind::Receipt, payload, out)
    }

    /// The offer's entry, made or found.
    fn take_over(&mut self, text: &Handover<'_>) -> Result<Offered> {
        let whose = self.profiles.named(text.merchant, "text.merchant")?;
        let (profile, merchant) = (whose.hash, whose.merchant);
        if merchant != text.merchant {
            return Err(Error::new(Status::NotFound, "text.merchant"));
        }
        let face = Deposit {
            user_id: text.user_id,
            activity_account: text.activity_account,
            biz_no: text.out_biz_no,
            ..Deposit::EMPTY
        };
        let offer = Offer {
            stage: Stage::Authorised,
            prize_id: text.prize_id,
            claim_life_s: text.claim_life_s,
            at: text.at,
            point_log_no: text.point_log_no,
            imported: true,
            ..Offer::new(face)
        };
        let owner = Owner { merchant, ..self.owner() };
        let req_id = redeem::freeze_key(&owner, text.activity_account, text.out_biz_no);
        let created = self.unix_time();
        let mut body = [0; OFFER_MAX];
        let body = offer.store(&mut body)?;
        let (kind, points) = (KIND_OFFER, text.points);
        let item = Item { req_id: &req_id, profile, kind, points, created, body };
        if let Some((seq, standing)) = self.known(&offer, &item)? {
            return Ok(Offered { seq, req_id, standing });
        }
        if offer.is_timed_out(self.trusted_time()) {
            return Err(Error::new(Status::Range, "text.at"));
        }
        let seq = self.books().begin(&item)?;
        Ok(Offered { seq, req_id, standing: Standing::Authorised })
    }

    /// The new owner has it: from now on the link may be had here. Works offline; again is fine.
    ///
    /// `Malformed`, `Signature` as [`redeem_import`](Self::redeem_import); `Argument` when it is a
    /// receipt for another hand-over; `NotFound`; `BadState` when the offer was given up meanwhile:
    /// then no link may be shown. `QueueFull`, `Busy`, `Storage`.
    pub fn redeem_handed_over(&mut self, receipt: &str) -> Result<()> {
        let done = self.hand_over(receipt);
        self.note(done)
    }

    fn hand_over(&mut self, receipt: &str) -> Result<()> {
        let mut room = [0; PAYLOAD_MAX];
        let told = Handover::load(self.open_text(Kind::Receipt, receipt, &mut room)?)?;
        self.mend()?;
        let now = self.trusted_time();
        let Self { queue, ports, record, profiles, .. } = self;
        let mut books = Books { queue, storage: ports.storage(), record };
        let held = books.find(told.out_biz_no, profiles, None, now)?;
        let held = held.ok_or(Error::new(Status::NotFound, "out_biz_no"))?;
        let action = if held.is_letter() { Action::Refuse } else { held.on(Event::Receipt) };
        if action == Action::Refuse {
            return Err(Error::new(Status::BadState, "offer"));
        }
        let entry = books.queue.get(&mut *books.storage, held.seq, books.record)?;
        let entry = entry.ok_or(Error::new(Status::NotFound, "out_biz_no"))?;
        let offer = Offer::load(entry.item.body)?;
        if (offer.point_log_no, offer.to) != (told.point_log_no, told.to) {
            return Err(Error::new(Status::Argument, "receipt"));
        }
        // Its time stays the token's: the new owner releases the points then, and the link ends.
        books.act(held.seq, action, &Patch::default())
    }

    /// Signs a payload with the application's key.
    fn seal<'o>(&mut self, kind: Kind, payload: &[u8], out: &'o mut [u8]) -> Result<&'o str> {
        let mut signature = [0; SIGNATURE_MAX];
        let Self { vault, ports, .. } = self;
        let hash = kind.hash(payload);
        let len = vault.sign(ports, Digest::Sha256, hash.as_bytes(), &mut signature)?;
        kind.write(payload, signature.get(..len).unwrap_or_default(), out)
    }

    /// The payload of a text that the application's key has signed.
    fn open_text<'r>(
        &mut self,
        kind: Kind,
        text: &str,
        room: &'r mut [u8; PAYLOAD_MAX],
    ) -> Result<&'r [u8]> {
        let mut signature = [0; SIGNATURE_MAX];
        let (len, signed) = kind.read(text, room, &mut signature)?;
        let payload = room.get(..len).unwrap_or_default();
        let signature = signature.get(..signed).unwrap_or_default();
        self.vault.verify_own(kind.hash(payload).as_bytes(), signature)?;
        Ok(payload)
    }
}

impl Vault {
    /// Checks an RSA2 signature of the application itself.
    fn verify_own(&mut self, hash: &[u8], signature: &[u8]) -> Result<()> {
        let Vault { private, own_public, scratch, .. } = self;
        match private.is_empty() {
            true => own_public.verify(Digest::Sha256, hash, signature, scratch),
            false => private.verify(Digest::Sha256, hash, signature, scratch),
        }
    }
}
