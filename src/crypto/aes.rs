//! Content encryption, `encrypt_type=AES`: plain text becomes base64 of ciphertext and back, in
//! the caller's buffer.
//!
//! ```text
//! encrypt   | plain text | padding |      | ──► | base64 of the ciphertext |
//! decrypt   | base64 of the ciphertext    | ──► | plain text | zeros       |
//! ```
//!
//! AES-128 in CBC, PKCS#7 padding, and a first block of zeros instead of a random one: that is
//! what the gateway speaks. So the same text gives the same ciphertext, and nothing here tells a
//! true ciphertext from a forged one: the signature does, and has to be verified first.

use super::keytext::KeyText;
use crate::status::{Error, Result, Status};
use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use zeroize::{Zeroize as _, Zeroizing};

const BLOCK: usize = 16;

/// A content key. It is wiped when it is dropped.
pub struct AesKey(Zeroizing<[u8; BLOCK]>);

impl core::fmt::Debug for AesKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AesKey")
    }
}

impl AesKey {
    /// A key as the console shows it: base64 of 16 bytes, white space allowed.
    ///
    /// `Missing` when there is no text; `KeyFormat` with the offset when it is not base64 or not
    /// 16 bytes.
    pub fn from_base64(text: &[u8]) -> Result<Self> {
        let mut reader = KeyText::new(text, "aes_key")?;
        let mut key = AesKey(Zeroizing::new([0; BLOCK]));
        for byte in key.0.iter_mut() {
            *byte = reader.byte()?;
        }
        reader.finish()?;
        Ok(key)
    }

    /// Bytes of the base64 that [`AesKey::encrypt`] makes of `len` bytes.
    pub const fn encrypted_len(len: usize) -> usize {
        padded_len(len).div_ceil(3).saturating_mul(4)
    }

    /// Encrypts the first `len` bytes of `buf`; base64 takes their place. Returns its length.
    ///
    /// `BufferTooSmall` with the capacity needed, nothing changed.
    pub fn encrypt(&self, buf: &mut [u8], len: usize) -> Result<usize> {
        let needed = Self::encrypted_len(len);
        let too_small = Error::new(Status::BufferTooSmall, "aes").at(needed);
        let buf = buf.get_mut(..needed).ok_or(too_small)?;
        let padded = padded_len(len);
        let plain = buf.get_mut(..padded).ok_or(too_small)?;
        let pad = (padded - len) as u8; // 1..=16
        plain.get_mut(len..).ok_or(too_small)?.fill(pad);
        let mut cipher = cbc::Encryptor::<Aes128>::new((&*self.0).into(), &[0; BLOCK].into());
        for block in plain.as_chunks_mut::<BLOCK>().0 {
            cipher.encrypt_block(block.into());
        }
        encode_in_place(buf, padded)?;
        Ok(needed)
    }

    /// Decrypts the base64 in `buf`; the plain text takes its place. Returns its length; the rest
    /// is zeros, and all is when this fails.
    ///
    /// `Malformed`, with `aes.base64` for what is not standard base64 with padding, `aes.length`
    /// for no or broken blocks, `aes.padding` for whatever is wrong with the plain text's end: how
    /// much is wrong takes no time and is not told.
    pub fn decrypt(&self, buf: &mut [u8]) -> Result<usize> {
        let plain = decode_in_place(buf).and_then(|len| {
            let blocks = buf.get_mut(..len).unwrap_or_default();
            self.decrypt_blocks(blocks)
        });
        buf.get_mut(plain.unwrap_or_default()..).unwrap_or_default().zeroize();
        plain
    }

    fn decrypt_blocks(&self, bytes: &mut [u8]) -> Result<usize> {
        let len = bytes.len();
        let (blocks, broken) = bytes.as_chunks_mut::<BLOCK>();
        let mut cipher = cbc::Decryptor::<Aes128>::new((&*self.0).into(), &[0; BLOCK].into());
        for block in blocks.iter_mut() {
            cipher.decrypt_block(block.into());
        }
        match (blocks.last(), broken) {
            (Some(last), []) => Ok(len - padding(last)?),
            _ => Err(malformed("aes.length")),
        }
    }
}

/// How many bytes of the last block are padding; looks at all of them in any case.
fn padding(last: &[u8; BLOCK]) -> Result<usize> {
    let [.., pad] = *last;
    let mut wrong = u8::from(pad == 0) | u8::from(usize::from(pad) > BLOCK);
    for (from_end, &byte) in last.iter().rev().enumerate() {
        wrong |= u8::from(from_end < usize::from(pad)) & u8::from(byte != pad);
    }
    match wrong {
        0 => Ok(usize::from(pad)),
        _ => Err(malformed("aes.padding")),
    }
}

/// At least one byte of padding, up to whole blocks.
const fn padded_len(len: usize) -> usize {
    (len / BLOCK).saturating_add(1).saturating_mul(BLOCK)
}

const fn malformed(what: &'static str) -> Error {
    Error::new(Status::Malformed, what)
}

/// Turns the first `len` bytes of `buf` into base64 that fills it, from the end: what is written
/// never reaches what is still to be read.
fn encode_in_place(buf: &mut [u8], len: usize) -> Result<()> {
    let bug = Error::new(Status::Internal, "aes");
    for group in (0..len.div_ceil(3)).rev() {
        let mut bytes = [0; 3];
        let from = buf.get(3 * group..len.min(3 * group + 3)).ok_or(bug)?;
        let bytes = bytes.get_mut(..from.len()).ok_or(bug)?;
        bytes.copy_from_slice(from);
        let to = buf.get_mut(4 * group..4 * group + 4).ok_or(bug)?;
        STANDARD.encode_slice(bytes, to).map_err(|_| bug)?;
    }
    Ok(())
}

/// Turns the base64 in `buf` into the bytes it stands for, from the start; returns their number.
fn decode_in_place(buf: &mut [u8]) -> Result<usize> {
    let bad = malformed("aes.base64");
    let mut len = 0;
    for group in 0..buf.len().div_ceil(4) {
        let mut bytes = [0; 3];
        let from = buf.get(4 * group..4 * group + 4).ok_or(bad)?;
        let count = STANDARD.decode_slice(from, &mut bytes).map_err(|_| bad)?;
        let is_last = 4 * group + 4 == buf.len();
        if count < 3 && !is_last {
            return Err(bad);
        }
        buf.get_mut(len..len + 3).ok_or(bad)?.copy_from_slice(&bytes);
        len += count;
    }
    Ok(len)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    fn key() -> AesKey {
        AesKey::from_base64(b"NgO9Wxef/n95MWe5AmixtA==").unwrap()
    }

    fn refused(text: &[u8]) -> &'static str {
        let mut buf = text.to_vec();
        let error = key().decrypt(&mut buf).unwrap_err();
        assert_eq!((error.status, error.at), (Status::Malformed, 0));
        assert!(buf.iter().all(|&byte| byte == 0));
        error.what
    }

    #[test]
    fn every_length_comes_back_and_needs_what_was_told() {
        for len in 0..100 {
            let plain: Vec<u8> = (0..len as u8).collect();
            let needed = AesKey::encrypted_len(len);
            let mut buf = plain.clone();
            buf.resize(needed - 1, 0);
            let error = key().encrypt(&mut buf, len).unwrap_err();
            assert_eq!((error.status, error.at as usize), (Status::BufferTooSmall, needed));
            assert_eq!(buf[..len], plain);
            buf.resize(needed + 3, 7);
            assert_eq!(key().encrypt(&mut buf, len), Ok(needed));
            assert_eq!(buf[needed..], [7; 3]);
            assert_eq!(key().decrypt(&mut buf[..needed]), Ok(len));
            assert_eq!(buf[..len], plain);
            assert!(buf[len..needed].iter().all(|&byte| byte == 0));
        }
        assert_eq!(key().encrypt(&mut [], usize::MAX).unwrap_err().status, Status::BufferTooSmall);
    }

    #[test]
    fn every_wrong_end_is_one_error() {
        for last in 0..=255u8 {
            for ok in [false, true] {
                let mut block = [last; BLOCK];
                let count = usize::from(last);
                if !ok && (2..=BLOCK).contains(&count) {
                    block[BLOCK - count] ^= 1;
                }
                let expected = (1..=BLOCK).contains(&count) && (ok || count == 1);
                assert_eq!(padding(&block).is_ok(), expected, "{block:?}");
            }
        }
        assert_eq!(refused(b"QkJCQkJCQkJCQkJCQkJCQg=="), "aes.padding");
    }

    #[test]
    fn other_texts_are_refused_by_kind() {
        for bad in [&b"*"[..], b"****", b"QUI", b"QQ==QQ==", b"QR==", b"QkJC\n"] {
            assert_eq!(refused(bad), "aes.base64");
        }
        assert_eq!(refused(b""), "aes.length");
        assert_eq!(refused(b"QUJD"), "aes.length");
    }

    #[test]
    fn keys_are_16_bytes() {
        let status = |text: &[u8]| AesKey::from_base64(text).map_err(|e| (e.status, e.what));
        assert!(status(b" NgO9Wxef/n95MWe5AmixtA==\r\n").is_ok());
        assert_eq!(status(b"").unwrap_err(), (Status::Missing, "aes_key"));
        let bad =
            ["@@@@", "NgO9Wxef/n95MWe5Amix", "NgO9Wxef/n95MWe5Amix", "NgO9Wxef/n95MWe5AmixtLS0"];
        for text in bad {
            assert_eq!(status(text.as_bytes()).unwrap_err(), (Status::KeyFormat, "aes_key"));
        }
        assert_eq!(format!("{:?}", key()), "AesKey");
    }
}
