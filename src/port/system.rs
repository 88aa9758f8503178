//! The operating system's clock and random generator, as ports. A leaf: nothing depends on it but
//! whoever wants defaults.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Clock, Entropy, PortError, Ports, Storage};

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic_ms(&mut self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_millis() as u64
    }

    fn unix_time(&mut self) -> Option<u64> {
        SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs())
    }
}

/// The system's random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        getrandom::fill(out).map_err(|error| PortError(error.raw_os_error().unwrap_or(-1)))
    }
}

/// A storage, and the operating system for everything else: what a Rust till hands to a client.
#[derive(Clone, Copy, Debug)]
pub struct SystemPorts<S> {
    /// The queue's medium.
    pub storage: S,
    clock: SystemClock,
    entropy: SystemEntropy,
}

impl<S: Storage> SystemPorts<S> {
    /// The system's clock and entropy beside `storage`.
    pub fn new(storage: S) -> Self {
        SystemPorts { storage, clock: SystemClock, entropy: SystemEntropy }
    }
}

impl<S: Storage> Ports for SystemPorts<S> {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.storage
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.clock
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        Some(&mut self.entropy)
    }
}
