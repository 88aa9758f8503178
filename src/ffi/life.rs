//! Section: configuration, init, close.

use core::ffi::{c_char, c_void};

use super::cell::{self, Cell};
use super::events::{CEvents, pointcard_event};
use super::keys;
use super::limits::{pointcard_limits, rust_limits};
use super::lock::Lock;
use super::ports::{
    CMedium, CPorts, Texts, pointcard_clock, pointcard_entropy, pointcard_lock, pointcard_seal,
    pointcard_signer, pointcard_storage, pointcard_transport,
};
use super::structs::{self, Versioned};
use super::sync::pointcard_outcome;
use super::version::POINTCARD_ABI_VERSION;
use super::{call_text, config_text};
use crate::client::{Config, MERCHANT_MAX, Merchant, PROFILES_MAX};
use crate::gateway::{APP_AUTH_TOKEN_MAX, Charset};
use crate::points::sync::Shared;
use crate::status::{Error, Result, Status};
use zeroize::Zeroize as _;

/// Bytes of a pointcard_client.
pub const POINTCARD_CLIENT_SIZE: usize = 40960;

/// A client. The caller owns the memory; its contents are the library's. Nothing in it needs to
/// be freed. Zero it (static memory is) or leave it as it is before pointcard_init.
#[repr(C)]
pub struct pointcard_client {
    opaque: [u64; 5120],
}

/// Called for every outcome pointcard_sync gets, on its thread, without the client's lock. The
/// outcome is valid during the call. It may call this client, but not pointcard_sync.
pub type pointcard_outcome_fn =
    Option<unsafe extern "C" fn(ctx: *mut c_void, outcome: *const pointcard_outcome)>;

/// Called for what a client does, after it is durable: on the thread of the call that does it (also
/// pointcard_init), under the client's lock. The event is valid during the call. It must be quick
/// and must not call this client: ERR_BUSY. What a power cut swallows is not told again; the counts
/// of pointcard_queue_status say the same.
pub type pointcard_event_fn =
    Option<unsafe extern "C" fn(ctx: *mut c_void, event: *const pointcard_event)>;

/// sign_type: RSA with SHA-256, the default. Source: the quick-start guide of Koubei point cards
/// (SIGN_TYPE: RSA2 is recommended).
pub const POINTCARD_RSA2: i32 = 0;
/// sign_type: RSA with SHA-1, for applications from before 2018. Source: Alipay's page on signature
/// types (new applications use RSA2 since 2018-01-26).
pub const POINTCARD_RSA: i32 = 1;

/// charset, text_charset, encoding: UTF-8, the default. Source: Alipay's table of common parameters
/// (charset).
pub const POINTCARD_UTF8: i32 = 0;
/// charset, text_charset, encoding: GBK; needs the feature gbk. Source: Alipay's table of common parameters
/// (charset); the guide's samples use it.
pub const POINTCARD_GBK: i32 = 1;

/// Most merchants of pointcard_config.merchants.
pub const POINTCARD_PROFILES_MAX: u32 = 8;
const _: () = assert!(POINTCARD_PROFILES_MAX as usize == PROFILES_MAX);

/// Flag: allow plain HTTP to a host that is not this machine (a TLS proxy on a trusted wire).
pub const POINTCARD_F_PLAIN_HTTP: u32 = 1;
/// Flag: allow the Date of the gateway's answers to correct a wrong terminal clock. Source:
/// Alipay's error list (isv.invalid-timestamp: a wrong time is refused).
pub const POINTCARD_F_SERVER_TIME: u32 = 2;
/// Flag: requests are signed elsewhere (section "Signing elsewhere"). The client holds no private
/// key: private_key and signer must not be given, app_public_key must. Source: Alipay's page on
/// signing: the signature covers the canonical string, wherever it is made.
pub const POINTCARD_F_SIGN_ELSEWHERE: u32 = 16;

/// What config.flags may hold.
const FLAGS: u32 = POINTCARD_F_PLAIN_HTTP | POINTCARD_F_SERVER_TIME | POINTCARD_F_SIGN_ELSEWHERE;

/// One more merchant a software house acts for on this terminal, under the same application. Texts
/// are NUL-terminated ASCII, borrowed until pointcard_close (the token only during
/// pointcard_init). Frozen: it will not grow.
///
/// Source: Alipay's guide to third-party authorisation: one app_auth_token for each merchant.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_merchant {
    /// Any stable id, at most 64 bytes; pointcard_sale.merchant names it. Required.
    pub merchant: *const c_char,
    /// Token of this merchant's consent, at most 40 bytes. NULL: the merchant's entries wait for
    /// pointcard_set_token.
    pub app_auth_token: *const c_char,
    /// Point account of this merchant's sales unless they say otherwise, at most 32 bytes.
    pub activity_account: *const c_char,
    /// Shop of this merchant's sales unless they say otherwise, at most 32 bytes.
    pub shop_id: *const c_char,
}

/// What a client is told once. Texts are NUL-terminated UTF-8 and borrowed until pointcard_close
/// (keys, certificates and tokens only during pointcard_init); NULL or "" = default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_config {
    /// Set by POINTCARD_CONFIG_INIT.
    pub struct_size: u32,
    /// POINTCARD_F_ flags, or 0.
    pub flags: u32,
    /// Gateway URL, at most 256 bytes; default: production. https, or http to this machine.
    /// Source: the quick-start guide (URL: `https://openapi.alipay.com/gateway.do`); the limit is ours.
    pub gateway: *const c_char,
    /// Application id, at most 32 bytes. Required. Source: Alipay's table of common parameters.
    pub app_id: *const c_char,
    /// The merchant an ISV acts for (any stable id, at most 64 bytes); default: itself.
    pub merchant: *const c_char,
    /// Token of that merchant's consent (app_auth_token), at most 40 bytes; pointcard_set_token
    /// changes it later. Source: Alipay's table of common parameters; the guide's samples set it
    /// when an ISV acts for a merchant.
    pub app_auth_token: *const c_char,
    /// The app's private key: PEM or one line of base64, PKCS#1 or PKCS#8. Required unless
    /// `signer` signs, or somebody elsewhere.
    pub private_key: *const c_char,
    /// The app's public key. Required when `signer` or somebody elsewhere signs, to check what
    /// comes back.
    pub app_public_key: *const c_char,
    /// Alipay's public key, from the console: PEM or one line of base64. It is not the app's own
    /// public key; mixing them up is ERR_KEY_MISMATCH. Required unless there are certificates.
    pub alipay_public_key: *const c_char,
    /// Point account sales go to unless they say otherwise, at most 32 bytes. Source: Alipay's page
    /// of koubei.marketing.tool.points.update (activity_account).
    pub activity_account: *const c_char,
    /// Shop sales are made in unless they say otherwise, at most 32 bytes. Source: the same page
    /// (shop_id, for DEPOSIT).
    pub shop_id: *const c_char,
    /// POINTCARD_RSA2 (default) or POINTCARD_RSA.
    pub sign_type: i32,
    /// Most points one sale may credit; default 1000000.
    pub max_points: u32,
    /// The queue's medium. Required.
    pub storage: pointcard_storage,
    /// Default: the system's clock.
    pub clock: pointcard_clock,
    /// Default: the system's random generator.
    pub entropy: pointcard_entropy,
    /// Default: software RSA with private_key.
    pub signer: pointcard_signer,
    /// Default: built-in HTTPS where there is an operating system.
    pub transport: pointcard_transport,
    /// Default: the system's mutex.
    pub lock: pointcard_lock,
    /// Hears every outcome of pointcard_sync; default: nobody.
    pub on_outcome: pointcard_outcome_fn,
    /// First argument of on_outcome.
    pub on_outcome_ctx: *mut c_void,
    /// Built-in HTTPS: trust only the CA certificates in this PEM text; default: Mozilla's.
    pub ca_pem: *const c_char,
    /// Built-in HTTPS: proxy, such as "http://10.0.0.1:3128"; default: the environment's.
    pub proxy: *const c_char,
    /// Charset of requests: POINTCARD_UTF8 (default) or POINTCARD_GBK. In a GBK session a sale
    /// with a character outside GBK is refused: ERR_ENCODING with its offset.
    pub charset: i32,
    /// Charset of the texts people read (memo, ext_info, reason, an activity's name) that this
    /// program hands in: POINTCARD_UTF8 (default) or POINTCARD_GBK. They are stored as UTF-8; JSON
    /// is UTF-8 in any case, and so are the texts that come back from the library.
    pub text_charset: i32,
    /// Content key from the console, base64 of 16 bytes: requests and successes are then encrypted
    /// (AES); a success in the clear is ERR_MALFORMED and repeated. Needs the feature aes.
    pub content_key: *const c_char,
    /// Certificate mode: the app's certificate (appCertPublicKey), PEM. It must belong to the
    /// private key (ERR_KEY_MISMATCH); with `signer` it may take the place of app_public_key.
    /// Needs the feature certificates, and the next two members.
    pub app_cert: *const c_char,
    /// Certificate mode: Alipay's certificate (alipayCertPublicKey_RSA2), PEM; its key verifies
    /// answers. It is trusted as given: it is not checked against the root certificates. With it
    /// alipay_public_key stays empty.
    pub alipay_cert: *const c_char,
    /// Certificate mode: Alipay's next certificate, as alipay_public_key_next. Optional.
    pub alipay_cert_next: *const c_char,
    /// Certificate mode: Alipay's root certificates (alipayRootCert), PEM, several in a row.
    pub alipay_root_cert: *const c_char,
    /// While Alipay changes its key: the other one. Answers that verify with either are good;
    /// pointcard_report.next_key_used says when this one did. Optional.
    pub alipay_public_key_next: *const c_char,
    /// More merchants, read during pointcard_init; NULL = none.
    pub merchants: *const pointcard_merchant,
    /// How many, at most POINTCARD_PROFILES_MAX.
    pub merchant_count: u32,
    /// Window of the random delay before the backlog's first request, in milliseconds, at most
    /// 3600000: for tills of a fleet that come back together. Tills * 1000 / window is what they
    /// ask of the gateway per second at first. 0 = none after pointcard_init, 60000 after
    /// pointcard_line_up. Sales made now do not wait for it.
    pub first_delay_ms: u32,
    /// How much may wait, read during pointcard_init; default: no limits but the medium's size.
    pub limits: *const pointcard_limits,
    /// Hears what the client does (section "Events"), on the thread of the call that does it and
    /// under the client's lock; default: nobody.
    pub on_event: pointcard_event_fn,
    /// First argument of on_event.
    pub on_event_ctx: *mut c_void,
    /// Keys that seal the queue; default: it is not sealed.
    pub seal: pointcard_seal,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_config {
    const NAME: &'static str = "config";
    const V1_SIZE: usize =
        core::mem::offset_of!(pointcard_config, proxy) + size_of::<*const c_char>();
}

/// Bytes of a pointcard_client in this library, for bindings that cannot read the header.
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_client_size() -> usize {
    size_of::<pointcard_client>()
}

/// Opens a client. Call it through the macro pointcard_init(client, config).
///
/// Checks header against library, checks the configuration, loads the keys and mounts the queue,
/// formatting a blank medium. When it fails, pointcard_last_detail says which member and why;
/// nothing was recorded, and `client` may be initialised again. The storage is handed over by this
/// call: pointcard_close closes it, or this call when it fails; then make it again for the next
/// try. (Not with ERR_ABI, ERR_NULL or ERR_STRUCT_SIZE of the configuration itself, which is then
/// not looked at.)
///
/// @param client       memory of the caller's, at least POINTCARD_CLIENT_SIZE bytes
/// @param client_size  sizeof *client
/// @param abi_version  POINTCARD_ABI_VERSION of the caller's header
/// @param config       read during the call; the texts stay borrowed
///
/// Returns ERR_ABI (other header), ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG,
/// ERR_ENCODING, ERR_ARGUMENT, ERR_RANGE (first_delay_ms, limits), ERR_INSECURE (plain http), ERR_KEY_FORMAT, ERR_KEY_UNSUPPORTED,
/// ERR_KEY_MISMATCH, ERR_DUPLICATE (merchants; `at` in the detail is the index), ERR_UNSUPPORTED (a
/// feature this library was built without), ERR_LOCKED (the store is open elsewhere), ERR_STORAGE, ERR_MEDIA_CORRUPT,
/// ERR_MEDIA_VERSION, ERR_GEOMETRY, ERR_FORGED (a sealed queue), ERR_MISSING and ERR_KEY_MISMATCH
/// ("config.seal": a key the queue needs is not given or is another, or the queue is not sealed),
/// ERR_MALFORMED (ca_pem), ERR_BUSY (the lock port refuses). Not for interrupt handlers.
// Safety: `client` is null or has `client_size` writable bytes aligned like a uint64_t that no
// other thread uses now; `config` is null or a pointcard_config as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_init_abi(
    client: *mut pointcard_client,
    client_size: usize,
    abi_version: u32,
    config: *const pointcard_config,
) -> Status {
    if client.is_null() {
        return Status::Null;
    }
    if abi_version != POINTCARD_ABI_VERSION || client_size < size_of::<pointcard_client>() {
        return Status::Abi;
    }
    // Safety: as promised above.
    match unsafe { init(client, config) } {
        Ok(()) => Status::Ok,
        Err(error) => error.status,
    }
}

// Safety: as pointcard_init_abi, with `client` checked.
unsafe fn init(client: *mut pointcard_client, config: *const pointcard_config) -> Result<()> {
    // Safety: as promised.
    let Laid { cell, table, read } = unsafe { lay(client, config)? };
    let opened = cell.with(|client| {
        // Safety: the texts are as the header describes them; nobody else has this client yet.
        let prepare = |_| unsafe { prepare_http(cell, &table) };
        // Safety: the keys are as the header describes them.
        let seal = unsafe { table.seal.check() };
        let ports = table.storage.check().and(table.lock.check()).and(seal);
        let checked = read.and(ports).and_then(prepare);
        client.note(checked)?;
        // Safety: the merchants are as the header describes them.
        let merchants = unsafe { rust_merchants(&table) };
        let opened = merchants
            .and_then(|(list, count)| client.open_for(list.get(..count).unwrap_or_default()));
        let opened = opened.map_err(|error| Error { what: member(error.what), ..error });
        client.forget_secrets();
        client.note(opened)
    });
    if opened.is_err() {
        // Nobody else has this client yet, so a lock that refuses has nothing to say here.
        let _ = cell.with(|client| {
            client.close();
            Ok(())
        });
        close_storage(&table.storage);
        #[cfg(feature = "http")]
        // Safety: nobody else has this client yet.
        unsafe {
            *cell.http.get() = None;
        }
    }
    cell.set_open(opened.is_ok());
    opened.map(drop)
}

/// A shut client in the caller's memory, and what it was told.
pub(super) struct Laid {
    pub cell: &'static Cell,
    /// The configuration as C sees it; zeroes when it cannot be read.
    pub table: pointcard_config,
    /// Whether its texts could be read.
    pub read: Result<()>,
}

// Safety: as pointcard_init_abi, with `client` checked.
pub(super) unsafe fn lay(
    client: *mut pointcard_client,
    config: *const pointcard_config,
) -> Result<Laid> {
    // Safety: as promised.
    let given = unsafe { structs::read(config) };
    let table = given.unwrap_or(ZERO);
    // Safety: the texts are as the header describes them.
    let read = given.and_then(|given| unsafe { rust_config(&given) });
    let ports = CPorts {
        medium: CMedium { table: table.storage, seal: table.seal },
        clock: table.clock,
        entropy: table.entropy,
        signer: table.signer,
        events: CEvents { hear: table.on_event, ctx: table.on_event_ctx },
        texts: if table.text_charset == POINTCARD_GBK { Texts::Gbk } else { Texts::Utf8 },
    };
    let lock = Lock::new(if table.lock.is_whole() { table.lock } else { ZERO.lock });
    // Safety: the memory is the caller's and large enough.
    unsafe {
        let told = (table.on_outcome, table.on_outcome_ctx);
        Cell::lay(client, lock, table.transport, told, &read.unwrap_or_default(), ports);
    }
    // Safety: just laid.
    let cell = unsafe { cell::any(client)? };
    Ok(Laid { cell, table, read: read.map(drop) })
}

/// The queue and its medium know nothing of a configuration.
fn member(what: &'static str) -> &'static str {
    match what {
        "store.key" | "store.seal" => "config.seal",
        _ if what.starts_with("config.") => what,
        _ => "config.storage",
    }
}

/// The built-in transport, when the integrator brings none.
// Safety: as `init`.
#[cfg(feature = "http")]
pub(super) unsafe fn prepare_http(cell: &Cell, table: &pointcard_config) -> Result<()> {
    if table.transport.exchange.is_some() {
        return Ok(());
    }
    // Safety: NUL-terminated texts, as the header describes them.
    let ca = unsafe { config_text(table.ca_pem, "config.ca_pem") }?;
    // Safety: the same.
    let proxy = unsafe { config_text(table.proxy, "config.proxy") }?;
    let http = crate::port::http::HttpTransport::new(ca, proxy)?;
    // Safety: nobody else has this client yet.
    unsafe { *cell.http.get() = Some(http) };
    Ok(())
}

#[cfg(not(feature = "http"))]
pub(super) unsafe fn prepare_http(_: &Cell, _: &pointcard_config) -> Result<()> {
    Ok(())
}

/// All members at their defaults.
// Safety: integers, null pointers and absent functions are all-zero.
const ZERO: pointcard_config = unsafe { core::mem::zeroed() };

// Safety: the texts of `given` are NUL-terminated or null and outlive the client.
unsafe fn rust_config(given: &pointcard_config) -> Result<Config<'static>> {
    if given.flags & !FLAGS != 0 {
        return Err(Error::new(Status::Argument, "config.flags"));
    }
    charset(given.text_charset, "config.text_charset")?;
    let sign_type = keys::rust_sign_type(given.sign_type, "config.sign_type")?;
    // Safety: as promised above.
    unsafe {
        Ok(Config {
            gateway: config_text(given.gateway, "config.gateway")?,
            app_id: config_text(given.app_id, "config.app_id")?,
            merchant: config_text(given.merchant, "config.merchant")?,
            app_auth_token: config_text(given.app_auth_token, "config.app_auth_token")?,
            private_key: config_text(given.private_key, "config.private_key")?,
            app_public_key: config_text(given.app_public_key, "config.app_public_key")?,
            alipay_public_key: config_text(given.alipay_public_key, "config.alipay_public_key")?,
            sign_type,
            activity_account: config_text(given.activity_account, "config.activity_account")?,
            shop_id: config_text(given.shop_id, "config.shop_id")?,
            max_points: given.max_points,
            limits: rust_limits(given.limits).map_err(|error| match error.status {
                Status::StructSize => Error { what: "config.limits", ..error },
                _ => error,
            })?,
            allow_plain_http: given.flags & POINTCARD_F_PLAIN_HTTP != 0,
            trust_server_time: given.flags & POINTCARD_F_SERVER_TIME != 0,
            charset: charset(given.charset, "config.charset")?,
            content_key: config_text(given.content_key, "config.content_key")?,
            app_cert: config_text(given.app_cert, "config.app_cert")?,
            alipay_cert: config_text(given.alipay_cert, "config.alipay_cert")?,
            alipay_cert_next: config_text(given.alipay_cert_next, "config.alipay_cert_next")?,
            alipay_root_cert: config_text(given.alipay_root_cert, "config.alipay_root_cert")?,
            alipay_public_key_next: config_text(
                given.alipay_public_key_next,
                "config.alipay_public_key_next",
            )?,
            merchants: &[], // Handed over by themselves: `open_for`.
            sign_elsewhere: given.flags & POINTCARD_F_SIGN_ELSEWHERE != 0,
            first_delay_ms: given.first_delay_ms,
        })
    }
}

fn charset(number: i32, what: &'static str) -> Result<Charset> {
    match number {
        POINTCARD_UTF8 => Ok(Charset::Utf8),
        #[cfg(feature = "gbk")]
        POINTCARD_GBK => Ok(Charset::Gbk),
        #[cfg(not(feature = "gbk"))]
        POINTCARD_GBK => Err(Error::new(Status::Unsupported, what)),
        _ => Err(Error::new(Status::Argument, what)),
    }
}

/// The merchants, and how many.
// Safety: `given.merchants` is null or points to `merchant_count` merchants, whose texts are
// NUL-terminated or null and outlive the client.
pub(super) unsafe fn rust_merchants(
    given: &pointcard_config,
) -> Result<([Merchant<'static>; PROFILES_MAX], usize)> {
    let mut list = [Merchant::default(); PROFILES_MAX];
    let count = given.merchant_count as usize;
    if count > list.len() {
        return Err(Error::new(Status::TooLong, "config.merchants").at(PROFILES_MAX));
    }
    if count > 0 && given.merchants.is_null() {
        return Err(Error::new(Status::Null, "config.merchants"));
    }
    for (at, place) in list.iter_mut().take(count).enumerate() {
        // Safety: as promised above, `at` is below the count.
        *place = unsafe { rust_merchant(&*given.merchants.add(at)) }.map_err(|e| e.at(at))?;
    }
    Ok((list, count))
}

// Safety: the texts of `given` are NUL-terminated or null and outlive the client.
unsafe fn rust_merchant(given: &pointcard_merchant) -> Result<Merchant<'static>> {
    // Safety: as promised above.
    unsafe {
        Ok(Merchant {
            merchant: config_text(given.merchant, "config.merchants.merchant")?,
            app_auth_token: config_text(given.app_auth_token, "config.merchants.app_auth_token")?,
            activity_account: config_text(
                given.activity_account,
                "config.merchants.activity_account",
            )?,
            shop_id: config_text(given.shop_id, "config.merchants.shop_id")?,
        })
    }
}

/// Gives a merchant another token; entries that waited because the gateway refused the one before
/// go out with the next pointcard_sync. May be called while a sync is under way.
///
/// @param client    an open client
/// @param merchant  one of the configured merchants; NULL or "" = the client's own
/// @param token     app_auth_token of the merchant's consent, ASCII, at most 40 bytes; copied, wiped
///                  when it is replaced or the client is closed, and not stored: configure it, too
///
/// Returns ERR_NULL, ERR_NOT_FOUND (no such merchant), ERR_MISSING (no token), ERR_TOO_LONG,
/// ERR_ENCODING, ERR_BAD_STATE, ERR_BUSY.
///
/// Source: Alipay's error list (20001, aop.invalid-app-auth-token) and page of
/// alipay.open.auth.token.app (a refresh or a new consent ends the token before).
// Safety: `client` as everywhere; the texts are null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_set_token(
    client: *mut pointcard_client,
    merchant: *const c_char,
    token: *const c_char,
) -> Status {
    // Safety: as promised above.
    super::status(unsafe {
        cell::with(client, |client| {
            let merchant = call_text(merchant, "merchant", MERCHANT_MAX)?;
            let token = call_text(token, "token", APP_AUTH_TOKEN_MAX)?;
            client.set_token(merchant, token)
        })
    })
}

/// Closes a client: wipes its keys, closes its storage. Entries stay on the medium.
///
/// Optional before power-off. No other call may be under way on this client.
///
/// Returns ERR_NULL, ERR_BAD_STATE (not open), ERR_BUSY (a sync or query is under way).
// Safety: `client` is null or was passed to pointcard_init and lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_close(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    let closed = unsafe { cell::any(client) }.and_then(|cell| {
        // Safety: as promised above. A broken client is closed too.
        let state = unsafe { cell::open(client) };
        if let Err(Error { status: Status::BadState, .. }) = state {
            return state.map(drop);
        }
        cell.alone(|client| {
            client.close();
            close_storage(&client.ports().medium.table);
            cell.set_open(false);
            Ok(())
        })?;
        // Safety: no other call is under way. The last request holds a token.
        unsafe { (*cell.io.get()).zeroize() };
        #[cfg(feature = "http")]
        // Safety: no other call is under way.
        unsafe {
            *cell.http.get() = None;
        }
        Ok(())
    });
    super::status(closed)
}

pub(super) fn close_storage(storage: &pointcard_storage) {
    if let Some(close) = storage.close {
        // Safety: the integrator's function takes its own ctx.
        unsafe { close(storage.ctx) }
    }
}
