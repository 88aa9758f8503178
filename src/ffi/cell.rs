//! What lies inside a `pointcard_client`: the client, its lock, its transport, its I/O buffer.
//!
//! In: the caller's memory. Out: `with` (alone with the client), `look` (also after a failed
//! init), `exchange` (alone on the line). A panic inside is caught (std) and breaks the client.
//!
//! Nothing in here points at itself: a caller's `memcpy` of a client makes a useless copy, not a
//! dangerous one, and zeroed memory is "never initialised".

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{align_of, size_of};
use core::sync::atomic::{AtomicU32, Ordering};

use super::life::{POINTCARD_CLIENT_SIZE, pointcard_client, pointcard_outcome_fn};
use super::lock::Lock;
use super::ports::{CPorts, pointcard_transport};
use crate::client::{Client, Config, IO_SIZE};
use crate::points::sync::Shared;
use crate::status::{Error, Result, Status};

pub(super) type CClient = Client<'static, CPorts>;

/// Stands in the first word of an initialised client.
const OPEN: u32 = 0x7063_0001;
/// Init failed, or the client was closed: only the detail can be had.
const SHUT: u32 = 0x7063_0002;
/// A panic was caught inside: nothing is trusted until the next init.
const BROKEN: u32 = 0x7063_0003;

#[repr(C)] // `state` first: see `any`.
pub(super) struct Cell {
    state: AtomicU32,
    lock: Lock,
    pub(super) transport: pointcard_transport,
    pub(super) told: pointcard_outcome_fn,
    pub(super) told_ctx: *mut c_void,
    #[cfg(feature = "http")]
    pub(super) http: UnsafeCell<Option<crate::port::http::HttpTransport>>,
    guarded: UnsafeCell<CClient>,
    /// Whose the line is: `FREE`, `TAKEN` or `LEFT`. Taken under the lock; given back without it,
    /// because a lock port may refuse.
    line: AtomicU32,
    /// Belongs to whoever has taken the line.
    pub(super) io: UnsafeCell<[u8; IO_SIZE]>,
}

const FREE: u32 = 0;
/// A sync or query is under way.
const TAKEN: u32 = 1;
/// It is over, but the client has not heard how its transfer ended.
const LEFT: u32 = 2;

const _: () = assert!(size_of::<Cell>() <= POINTCARD_CLIENT_SIZE, "raise POINTCARD_CLIENT_SIZE");
const _: () = assert!(align_of::<Cell>() <= align_of::<pointcard_client>());

impl Cell {
    /// Lays a shut cell into the caller's memory.
    // Safety: `memory` is valid for POINTCARD_CLIENT_SIZE bytes of writes, aligned like a u64, and
    // used by nobody else until this returns.
    pub(super) unsafe fn lay(
        memory: *mut pointcard_client,
        lock: Lock,
        transport: pointcard_transport,
        told: (pointcard_outcome_fn, *mut c_void),
        config: &Config<'static>,
        ports: CPorts,
    ) {
        let cell = memory.cast::<Cell>();
        // Member by member: a whole cell, built first and moved then, would be 20 KiB of stack.
        // (The client's own lies in place.rs.)
        // Safety: size and alignment are checked above, the rest is promised.
        unsafe {
            (&raw mut (*cell).state).write(AtomicU32::new(SHUT));
            (&raw mut (*cell).lock).write(lock);
            (&raw mut (*cell).transport).write(transport);
            (&raw mut (*cell).told).write(told.0);
            (&raw mut (*cell).told_ctx).write(told.1);
            #[cfg(feature = "http")]
            (&raw mut (*cell).http).write(UnsafeCell::new(None));
            CClient::lay(UnsafeCell::raw_get(&raw const (*cell).guarded), config, ports);
            (&raw mut (*cell).line).write(AtomicU32::new(FREE));
            (&raw mut (*cell).io).write_bytes(0, 1);
        }
    }

    pub(super) fn set_open(&self, open: bool) {
        self.state.store(if open { OPEN } else { SHUT }, Ordering::Release);
    }

    /// Runs `work` alone with the client.
    fn enter<R>(&self, work: impl FnOnce(&mut CClient) -> Result<R>) -> Result<R> {
        let _held = self.lock.enter()?;
        // Safety: the lock is held until this returns, and entering twice is refused.
        let client = unsafe { &mut *self.guarded.get() };
        let result = catch(|| work(client));
        if let Err(Error { status: Status::Internal, .. }) = result {
            self.state.store(BROKEN, Ordering::Release);
        }
        result
    }

    /// Runs `work` alone with the client, and with the line: `Busy` when a sync or query is under
    /// way. For steps and for closing.
    pub(super) fn alone<R>(&self, work: impl FnOnce(&mut CClient) -> Result<R>) -> Result<R> {
        self.enter(|client| {
            let free = self.clear_line(client).and_then(|()| work(client));
            client.note(free)
        })
    }

    /// Runs `work` alone on the line, with the I/O buffer; `Busy` when an exchange is under way.
    pub(super) fn exchange<R>(
        &self,
        work: impl FnOnce(&mut [u8; IO_SIZE]) -> Result<R>,
    ) -> Result<R> {
        self.alone(|client| {
            client.no_flight()?;
            self.line.store(TAKEN, Ordering::Relaxed);
            Ok(())
        })?;
        // Safety: only who has taken the line comes here.
        let result = catch(|| work(unsafe { &mut *self.io.get() }));
        self.line.store(LEFT, Ordering::Release);
        // Usually there is nothing to clear; and when the lock refuses, the next one clears it.
        let _ = self.enter(|client| self.clear_line(client));
        result
    }

    /// Makes the line free if nobody has it. A transfer whose end could not be told (a lock port
    /// refused, a panic was caught) is of unknown end, like one cut by a power failure.
    fn clear_line(&self, client: &mut CClient) -> Result<()> {
        match self.line.load(Ordering::Acquire) {
            TAKEN => return Err(Error::new(Status::Busy, "exchange")),
            LEFT => client.abandon(),
            _ => {}
        }
        self.line.store(FREE, Ordering::Relaxed);
        Ok(())
    }
}

impl Shared<'static, CPorts> for Cell {
    fn with<R>(&self, work: impl FnOnce(&mut CClient) -> Result<R>) -> Result<R> {
        self.enter(work)
    }
}

/// A till must not stop for a bug in its points library.
pub(super) fn catch<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    #[cfg(feature = "std")]
    return std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or(Err(Error::new(Status::Internal, "panic")));
    #[cfg(not(feature = "std"))]
    work()
}

/// The open cell behind a C pointer.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn open<'a>(client: *const pointcard_client) -> Result<&'a Cell> {
    // Safety: as promised above.
    let cell = unsafe { any(client)? };
    match cell.state.load(Ordering::Acquire) {
        OPEN => Ok(cell),
        BROKEN => Err(Error::new(Status::Internal, "client")),
        _ => Err(Error::new(Status::BadState, "client")),
    }
}

/// The cell behind a C pointer, open, shut or broken.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn any<'a>(client: *const pointcard_client) -> Result<&'a Cell> {
    if client.is_null() {
        return Err(Error::new(Status::Null, "client"));
    }
    // Safety: the first word is readable whether or not init ever ran; only a matching one makes
    // the rest a Cell.
    let state = unsafe { &*client.cast::<AtomicU32>() };
    match state.load(Ordering::Acquire) {
        // Safety: `lay` wrote a Cell here.
        OPEN | SHUT | BROKEN => Ok(unsafe { &*client.cast::<Cell>() }),
        _ => Err(Error::new(Status::BadState, "client")),
    }
}

/// Runs `work` alone with an open client; a failure becomes its detail.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn with<R>(
    client: *const pointcard_client,
    work: impl FnOnce(&mut CClient) -> Result<R>,
) -> Result<R> {
    // Safety: as promised above.
    unsafe { open(client)? }.with(|client| {
        let result = work(client);
        client.note(result)
    })
}

/// Runs a step alone with an open client; `Busy` while a sync or query has the line.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn step<R>(
    client: *const pointcard_client,
    work: impl FnOnce(&mut CClient) -> Result<R>,
) -> Result<R> {
    // Safety: as promised above.
    unsafe { open(client)? }.alone(work)
}

/// Runs `work` alone with a client in whatever state.
// Safety: `client` is null or was passed to pointcard_init and lives on.
pub(super) unsafe fn look<R>(
    client: *const pointcard_client,
    work: impl FnOnce(&mut CClient) -> Result<R>,
) -> Result<R> {
    // Safety: as promised above.
    unsafe { any(client)? }.with(work)
}
