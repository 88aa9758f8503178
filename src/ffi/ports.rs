//! Section: ports. C callback tables ↔ the `port` traits.

use core::ffi::{c_char, c_void};

use super::events::CEvents;
use crate::crypto::Digest;
use crate::gateway::Charset;
use crate::port::{
    Clock, Entropy, Events, Geometry, HttpAnswer, PortError, Ports, Request, Signer, Storage,
    Transport, TransportError,
};
use crate::status::{Error, Result, Status};

/// The queue's medium. pointcard_file_storage and pointcard_ram_storage make one; over a flash
/// driver the integrator fills it. Frozen: it will not grow.
///
/// All functions return 0, or a code of the driver's own that comes back in pointcard_detail.port.
/// They are called with the client's lock held, may block, and must not call this client.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_storage {
    /// POINTCARD_OK, or why this storage could not be made; pointcard_init then fails with it.
    pub status: i32,
    /// The system's error code for it (errno), or 0.
    pub port: i32,
    /// First argument of every function.
    pub ctx: *mut c_void,
    /// Bytes per erase unit; a power of two, 512 to 1048576.
    pub sector_size: u32,
    /// Number of erase units; at least 8.
    pub sector_count: u32,
    /// Smallest unit that can be programmed; a power of two, 1 to 32.
    pub prog_size: u32,
    /// After a sync the next record starts at a multiple of this (a power of two, prog_size to
    /// sector_size / 4). NOR flash: prog_size. A medium whose blocks can be damaged while they are
    /// rewritten (files on SD, eMMC): 512 or 4096.
    pub align: u32,
    /// Reads `len` bytes at byte offset `at`.
    pub read:
        Option<unsafe extern "C" fn(ctx: *mut c_void, at: u32, to: *mut u8, len: usize) -> i32>,
    /// Programs `len` bytes at `at`: both multiples of prog_size, erased before, in one sector.
    /// POINTCARD_BAD_SECTOR: the sector no longer takes them; what it took before stays readable.
    pub prog:
        Option<unsafe extern "C" fn(ctx: *mut c_void, at: u32, from: *const u8, len: usize) -> i32>,
    /// Erases sector number `sector`: all its bytes read 0xFF. POINTCARD_BAD_SECTOR: it can no longer
    /// be erased, and may hold anything.
    pub erase: Option<unsafe extern "C" fn(ctx: *mut c_void, sector: u32) -> i32>,
    /// Returns when everything programmed and erased before is durable.
    pub sync: Option<unsafe extern "C" fn(ctx: *mut c_void) -> i32>,
    /// Writes the `len` bytes from `at` again as they read now; the next sync makes them durable.
    /// For media behind a cache that forgets what a failed sync has left in it (files); NULL for
    /// flash and RAM. Where a block can be damaged while it is written, blocks that are durable
    /// already must be left alone: they may be all there is of an acknowledged sale.
    pub reassert: Option<unsafe extern "C" fn(ctx: *mut c_void, at: u32, len: u32) -> i32>,
    /// Called once, by pointcard_close or a pointcard_init that fails; may be NULL.
    pub close: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
}

/// Time. NULL functions: the system's clock on machines with an operating system; without one,
/// monotonic_ms is required and unix_time is "unknown".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_clock {
    /// First argument of both functions.
    pub ctx: *mut c_void,
    /// Milliseconds from any fixed moment, never going back while powered.
    pub monotonic_ms: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u64>,
    /// Seconds since 1970-01-01 UTC; 0 = unknown.
    pub unix_time: Option<unsafe extern "C" fn(ctx: *mut c_void) -> u64>,
}

/// Unpredictable bytes. NULL: the system's on machines with an operating system; else none, and
/// signatures are made without blinding.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_entropy {
    /// First argument.
    pub ctx: *mut c_void,
    /// Fills `len` bytes. Returns 0, or a code of its own.
    pub fill: Option<unsafe extern "C" fn(ctx: *mut c_void, to: *mut u8, len: usize) -> i32>,
}

/// Replaces the software RSA: a secure element, PSA, an HSM. NULL: config.private_key signs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_signer {
    /// First argument.
    pub ctx: *mut c_void,
    /// Signs a digest with PKCS#1 v1.5 (Alipay's page on signing requests). `hash_len` is 32 for
    /// SHA-256, 20 for SHA-1. Writes at most
    /// `cap` bytes to `out` and their number to `out_len`. Returns 0, or a code of its own. The
    /// result is verified with config.app_public_key before it is used.
    pub sign: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            hash: *const u8,
            hash_len: usize,
            out: *mut u8,
            cap: usize,
            out_len: *mut usize,
        ) -> i32,
    >,
}

/// One key of a sealed queue. Frozen: it will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_seal_key {
    /// Its number, 1 to 255; every sector of the medium says with which one it is sealed.
    pub id: u32,
    /// 16 (AES-128) or 32 (AES-256).
    pub key_len: u32,
    /// Unpredictable bytes, borrowed until pointcard_close.
    pub key: *const u8,
}

/// Seals the queue: entries are encrypted on the medium, and what is altered, moved, put back or
/// cut off without the key is told in pointcard_queue_info. All zero: a plain queue. Give either
/// `keys` or `get`. Needs the feature seal. Frozen: it will not grow.
///
/// To change keys, name a new one as the newest and keep giving the old one until everything
/// recorded before is settled; a key that is missing is ERR_MISSING for "config.seal", with its
/// number. A plain queue is not turned into a sealed one: send what it holds and erase it.
/// A sealed medium has sectors of 1024 bytes at least; with smaller ones pointcard_init says
/// ERR_GEOMETRY.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_seal {
    /// The keys, the newest first; borrowed until pointcard_close.
    pub keys: *const pointcard_seal_key,
    /// How many.
    pub key_count: u32,
    /// With `get`: the number of the key new sectors are sealed with, 1 to 255.
    pub newest: u32,
    /// First argument of `get`.
    pub ctx: *mut c_void,
    /// Fetches key `id` from a secure element or keystore: writes 16 or 32 bytes to `key` (32 have
    /// room) and their number to `key_len`; 0 = no such key. Returns 0, or a code of its own.
    /// Called about once in every call that touches the medium, with the client's lock held; the
    /// copy is wiped when that call ends.
    pub get: Option<
        unsafe extern "C" fn(ctx: *mut c_void, id: u32, key: *mut u8, key_len: *mut usize) -> i32,
    >,
}

/// One signed request. Valid until the exchange ends.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_request {
    /// Names the exchange: a step's answer is given back under it. 0 inside a transport.
    pub exchange: u32,
    /// POST to this absolute URL, `url_len` ASCII bytes, NUL-terminated.
    pub url: *const c_char,
    /// Bytes of the URL, without the NUL.
    pub url_len: usize,
    /// Value of the Content-Type header, NUL-terminated.
    pub content_type: *const c_char,
    /// The body.
    pub body: *const u8,
    /// Bytes of the body.
    pub body_len: usize,
}

/// What came back. A transport fills it; `body` and `body_cap` are set before.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_response {
    /// Where the answer's body goes.
    pub body: *mut u8,
    /// Room there, in bytes. An answer that does not fit is an error.
    pub body_cap: usize,
    /// Bytes of the body.
    pub body_len: usize,
    /// HTTP status code.
    pub http_status: u16,
    /// Zero.
    pub reserved: u16,
    /// The Retry-After header in seconds; 0 = none.
    pub retry_after_s: u32,
    /// The Date header as seconds since 1970; 0 = none.
    pub date: u64,
}

/// Carries a request to the gateway and the answer back. NULL: HTTPS built in (feature http);
/// without that feature only the step calls are there. Called without the client's lock; may
/// block; may call pointcard_accrue and pointcard_queue_status on this client.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_transport {
    /// First argument.
    pub ctx: *mut c_void,
    /// Gives up after `timeout_ms`. Returns 0 when an answer came; POINTCARD_NOT_SENT when
    /// certainly no byte of the request left the machine; any other number in doubt.
    pub exchange: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            request: *const pointcard_request,
            response: *mut pointcard_response,
            timeout_ms: u32,
        ) -> i32,
    >,
}

/// Returned by a transport that could not connect.
pub const POINTCARD_NOT_SENT: i32 = 1;

/// From `prog` and `erase` of pointcard_storage (195911367): this one sector can no longer be
/// programmed or erased. The queue goes on in the next one and tries this one again on its next way
/// round. Every other number but 0 is a failure of the whole medium.
pub const POINTCARD_BAD_SECTOR: i32 = 195911367;

const _: () = assert!(POINTCARD_BAD_SECTOR == PortError::BAD_SECTOR.0);

/// Lets several threads use one client; both functions or none. NULL: a mutex of the system's where
/// there is one; without one, calls from a second thread are answered ERR_BUSY.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_lock {
    /// First argument of both functions.
    pub ctx: *mut c_void,
    /// Waits for the lock. Returns 0; or anything else when the calling thread holds it already,
    /// or cannot wait (interrupt handlers): the call then returns ERR_BUSY.
    pub acquire: Option<unsafe extern "C" fn(ctx: *mut c_void) -> i32>,
    /// Releases it.
    pub release: Option<unsafe extern "C" fn(ctx: *mut c_void)>,
}

impl pointcard_storage {
    pub(super) fn check(&self) -> Result<()> {
        if self.status != 0 {
            let failure = |known: &&Status| **known as i32 == self.status && self.status < 0;
            let made = Status::all().iter().find(failure);
            let status = made.copied().unwrap_or(Status::Argument);
            return Err(Error::new(status, "config.storage").port(self.port));
        }
        let whole = self.read.is_some()
            && self.prog.is_some()
            && self.erase.is_some()
            && self.sync.is_some();
        if whole { Ok(()) } else { Err(Error::new(Status::Null, "config.storage")) }
    }
}

impl pointcard_lock {
    /// Both functions or none: a lock that cannot be released is taken once.
    pub(super) fn is_whole(&self) -> bool {
        self.acquire.is_some() == self.release.is_some()
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.is_whole() { Ok(()) } else { Err(Error::new(Status::Null, "config.lock")) }
    }
}

/// 0 is success, everything else the port's own code; a missing function is code -1.
fn done(code: Option<i32>) -> core::result::Result<(), PortError> {
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(PortError(code)),
        None => Err(PortError(-1)),
    }
}

// Safety of the four calls below: the integrator promised in the header that the functions accept
// exactly these arguments; the buffers are ours and live through the call.
impl Storage for pointcard_storage {
    fn geometry(&self) -> Geometry {
        Geometry {
            sector_size: self.sector_size,
            sector_count: self.sector_count,
            prog_size: self.prog_size,
            align: self.align,
        }
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> {
        // Safety: see above.
        done(self.read.map(|f| unsafe { f(self.ctx, at, buf.as_mut_ptr(), buf.len()) }))
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        // Safety: see above.
        done(self.prog.map(|f| unsafe { f(self.ctx, at, data.as_ptr(), data.len()) }))
    }

    fn erase(&mut self, sector: u32) -> core::result::Result<(), PortError> {
        // Safety: see above.
        done(self.erase.map(|f| unsafe { f(self.ctx, sector) }))
    }

    fn sync(&mut self) -> core::result::Result<(), PortError> {
        // Safety: see above.
        done(self.sync.map(|f| unsafe { f(self.ctx) }))
    }

    fn reassert(&mut self, at: u32, len: u32) -> core::result::Result<(), PortError> {
        // Safety: see above.
        done(Some(self.reassert.map_or(0, |f| unsafe { f(self.ctx, at, len) })))
    }
}

impl pointcard_seal {
    fn is_set(&self) -> bool {
        self.get.is_some() || self.key_count != 0 || !self.keys.is_null() || self.newest != 0
    }

    /// Whether it names keys in one of the two ways.
    // Safety: `keys` is null or points to `key_count` keys.
    pub(super) unsafe fn check(&self) -> Result<()> {
        let bad = |status| Err(Error::new(status, "config.seal"));
        match () {
            () if !self.is_set() => return Ok(()),
            () if cfg!(not(feature = "seal")) => return bad(Status::Unsupported),
            () if self.get.is_some() && (self.key_count != 0 || !self.keys.is_null()) => {
                return bad(Status::Argument);
            }
            () if self.get.is_some() && !(1..=255).contains(&self.newest) => {
                return bad(Status::Range);
            }
            () if self.get.is_some() => return Ok(()),
            () if self.newest != 0 => return bad(Status::Argument),
            () if self.keys.is_null() => return bad(Status::Null),
            () if self.key_count == 0 => return bad(Status::Missing),
            () => {}
        }
        // Safety: as promised.
        let keys = unsafe { core::slice::from_raw_parts(self.keys, self.key_count as usize) };
        for (index, key) in keys.iter().enumerate() {
            let status = match () {
                () if !(1..=255).contains(&key.id) => Status::Range,
                () if key.key.is_null() => Status::Null,
                () if key.key_len != 16 && key.key_len != 32 => Status::KeyUnsupported,
                () if keys.iter().take(index).any(|other| other.id == key.id) => Status::Duplicate,
                () => continue,
            };
            return Err(Error::new(status, "config.seal").at(index));
        }
        Ok(())
    }
}

/// The keys were checked by `check` and stay until the client is closed; the integrator promised
/// that `get` accepts exactly these arguments.
#[cfg(feature = "seal")]
impl crate::port::sealed::Keys for pointcard_seal {
    fn newest(&mut self) -> u8 {
        if self.get.is_some() {
            return self.newest as u8;
        }
        // Safety: see above; there is one at least.
        unsafe { (*self.keys).id as u8 }
    }

    fn key(
        &mut self,
        id: u8,
        out: &mut [u8; crate::port::sealed::KEY_MAX],
    ) -> core::result::Result<Option<usize>, PortError> {
        if let Some(get) = self.get {
            let mut len = 0;
            // Safety: see above.
            done(Some(unsafe { get(self.ctx, id.into(), out.as_mut_ptr(), &mut len) }))?;
            return Ok((len != 0).then_some(len));
        }
        // Safety: see above.
        let keys = unsafe { core::slice::from_raw_parts(self.keys, self.key_count as usize) };
        let Some(found) = keys.iter().find(|key| key.id == u32::from(id)) else { return Ok(None) };
        let len = found.key_len as usize;
        // Safety: see above.
        let bytes = unsafe { core::slice::from_raw_parts(found.key, len) };
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(Some(len))
    }
}

/// The queue's medium, and the keys it is sealed with.
pub(super) struct CMedium {
    pub table: pointcard_storage,
    #[cfg_attr(not(feature = "seal"), expect(dead_code, reason = "nothing to open with the keys"))]
    pub seal: pointcard_seal,
}

impl Storage for CMedium {
    fn geometry(&self) -> Geometry {
        self.table.geometry()
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> {
        self.table.read(at, buf)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        self.table.prog(at, data)
    }

    fn erase(&mut self, sector: u32) -> core::result::Result<(), PortError> {
        self.table.erase(sector)
    }

    fn sync(&mut self) -> core::result::Result<(), PortError> {
        self.table.sync()
    }

    fn reassert(&mut self, at: u32, len: u32) -> core::result::Result<(), PortError> {
        self.table.reassert(at, len)
    }

    #[cfg(feature = "seal")]
    fn keys(&mut self) -> Option<&mut dyn crate::port::sealed::Keys> {
        if self.seal.is_set() { Some(&mut self.seal) } else { None }
    }
}

impl Clock for pointcard_clock {
    fn monotonic_ms(&mut self) -> u64 {
        match self.monotonic_ms {
            // Safety: the integrator's function takes its own ctx.
            Some(now) => unsafe { now(self.ctx) },
            #[cfg(feature = "std")]
            None => crate::port::system::SystemClock.monotonic_ms(),
            #[cfg(not(feature = "std"))]
            None => 0,
        }
    }

    fn unix_time(&mut self) -> Option<u64> {
        let time = match self.unix_time {
            // Safety: the integrator's function takes its own ctx.
            Some(now) => Some(unsafe { now(self.ctx) }),
            #[cfg(feature = "std")]
            None => crate::port::system::SystemClock.unix_time(),
            #[cfg(not(feature = "std"))]
            None => None,
        };
        time.filter(|time| *time != 0)
    }
}

impl Entropy for pointcard_entropy {
    fn fill(&mut self, out: &mut [u8]) -> core::result::Result<(), PortError> {
        #[cfg(feature = "std")]
        if self.fill.is_none() {
            return crate::port::system::SystemEntropy.fill(out);
        }
        // Safety: the integrator's function fills exactly this buffer.
        done(self.fill.map(|f| unsafe { f(self.ctx, out.as_mut_ptr(), out.len()) }))
    }
}

impl Signer for pointcard_signer {
    fn sign(
        &mut self,
        _: Digest,
        hash: &[u8],
        out: &mut [u8],
    ) -> core::result::Result<usize, PortError> {
        let mut len = 0;
        let (from, to) = (hash.as_ptr(), out.as_mut_ptr());
        let code = match self.sign {
            // Safety: both buffers live through the call and have the lengths given.
            Some(sign) => {
                Some(unsafe { sign(self.ctx, from, hash.len(), to, out.len(), &mut len) })
            }
            None => None,
        };
        done(code)?;
        Ok(len)
    }
}

/// A transport of the integrator's.
pub(super) struct CTransport {
    pub table: pointcard_transport,
}

impl Transport for CTransport {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> core::result::Result<HttpAnswer, TransportError> {
        let request = c_request(request, 0);
        let mut response = pointcard_response {
            body: answer.as_mut_ptr(),
            body_cap: answer.len(),
            body_len: 0,
            http_status: 0,
            reserved: 0,
            retry_after_s: 0,
            date: 0,
        };
        let Some(exchange) = self.table.exchange else {
            return Err(TransportError { not_sent: true, code: -1 });
        };
        // Safety: the integrator's function reads the request and writes at most body_cap bytes.
        match unsafe { exchange(self.table.ctx, &request, &mut response, timeout_ms) } {
            0 => Ok(http_answer(&response)),
            code => Err(TransportError { not_sent: code == POINTCARD_NOT_SENT, code }),
        }
    }
}

/// The content type once more, with the NUL that C needs.
fn c_content_type(text: &str) -> *const c_char {
    let charsets = [
        Charset::Utf8,
        #[cfg(feature = "gbk")]
        Charset::Gbk,
    ];
    let known = charsets.into_iter().find(|charset| charset.content_type() == text);
    known.unwrap_or_default().c_content_type().as_ptr()
}

pub(super) fn c_request(request: &Request<'_>, exchange: u32) -> pointcard_request {
    pointcard_request {
        exchange,
        url: request.url.as_ptr().cast(),
        url_len: request.url.len(),
        content_type: c_content_type(request.content_type),
        body: request.body.as_ptr(),
        body_len: request.body.len(),
    }
}

pub(super) fn http_answer(response: &pointcard_response) -> HttpAnswer {
    HttpAnswer {
        status: response.http_status,
        body_len: response.body_len,
        retry_after_s: response.retry_after_s,
        date: response.date,
    }
}

/// All ports of a C client.
pub(super) struct CPorts {
    pub medium: CMedium,
    pub clock: pointcard_clock,
    pub entropy: pointcard_entropy,
    pub signer: pointcard_signer,
    pub events: CEvents,
    pub texts: Texts,
}

/// What the texts people read come in (config.text_charset).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Utf8,
    Gbk,
}

impl Ports for CPorts {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.medium
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.clock
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        let given = cfg!(feature = "std") || self.entropy.fill.is_some();
        if given { Some(&mut self.entropy) } else { None }
    }

    fn signer(&mut self) -> Option<&mut dyn Signer> {
        if self.signer.sign.is_some() { Some(&mut self.signer) } else { None }
    }

    fn events(&mut self) -> Option<&mut dyn Events> {
        if self.events.hear.is_some() { Some(&mut self.events) } else { None }
    }
}
