//! The forms a key comes in: key text in, a reader standing before the RSA numbers out.
//!
//! ```text
//! PKCS#1 private  SEQ { 0, n, e, d, p, q, dp, dq, qinv }
//! PKCS#8          SEQ { 0|1, SEQ { rsa, NULL }, OCTETS { PKCS#1 private }, attributes }
//! PKCS#1 public   SEQ { n, e }
//! SPKI            SEQ { SEQ { rsa, NULL }, BITS { PKCS#1 public } }
//! certificate     SEQ { SEQ { [0] v, serial, SEQ, SEQ, SEQ, SEQ, SPKI, ... }, ... }
//! ```
//!
//! Each is known by its content; what a PEM label says does not matter.

use super::der::{self, Der};
use crate::status::{Result, Status};

/// Where the RSA numbers are, and what kind they are.
pub(super) struct Numbers {
    /// The private numbers (from n on, the version is read), or n and e.
    pub private: bool,
    /// End of the sequence of numbers.
    pub end: usize,
    /// End of the whole; what lies between is no part of the key.
    outer: usize,
}

impl Numbers {
    /// Opens key text of any form.
    pub fn find(der: &mut Der<'_>) -> Result<Self> {
        if der.peek()?.tag == der::OID {
            return Err(der.error(Status::KeyUnsupported)); // EC PARAMETERS
        }
        let outer = der.enter(der::SEQUENCE, usize::MAX)?;
        let first = der.peek()?;
        match first.tag {
            der::INTEGER if first.len <= 1 => versioned(der, outer),
            der::INTEGER => Ok(Numbers { private: false, end: outer, outer }),
            der::SEQUENCE => wrapped(der, outer),
            _ => Err(der.error(Status::KeyFormat)),
        }
    }

    /// After the numbers: checks that they, and the text, end where they must.
    pub fn finish(&self, der: &mut Der<'_>) -> Result<()> {
        der.leave(self.end)?;
        der.skip_to(self.outer)?;
        der.finish()
    }
}

/// Private keys: PKCS#1, PKCS#8, or EC.
fn versioned(der: &mut Der<'_>, outer: usize) -> Result<Numbers> {
    let version = der.version(outer)?;
    match der.peek()?.tag {
        der::INTEGER if version == 0 => Ok(Numbers { private: true, end: outer, outer }),
        der::SEQUENCE if version <= 1 => {
            let rsa = algorithm(der, outer)?;
            let octets = der.enter(der::OCTET_STRING, outer)?;
            if !rsa {
                return Err(der.error(Status::KeyUnsupported));
            }
            let end = sequence(der, octets)?;
            match der.version(end)? {
                0 => Ok(Numbers { private: true, end, outer }),
                _ => Err(der.error(Status::KeyUnsupported)),
            }
        }
        // More than two primes; an EC key.
        der::INTEGER | der::OCTET_STRING => Err(der.error(Status::KeyUnsupported)),
        _ => Err(der.error(Status::KeyFormat)),
    }
}

/// SPKI, a certificate, or an encrypted private key.
fn wrapped(der: &mut Der<'_>, outer: usize) -> Result<Numbers> {
    // All begin with two SEQUENCEs; the second one's content tells them apart.
    let inner = der.enter(der::SEQUENCE, outer)?;
    match der.peek()?.tag {
        der::OID => {
            let rsa = algorithm_content(der, inner)?;
            match der.peek()?.tag {
                der::OCTET_STRING => Err(der.error(Status::KeyUnsupported)),
                _ => subject(der, rsa, outer, outer),
            }
        }
        der::CONTEXT_0 | der::INTEGER => certificate(der, inner, outer),
        _ => Err(der.error(Status::KeyFormat)),
    }
}

/// From the start of a certificate's signed part to its subject's key.
fn certificate(der: &mut Der<'_>, limit: usize, outer: usize) -> Result<Numbers> {
    if der.peek()?.tag == der::CONTEXT_0 {
        der.skip(der::CONTEXT_0, limit)?;
    }
    der.skip(der::INTEGER, limit)?; // serial number
    for _signature_issuer_validity_subject in 0..4 {
        der.skip(der::SEQUENCE, limit)?;
    }
    let spki = der.enter(der::SEQUENCE, limit)?;
    let rsa = algorithm(der, spki)?;
    subject(der, rsa, spki, outer)
}

/// The BIT STRING of an SPKI.
fn subject(der: &mut Der<'_>, rsa: bool, limit: usize, outer: usize) -> Result<Numbers> {
    let bits = der.enter(der::BIT_STRING, limit)?;
    if !rsa {
        return Err(der.error(Status::KeyUnsupported));
    }
    match der.byte()? {
        0 if bits == limit => Ok(Numbers { private: false, end: sequence(der, bits)?, outer }),
        _ => Err(der.error(Status::KeyFormat)), // Unused bits, or something after the key.
    }
}

/// A SEQUENCE that fills everything up to `end`.
fn sequence(der: &mut Der<'_>, end: usize) -> Result<usize> {
    match der.enter(der::SEQUENCE, end)? {
        same if same == end => Ok(end),
        _ => Err(der.error(Status::KeyFormat)),
    }
}

/// Whether an AlgorithmIdentifier says rsaEncryption.
fn algorithm(der: &mut Der<'_>, limit: usize) -> Result<bool> {
    let end = der.enter(der::SEQUENCE, limit)?;
    algorithm_content(der, end)
}

fn algorithm_content(der: &mut Der<'_>, end: usize) -> Result<bool> {
    let oid = der.enter(der::OID, end)?;
    let mut rsa = true;
    for &expected in b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" {
        rsa = rsa && !der.is_at(oid) && der.byte()? == expected;
    }
    rsa = rsa && der.is_at(oid);
    if rsa && !der.is_at(end) {
        der.skip(der::NULL, end)?;
        der.leave(end)?;
    }
    der.skip_to(end)?;
    Ok(rsa)
}
