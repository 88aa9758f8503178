//! One thread at a time inside a client. In: a wish to enter. Out: a guard, or `Busy`.
//!
//! With an operating system a mutex waits for other threads, and a thread that is inside already
//! (a callback calling back) is told `Busy` instead of waiting for itself. On bare metal the
//! integrator's lock does the waiting; without one, whoever finds the client in use is told `Busy`.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::ports::pointcard_lock;
use crate::status::{Error, Result, Status};

const BUSY: Error = Error::new(Status::Busy, "client");

pub(super) struct Lock {
    port: pointcard_lock,
    /// Who is inside: 0 = nobody. Only ever compared with the asking thread's own mark, which
    /// no other thread writes; so the answer is right without any ordering.
    inside: AtomicUsize,
    #[cfg(feature = "std")]
    mutex: std::sync::Mutex<()>,
}

pub(super) struct Held<'l> {
    lock: &'l Lock,
    #[cfg(feature = "std")]
    _mutex: Option<std::sync::MutexGuard<'l, ()>>,
}

impl Lock {
    pub(super) fn new(port: pointcard_lock) -> Lock {
        Lock {
            port,
            inside: AtomicUsize::new(0),
            #[cfg(feature = "std")]
            mutex: std::sync::Mutex::new(()),
        }
    }

    #[cfg(feature = "std")]
    pub(super) fn enter(&self) -> Result<Held<'_>> {
        if self.inside.load(Ordering::Relaxed) == this_thread() {
            return Err(BUSY);
        }
        let mutex = match self.port.acquire {
            Some(_) => {
                self.acquire_port()?;
                None
            }
            // A panic inside is caught before the guard drops; the client knows it is broken.
            None => Some(self.mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())),
        };
        self.inside.store(this_thread(), Ordering::Relaxed);
        Ok(Held { lock: self, _mutex: mutex })
    }

    #[cfg(not(feature = "std"))]
    pub(super) fn enter(&self) -> Result<Held<'_>> {
        self.acquire_port()?;
        if self.inside.load(Ordering::Relaxed) != 0 {
            // No lock port, or one that let its own holder in again.
            self.release_port();
            return Err(BUSY);
        }
        self.inside.store(1, Ordering::Relaxed);
        Ok(Held { lock: self })
    }

    fn acquire_port(&self) -> Result<()> {
        // Safety: the integrator's function takes its own ctx.
        match self.port.acquire.map_or(0, |acquire| unsafe { acquire(self.port.ctx) }) {
            0 => Ok(()),
            code => Err(BUSY.port(code)),
        }
    }

    fn release_port(&self) {
        if let Some(release) = self.port.release {
            // Safety: the integrator's function takes its own ctx.
            unsafe { release(self.port.ctx) }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.lock.inside.store(0, Ordering::Relaxed);
        if self.lock.port.acquire.is_some() {
            self.lock.release_port();
        }
    }
}

/// A mark no other living thread has: the address of something of its own.
#[cfg(feature = "std")]
fn this_thread() -> usize {
    std::thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| core::ptr::from_ref(mark) as usize)
}
