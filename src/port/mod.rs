//! What the library needs from the machine, as traits. Nothing is read behind the caller's back.
//!
//! In: integrators implement these over their driver, modem, clock, random generator and secure
//! element. Out: `queue`, `crypto` and `client` call them. The `std` implementations beside this
//! file are leaves; nothing above depends on them.

pub use events::{Event, Events, Subject};

use crate::status::{Error, Status};

pub mod events;
#[cfg(feature = "std")]
pub mod file;
#[cfg(feature = "http")]
pub mod http;
pub mod ram;
#[cfg(feature = "seal")]
pub mod sealed;
#[cfg(feature = "std")]
pub mod system;

/// A port's own error code, handed on in [`Error::port`]. Zero is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortError(pub i32);

impl PortError {
    /// What [`Storage::erase`] and [`Storage::prog`] answer when one sector, and not the medium, is
    /// at fault: it can no longer be erased or programmed. The queue leaves that sector out. Every
    /// other code closes the queue until it is opened again.
    pub const BAD_SECTOR: PortError = PortError(0x0BAD_5EC7);

    /// This failure of the storage port, as the crate's error.
    pub const fn storage(self) -> Error {
        Error::new(Status::Storage, "storage").port(self.0)
    }
}

/// Shape of a storage medium. Erased bytes read 0xFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes per erase unit; a power of two, 512 (sealed: 1024) to 1 MiB.
    pub sector_size: u32,
    /// Number of erase units; at least 8.
    pub sector_count: u32,
    /// Smallest unit that can be programmed, in bytes; a power of two, 1 to 32.
    pub prog_size: u32,
    /// After a sync the next record starts at a multiple of this (a power of two, `prog_size` to
    /// `sector_size` / 4), so that a block that tears while it is written never holds an older,
    /// synced record. NOR flash: `prog_size`. Files: 4096, or 4 when the medium is known to be
    /// power-safe.
    pub align: u32,
}

/// A medium that is read anywhere, programmed once per erase, and erased by sector: NOR flash,
/// FRAM, or a preallocated file.
pub trait Storage {
    /// The medium's shape; must not change while a store on it is open.
    fn geometry(&self) -> Geometry;
    /// Reads `buf.len()` bytes at byte offset `at`.
    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError>;
    /// Programs `data` at `at`; both are multiples of `prog_size`, the range is erased and lies in
    /// one sector. May return before the bytes are durable. [`PortError::BAD_SECTOR`]: the sector
    /// does not take them; what it took before must stay readable.
    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError>;
    /// Erases one sector (all bytes 0xFF). May return before that is durable.
    /// [`PortError::BAD_SECTOR`]: it cannot be erased, and may hold anything now.
    fn erase(&mut self, sector: u32) -> Result<(), PortError>;
    /// Returns when everything programmed and erased before is durable.
    fn sync(&mut self) -> Result<(), PortError>;
    /// Writes the `len` bytes from `at` again as they read now: an earlier session's failed sync
    /// may have left them in a cache that counts them as written. The next sync makes them
    /// durable. Nothing to do for media without such a cache (NOR flash, FRAM, RAM). Where a block
    /// can be damaged while it is written, what is durable already must not be written again: it
    /// may be all there is of an acknowledged record.
    fn reassert(&mut self, at: u32, len: u32) -> Result<(), PortError> {
        let _ = (at, len);
        Ok(())
    }
    /// The keys the store on this medium is sealed with; `None`: it is not sealed. See
    /// [`Sealed`](sealed::Sealed), which adds them to any storage.
    #[cfg(feature = "seal")]
    fn keys(&mut self) -> Option<&mut dyn sealed::Keys> {
        None
    }
}

/// Time. Both functions must be quick and must not fail.
pub trait Clock {
    /// Milliseconds from any fixed moment, never going back while powered. Used for back-off.
    fn monotonic_ms(&mut self) -> u64;
    /// Seconds since 1970-01-01 UTC, or `None` when the terminal does not know.
    fn unix_time(&mut self) -> Option<u64>;
}

/// Unpredictable bytes, for RSA blinding, retry jitter and the store's salt.
pub trait Entropy {
    /// Fills `out` whole, or fails.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError>;
}

/// Replaces the software RSA: a secure element, PSA, an HSM.
pub trait Signer {
    /// Signs `digest` (32 bytes for SHA-256, 20 for SHA-1) with PKCS#1 v1.5 into `out` and returns
    /// the signature's length. The result is verified before it is used.
    fn sign(
        &mut self,
        digest: crate::crypto::Digest,
        hash: &[u8],
        out: &mut [u8],
    ) -> Result<usize, PortError>;
}

/// Everything a client needs from the machine.
pub trait Ports {
    /// The queue's medium.
    fn storage(&mut self) -> &mut dyn Storage;
    /// The clock.
    fn clock(&mut self) -> &mut dyn Clock;
    /// Random bytes, if the machine has them: without, signatures are not blinded.
    fn entropy(&mut self) -> Option<&mut dyn Entropy>;
    /// A signer that replaces the software RSA.
    fn signer(&mut self) -> Option<&mut dyn Signer> {
        None
    }
    /// Whoever wants to hear what the client does.
    fn events(&mut self) -> Option<&mut dyn Events> {
        None
    }
}

/// One signed request, ready to POST. Lives in the buffer lent to `next_request`.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Absolute URL with query: the gateway's URL and the system parameters.
    pub url: &'a str,
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The body, form-encoded.
    pub body: &'a [u8],
}

/// The URL holds a token and a signature, the body a shopper: none of it reaches a log.
impl core::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Request({} + {} bytes)", self.url.len(), self.body.len())
    }
}

/// What came back over HTTP.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpAnswer {
    /// HTTP status code.
    pub status: u16,
    /// Bytes of the body now in the buffer.
    pub body_len: usize,
    /// The `Retry-After` header in seconds; 0 when absent.
    pub retry_after_s: u32,
    /// The `Date` header as seconds since 1970; 0 when absent or unreadable.
    pub date: u64,
}

/// An exchange that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// True only when certainly no byte of the request left this machine (no connection).
    /// When in doubt: false.
    pub not_sent: bool,
    /// The transport's own code, for the detail.
    pub code: i32,
}

/// Carries one request to the gateway and its answer back. Blocks; no lock is held around it.
pub trait Transport {
    /// POSTs `request`; puts the body of the answer into `answer` (an answer that does not fit is
    /// an error). Gives up after `timeout_ms`.
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> Result<HttpAnswer, TransportError>;
}
