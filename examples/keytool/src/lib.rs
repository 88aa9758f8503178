//! Key texts: in flows whatever people paste (PEM of any label, bare base64, wrapped lines),
//! out flows an RSA key, and from a key every text form somebody asks for.
//!
//! A label is never believed: the DER inside says what a key is.

use base64::{Engine, engine::general_purpose::STANDARD};
use getrandom::SysRng;
use rsa::pkcs1::{
    DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, LineEnding as Pkcs1Ending,
};
use rsa::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use rsa::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

pub use rsa::{RsaPrivateKey, RsaPublicKey};

/// What a key text turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PrivateKeyInfo, the official tool's "Java" output.
    Pkcs8Private,
    /// RSAPrivateKey, the official tool's "non-Java" output.
    Pkcs1Private,
    /// SubjectPublicKeyInfo, what Alipay's console takes and gives.
    SpkiPublic,
    /// RSAPublicKey, rare.
    Pkcs1Public,
}

impl Kind {
    /// The name people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pkcs8Private => "private key, PKCS#8",
            Kind::Pkcs1Private => "private key, PKCS#1",
            Kind::SpkiPublic => "public key, X.509 SubjectPublicKeyInfo",
            Kind::Pkcs1Public => "public key, PKCS#1",
        }
    }

    /// True when the text must be kept secret.
    pub fn is_private(self) -> bool {
        matches!(self, Kind::Pkcs8Private | Kind::Pkcs1Private)
    }
}

/// Every text form of a key pair. The private ones are wiped when dropped.
pub struct Forms {
    pub private_pkcs8_pem: Zeroizing<String>,
    pub private_pkcs8_line: Zeroizing<String>,
    pub private_pkcs1_pem: Zeroizing<String>,
    pub private_pkcs1_line: Zeroizing<String>,
    pub public_pem: String,
    pub public_line: String,
}

/// Makes a key of `bits` bits from the system's entropy.
pub fn generate(bits: usize) -> Result<RsaPrivateKey, String> {
    RsaPrivateKey::new(&mut UnwrapErr(SysRng), bits).map_err(|e| format!("no key was made: {e}"))
}

/// Writes a key in every form.
pub fn forms(key: &RsaPrivateKey) -> Result<Forms, String> {
    let pkcs8 = key.to_pkcs8_der().map_err(text)?;
    let pkcs1 = key.to_pkcs1_der().map_err(text)?;
    let public = key.to_public_key();
    Ok(Forms {
        private_pkcs8_pem: key.to_pkcs8_pem(LineEnding::LF).map_err(text)?,
        private_pkcs8_line: Zeroizing::new(STANDARD.encode(pkcs8.as_bytes())),
        private_pkcs1_pem: key.to_pkcs1_pem(Pkcs1Ending::LF).map_err(text)?,
        private_pkcs1_line: Zeroizing::new(STANDARD.encode(pkcs1.as_bytes())),
        public_pem: public.to_public_key_pem(LineEnding::LF).map_err(text)?,
        public_line: public_line(&public)?,
    })
}

/// One-line base64 of the SubjectPublicKeyInfo: what the Alipay console takes.
pub fn public_line(key: &RsaPublicKey) -> Result<String, String> {
    Ok(STANDARD.encode(key.to_public_key_der().map_err(text)?.as_bytes()))
}

/// Reads a private key in any text form.
pub fn read_private(key_text: &str) -> Result<RsaPrivateKey, String> {
    let der = der(key_text)?;
    RsaPrivateKey::from_pkcs8_der(&der)
        .or_else(|_| RsaPrivateKey::from_pkcs1_der(&der))
        .map_err(|_| wrong_kind(&der, "a private key", "a public one"))
}

/// Reads a public key in any text form. A private key is refused, not quietly converted.
pub fn read_public(key_text: &str) -> Result<RsaPublicKey, String> {
    let der = der(key_text)?;
    public_of(&der).ok_or_else(|| wrong_kind(&der, "a public key", "a private one"))
}

/// Says what a key text is, its size in bits, and gives its public half.
pub fn describe(key_text: &str) -> Result<(Kind, usize, RsaPublicKey), String> {
    let der = der(key_text)?;
    let kind = kind_of(&der).ok_or("this is base64, but not an RSA key")?;
    let public = match kind {
        Kind::Pkcs8Private | Kind::Pkcs1Private => read_private(key_text)?.to_public_key(),
        Kind::SpkiPublic | Kind::Pkcs1Public => read_public(key_text)?,
    };
    Ok((kind, public.n().bits() as usize, public))
}

fn kind_of(der: &[u8]) -> Option<Kind> {
    if RsaPrivateKey::from_pkcs8_der(der).is_ok() {
        Some(Kind::Pkcs8Private)
    } else if RsaPrivateKey::from_pkcs1_der(der).is_ok() {
        Some(Kind::Pkcs1Private)
    } else if RsaPublicKey::from_public_key_der(der).is_ok() {
        Some(Kind::SpkiPublic)
    } else if RsaPublicKey::from_pkcs1_der(der).is_ok() {
        Some(Kind::Pkcs1Public)
    } else {
        None
    }
}

fn public_of(der: &[u8]) -> Option<RsaPublicKey> {
    RsaPublicKey::from_public_key_der(der).or_else(|_| RsaPublicKey::from_pkcs1_der(der)).ok()
}

fn wrong_kind(der: &[u8], wanted: &str, other: &str) -> String {
    match kind_of(der) {
        Some(_) => format!("{wanted} is needed, this is {other}"),
        None => format!("{wanted} is needed, this is base64 of something else"),
    }
}

/// The DER bytes inside a key text: PEM lines and white space go, base64 stays.
fn der(key_text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let lines = key_text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let kept = lines.filter(|l| !l.starts_with("-----")).flat_map(str::chars);
    let base64 = Zeroizing::new(kept.filter(|c| !c.is_whitespace()).collect::<String>());
    if base64.is_empty() {
        return Err("the key text is empty".into());
    }
    let bytes = STANDARD.decode(base64.as_bytes());
    bytes.map(Zeroizing::new).map_err(|e| format!("the key text is not base64: {e}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
