//! The digests a signature is made over: bytes in, 32 or 20 bytes out. SHA itself is RustCrypto's.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The digest a signature is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256: `sign_type=RSA2`.
    Sha256,
    /// SHA-1: `sign_type=RSA`, for applications from before 2018.
    Sha1,
}

impl Digest {
    /// Bytes of a hash value: 32 or 20.
    #[expect(clippy::len_without_is_empty, reason = "a digest's length is never 0")]
    pub const fn len(self) -> usize {
        match self {
            Digest::Sha256 => 32,
            Digest::Sha1 => 20,
        }
    }
}

/// A hash in the making; takes the message piece by piece.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha1(Sha1),
}

impl Hasher {
    /// A hash of nothing yet.
    pub fn new(digest: Digest) -> Self {
        Hasher(match digest {
            Digest::Sha256 => State::Sha256(Sha256::new()),
            Digest::Sha1 => State::Sha1(Sha1::new()),
        })
    }

    /// Appends to the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(piece),
            State::Sha1(state) => state.update(piece),
        }
    }

    /// The hash of everything appended.
    pub fn finish(self) -> HashValue {
        let mut value = HashValue { bytes: [0; 32], len: 0 };
        match self.0 {
            State::Sha256(state) => value.set(&state.finalize()),
            State::Sha1(state) => value.set(&state.finalize()),
        }
        value
    }
}

/// A finished hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashValue {
    bytes: [u8; 32],
    len: usize,
}

impl HashValue {
    /// 32 bytes for SHA-256, 20 for SHA-1.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }

    fn set(&mut self, value: &[u8]) {
        for (to, &from) in self.bytes.iter_mut().zip(value) {
            *to = from;
        }
        self.len = value.len();
    }
}
