//! Section: keys, signatures, certificate numbers, encrypted content. No client is needed.

use core::ffi::c_char;
use core::mem::{align_of, size_of};

use super::config_text;
use super::fault::{TextOut, bytes, pointcard_fault, stateless};
use super::life::{POINTCARD_RSA, POINTCARD_RSA2};
use crate::crypto::{Digest, Hasher, MAX_BYTES, PrivateKey, PublicKey, Scratch};
use crate::gateway::{self, Param, SignType};
use crate::status::{Error, Result, Status};
use crate::text::Writer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize as _;

/// Bytes of a pointcard_key.
pub const POINTCARD_KEY_SIZE: usize = 16384;

/// A key and the memory to work with it. The caller owns it; its contents are the library's. One
/// thread at a time may use it. pointcard_key_clear wipes it.
#[repr(C)]
pub struct pointcard_key {
    opaque: [u64; 2048],
}

/// pointcard_key_load: the app's private key, for signing. Source: Alipay's key tool (PKCS#1 and
/// PKCS#8).
pub const POINTCARD_KEY_PRIVATE: i32 = 1;
/// pointcard_key_load: a public key or certificate, for verifying. Source: Alipay's console (X.509
/// SubjectPublicKeyInfo).
pub const POINTCARD_KEY_PUBLIC: i32 = 2;

/// Room for any signature as text, NUL included: base64 of 512 bytes.
pub const POINTCARD_SIGNATURE_MAX: usize = 685;
/// Most parameters of pointcard_canonical. Requests of this product have at most 13.
pub const POINTCARD_PARAMS_MAX: usize = 64;
/// Room for the number of one certificate, NUL included: 32 hex digits. Source: Alipay's page on
/// certificates (MD5 in hexadecimal).
pub const POINTCARD_CERT_NUMBER_SIZE: usize = 33;

const _: () = assert!(MAX_BYTES.div_ceil(3) * 4 < POINTCARD_SIGNATURE_MAX);

/// One parameter of a canonical string. Both are NUL-terminated and read during the call.
///
/// Source: Alipay's page on signing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_param {
    /// The name, UTF-8. Required.
    pub name: *const c_char,
    /// The value as it is signed: raw bytes of the session's charset, neither percent-encoded nor
    /// quoted. NULL or "" = not sent and not signed.
    pub value: *const c_char,
}

#[repr(C)] // `state` first: memory that never held a key is told by it.
pub(super) struct Key {
    state: u32,
    private: PrivateKey,
    public: PublicKey,
    scratch: Scratch,
}

/// Stand in the first word of a key that is loaded.
const PRIVATE: u32 = 0x7063_0011;
const PUBLIC: u32 = 0x7063_0012;

const _: () = assert!(size_of::<Key>() <= POINTCARD_KEY_SIZE, "raise POINTCARD_KEY_SIZE");
const _: () = assert!(size_of::<pointcard_key>() == POINTCARD_KEY_SIZE);
const _: () = assert!(align_of::<Key>() <= align_of::<pointcard_key>());

impl Key {
    const EMPTY: Key = Key {
        state: 0,
        private: PrivateKey::new(),
        public: PublicKey::new(),
        scratch: Scratch::new(),
    };

    /// The public half and the memory to verify with.
    pub(super) fn verifier(&mut self) -> Result<(&PublicKey, &mut Scratch)> {
        match self.state {
            PUBLIC => Ok((&self.public, &mut self.scratch)),
            _ => Err(Error::new(Status::KeyMismatch, "key")),
        }
    }

    fn load(&mut self, text: &[u8], kind: i32) -> Result<()> {
        let Key { state, private, public, scratch } = self;
        (*state, _) = match kind {
            POINTCARD_KEY_PRIVATE => (PRIVATE, private.load(text, scratch)?),
            POINTCARD_KEY_PUBLIC => (PUBLIC, public.load(text, scratch)?),
            _ => return Err(Error::new(Status::Argument, "kind")),
        };
        Ok(())
    }

    fn sign(&mut self, sign_type: SignType, data: &[u8], out: &mut Writer<'_>) -> Result<()> {
        if self.state != PRIVATE {
            return Err(Error::new(Status::KeyMismatch, "key"));
        }
        let mut room = [0; MAX_BYTES];
        let (digest, hash) = hash(sign_type, data);
        let Key { private, scratch, .. } = self;
        #[cfg(feature = "std")]
        let entropy: Option<&mut dyn crate::port::Entropy> =
            Some(&mut crate::port::system::SystemEntropy);
        #[cfg(not(feature = "std"))]
        let entropy = None;
        let len = private.sign(digest, hash.as_bytes(), entropy, scratch, &mut room)?;
        let mut text = [0; POINTCARD_SIGNATURE_MAX];
        let signature = room.get(..len).unwrap_or_default();
        let len = STANDARD.encode_slice(signature, &mut text);
        let len = len.map_err(|_| Error::new(Status::Internal, "sign"))?;
        out.bytes(text.get(..len).unwrap_or_default());
        Ok(())
    }

    fn verify(&mut self, sign_type: SignType, data: &[u8], signature: &[u8]) -> Result<()> {
        let (digest, hash) = hash(sign_type, data);
        let (public, scratch) = self.verifier()?;
        let mut room = [0; MAX_BYTES];
        let wrong = Error::new(Status::Signature, "sign");
        let len = STANDARD.decode_slice(signature, &mut room).map_err(|_| wrong)?;
        let signature = room.get(..len).unwrap_or_default();
        public.verify(digest, hash.as_bytes(), signature, scratch)
    }

    fn matches(&self, other: &Key) -> Result<()> {
        let same = match (self.state, other.state) {
            (PRIVATE, PUBLIC) => self.private.matches(&other.public),
            (PUBLIC, PRIVATE) => other.private.matches(&self.public),
            (PUBLIC, PUBLIC) => self.public.matches(&other.public),
            _ => return Err(Error::new(Status::Argument, "key")),
        };
        if same { Ok(()) } else { Err(Error::new(Status::KeyMismatch, "key")) }
    }
}

fn hash(sign_type: SignType, data: &[u8]) -> (Digest, crate::crypto::HashValue) {
    let digest = sign_type.digest();
    let mut hasher = Hasher::new(digest);
    hasher.update(data);
    (digest, hasher.finish())
}

pub(super) fn rust_sign_type(sign_type: i32, what: &'static str) -> Result<SignType> {
    match sign_type {
        POINTCARD_RSA2 => Ok(SignType::Rsa2),
        POINTCARD_RSA => Ok(SignType::Rsa),
        _ => Err(Error::new(Status::Argument, what)),
    }
}

/// The key behind a C pointer.
// Safety: `key` is null, or readable and either never a key or one that pointcard_key_load filled;
// no other thread uses it.
pub(super) unsafe fn loaded<'a>(key: *mut pointcard_key) -> Result<&'a mut Key> {
    // Safety: as promised above.
    unsafe { place(key).map(|key| &mut *key) }
}

/// Where the key is.
// Safety: as `loaded`.
unsafe fn place(key: *mut pointcard_key) -> Result<*mut Key> {
    if key.is_null() {
        return Err(Error::new(Status::Null, "key"));
    }
    // Safety: the first word is readable whether or not it was ever loaded.
    match unsafe { key.cast::<u32>().read() } {
        // `pointcard_key_load` wrote a Key here.
        PRIVATE | PUBLIC => Ok(key.cast()),
        _ => Err(Error::new(Status::BadState, "key")),
    }
}

/// Loads a key: PEM or base64 with or without line breaks; private: PKCS#1 or PKCS#8; public:
/// SubjectPublicKeyInfo (what Alipay's console shows), PKCS#1, or an X.509 certificate. Which it is
/// is found out; PEM labels are not believed. 1024 to 4096 bits. A private key makes one signature
/// here, to see that its numbers belong together.
///
/// Source: Alipay's page of its key tool (one line of base64: PKCS#8 for Java, PKCS#1 for others;
/// 2048 bits, RSA2); its SDKs, which take one form each.
///
/// @param key    receives the key; need not be initialised
/// @param text   NUL-terminated, read during the call
/// @param kind   POINTCARD_KEY_PRIVATE or POINTCARD_KEY_PUBLIC
/// @param fault  receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (kind), ERR_MISSING, ERR_KEY_FORMAT,
/// ERR_KEY_UNSUPPORTED, ERR_KEY_MISMATCH (a public key as private one, or the other way): then
/// there is no key.
// Safety: `key` is null or has POINTCARD_KEY_SIZE writable bytes; `text` is null or NUL-terminated;
// `fault` as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_key_load(
    key: *mut pointcard_key,
    text: *const c_char,
    kind: i32,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            if key.is_null() {
                return Err(Error::new(Status::Null, "key").into());
            }
            let key = key.cast::<Key>();
            key.write(Key::EMPTY);
            let text = config_text(text, "text")?;
            Ok((*key).load(text.as_bytes(), kind)?)
        })
    }
}

/// Wipes a key. It may be loaded again.
///
/// Returns ERR_NULL.
// Safety: `key` is null or has POINTCARD_KEY_SIZE writable bytes that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_key_clear(key: *mut pointcard_key) -> Status {
    if key.is_null() {
        return Status::Null;
    }
    // Safety: as promised above; integers are valid whatever they are.
    unsafe { (*key).opaque.zeroize() };
    Status::Ok
}

/// Signs bytes with a private key: PKCS#1 v1.5, result checked before it is handed out; blinded
/// where there is an operating system to bring random bytes.
///
/// Source: Alipay's page on signing requests (RSA2 = SHA256WithRSA, RSA = SHA1WithRSA, base64).
///
/// @param key        a private key
/// @param sign_type  POINTCARD_RSA2 or POINTCARD_RSA
/// @param data       what is signed, as a rule a canonical string
/// @param data_len   bytes there
/// @param out        receives the signature as base64, NUL-terminated
/// @param cap        bytes there; POINTCARD_SIGNATURE_MAX is always enough
/// @param out_len    receives the length without the NUL; may be NULL
/// @param fault      receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (no key), ERR_KEY_MISMATCH (a public key),
/// ERR_ARGUMENT (sign_type), ERR_BUFFER_TOO_SMALL (out_len: the capacity needed), ERR_ENTROPY,
/// ERR_SIGNER.
// Safety: `key` as `loaded`; the buffers have the sizes given; `fault` as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_key_sign(
    key: *mut pointcard_key,
    sign_type: i32,
    data: *const u8,
    data_len: usize,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let (key, data) = (loaded(key)?, bytes(data, data_len, "data")?);
            let sign_type = rust_sign_type(sign_type, "sign_type")?;
            let out = TextOut { out, cap, len: out_len };
            Ok(out.fill(|out| key.sign(sign_type, data, out))?)
        })
    }
}

/// Verifies a signature with a public key. The whole padded block is rebuilt and compared.
///
/// @param key        a public key, as a rule Alipay's
/// @param sign_type  POINTCARD_RSA2 or POINTCARD_RSA
/// @param data       what was signed
/// @param data_len   bytes there
/// @param signature  standard base64 with padding, NUL-terminated
/// @param fault      receives what is wrong; may be NULL
///
/// Returns POINTCARD_OK when it holds; ERR_SIGNATURE when it does not; ERR_NULL, ERR_STRUCT_SIZE,
/// ERR_BAD_STATE (no key), ERR_KEY_MISMATCH (a private key), ERR_ARGUMENT (sign_type).
///
/// Source: Alipay's page on signing.
// Safety: `key` as `loaded`; `data` has `data_len` bytes, `signature` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_key_verify(
    key: *mut pointcard_key,
    sign_type: i32,
    data: *const u8,
    data_len: usize,
    signature: *const c_char,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let (key, data) = (loaded(key)?, bytes(data, data_len, "data")?);
            let sign_type = rust_sign_type(sign_type, "sign_type")?;
            let signature = required(signature, "signature")?;
            Ok(key.verify(sign_type, data, signature.as_bytes())?)
        })
    }
}

/// Tells whether two keys have the same modulus: whether a public key is the other half of a
/// private one, or two public keys are the same. Alipay's public key never matches the app's own.
///
/// Returns POINTCARD_OK when they do; ERR_KEY_MISMATCH when not; ERR_NULL, ERR_BAD_STATE (no key),
/// ERR_ARGUMENT (both private).
// Safety: both as `loaded`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_key_matches(
    key: *mut pointcard_key,
    other: *mut pointcard_key,
) -> Status {
    // Safety: as promised above; only read, so both may be the same.
    let matches = unsafe {
        place(key).and_then(|key| place(other).and_then(|other| (*key).matches(&*other)))
    };
    super::status(matches)
}

/// The canonical string of parameters: sorted by name in byte order, `sign` and empty values left
/// out, `name=value` joined by `&`, values raw.
///
/// Source: Alipay's page on signing requests; what its SDKs for Java, Python, Node, PHP and .NET
/// compute. (They differ over empty values: the gateway leaves them out.)
///
/// @param params   the parameters, in any order
/// @param count    how many, at most POINTCARD_PARAMS_MAX
/// @param out      receives the string, NUL-terminated
/// @param cap      bytes there
/// @param out_len  receives the length without the NUL; may be NULL
/// @param fault    receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (a name), ERR_ENCODING (a name), ERR_TOO_LONG
/// (count), ERR_DUPLICATE (a name twice), ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
// Safety: `params` has `count` readable rows of NUL-terminated texts; `out` and `out_len` as usual.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_canonical(
    params: *const pointcard_param,
    count: usize,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let params = rust_params(params, count)?;
            let out = TextOut { out, cap, len: out_len };
            Ok(out.fill(|out| gateway::canonical(&params, &mut |piece| out.bytes(piece)))?)
        })
    }
}

// Safety: as pointcard_canonical.
unsafe fn rust_params<'a>(
    params: *const pointcard_param,
    count: usize,
) -> Result<heapless::Vec<Param<'a>, POINTCARD_PARAMS_MAX>> {
    let too_many = Error::new(Status::TooLong, "params").at(POINTCARD_PARAMS_MAX);
    if params.is_null() && count != 0 {
        return Err(Error::new(Status::Null, "params"));
    }
    if count > POINTCARD_PARAMS_MAX {
        return Err(too_many);
    }
    let mut list = heapless::Vec::new();
    for at in 0..count {
        // Safety: one of `count` rows, whose texts are NUL-terminated or null.
        let (name, value) = unsafe {
            let param = &*params.add(at);
            (required(param.name, "params.name")?, raw_text(param.value))
        };
        list.push(Param { name, value }).map_err(|_| too_many)?;
    }
    Ok(list)
}

/// Text that must be there.
// Safety: as `config_text`.
pub(super) unsafe fn required<'a>(text: *const c_char, what: &'static str) -> Result<&'a str> {
    // Safety: as promised.
    match unsafe { config_text(text, what)? } {
        "" => Err(Error::new(Status::Missing, what)),
        text => Ok(text),
    }
}

/// Bytes up to the NUL, in whatever charset. Null = none.
// Safety: `text` is null or NUL-terminated and lives through `'a`.
unsafe fn raw_text<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // Safety: not null, NUL-terminated.
    unsafe { core::ffi::CStr::from_ptr(text) }.to_bytes()
}

/// The number of a certificate, as app_cert_sn wants it: 32 hex digits. Of a file with a chain the
/// first certificate counts.
///
/// Source: AntCertificationUtil of Alipay's SDKs: MD5 over issuer name and serial number.
///
/// @param pem    the certificate, PEM, NUL-terminated
/// @param out    receives the number, NUL-terminated; POINTCARD_CERT_NUMBER_SIZE bytes
/// @param fault  receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (no certificate), ERR_KEY_FORMAT (at: where),
/// ERR_KEY_UNSUPPORTED, ERR_UNSUPPORTED (built without the feature certificates).
// Safety: `pem` is null or NUL-terminated; `out` is null or has 33 writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_cert_number(
    pem: *const c_char,
    out: *mut c_char,
    fault: *mut pointcard_fault,
) -> Status {
    let cap = if out.is_null() { 0 } else { POINTCARD_CERT_NUMBER_SIZE };
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            if out.is_null() {
                return Err(Error::new(Status::Null, "out").into());
            }
            let out = TextOut { out, cap, len: core::ptr::null_mut() };
            Ok(out.fill(|out| cert_number(required(pem, "certificate")?, out))?)
        })
    }
}

/// The numbers of a bundle of root certificates, as alipay_root_cert_sn wants them: those signed
/// with RSA, in the order they stand, joined by `_`; "" when none is.
///
/// Source: getRootCertSN of AntCertificationUtil in Alipay's SDKs.
///
/// @param pem      the bundle, PEM, NUL-terminated; text between certificates is skipped
/// @param out      receives the numbers, NUL-terminated
/// @param cap      bytes there
/// @param out_len  receives the length without the NUL; may be NULL
/// @param fault    receives what is wrong; may be NULL
///
/// Returns as pointcard_cert_number; ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
// Safety: `pem` is null or NUL-terminated; `out` and `out_len` as usual.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_root_cert_number(
    pem: *const c_char,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let out = TextOut { out, cap, len: out_len };
            Ok(out.fill(|out| root_cert_number(required(pem, "certificate")?, out))?)
        })
    }
}

#[cfg(feature = "certificates")]
fn cert_number(pem: &str, out: &mut Writer<'_>) -> Result<()> {
    out.str(&crate::crypto::cert::number(pem.as_bytes())?);
    Ok(())
}

#[cfg(feature = "certificates")]
fn root_cert_number(pem: &str, out: &mut Writer<'_>) -> Result<()> {
    crate::crypto::cert::root_number(pem.as_bytes(), out)
}

#[cfg(not(feature = "certificates"))]
fn cert_number(_: &str, _: &mut Writer<'_>) -> Result<()> {
    Err(Error::new(Status::Unsupported, "certificate"))
}

#[cfg(not(feature = "certificates"))]
use cert_number as root_cert_number;

/// Encrypts content as encrypt_type=AES wants it: AES-128, CBC, an initial vector of zeros, PKCS#7
/// padding, base64. The same content gives the same ciphertext; nothing in it shows a forgery, the
/// signature over it does.
///
/// Source: Alipay's page on content encryption; AlipayEncrypt of its SDKs.
///
/// @param key       base64 of 16 bytes, from the console, NUL-terminated
/// @param content   plain bytes in the session's charset
/// @param len       bytes there
/// @param out       receives base64, NUL-terminated
/// @param cap       bytes there
/// @param out_len   receives the length without the NUL; may be NULL
/// @param fault     receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_KEY_FORMAT, ERR_BUFFER_TOO_SMALL (out_len:
/// the capacity needed), ERR_UNSUPPORTED (built without the feature aes).
// Safety: `key` is null or NUL-terminated; the buffers have the sizes given and do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_content_encrypt(
    key: *const c_char,
    content: *const u8,
    len: usize,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let (key, content) = (required(key, "aes_key")?, bytes(content, len, "content")?);
            let out = TextOut { out, cap, len: out_len };
            Ok(content::encrypt(key, content, out)?)
        })
    }
}

/// Decrypts what pointcard_content_encrypt or the gateway encrypted. Verify the signature over the
/// ciphertext first.
///
/// @param key      base64 of 16 bytes, from the console, NUL-terminated
/// @param text     base64, as it came
/// @param len      bytes there
/// @param out      receives the plain bytes, and a NUL behind them
/// @param cap      bytes there; `len` + 1 is always enough
/// @param out_len  receives their number without the NUL; may be NULL
/// @param fault    receives what is wrong; may be NULL
///
/// Returns as pointcard_content_encrypt; ERR_MALFORMED (wrong key, or not what was encrypted).
///
/// Source: Alipay's page on content encryption.
// Safety: as pointcard_content_encrypt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_content_decrypt(
    key: *const c_char,
    text: *const u8,
    len: usize,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let (key, text) = (required(key, "aes_key")?, bytes(text, len, "text")?);
            let out = TextOut { out, cap, len: out_len };
            Ok(content::decrypt(key, text, out)?)
        })
    }
}

#[cfg(feature = "aes")]
mod content {
    use super::*;
    use crate::crypto::AesKey;

    // Safety: `out` as `TextOut::lend`.
    pub(super) unsafe fn encrypt(key: &str, content: &[u8], out: TextOut) -> Result<()> {
        let key = AesKey::from_base64(key.as_bytes())?;
        // Safety: as promised.
        unsafe {
            out.lend(|room| {
                copy(content, room, AesKey::encrypted_len(content.len()))?;
                key.encrypt(room, content.len())
            })
        }
    }

    // Safety: `out` as `TextOut::lend`.
    pub(super) unsafe fn decrypt(key: &str, text: &[u8], out: TextOut) -> Result<()> {
        let key = AesKey::from_base64(key.as_bytes())?;
        // Safety: as promised.
        unsafe {
            out.lend(|room| {
                copy(text, room, text.len())?;
                key.decrypt(room.get_mut(..text.len()).unwrap_or_default())
            })
        }
    }

    /// Copies to the start of `room`, which has to hold `needed` bytes.
    fn copy(from: &[u8], room: &mut [u8], needed: usize) -> Result<()> {
        let too_small = Error::new(Status::BufferTooSmall, "out").at(needed);
        room.get(..needed).ok_or(too_small)?;
        room.get_mut(..from.len()).ok_or(too_small)?.copy_from_slice(from);
        Ok(())
    }
}

#[cfg(not(feature = "aes"))]
mod content {
    use super::*;

    pub(super) unsafe fn encrypt(_: &str, _: &[u8], _: TextOut) -> Result<()> {
        Err(Error::new(Status::Unsupported, "aes_key"))
    }

    pub(super) use encrypt as decrypt;
}
