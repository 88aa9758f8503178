//! Keys, certificates and the content key: configured texts in, a vault to sign and verify with out.
//!
//! In: the key texts of a [`Config`]. Out: a [`Vault`], and the [`Wire`] parts of every request
//! that follow from keys: certificate numbers and content encryption.
//!
//! Alipay's key may be two for a while, so that a terminal needs nobody on the day it changes.

use super::Config;
#[cfg(feature = "aes")]
use crate::crypto::AesKey;
#[cfg(feature = "certificates")]
use crate::crypto::cert;
use crate::crypto::{PrivateKey, PublicKey, Scratch};
#[cfg(feature = "certificates")]
use crate::gateway::CERT_SN_MAX;
use crate::gateway::{Answer, Charset};
use crate::status::{Error, Result, Status};
#[cfg(feature = "certificates")]
use crate::text::{self, Text, Writer};

/// Keys and working memory, apart from the rest so that signing can borrow both.
pub(super) struct Vault {
    pub(super) private: PrivateKey,
    /// The app's public key, when a signer port or somebody elsewhere signs.
    pub(super) own_public: PublicKey,
    pub(super) alipay: PublicKey,
    alipay_next: PublicKey,
    pub(super) scratch: Scratch,
}

/// A certificate's number; empty without one.
#[cfg(feature = "certificates")]
type Number = Text<{ cert::NUMBER_LEN }>;

/// What keys add to requests, and take from answers.
pub(super) struct Wire {
    #[cfg(feature = "certificates")]
    app: Number,
    #[cfg(feature = "certificates")]
    root: Text<CERT_SN_MAX>,
    /// Of Alipay's certificates: today's and the next one.
    #[cfg(feature = "certificates")]
    alipay: [Number; 2],
    #[cfg(feature = "aes")]
    content: Option<AesKey>,
}

impl Vault {
    pub(super) const fn new() -> Vault {
        Vault {
            private: PrivateKey::new(),
            own_public: PublicKey::new(),
            alipay: PublicKey::new(),
            alipay_next: PublicKey::new(),
            scratch: Scratch::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.private.clear();
        self.own_public = PublicKey::new();
        self.alipay = PublicKey::new();
        self.alipay_next = PublicKey::new();
    }

    /// Loads all keys; the first error names the member.
    pub(super) fn load(&mut self, config: &Config<'_>, has_signer: bool) -> Result<()> {
        let mut first = Ok(());
        self.load_each(config, has_signer, &mut |error| first = first.and(Err(error)));
        first
    }

    /// The same, and every error is told.
    pub(super) fn load_each(
        &mut self,
        config: &Config<'_>,
        has_signer: bool,
        told: &mut dyn FnMut(Error),
    ) {
        let certified = check_mode(config).unwrap_or_else(|error| {
            told(error);
            !config.alipay_cert.is_empty()
        });
        if let Err(error) = self.load_own(config, has_signer) {
            told(error);
        }
        let names = if certified {
            [(config.alipay_cert, CERT), (config.alipay_cert_next, CERT_NEXT)]
        } else {
            [(config.alipay_public_key, KEY), (config.alipay_public_key_next, KEY_NEXT)]
        };
        let Vault { private, own_public, alipay, alipay_next, scratch } = self;
        for (key, (text, what)) in [alipay, alipay_next].into_iter().zip(names) {
            if text.is_empty() && matches!(what, CERT_NEXT | KEY_NEXT) {
                continue;
            }
            if let Err(error) = load(key, text, what, scratch) {
                told(error);
            } else if private.matches(key) || own_public.matches(key) {
                // The commonest mistake of all: the app's own public key where Alipay's belongs.
                told(Error::new(Status::KeyMismatch, what));
            }
        }
    }

    /// The app's own key; in certificate mode its certificate must belong to it.
    fn load_own(&mut self, config: &Config<'_>, has_signer: bool) -> Result<()> {
        let Vault { private, own_public, alipay, scratch, .. } = self;
        let app_cert = config.app_cert;
        if config.sign_elsewhere && (has_signer || !config.private_key.is_empty()) {
            // Who keeps the key off the till wants to hear that it is on it.
            return Err(Error::new(Status::Argument, "config.sign_elsewhere"));
        }
        if !has_signer && !config.sign_elsewhere {
            let named = |e| Error { what: "config.private_key", ..e };
            private.load(config.private_key.as_bytes(), scratch).map_err(named)?;
        } else if config.app_public_key.is_empty() && !app_cert.is_empty() {
            return load(own_public, app_cert, APP_CERT, scratch);
        } else {
            load(own_public, config.app_public_key, "config.app_public_key", scratch)?;
        }
        if app_cert.is_empty() {
            return Ok(());
        }
        // Alipay's own place is still free.
        load(alipay, app_cert, APP_CERT, scratch)?;
        match private.matches(alipay) || own_public.matches(alipay) {
            true => Ok(()),
            false => Err(Error::new(Status::KeyMismatch, APP_CERT)),
        }
    }

    /// When both halves of the app's key are configured: whether they are of one pair.
    pub(super) fn check_pair(&mut self, config: &Config<'_>) -> Result<()> {
        let Vault { private, own_public, scratch, .. } = self;
        if private.is_empty() || config.app_public_key.is_empty() {
            return Ok(());
        }
        load(own_public, config.app_public_key, "config.app_public_key", scratch)?;
        match private.matches(own_public) {
            true => Ok(()),
            false => Err(Error::new(Status::KeyMismatch, "config.app_public_key")),
        }
    }

    /// Verifies with Alipay's key or, when that is not the one, with the next; says whether it was
    /// the next. Both are trusted alike.
    pub(super) fn verify(&mut self, config: &Config<'_>, answer: &Answer<'_>) -> Result<bool> {
        let Vault { alipay, alipay_next, scratch, .. } = self;
        let digest = config.sign_type.digest();
        match answer.verify(digest, alipay, scratch) {
            Err(Error { status: Status::Signature, .. }) if !alipay_next.is_empty() => {
                answer.verify(digest, alipay_next, scratch).map(|()| true)
            }
            today => today.map(|()| false),
        }
    }
}

const APP_CERT: &str = "config.app_cert";
const ROOT_CERT: &str = "config.alipay_root_cert";
const CERT: &str = "config.alipay_cert";
const CERT_NEXT: &str = "config.alipay_cert_next";
const KEY: &str = "config.alipay_public_key";
const KEY_NEXT: &str = "config.alipay_public_key_next";

fn load(key: &mut PublicKey, text: &str, what: &'static str, scratch: &mut Scratch) -> Result<()> {
    key.load(text.as_bytes(), scratch).map_err(|error| Error { what, ..error })
}

/// Whether this is certificate mode: then all three certificates are there, and no bare key of
/// Alipay's beside them, because it would not be clear which of the two counts.
fn check_mode(config: &Config<'_>) -> Result<bool> {
    let needed = [
        (config.app_cert, APP_CERT),
        (config.alipay_cert, CERT),
        (config.alipay_root_cert, ROOT_CERT),
    ];
    let certified = !config.alipay_cert_next.is_empty() || needed.iter().any(|n| !n.0.is_empty());
    if !certified {
        return Ok(false);
    }
    if cfg!(not(feature = "certificates")) {
        return Err(Error::new(Status::Unsupported, APP_CERT));
    }
    if let Some((_, what)) = needed.iter().find(|(text, _)| text.is_empty()) {
        return Err(Error::new(Status::Missing, what));
    }
    for (text, what) in [(config.alipay_public_key, KEY), (config.alipay_public_key_next, KEY_NEXT)]
    {
        if !text.is_empty() {
            return Err(Error::new(Status::Argument, what));
        }
    }
    Ok(true)
}

impl Wire {
    pub(super) const fn new() -> Wire {
        Wire {
            #[cfg(feature = "certificates")]
            app: Text::new(),
            #[cfg(feature = "certificates")]
            root: Text::new(),
            #[cfg(feature = "certificates")]
            alipay: [Text::new(), Text::new()],
            #[cfg(feature = "aes")]
            content: None,
        }
    }

    /// Takes the certificates' numbers and the content key; errors name the member.
    pub(super) fn load(&mut self, config: &Config<'_>) -> Result<()> {
        self.load_content(config.content_key)?;
        #[cfg(feature = "certificates")]
        if !config.app_cert.is_empty() {
            self.app = number(config.app_cert, APP_CERT)?;
            self.root = root_number(config.alipay_root_cert)?;
            let [today, next] = &mut self.alipay;
            *today = number(config.alipay_cert, CERT)?;
            if !config.alipay_cert_next.is_empty() {
                *next = number(config.alipay_cert_next, CERT_NEXT)?;
            }
        }
        Ok(())
    }

    #[cfg(feature = "aes")]
    fn load_content(&mut self, text: &str) -> Result<()> {
        if !text.is_empty() {
            let key = AesKey::from_base64(text.as_bytes());
            let named = |error| Error { what: "config.content_key", ..error };
            self.content = Some(key.map_err(named)?);
        }
        Ok(())
    }

    #[cfg(not(feature = "aes"))]
    fn load_content(&mut self, text: &str) -> Result<()> {
        match text {
            "" => Ok(()),
            _ => Err(Error::new(Status::Unsupported, "config.content_key")),
        }
    }

    /// `app_cert_sn` and `alipay_root_cert_sn`, in certificate mode.
    pub(super) fn numbers(&self) -> (Option<&str>, Option<&str>) {
        #[cfg(feature = "certificates")]
        return (super::some(&self.app), super::some(&self.root));
        #[cfg(not(feature = "certificates"))]
        (None, None)
    }

    #[cfg(feature = "aes")]
    pub(super) fn content_key(&self) -> Option<&AesKey> {
        self.content.as_ref()
    }

    /// Why a signature does not verify: perhaps Alipay has a certificate that is not among ours.
    pub(super) fn explain(&self, error: Error, answer: &Answer<'_>) -> Error {
        #[cfg(feature = "certificates")]
        if error.status == Status::Signature && !self.app.is_empty() {
            let mut known = self.alipay.iter().filter(|number| !number.is_empty());
            let others = |number: &Number| match answer.check_cert_sn(number) {
                Err(other) if other.status == Status::KeyMismatch => Some(other),
                _ => None,
            };
            let named = known.try_fold(error, |_, number| others(number));
            return named.unwrap_or(error);
        }
        let _ = answer;
        error
    }

    /// The answer with its fields: decrypted into `room` if it has to be. Only of a verified
    /// answer, for ciphertext protects nothing by itself.
    ///
    /// `Malformed` for a success in the clear while content is encrypted. The gateway encrypts
    /// every success of such a session; refusals it often does not, and they count as they are. A
    /// plain success is one from before the key was set, or of a gateway that does not know of it:
    /// the entry is repeated, with the same req_id, until it is answered as agreed.
    pub(super) fn unlock<'b>(
        &self,
        answer: &Answer<'b>,
        charset: Charset,
        room: &'b mut [u8],
    ) -> Result<Answer<'b>> {
        #[cfg(feature = "aes")]
        if let Some(key) = &self.content {
            if answer.is_encrypted() {
                let long = |error: Error| match error.status {
                    Status::BufferTooSmall => Error::new(Status::TooLong, "answer.node"),
                    _ => error,
                };
                return answer.decrypt(key, charset, room).map_err(long);
            }
            if answer.code().is_ok_and(|code| code == "10000") {
                return Err(Error::new(Status::Malformed, "answer.node"));
            }
        }
        let _ = (charset, room);
        Ok(*answer)
    }
}

#[cfg(feature = "certificates")]
fn number(text: &str, what: &'static str) -> Result<Number> {
    cert::number(text.as_bytes()).map_err(|error| Error { what, ..error })
}

#[cfg(feature = "certificates")]
fn root_number(bundle: &str) -> Result<Text<CERT_SN_MAX>> {
    let named = |error| Error { what: ROOT_CERT, ..error };
    let mut room = [0; CERT_SN_MAX];
    let mut writer = Writer::new(&mut room);
    cert::root_number(bundle.as_bytes(), &mut writer).map_err(named)?;
    let too_long = Error::new(Status::TooLong, ROOT_CERT).at(CERT_SN_MAX);
    match writer.finish_str().map_err(|_| too_long)? {
        "" => Err(Error::new(Status::KeyUnsupported, ROOT_CERT)), // None of them is RSA.
        joined => text::bounded(joined, ROOT_CERT),
    }
}
