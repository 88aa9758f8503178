//! The only error vocabulary: a [`Status`] says *what* went wrong, an [`Error`] adds *where*.
//!
//! Every module below and above returns these; `ffi` hands the numbers to C unchanged.

use core::ffi::CStr;

/// Why a call did not do its work.
///
/// The numbers are ABI: append, never reuse. Blocks: -1 the caller, -1xx keys and signatures,
/// -2xx bytes from outside, -3xx storage and queue, -4xx gateway and transport.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Nothing to do now; not an error. `next_request` says so when no entry is due.
    Idle = 1,

    /// An argument makes no sense and no narrower status fits. Nothing changed.
    Argument = -1,
    /// The caller's buffer is too small; the length written back is the capacity needed.
    BufferTooSmall = -2,
    /// The object is not open (never initialised, closed, or init failed).
    BadState = -3,
    /// The object is in use by this very call chain, or one exchange is already under way.
    Busy = -4,
    /// Header and library do not belong together: ABI version or object size differ.
    Abi = -5,
    /// A required pointer is NULL.
    Null = -6,
    /// Text is not UTF-8, or holds a control character.
    Encoding = -7,
    /// Text or data is longer than its limit.
    TooLong = -8,
    /// A bug in this library. The object refuses work until it is initialised again.
    Internal = -9,
    /// A number is outside its limits (points 0 or above the limit, a size that cannot be).
    Range = -10,
    /// A struct_size is none this library knows.
    StructSize = -11,
    /// A required member is empty or absent.
    Missing = -12,
    /// Nothing is recorded under that name or number.
    NotFound = -13,
    /// Understood, but not built into this library or not offered by this port.
    Unsupported = -14,
    /// A callback that takes output failed; `at` is how many bytes it had taken before.
    Output = -15,

    /// Key text is in no known form, or its numbers contradict each other.
    KeyFormat = -101,
    /// A key of a size or kind this build does not use.
    KeyUnsupported = -102,
    /// A key in the wrong place: a public key as private key, the app's own as Alipay's.
    KeyMismatch = -103,
    /// A signature does not belong to the bytes.
    Signature = -104,
    /// Signing failed: the signer port refused, or its result did not verify.
    Signer = -105,
    /// The entropy port failed.
    Entropy = -106,

    /// Bytes from outside are not what they must be (JSON, answer, record).
    Malformed = -201,
    /// JSON nested deeper than the limit.
    TooDeep = -202,
    /// A name occurs twice where one is allowed.
    Duplicate = -203,
    /// Well formed, but carries no signature.
    Unsigned = -204,

    /// No room for another entry. Nothing was recorded; acknowledgements still fit.
    QueueFull = -301,
    /// The medium holds damage that cannot be repaired.
    MediaCorrupt = -302,
    /// The storage port failed. Whether the entry is recorded is unknown: call again.
    Storage = -303,
    /// Another process or handle has the store open.
    Locked = -304,
    /// The store was written by a version this one does not know.
    MediaVersion = -305,
    /// The same biz_no is already recorded with other content.
    Conflict = -306,
    /// The medium's geometry (sectors, sizes) cannot hold a store.
    Geometry = -307,
    /// A sealed store was altered by somebody without its key, beyond what can be passed over.
    Forged = -308,

    /// Sent, but no verified answer: the outcome is unknown and the entry will be repeated. Source:
    /// code 20000 of Alipay's table of common errors, and every answer that proves nothing.
    Unknown = -401,
    /// The gateway refused, signed. Source: code 40004 of the same table.
    Rejected = -402,
    /// A signed refusal after an attempt whose outcome was unknown.
    Uncertain = -403,
    /// The transport failed before anything was sent.
    Transport = -404,
    /// Settling needs TLS; the gateway URL is plain HTTP and not on loopback.
    Insecure = -405,
    /// The gateway refuses the token; entries wait for a new one. Source: code 20001 of Alipay's
    /// table of common errors.
    Token = -406,
    /// The gateway asks for fewer calls; entries wait. Source: code 40005 of the same table.
    Throttled = -407,
    /// The gateway refuses the application, key, time or permission; entries wait for a correction.
    /// Source: codes 40001 to 40003 and 40006 of the same table.
    Refused = -408,
}

impl Status {
    /// Every status there is.
    pub const fn all() -> &'static [Status] {
        &[
            Status::Ok,
            Status::Idle,
            Status::Argument,
            Status::BufferTooSmall,
            Status::BadState,
            Status::Busy,
            Status::Abi,
            Status::Null,
            Status::Encoding,
            Status::TooLong,
            Status::Internal,
            Status::Range,
            Status::StructSize,
            Status::Missing,
            Status::NotFound,
            Status::Unsupported,
            Status::Output,
            Status::KeyFormat,
            Status::KeyUnsupported,
            Status::KeyMismatch,
            Status::Signature,
            Status::Signer,
            Status::Entropy,
            Status::Malformed,
            Status::TooDeep,
            Status::Duplicate,
            Status::Unsigned,
            Status::QueueFull,
            Status::MediaCorrupt,
            Status::Storage,
            Status::Locked,
            Status::MediaVersion,
            Status::Conflict,
            Status::Geometry,
            Status::Forged,
            Status::Unknown,
            Status::Rejected,
            Status::Uncertain,
            Status::Transport,
            Status::Insecure,
            Status::Token,
            Status::Throttled,
            Status::Refused,
        ]
    }

    /// One English sentence without a full stop, the same for every occurrence.
    pub const fn text(self) -> &'static str {
        match self.c_text().to_str() {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// [`text`](Self::text) for C.
    pub const fn c_text(self) -> &'static CStr {
        match self {
            Status::Ok => c"done",
            Status::Idle => c"nothing to do now",
            Status::Argument => c"an argument makes no sense",
            Status::BufferTooSmall => c"the buffer is too small",
            Status::BadState => c"the object is not open",
            Status::Busy => c"the object is in use",
            Status::Abi => c"header and library do not belong together",
            Status::Null => c"a required pointer is NULL",
            Status::Encoding => c"text is not valid UTF-8 or holds a control character",
            Status::TooLong => c"longer than the limit",
            Status::Internal => c"internal error",
            Status::Range => c"a number is outside its limits",
            Status::StructSize => c"struct_size is none this library knows",
            Status::Missing => c"a required member is empty",
            Status::NotFound => c"nothing is recorded under that name",
            Status::Unsupported => c"not built into this library",
            Status::Output => c"the callback that takes the output failed",
            Status::KeyFormat => c"the key text is in no known form",
            Status::KeyUnsupported => c"a key of this size or kind is not supported",
            Status::KeyMismatch => c"a key is in the wrong place",
            Status::Signature => c"the signature does not belong to the bytes",
            Status::Signer => c"signing failed",
            Status::Entropy => c"the entropy port failed",
            Status::Malformed => c"malformed bytes",
            Status::TooDeep => c"nested too deep",
            Status::Duplicate => c"a name occurs twice",
            Status::Unsigned => c"the answer carries no signature",
            Status::QueueFull => c"the queue is full",
            Status::MediaCorrupt => c"the medium is damaged",
            Status::Storage => c"the storage port failed; call again",
            Status::Locked => c"the store is open elsewhere",
            Status::MediaVersion => c"the store was written by an unknown version",
            Status::Conflict => c"the same biz_no is recorded with other content",
            Status::Geometry => c"the medium cannot hold a store",
            Status::Forged => c"the store was altered without its key",
            Status::Unknown => c"sent, but no verified answer",
            Status::Rejected => c"the gateway refused",
            Status::Uncertain => c"refused after an attempt whose outcome is unknown",
            Status::Transport => c"nothing was sent",
            Status::Token => c"the gateway refuses the token",
            Status::Throttled => c"the gateway asks for fewer calls",
            Status::Refused => c"the gateway refuses the application's configuration",
            Status::Insecure => c"the gateway URL needs https",
        }
    }
}

/// A failed call: what, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong. Never `Ok`.
    pub status: Status,
    /// The member, parameter or part it is about: `"sale.points"`, `"private_key"`, `"sign"`.
    pub what: &'static str,
    /// Byte offset in that part, or a length or limit where the status speaks of one; else 0.
    pub at: u32,
    /// The port's own error code, when a port failed; else 0.
    pub port: i32,
}

impl Error {
    /// An error about `what`.
    pub const fn new(status: Status, what: &'static str) -> Self {
        Error { status, what, at: 0, port: 0 }
    }

    /// The same, with a byte offset (or the length or limit the status speaks of).
    pub const fn at(self, at: usize) -> Self {
        let at = if at > u32::MAX as usize { u32::MAX } else { at as u32 };
        Error { at, ..self }
    }

    /// The same, with the port's own code.
    pub const fn port(self, port: i32) -> Self {
        Error { port, ..self }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.what)?;
        f.write_str(": ")?;
        f.write_str(self.status.text())?;
        if self.at != 0 {
            write!(f, " (at {})", self.at)?;
        }
        if self.port != 0 {
            write!(f, " (port {})", self.port)?;
        }
        Ok(())
    }
}

impl core::error::Error for Error {}

/// What every fallible call here returns.
pub type Result<T> = core::result::Result<T, Error>;
