//! Signatures: in flow key texts once and bytes per call, out flow base64 signatures and verdicts.
//!
//! Alipay's private key signs answers, the app's public key checks requests.

use base64::{Engine, engine::general_purpose::STANDARD};
use pointcard_keytool::{RsaPrivateKey, RsaPublicKey};
use rsa::Pkcs1v15Sign;
use sha1::Sha1;
use sha2::{Digest, Sha256};

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

/// Alipay's key pair and the public key the app registered.
pub struct Keys {
    alipay: RsaPrivateKey,
    app: RsaPublicKey,
    alipay_public: String,
}

impl Keys {
    /// Any text form is read; without Alipay's private key one of 2048 bits is made.
    pub fn read(app_public: &str, alipay_private: Option<&str>) -> Result<Keys, String> {
        let app = pointcard_keytool::read_public(app_public);
        let app = app.map_err(|e| format!("app public key: {e}"))?;
        let alipay = match alipay_private {
            Some(text) => pointcard_keytool::read_private(text),
            None => pointcard_keytool::generate(2048),
        };
        let alipay = alipay.map_err(|e| format!("Alipay's private key: {e}"))?;
        let alipay_public = pointcard_keytool::public_line(&alipay.to_public_key())?;
        Ok(Keys { alipay, app, alipay_public })
    }

    /// What the client under test takes as alipay_public_key: SPKI, base64, one line.
    pub fn alipay_public(&self) -> &str {
        &self.alipay_public
    }

    /// Signs as Alipay.
    pub fn sign(&self, sign_type: SignType, bytes: &[u8]) -> String {
        let (padding, digest) = sign_type.digest(bytes);
        // Fails only for keys smaller than a digest, which `read` does not accept.
        self.alipay.sign(padding, &digest).map(|s| STANDARD.encode(s)).unwrap_or_default()
    }

    /// True when the app signed these bytes. Standard base64 with padding, nothing else.
    pub fn verify(&self, sign_type: SignType, bytes: &[u8], signature: &[u8]) -> bool {
        let (padding, digest) = sign_type.digest(bytes);
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        self.app.verify(padding, &digest, &signature).is_ok()
    }
}
