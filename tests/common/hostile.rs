//! What the tests of hostile bytes share: random numbers, and bytes changed at random.
#![allow(dead_code)] // each test crate uses its part

/// A small generator, so that a failing case can be repeated from its number.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Replaces, inserts or removes one byte of `bytes`; new ones come from `alphabet`.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>, alphabet: &[u8]) {
        let at = self.below(bytes.len());
        match self.below(3) {
            0 => bytes[at] = alphabet[self.below(alphabet.len())],
            1 => bytes.insert(at, alphabet[self.below(alphabet.len())]),
            _ => drop(bytes.remove(at)),
        }
    }
}

/// A stand-in for RSA in tests that verify very often: the signature is the hash itself.
pub fn same(hash: &[u8], signature: &[u8]) -> pointcard::status::Result<()> {
    use pointcard::status::{Error, Status};
    if hash == signature { Ok(()) } else { Err(Error::new(Status::Signature, "sign")) }
}
