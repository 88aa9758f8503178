//! What an exchange came to, and what is known about the latest failure.
//!
//! In: `client` fills these. Out: the caller reads them; `ffi` copies them into C structs.

use crate::gateway::answer::{CODE_MAX, SUB_CODE_MAX};
use crate::gateway::points::Balance;
use crate::status::{Error, Status};
use crate::text::Text;

/// How one exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Verdict {
    /// A verified answer: done. The entry is settled.
    Accepted = 1,
    /// A verified refusal of the business content. The entry is a dead letter.
    Rejected = 2,
    /// A verified refusal after an attempt nobody knows the end of. A dead letter, flagged: only a
    /// person can tell whether the points were credited.
    Uncertain = 3,
    /// No verified answer (timeout, HTTP error, bad or missing signature, system error). The
    /// entry is repeated with the same req_id.
    Unknown = 4,
    /// Certainly not executed (nothing was sent, throttled, token or configuration refused). The
    /// entry waits.
    Deferred = 5,
}

/// One exchange, ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// `Ok`, or the reason in one word; details in [`Detail`].
    pub status: Status,
    /// Number of the queue entry; 0 for a query.
    pub seq: u64,
    /// How often the entry was sent, this time included (saturates at 255).
    pub attempts: u8,
    /// The entry's points.
    pub points: u32,
    /// The entry's idempotency key; empty for a query.
    pub req_id: Text<32>,
    /// The gateway's flow number, when accepted.
    pub point_log_no: Text<64>,
    /// The shopper's points, when a query was accepted.
    pub balance: Option<Balance>,
    /// Milliseconds until this entry (or the whole line) is tried again; 0 = at once or never.
    pub retry_in_ms: u32,
}

/// Longest words of the gateway's that are kept, in bytes of UTF-8.
pub const WORDS_MAX: usize = 160;

/// The latest failure, for a log line or a support desk. Holds no key, token or user id.
#[derive(Clone, Debug)]
pub struct Detail {
    /// What and where.
    pub error: Error,
    /// HTTP status of the answer; 0 = no answer.
    pub http_status: u16,
    /// The answer's signature was verified. When false, code and sub_code are hearsay.
    pub authenticated: bool,
    /// The gateway's code (`"40004"`).
    pub code: Text<CODE_MAX>,
    /// The gateway's sub_code (`"isv.invalid-signature"`).
    pub sub_code: Text<SUB_CODE_MAX>,
    /// The gateway's words for it (`sub_msg`, else `msg`), mostly Chinese: UTF-8, also where the
    /// answer was GBK. Cut where they are too long or begin to quote a request (at the first `=`);
    /// of longer numbers only the first four digits; control characters are `?`.
    pub words: Text<WORDS_MAX>,
}

impl Detail {
    /// Nothing failed yet.
    pub const fn new() -> Detail {
        Detail {
            error: Error::new(Status::Ok, ""),
            http_status: 0,
            authenticated: false,
            code: Text::new(),
            sub_code: Text::new(),
            words: Text::new(),
        }
    }

    /// All of it but the words as one English line, cut at 159 bytes.
    pub fn line(&self) -> Text<159> {
        let mut line = Text::new();
        // A full line is cut, not an error.
        let _ = self.write_line(&mut line);
        line
    }

    fn write_line(&self, line: &mut Text<159>) -> core::fmt::Result {
        use core::fmt::Write;
        write!(line, "{}", self.error)?;
        if self.http_status != 0 {
            write!(line, "; HTTP {}", self.http_status)?;
        }
        if !self.code.is_empty() {
            write!(line, "; gateway {} {}", self.code, self.sub_code)?;
            line.write_str(if self.authenticated { "" } else { " (not authenticated)" })?;
        }
        Ok(())
    }
}

impl Default for Detail {
    fn default() -> Self {
        Detail::new()
    }
}
