//! Signatures: in flow key texts once and bytes per call, out flow base64 signatures and verdicts.
//!
//! Alipay's private key signs answers, the app's public key checks requests. Alipay may change to
//! a second key, which clients can be given beforehand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::{Engine, engine::general_purpose::STANDARD};
use pointcard_keytool::{RsaPrivateKey, RsaPublicKey};
use rsa::Pkcs1v15Sign;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::certs::{Authority, Certificate};

/// What the `sign_type` parameter named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignType {
    /// SHA-1, for old apps.
    Rsa,
    /// SHA-256.
    Rsa2,
}

impl SignType {
    /// Case matters.
    pub fn named(name: &[u8]) -> Option<SignType> {
        match name {
            b"RSA" => Some(SignType::Rsa),
            b"RSA2" => Some(SignType::Rsa2),
            _ => None,
        }
    }

    fn digest(self, bytes: &[u8]) -> (Pkcs1v15Sign, Vec<u8>) {
        match self {
            SignType::Rsa => (Pkcs1v15Sign::new::<Sha1>(), Sha1::digest(bytes).to_vec()),
            SignType::Rsa2 => (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(bytes).to_vec()),
        }
    }
}

/// Both sides' keys: Alipay's two, one in use and one to come, and the one the app registered.
pub struct Keys {
    first: Pair,
    next: OnceLock<Result<Pair, String>>,
    next_text: Option<String>,
    is_next: AtomicBool,
    app: RsaPublicKey,
    certificates: Option<(Authority, Certificate)>,
}

/// A key pair of Alipay's.
struct Pair {
    private: RsaPrivateKey,
    public: String,
    certificate: Option<Certificate>,
}

impl Keys {
    /// Any text form is read; without a private key of Alipay's one of 2048 bits is made. With
    /// certificates everybody gets one.
    pub fn read(
        app_public: &str,
        alipay: Option<&str>,
        next: Option<&str>,
        certificates: bool,
    ) -> Result<Keys, String> {
        let app = pointcard_keytool::read_public(app_public);
        let app = app.map_err(|e| format!("app public key: {e}"))?;
        let certify = |authority: Authority| {
            let certificate = authority.certify("app", &app)?;
            Ok::<_, String>((authority, certificate))
        };
        let certificates =
            if certificates { Some(Authority::new().and_then(certify)?) } else { None };
        let first = Pair::read(alipay, certificates.as_ref())?;
        let (next, next_text) = (OnceLock::new(), next.map(str::to_owned));
        Ok(Keys { first, next, next_text, is_next: AtomicBool::new(false), app, certificates })
    }

    /// What the client under test takes as alipay_public_key: SPKI, base64, one line.
    pub fn alipay_public(&self) -> &str {
        &self.first.public
    }

    /// The one to come; made when first asked for.
    fn next(&self) -> Result<&Pair, String> {
        let read = || Pair::read(self.next_text.as_deref(), self.certificates.as_ref());
        self.next.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// The public key to come, to be given to clients beforehand.
    pub fn next_public(&self) -> Result<&str, String> {
        Ok(&self.next()?.public)
    }

    /// Signs with the key to come from now on, or with the first again.
    pub fn rotate(&self, to_next: bool) -> Result<(), String> {
        if to_next {
            self.next()?;
        }
        self.is_next.store(to_next, Ordering::Relaxed);
        Ok(())
    }

    fn alipay(&self) -> &Pair {
        match self.next.get() {
            Some(Ok(next)) if self.is_next.load(Ordering::Relaxed) => next,
            _ => &self.first,
        }
    }

    /// Root, the app's and Alipay's present certificate, in certificate mode.
    pub fn certificates(&self) -> Option<[&Certificate; 3]> {
        let (authority, app) = self.certificates.as_ref()?;
        Some([&authority.root, app, self.alipay().certificate.as_ref()?])
    }

    /// Signs as Alipay.
    pub fn sign(&self, sign_type: SignType, bytes: &[u8]) -> String {
        let (padding, digest) = sign_type.digest(bytes);
        let signature = self.alipay().private.sign(padding, &digest);
        // Fails only for keys smaller than a digest, which `read` does not accept.
        signature.map(|s| STANDARD.encode(s)).unwrap_or_default()
    }

    /// True when the app signed these bytes. Standard base64 with padding, nothing else.
    pub fn verify(&self, sign_type: SignType, bytes: &[u8], signature: &[u8]) -> bool {
        let (padding, digest) = sign_type.digest(bytes);
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        self.app.verify(padding, &digest, &signature).is_ok()
    }
}

impl Pair {
    fn read(
        text: Option<&str>,
        certificates: Option<&(Authority, Certificate)>,
    ) -> Result<Pair, String> {
        let private = match text {
            Some(text) => pointcard_keytool::read_private(text),
            None => pointcard_keytool::generate(2048),
        };
        let private = private.map_err(|e| format!("Alipay's private key: {e}"))?;
        let public = pointcard_keytool::public_line(&private.to_public_key())?;
        let certify =
            |(authority, _): &(Authority, _)| authority.certify_holder("alipay", &private);
        let certificate = certificates.map(certify).transpose()?;
        Ok(Pair { private, public, certificate })
    }
}
