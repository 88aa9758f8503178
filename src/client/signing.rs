//! Signing elsewhere: the key stays on a server, and a till holds none.
//!
//! In: a due entry or a call. Out: the canonical string, to be signed wherever the key is; back
//! in: the signature. Out: the request to POST. Nothing counts as sent before the signature has
//! been verified with the app's public key; until then the exchange can be given up, or tried
//! again with another signature, and leaves no trace.

use super::call::{BizContent, Call, Told, check_call};
use super::exchange::{Flight, enough};
use super::keys::Vault;
use super::{Client, Step};
use crate::crypto::{Digest, HashValue, Hasher};
use crate::gateway::request::{Written, build_written, to_sign_written};
use crate::gateway::{self, SIGNATURE_MAX, Session, SignType, points};
use crate::points::refund::Sending;
use crate::port::Ports;
use crate::status::{Error, Result, Status};
use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A string that somebody else signs. Lives in the buffer that was lent.
#[derive(Clone, Copy)]
pub struct ToSign<'b> {
    /// Names the exchange; give it back with the signature.
    pub exchange: u32,
    /// The canonical string, in the session's charset. It holds a shopper's id and perhaps a
    /// token: it travels to the key over a line that is trusted.
    pub canonical: &'b [u8],
    /// How it is to be signed: RSA PKCS#1 v1.5 with this digest.
    pub sign_type: SignType,
}

/// The string names a shopper: it reaches no log.
impl core::fmt::Debug for ToSign<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ToSign({}, {} bytes)", self.exchange, self.canonical.len())
    }
}

/// What a flight without its signature waits with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsigned {
    /// The request's time: both halves build the same request.
    time: u64,
    hash: HashValue,
}

impl<P: Ports> Client<'_, P> {
    /// The next due entry as the string to sign, in `buf` ([`super::REQUEST_MAX`] bytes), or
    /// `None` when nothing is due; [`wait_ms`](Self::wait_ms) then says how long that lasts.
    ///
    /// Nothing is recorded yet. The exchange goes on with [`next_signed`](Self::next_signed), or
    /// is given up with [`on_transport_error`](Self::on_transport_error); `Busy` until then.
    /// `Unsupported` for a client that signs itself. Other errors as `next_request`.
    pub fn next_to_sign<'b>(&mut self, buf: &'b mut [u8]) -> Result<Option<ToSign<'b>>> {
        let step = self.start_to_sign(buf).map_err(enough);
        self.note(step)
    }

    fn start_to_sign<'b>(&mut self, buf: &'b mut [u8]) -> Result<Option<ToSign<'b>>> {
        self.signs_elsewhere()?;
        let Some(seq) = self.due(buf)? else { return Ok(None) };
        let time = self.unix_time();
        let Self { queue, ports, record, config, wire, profiles, .. } = self;
        let Some(entry) = queue.waiting(ports.storage(), seq, record)? else { return Ok(None) };
        let Some(whose) = profiles.of(entry.item.profile) else { return Ok(None) };
        let session = config.session(wire, whose.token());
        let sending = Sending::load(&entry.item)?;
        let update = sending.update()?;
        let canonical = gateway::to_sign(&session, points::UPDATE, &update, time, buf)?;
        let flight = Flight::of(&entry, &sending, whose.issue());
        Ok(Some(self.hand_out(flight, time, canonical)))
    }

    /// The request of the exchange whose string was signed, in `buf` (it may be the same one).
    /// "Sent" is durable before this returns.
    ///
    /// `signature` is standard base64, as Alipay's `sign` parameter. `Malformed` when it is not;
    /// `Signer` when it does not verify with the app's public key; `Conflict` when the entry or
    /// the configuration is no longer what was handed out; `Argument` for another exchange;
    /// `BufferTooSmall`, `Storage`. Nothing was sent then, and the exchange still waits.
    pub fn next_signed<'b>(
        &mut self,
        exchange: u32,
        signature: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let step = self.finish_signing(exchange, signature, buf).map_err(enough);
        self.note(step)
    }

    fn finish_signing<'b>(
        &mut self,
        exchange: u32,
        signature: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let (mut flight, unsigned) = self.waiting(exchange, true)?;
        self.mend()?;
        self.reach(flight.seq)?;
        let Self { queue, ports, record, vault, config, wire, profiles, .. } = self;
        let conflict = Error::new(Status::Conflict, "exchange");
        // A new token makes another string; what was signed is of no use then.
        let whose = profiles.of(flight.profile).filter(|whose| whose.issue() == flight.issue);
        let session = config.session(wire, whose.ok_or(conflict)?.token());
        let entry = queue.waiting(ports.storage(), flight.seq, record)?.ok_or(conflict)?;
        let sending = Sending::load(&entry.item)?;
        if sending.key() != flight.req_id.as_str() {
            return Err(conflict);
        }
        let update = sending.update()?;
        let request = vault.adopt(&session, &flight, &update, &unsigned, signature, buf)?;
        flight.attempts = queue.mark_sent(ports.storage(), flight.seq)?;
        self.tell_sent(flight.subject(), flight.attempts);
        self.memory.sent(flight.seq, unsigned.time);
        self.go_on(flight);
        Ok(Step { request, exchange })
    }

    /// The string to sign of a call, in `buf`. Errors as [`call_request`](Self::call_request);
    /// `Unsupported` for a client that signs itself. Goes on with
    /// [`call_signed`](Self::call_signed).
    pub fn call_to_sign<'b>(
        &mut self,
        call: &Call<'_>,
        content: &impl BizContent,
        buf: &'b mut [u8],
    ) -> Result<ToSign<'b>> {
        let step = self.start_call_to_sign(call, &Told::of(content), buf);
        self.note(step)
    }

    fn start_call_to_sign<'b>(
        &mut self,
        call: &Call<'_>,
        content: &Told<'_>,
        buf: &'b mut [u8],
    ) -> Result<ToSign<'b>> {
        self.no_flight()?;
        self.signs_elsewhere()?;
        let time = self.unix_time();
        let Self { config, wire, profiles, .. } = &*self;
        let (session, flight) = check_call(config, wire, profiles, call, content)?;
        let canonical = to_sign_written(&session, flight.method(), content.json, time, buf)?;
        Ok(self.hand_out(flight, time, canonical))
    }

    /// The request of the call whose string was signed. `call` and `content` are the same again:
    /// `Conflict` when they are not. Other errors as [`next_signed`](Self::next_signed).
    pub fn call_signed<'b>(
        &mut self,
        exchange: u32,
        call: &Call<'_>,
        content: &impl BizContent,
        signature: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let step = self.finish_call_signing(exchange, call, &Told::of(content), signature, buf);
        self.note(step)
    }

    fn finish_call_signing<'b>(
        &mut self,
        exchange: u32,
        call: &Call<'_>,
        content: &Told<'_>,
        signature: &str,
        buf: &'b mut [u8],
    ) -> Result<Step<'b>> {
        let (flight, unsigned) = self.waiting(exchange, false)?;
        let Self { vault, config, wire, profiles, .. } = self;
        let (session, same) = check_call(config, wire, profiles, call, content)?;
        if same.method() != flight.method() {
            return Err(Error::new(Status::Conflict, "method"));
        }
        let request = vault.adopt(&session, &flight, content.json, &unsigned, signature, buf)?;
        self.memory.sent(0, unsigned.time);
        self.go_on(flight);
        Ok(Step { request, exchange })
    }

    fn hand_out<'b>(&mut self, mut flight: Flight, time: u64, canonical: &'b [u8]) -> ToSign<'b> {
        let sign_type = self.config.sign_type;
        let mut hasher = Hasher::new(sign_type.digest());
        hasher.update(canonical);
        flight.unsigned = Some(Unsigned { time, hash: hasher.finish() });
        let exchange = self.depart(flight);
        ToSign { exchange, canonical, sign_type }
    }

    /// The flight that waits for its signature, an entry's or a call's.
    fn waiting(&self, exchange: u32, entry: bool) -> Result<(Flight, Unsigned)> {
        self.signs_elsewhere()?;
        let mut flight = self.flight.clone().filter(|flight| flight.is(exchange));
        let unsigned = flight.as_mut().and_then(|flight| flight.unsigned.take());
        flight
            .filter(|flight| flight.is_call() != entry)
            .zip(unsigned)
            .ok_or(Error::new(Status::Argument, "exchange"))
    }

    /// Refuses to sign with a key that is not here.
    pub(super) fn signs_here(&self) -> Result<()> {
        match self.config.sign_elsewhere {
            true => Err(Error::new(Status::Signer, "config.sign_elsewhere")),
            false => Ok(()),
        }
    }

    fn signs_elsewhere(&self) -> Result<()> {
        match self.config.sign_elsewhere {
            true => Ok(()),
            false => Err(Error::new(Status::Unsupported, "config.sign_elsewhere")),
        }
    }
}

impl Vault {
    /// Builds the request once more, with a signature made elsewhere, if it is one of this request.
    fn adopt<'b>(
        &mut self,
        session: &Session<'_>,
        flight: &Flight,
        content: &dyn Written,
        unsigned: &Unsigned,
        signature: &str,
        buf: &'b mut [u8],
    ) -> Result<crate::port::Request<'b>> {
        let mut room = [0; SIGNATURE_MAX];
        let len = STANDARD
            .decode_slice(signature.trim_ascii(), &mut room)
            .map_err(|_| Error::new(Status::Malformed, "signature"))?;
        let signature = room.get(..len).unwrap_or_default();
        let mut sign = |digest: Digest, hash: &[u8], out: &mut [u8]| {
            if hash != unsigned.hash.as_bytes() {
                return Err(Error::new(Status::Conflict, "exchange"));
            }
            let foreign = Error::new(Status::Signer, "signature");
            let verified = self.own_public.verify(digest, hash, signature, &mut self.scratch);
            verified.map_err(|_| foreign)?;
            let place = out.get_mut(..signature.len()).ok_or(foreign)?;
            text::copy(place, signature);
            Ok(signature.len())
        };
        build_written(session, flight.method(), content, unsigned.time, &mut sign, buf)
    }
}
