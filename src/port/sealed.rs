//! A medium with keys: what a queue writes on it is sealed (feature `seal`).
//!
//! In: any storage, and keys from a list or a callback (a secure element, a keystore). Out: a
//! storage whose store nobody reads or alters unnoticed without them; `docs/format.md` says how.
//! Its sectors must have 1024 bytes at least: opening says `Geometry` for smaller ones.

use super::{Geometry, PortError, Storage};
use crate::status::{Error, Result, Status};

/// The longest key, in bytes.
pub const KEY_MAX: usize = 32;

/// Where the keys of a sealed store come from. A key has a number from 1 to 255, which every
/// sector sealed with it carries.
///
/// To change keys, give a new one as the newest: from the next opening on, new sectors are sealed
/// with it. Keep giving the old one until everything recorded before is settled.
pub trait Keys {
    /// The number of the key new sectors are sealed with.
    fn newest(&mut self) -> u8;
    /// Puts the key `id` into `out` and returns its length, 16 (AES-128) or 32 (AES-256);
    /// `None` when there is no such key. Asked about once or twice in a call of the queue; the
    /// copy is wiped when the call ends.
    fn key(
        &mut self,
        id: u8,
        out: &mut [u8; KEY_MAX],
    ) -> core::result::Result<Option<usize>, PortError>;
}

/// One key of a list.
#[derive(Clone, Copy)]
pub struct SealKey<'a> {
    /// Its number, 1 to 255.
    pub id: u8,
    /// 16 or 32 unpredictable bytes.
    pub bytes: &'a [u8],
}

/// Says the number only.
impl core::fmt::Debug for SealKey<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SealKey({})", self.id)
    }
}

/// Keys the caller holds in memory.
#[derive(Clone, Copy, Debug)]
pub struct KeyList<'a> {
    keys: &'a [SealKey<'a>],
    newest: u8,
}

impl<'a> KeyList<'a> {
    /// The newest key first.
    ///
    /// `Missing` `seal.keys`: none. `Range` `seal.id`: a number is 0. `Duplicate` `seal.id`: one
    /// occurs twice (`at` says it). `KeyUnsupported` `seal.key`: `at` bytes are neither 16 nor 32.
    pub fn new(keys: &'a [SealKey<'a>]) -> Result<KeyList<'a>> {
        let newest = keys.first().ok_or(Error::new(Status::Missing, "seal.keys"))?.id;
        for (index, key) in keys.iter().enumerate() {
            let len = key.bytes.len();
            if key.id == 0 {
                return Err(Error::new(Status::Range, "seal.id"));
            }
            if keys.iter().skip(index + 1).any(|other| other.id == key.id) {
                return Err(Error::new(Status::Duplicate, "seal.id").at(key.id.into()));
            }
            if len != 16 && len != KEY_MAX {
                return Err(Error::new(Status::KeyUnsupported, "seal.key").at(len));
            }
        }
        Ok(KeyList { keys, newest })
    }
}

impl Keys for KeyList<'_> {
    fn newest(&mut self) -> u8 {
        self.newest
    }

    fn key(
        &mut self,
        id: u8,
        out: &mut [u8; KEY_MAX],
    ) -> core::result::Result<Option<usize>, PortError> {
        let Some(key) = self.keys.iter().find(|key| key.id == id) else { return Ok(None) };
        for (to, from) in out.iter_mut().zip(key.bytes) {
            *to = *from;
        }
        Ok(Some(key.bytes.len()))
    }
}

/// A storage whose store is sealed with `K`'s keys.
pub struct Sealed<S, K> {
    storage: S,
    keys: K,
}

impl<S: Storage, K: Keys> Sealed<S, K> {
    /// The two together. A medium that is blank becomes a sealed store; a plain one is refused.
    pub const fn new(storage: S, keys: K) -> Self {
        Sealed { storage, keys }
    }

    /// The storage below.
    pub fn into_inner(self) -> S {
        self.storage
    }
}

impl<S: Storage, K: Keys> Storage for Sealed<S, K> {
    fn geometry(&self) -> Geometry {
        self.storage.geometry()
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> core::result::Result<(), PortError> {
        self.storage.read(at, buf)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> core::result::Result<(), PortError> {
        self.storage.prog(at, data)
    }

    fn erase(&mut self, sector: u32) -> core::result::Result<(), PortError> {
        self.storage.erase(sector)
    }

    fn sync(&mut self) -> core::result::Result<(), PortError> {
        self.storage.sync()
    }

    fn reassert(&mut self, at: u32, len: u32) -> core::result::Result<(), PortError> {
        self.storage.reassert(at, len)
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        Some(&mut self.keys)
    }
}
