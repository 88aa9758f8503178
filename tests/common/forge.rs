//! Checksums as somebody computes them who can write to the medium but has no key.
//!
//! In: a sector's bytes. Out: the same with something changed and every checksum right.
//! Follows docs/format.md and shares no code with the library.

/// CRC-32C of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !crc(!0, bytes)
}

/// The same, continued from `crc` (not inverted).
fn crc(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 * (crc & 1)))
    })
}

/// Changes the record at offset `first` of a sector and makes its checksum right again.
pub fn forge(sector: &mut [u8], first: usize, change: impl Fn(&mut [u8])) {
    let len = usize::from(u16::from_le_bytes([sector[first + 4], sector[first + 5]]));
    change(&mut sector[first..first + 12 + len]);
    let mut sum = crc(!0, &sector[24..32]);
    for part in [&sector[5..6], &sector[12..16], &(first as u32).to_le_bytes()] {
        sum = crc(sum, part);
    }
    let sum = !crc(sum, &sector[first + 4..first + 12 + len]);
    sector[first..first + 4].copy_from_slice(&sum.to_le_bytes());
}
