//! Content encryption (encrypt_type=AES): in flow texts and bytes, out flow base64 of ciphertext
//! and back. AES-128, CBC, PKCS#7, a first block of zeros: what Alipay's samples and SDKs do.

use aes::Aes128;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

/// The key the console shows.
#[derive(Clone, Copy)]
pub struct ContentKey([u8; 16]);

impl ContentKey {
    /// Base64 of 16 bytes.
    pub fn read(text: &str) -> Result<ContentKey, String> {
        let bytes = STANDARD.decode(text.trim()).map_err(|e| format!("content key: {e}"))?;
        let wrong = |bytes: Vec<u8>| format!("content key: {} bytes, not 16", bytes.len());
        bytes.try_into().map(ContentKey).map_err(wrong)
    }

    /// Base64 of the ciphertext.
    pub fn encrypt(&self, plain: &[u8]) -> String {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.0.into(), &[0; 16].into());
        STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(plain))
    }

    /// None for what is not base64, or no ciphertext of this key.
    pub fn decrypt(&self, text: &[u8]) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(text).ok()?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.0.into(), &[0; 16].into());
        cipher.decrypt_padded_vec::<Pkcs7>(&bytes).ok()
    }
}
