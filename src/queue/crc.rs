//! CRC-32C (Castagnoli), and finding the one bit that spoils it.
//!
//! In: bytes. Out: checksums, or the index of a single flipped bit. Hosts take eight bytes at a time
//! (eight tables of 256 words); bare metal half a byte, from one table of 16 (64 bytes of flash).

const POLY: u32 = 0x82F6_3B78;
const BITS: u32 = if cfg!(feature = "std") { 8 } else { 4 };
const SIZE: usize = 1 << BITS;

const TABLE: [u32; SIZE] = table();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler
const fn table() -> [u32; SIZE] {
    let mut table = [0; SIZE];
    let mut i = 0;
    while i < SIZE {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < BITS {
            crc = shift(crc);
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

/// `WIDE[n][b]`: what byte `b` does to the checksum `n` bytes later.
#[cfg(feature = "std")]
static WIDE: [[u32; 256]; 8] = wide();

#[cfg(feature = "std")]
#[allow(clippy::indexing_slicing)] // evaluated by the compiler
const fn wide() -> [[u32; 256]; 8] {
    let mut wide = [TABLE; 8];
    let mut at = 256;
    while at < 8 * 256 {
        let before = wide[at / 256 - 1][at % 256];
        wide[at / 256][at % 256] = (before >> 8) ^ TABLE[before as usize & 255];
        at += 1;
    }
    wide
}

/// Eight bytes at once. Each table has an entry for every byte, so the look-ups need no check.
#[cfg(feature = "std")]
fn eight(crc: u32, bytes: [u8; 8]) -> u32 {
    let bytes = (u64::from_le_bytes(bytes) ^ u64::from(crc)).to_be_bytes();
    (WIDE.iter().zip(bytes))
        .fold(0, |sum, (table, byte)| sum ^ table.get(usize::from(byte)).copied().unwrap_or(0))
}

const fn shift(crc: u32) -> u32 {
    if crc & 1 == 1 { (crc >> 1) ^ POLY } else { crc >> 1 }
}

/// One lookup: `crc` moved on by [`BITS`] bits. The index is masked, so it is always inside.
fn step(crc: u32) -> u32 {
    let index = crc as usize & (SIZE - 1);
    (crc >> BITS) ^ TABLE.get(index).copied().unwrap_or(0)
}

/// A running CRC-32C.
#[derive(Clone, Copy)]
pub(crate) struct Crc(u32);

impl Crc {
    pub(crate) const fn new() -> Self {
        Crc(!0)
    }

    #[cfg(feature = "std")]
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks();
        let crc = words.iter().fold(self.0, |crc, word| eight(crc, *word));
        Crc(rest.iter().fold(crc, |crc, &byte| step(crc ^ u32::from(byte))))
    }

    #[cfg(not(feature = "std"))]
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        Crc(bytes.iter().fold(self.0, |crc, &byte| step(step(crc ^ u32::from(byte)))))
    }

    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

/// Which bit of the last `len` bytes fed in, flipped alone, changes the checksum by `syndrome`.
///
/// Counted from the first byte's lowest bit. A flip moves the checksum by a value that depends
/// only on its distance from the end, so one walk from the end finds it; CRC-32C has distance 4
/// up to 2^31 bits, so the answer is unique.
pub(crate) fn flipped_bit(len: usize, syndrome: u32) -> Option<usize> {
    let mut effect = 1;
    for distance in 1..=len.checked_mul(8)? {
        effect = shift(effect);
        if effect == syndrome {
            // The last bit processed is the last byte's highest.
            return (len * 8).checked_sub(distance);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_check_value() {
        assert_eq!(Crc::new().add(b"123456789").value(), 0xE306_9283);
    }

    #[test]
    fn bytes_taken_together_are_bytes_taken_one_by_one() {
        let bytes: [u8; 61] = core::array::from_fn(|i| (i * 37 + 11) as u8);
        for from in 0..20 {
            let rest = &bytes[from..];
            let each = rest.iter().fold(Crc::new(), |crc, byte| crc.add(&[*byte]));
            assert_eq!(Crc::new().add(rest).value(), each.value());
        }
    }

    #[test]
    fn every_flipped_bit_is_named() {
        let mut bytes: [u8; 61] = core::array::from_fn(|i| (i * 37) as u8);
        let good = Crc::new().add(&bytes).value();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let bad = Crc::new().add(&bytes).value();
            assert_eq!(flipped_bit(bytes.len(), good ^ bad), Some(bit));
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
