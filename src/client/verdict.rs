//! What an answer means: for the entry, for the line, for the next attempt.
//!
//! In: the bytes that came back and the exchange they came for. Out: settled, dead letter, doubt or
//! delay, recorded in the queue. Verified first, read second; what is not verified settles nothing
//! and buries nothing.

use super::Client;
use super::call::{Answered, SUB_MSG_MAX};
use super::exchange::Flight;
use crate::gateway;
use crate::gateway::answer::{self, Answer};
use crate::gateway::points::{self, Balance};
use crate::gateway::prize;
use crate::json::Value;
use crate::outcome::{Detail, Outcome, Verdict, WORDS_MAX};
use crate::port::{Event, HttpAnswer, Ports};
use crate::queue::{Buried, Reason};
use crate::status::{Error, Result, Status};
use crate::text::Text;

/// Untrusted refusals in a row after which the line pauses.
const DISTRUST: u8 = 3;
/// What a dead letter keeps of code and sub_code, in bytes.
const CODE_KEPT: usize = 8;
const SUB_CODE_KEPT: usize = 64;

/// The latest flow numbers and whose they are. The same number for another req_id is a replay, or
/// a gateway that takes two credits for one.
pub(super) struct Seen {
    latest: [(u64, u64); 8],
    next: usize,
}

impl Seen {
    pub(super) const fn new() -> Seen {
        Seen { latest: [(0, 0); 8], next: 0 }
    }

    /// False when `flow_no` was seen for another key than `req_id`.
    fn admit(&mut self, flow_no: &str, req_id: &str) -> bool {
        let (flow, whose) = (fingerprint(flow_no), fingerprint(req_id));
        if let Some(known) = self.latest.iter().find(|known| known.0 == flow) {
            return known.1 == whose;
        }
        if let Some(slot) = self.latest.get_mut(self.next) {
            *slot = (flow, whose);
        }
        self.next = (self.next + 1) % self.latest.len();
        true
    }
}

/// FNV-1a, 64 bits: told apart are a handful of numbers, from a verified gateway.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What an answer says, before the queue hears of it.
pub(super) struct Judged {
    pub(super) outcome: gateway::Outcome,
    pub(super) point_log_no: Text<64>,
    /// What an offer's prizesend.auth gave.
    pub(super) token: Text<{ prize::TOKEN_MAX }>,
    balance: Option<Balance>,
    /// The flow number was another entry's.
    pub(super) foreign: bool,
}

/// What an answer says, with all that is needed to find it out.
pub(super) struct Hearing<'b> {
    judged: Judged,
    detail: Detail,
    sub_msg: Text<SUB_MSG_MAX>,
    /// The answer, if its signature holds.
    answer: Option<Answer<'b>>,
}

impl Hearing<'_> {
    pub(super) fn unknown(http: &HttpAnswer) -> Self {
        Hearing {
            judged: Judged {
                outcome: gateway::Outcome::Unknown,
                point_log_no: Text::new(),
                token: Text::new(),
                balance: None,
                foreign: false,
            },
            detail: Detail { http_status: http.status, ..Detail::new() },
            sub_msg: Text::new(),
            answer: None,
        }
    }

    /// Takes over what an answer says, be it proven or not.
    fn look(&mut self, http: &HttpAnswer, answer: &Answer<'_>) {
        self.detail.code = printable(&answer.code().unwrap_or_default());
        self.detail.sub_code = printable(&answer.sub_code().unwrap_or_default());
        self.detail.words = answer.sub_msg().or(answer.msg()).map(words).unwrap_or_default();
        self.sub_msg = answer.sub_msg().map(sub_msg).unwrap_or_default();
        self.judged.outcome = answer.outcome(http.status, self.detail.authenticated);
    }

    /// Takes over a verified answer, results included.
    fn take(
        &mut self,
        seen: &mut Seen,
        flight: &Flight,
        http: &HttpAnswer,
        answer: &Answer<'_>,
    ) -> Result<()> {
        self.look(http, answer);
        match flight.method() {
            _ if self.judged.outcome != gateway::Outcome::Accepted => {}
            points::QUERY => self.judged.balance = Some(points::balance(answer)?),
            prize::AUTH if flight.job.is_some() => self.judged.token = prize::token(answer)?,
            points::UPDATE => {
                self.judged.point_log_no = points::point_log_no(answer)?;
                let key = flight.flow_key();
                self.judged.foreign =
                    !key.is_empty() && !seen.admit(&self.judged.point_log_no, key);
            }
            _ => {}
        }
        match self.judged.foreign {
            false => Ok(()),
            true => Err(Error::new(Status::Duplicate, "point_log_no")),
        }
    }
}

impl<P: Ports> Client<'_, P> {
    /// Verifies first, reads second, into `hearing`, which begins
    /// [unknown](Hearing::unknown); whatever is wrong is noted in the detail. `room` is where an
    /// encrypted answer is decrypted, for callers who want the answer itself.
    pub(super) fn judge<'b>(
        &mut self,
        flight: &Flight,
        http: &HttpAnswer,
        body: &'b [u8],
        room: Option<&'b mut [u8]>,
        hearing: &mut Hearing<'b>,
    ) {
        match answer::read_in(body, flight.method(), self.config.charset) {
            Ok(answer) => self.judge_answer(flight, http, answer, room, hearing),
            Err(error) => hearing.detail.error = error,
        }
        if hearing.judged.outcome != gateway::Outcome::Accepted {
            if hearing.detail.error.status == Status::Ok {
                hearing.detail.error = Error::new(status_of(hearing.judged.outcome), "answer");
            }
            self.detail = hearing.detail.clone();
        }
    }

    fn judge_answer<'b>(
        &mut self,
        flight: &Flight,
        http: &HttpAnswer,
        answer: Answer<'b>,
        room: Option<&'b mut [u8]>,
        hearing: &mut Hearing<'b>,
    ) {
        self.memory.keep_quotation(flight.seq, &answer, &mut self.record);
        match self.vault.verify(&self.config, &answer) {
            Err(error) => {
                hearing.detail.error = self.wire.explain(error, &answer);
                hearing.look(http, &answer);
                return;
            }
            Ok(next) => self.next_key_used |= next,
        }
        hearing.detail.authenticated = true;
        let Self { config, wire, record, seen, memory, .. } = self;
        // Signed, and not to be read or not what was asked for: nobody knows what happened.
        let doubt = match room {
            Some(room) => wire.unlock(&answer, config.charset, room).and_then(|answer| {
                memory.keep_quotation(flight.seq, &answer, record);
                hearing.answer = Some(answer);
                hearing.take(seen, flight, http, &answer)
            }),
            None => {
                // The gateway's words are decoded behind the answer they stand in.
                let len = answer.signed().len().min(record.len());
                let (room, behind) = record.split_at_mut_checked(len).unwrap_or_default();
                wire.unlock(&answer, config.charset, room).and_then(|answer| {
                    memory.keep_quotation(flight.seq, &answer, behind);
                    hearing.take(seen, flight, http, &answer)
                })
            }
        };
        if let Err(error) = doubt {
            hearing.judged.outcome = gateway::Outcome::Unknown;
            hearing.detail.error = error;
        }
    }

    /// [`Self::judge`] for what the queue has to hear; the rest of it is gone before the queue does.
    #[inline(never)]
    pub(super) fn hear(&mut self, flight: &Flight, http: &HttpAnswer, body: &[u8]) -> Judged {
        let mut hearing = Hearing::unknown(http);
        self.judge(flight, http, body, None, &mut hearing);
        hearing.judged
    }

    /// A call books nothing: it is repeated when the caller likes, and says nothing about the line
    /// that sales are sent on.
    pub(super) fn end_call(&mut self, flight: &Flight, judged: &Judged) -> Outcome {
        let verdict = verdict_of(judged.outcome);
        let mut outcome = flight.outcome(verdict, self.status_after(verdict), 0);
        outcome.balance = judged.balance;
        outcome.point_log_no = judged.point_log_no.clone();
        outcome
    }

    /// [`Self::end_call`] for a caller who wants the answer itself.
    pub(super) fn answered<'b>(&self, hearing: Hearing<'b>) -> Answered<'b> {
        let verdict = verdict_of(hearing.judged.outcome);
        Answered {
            verdict,
            status: self.status_after(verdict),
            http_status: hearing.detail.http_status,
            authenticated: hearing.detail.authenticated,
            code: hearing.detail.code,
            sub_code: hearing.detail.sub_code,
            sub_msg: hearing.sub_msg,
            answer: hearing.answer,
        }
    }

    pub(super) fn end_update(
        &mut self,
        flight: &Flight,
        judged: &Judged,
        http: &HttpAnswer,
    ) -> Result<Outcome> {
        if let Some(job) = flight.job {
            return self.end_offer(job, flight, judged, http);
        }
        let (verdict, wait) = match judged.outcome {
            gateway::Outcome::Accepted => {
                // An entry that was moved meanwhile has to be looked for; that costs a write.
                let staged = self.queue.stage(flight.seq);
                if staged.is_err() {
                    self.reach(flight.seq)?;
                    self.queue.settle(self.ports.storage(), flight.seq)?;
                }
                self.keep_settled(&flight.subject());
                if staged.is_err() {
                    self.tell_settled();
                }
                (Verdict::Accepted, self.line_works(flight.seq))
            }
            gateway::Outcome::Rejected => {
                let wait = self.line_works(flight.seq);
                (self.bury(flight)?, wait)
            }
            // Twice another entry's flow number: it will not get one of its own, and must not be
            // taken for credited when the other's is forgotten.
            gateway::Outcome::Unknown if judged.foreign && flight.attempts > 1 => {
                (self.bury(flight)?, 0)
            }
            other => self.end_open(other, flight, http)?,
        };
        if matches!(verdict, Verdict::Accepted | Verdict::Rejected | Verdict::Uncertain) {
            self.pace.forget(flight.seq);
        }
        let mut outcome = flight.outcome(verdict, self.status_after(verdict), wait);
        outcome.point_log_no = judged.point_log_no.clone();
        Ok(outcome)
    }

    /// Neither done nor refused: the same request goes out again, after the time that is told.
    pub(super) fn end_open(
        &mut self,
        told: gateway::Outcome,
        flight: &Flight,
        http: &HttpAnswer,
    ) -> Result<(Verdict, u32)> {
        let verdict = deferred_or_unknown(told);
        if verdict == Verdict::Deferred && flight.is_counted() {
            // A verified "not executed": this attempt leaves no doubt behind.
            self.reach(flight.seq)?;
            self.queue.retract(self.ports.storage(), flight.seq)?;
        }
        Ok((verdict, self.wait_after(told, flight, http)))
    }

    /// An earlier attempt of unknown end makes a refusal uncertain: it may have been executed then,
    /// and the gateway may only be refusing the repeat.
    pub(super) fn is_uncertain(&self, flight: &Flight) -> bool {
        flight.attempts > 1 || speaks_of_a_repeat(&self.detail.sub_code)
    }

    /// Into the dead letters.
    fn bury(&mut self, flight: &Flight) -> Result<Verdict> {
        let uncertain = self.is_uncertain(flight);
        self.bury_as(flight, uncertain)
    }

    /// Into the dead letters, with what the detail says.
    pub(super) fn bury_as(&mut self, flight: &Flight, uncertain: bool) -> Result<Verdict> {
        self.reach(flight.seq)?;
        let at = self.unix_time();
        let detail = &self.detail;
        let (code, sub_code) = (cut(&detail.code, CODE_KEPT), cut(&detail.sub_code, SUB_CODE_KEPT));
        let reason = Reason { uncertain, at, code, sub_code };
        // Moved or, when the dead letters are full, flagged where it is: recorded either way.
        let storage = self.ports.storage();
        let (Buried::Moved | Buried::Parked) =
            self.queue.bury(storage, flight.seq, &reason, &mut self.record)?;
        if let Some(events) = self.ports.events() {
            let entry = flight.subject();
            events.hear(&Event::Rejected { entry, uncertain, code, sub_code });
        }
        Ok(if uncertain { Verdict::Uncertain } else { Verdict::Rejected })
    }

    pub(super) fn status_after(&self, verdict: Verdict) -> Status {
        match verdict {
            Verdict::Accepted => Status::Ok,
            Verdict::Rejected => Status::Rejected,
            Verdict::Uncertain => Status::Uncertain,
            Verdict::Unknown | Verdict::Deferred => self.detail.error.status,
        }
    }

    fn wait_after(&mut self, outcome: gateway::Outcome, flight: &Flight, http: &HttpAnswer) -> u32 {
        use gateway::Outcome as Told;
        let (now, random) = self.now_and_random();
        match outcome {
            Told::Token => self.token_refused(flight),
            Told::Config => self.line_paused(flight.seq),
            Told::Throttled => {
                self.distrust = 0;
                self.pace.throttled(now, http.retry_after_s, random)
            }
            Told::Unauthenticated => self.distrusted(flight, http),
            // A verified "system error" is this entry's trouble; anything else is the line's.
            Told::Unknown if self.detail.authenticated => {
                self.distrust = 0;
                self.pace.entry_failed(flight.seq, flight.attempts.into(), now, random)
            }
            _ => self.line_failed(flight.seq, http.retry_after_s),
        }
    }

    /// Verified, so the line works and others go on; this merchant waits.
    fn token_refused(&mut self, flight: &Flight) -> u32 {
        self.line_works(flight.seq);
        let (now, random) = self.now_and_random();
        self.profiles.refuse_token(flight.profile, flight.issue, now, random)
    }

    /// A refusal anybody on the way could have written: repeated, and when it repeats, paused.
    fn distrusted(&mut self, flight: &Flight, http: &HttpAnswer) -> u32 {
        self.distrust = self.distrust.saturating_add(1);
        if self.distrust < DISTRUST {
            return self.line_failed(flight.seq, http.retry_after_s);
        }
        self.line_paused(flight.seq)
    }
}

/// Another till, or this one before its store was replaced, may have sent the same req_id: a
/// refusal that says so is no proof that nothing was credited. (The business codes of these methods
/// are not documented; these words are what such codes are made of elsewhere on the platform.)
fn speaks_of_a_repeat(sub_code: &str) -> bool {
    let says = |word: &str| {
        let here = |at: usize| sub_code.get(at..at + word.len());
        (0..sub_code.len()).filter_map(here).any(|part| part.eq_ignore_ascii_case(word))
    };
    ["REPEAT", "DUPLIC", "ALREADY", "IDEMPOT"].iter().any(|word| says(word))
}

/// Text for a log line: what is not printable ASCII becomes `?`, so that nobody on the line can
/// write lines of his own into a log.
fn printable<const N: usize>(text: &str) -> Text<N> {
    let mut out = Text::new();
    for c in text.chars() {
        // Never longer than what came, which fitted.
        let _ = out.push(if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    }
    out
}

/// The gateway's words as [`Detail::words`] has them. A message about a signature quotes the whole
/// request, token and shopper included; others may name a shopper by number.
fn words(value: Value<'_>) -> Text<WORDS_MAX> {
    let (mut out, mut digits, mut open) = (Text::new(), 0, true);
    value.each_char(&mut |c| {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        let shown = match c {
            _ if digits > 4 => '*',
            // Line and direction marks would write into a log, too.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{202f}' | '\u{2066}'..='\u{2069}') =>
            {
                '?'
            }
            c => c,
        };
        open = open && c != '=' && out.push(shown).is_ok();
    });
    out
}

/// The gateway's words as [`Answered`] has them: as they are, for a log line, up to where they
/// begin to quote a request.
fn sub_msg(value: Value<'_>) -> Text<SUB_MSG_MAX> {
    let (mut out, mut open) = (Text::new(), true);
    value.each_char(&mut |c| {
        open = open && c != '=' && out.push(if c.is_control() { '?' } else { c }).is_ok();
    });
    out
}

/// The longest beginning of `text` with at most `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    (0..=max.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// For a call, which nobody buries.
fn verdict_of(outcome: gateway::Outcome) -> Verdict {
    match outcome {
        gateway::Outcome::Accepted => Verdict::Accepted,
        gateway::Outcome::Rejected => Verdict::Rejected,
        other => deferred_or_unknown(other),
    }
}

fn deferred_or_unknown(outcome: gateway::Outcome) -> Verdict {
    use gateway::Outcome as Told;
    match outcome {
        Told::Token | Told::Throttled | Told::Config => Verdict::Deferred,
        _ => Verdict::Unknown,
    }
}

fn status_of(outcome: gateway::Outcome) -> Status {
    use gateway::Outcome as Told;
    match outcome {
        Told::Accepted => Status::Ok,
        Told::Rejected => Status::Rejected,
        Told::Token => Status::Token,
        Told::Throttled => Status::Throttled,
        Told::Config => Status::Refused,
        Told::Unauthenticated => Status::Unsigned,
        Told::Unknown => Status::Unknown,
    }
}
