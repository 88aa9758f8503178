//! Keys and RSA.

/// The digest a signature is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256: `sign_type=RSA2`.
    Sha256,
    /// SHA-1: `sign_type=RSA`, for applications from before 2018.
    Sha1,
}
