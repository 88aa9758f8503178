//! What was signed, for a person: the canonical string of the latest request, and what the gateway
//! had instead.
//!
//! In: the moment each request was made; the quotation in an `isv.invalid-signature` answer, of
//! which a bounded part is kept. Out: the string rebuilt from the queue's entry, masked, and the
//! first difference. A string is never kept: it holds a shopper and a token.

use super::Client;
use crate::gateway::answer::Answer;
use crate::gateway::{explain, points};
use crate::points::refund::Sending;
use crate::port::Ports;
use crate::status::{Error, Result, Status};
use crate::text::{Beijing, Writer};

/// How much of the gateway's string is kept, in bytes. A usual one has 400 to 700.
const KEPT: usize = 1024;

/// Which request a refusal was about, and the string the gateway built for it.
pub(super) struct Refused {
    /// Number of the entry; 0 for a query.
    seq: u64,
    /// `timestamp` of the request, seconds since 1970.
    time: u64,
    len: usize,
    whole: bool,
    string: [u8; KEPT],
}

/// What is known of requests for their explanation.
pub(super) struct Memory {
    /// Entry and time of the latest request; entry 0 for a query.
    latest: Option<(u64, u64)>,
    refused: Option<Refused>,
}

impl Memory {
    pub(super) const fn new() -> Memory {
        Memory { latest: None, refused: None }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        if let Some(refused) = &mut self.refused {
            zeroize::Zeroize::zeroize(&mut refused.string);
        }
        *self = Memory::new();
    }

    /// A request of `seq` (0: a query) was made with the timestamp `time`.
    pub(super) fn sent(&mut self, seq: u64, time: u64) {
        self.latest = Some((seq, time));
    }

    /// Keeps what an `isv.invalid-signature` answer quotes, decoded in `room`. Whether the answer
    /// is proven does not matter: it explains, it decides nothing. Of an answer that is still
    /// encrypted nothing can be kept.
    pub(super) fn keep_quotation(&mut self, seq: u64, answer: &Answer<'_>, room: &mut [u8]) {
        let is_signature = |sub_code: &str| sub_code.ends_with("invalid-signature");
        if !answer.sub_code().is_ok_and(|sub_code| is_signature(&sub_code)) {
            return;
        }
        let Some(sub_msg) = answer.sub_msg() else { return };
        let mut room = Writer::new(room);
        let text = sub_msg.text(&mut room).and_then(|()| room.finish());
        let Ok(text) = text else { return };
        let time = self.latest.map_or(0, |(_, time)| time);
        let mut refused = Refused { seq, time, len: 0, whole: false, string: [0; KEPT] };
        if let Some((len, whole)) = explain::quoted(text, &mut refused.string) {
            (refused.len, refused.whole) = (len, whole);
            self.refused = Some(refused);
        }
    }
}

impl<P: Ports> Client<'_, P> {
    /// Writes to `out` the exact canonical string of the latest refused request, or of the latest
    /// one, or of the next due entry: the first of these that can be rebuilt. Tokens and user ids
    /// are masked. After an `isv.invalid-signature` answer a line follows with the first difference
    /// from the gateway's string, and what such a difference usually comes from.
    ///
    /// `scratch` takes the string unmasked and is wiped; twice the content is enough
    /// ([`super::IO_SIZE`] always is).
    ///
    /// A query's string cannot be rebuilt (its shopper is not kept): a refused one is explained
    /// only when the strings need not be compared. `NotFound` when there is no request to explain;
    /// `BadState`, `Busy`, `BufferTooSmall`, `Storage`.
    pub fn explain(&mut self, scratch: &mut [u8], out: &mut Writer<'_>) -> Result<()> {
        let done = self.no_flight().and_then(|()| self.write_explanation(scratch, out));
        zeroize::Zeroize::zeroize(scratch);
        self.note(done)
    }

    fn write_explanation(&mut self, scratch: &mut [u8], out: &mut Writer<'_>) -> Result<()> {
        self.mend()?;
        let now = self.unix_time();
        let refused = self.memory.refused.as_ref().map(|refused| (refused.seq, refused.time));
        let known = [refused, self.memory.latest];
        for (seq, time) in known.into_iter().flatten().filter(|(seq, _)| *seq != 0) {
            if self.explain_entry(seq, true, time, scratch, out)? {
                return Ok(());
            }
        }
        if refused.is_some_and(|(seq, _)| seq == 0) {
            out.str("a balance query was refused; its string is not kept. ");
        }
        match self.explain_entry(0, false, now, scratch, out)? {
            true => Ok(()),
            false => Err(Error::new(Status::NotFound, "request")),
        }
    }

    /// Explains the first entry from `from` on, or only that one; false when there is none.
    fn explain_entry(
        &mut self,
        from: u64,
        only: bool,
        time: u64,
        scratch: &mut [u8],
        out: &mut Writer<'_>,
    ) -> Result<bool> {
        let Self { queue, ports, record, memory, config, wire, profiles, .. } = self;
        let entry = match only {
            true => queue.waiting(ports.storage(), from, record)?,
            false => queue.next(ports.storage(), from, record)?,
        };
        let Some(entry) = entry else { return Ok(false) };
        let Some(whose) = profiles.of(entry.item.profile) else { return Ok(false) };
        let session = config.session(wire, whose.token());
        let sending = Sending::load(&entry.item)?;
        // An offer that waits for its shopper sends nothing now.
        let Ok(update) = sending.update() else { return Ok(false) };
        let string = explain::string(&session, points::UPDATE, &update, time, scratch)?;
        head(entry.seq, entry.attempts, time, out)?;
        explain::mask(string, out);
        if let Some(refused) = memory.refused.as_ref().filter(|refused| refused.seq == entry.seq) {
            let theirs = refused.string.get(..refused.len).unwrap_or_default();
            out.byte(b'\n');
            explain::difference(string, theirs, refused.whole).write(out);
        }
        Ok(true)
    }
}

/// `entry 5, sent 2 times, at 2016-10-10 10:10:10:` and a line's end.
fn head(seq: u64, attempts: u8, time: u64, out: &mut Writer<'_>) -> Result<()> {
    out.str("entry ");
    out.decimal(seq);
    out.str(", sent ");
    out.decimal(attempts.into());
    out.str(" times, as of ");
    out.str(Beijing::from_unix(time)?.as_str());
    out.str(":\n");
    Ok(())
}
