//! Ties the rooms together: a sale goes into the queue, a due entry comes out as a signed request,
//! an answer settles it. Sans-IO: bytes in, bytes out; the loop over a transport is `points::sync`.
//!
//! The order of writes is the promise. An entry is durable before `accrue` returns; "sent" is
//! durable before the first byte of a request is handed out; only a verified answer settles.
//!
//! Here: configuration, opening, recording and looking. `keys` and `profiles` are what a
//! configuration becomes; `refund` takes points back, `redeem` turns them into a coupon;
//! `exchange` holds requests and answers, `verdict` what an answer means, `line` when the next one
//! goes; `call` is every other method, `signing` for keys that are elsewhere; `batch` records many
//! sales at once, `letters` is what a person does with entries, `events` what a listener hears.

mod batch;
pub mod call;
mod check;
mod earned;
mod events;
mod exchange;
mod explain;
mod keys;
mod letters;
mod line;
#[cfg(feature = "capi")]
#[path = "../ffi/place.rs"]
mod place;
mod profiles;
pub mod redeem;
mod redeem_books;
mod redeem_hand;
mod redeem_list;
mod refund;
pub mod signing;
mod verdict;

pub use batch::{BATCH_ROOM, Batch};
pub use check::{Checkup, FINDINGS_MAX, Finding, Line};
pub use profiles::{MERCHANT_MAX, Merchant, PROFILES_MAX};

use crate::gateway::{self, Charset, Session, SignType, points};
use crate::outcome::Detail;
use crate::points::earn::Today;
use crate::points::pace::{self, Pace};
use crate::points::refund::KIND_DEPOSIT;
use crate::points::sale::{self, Deposit, Owner, Sale};
use crate::port::{Ports, Request};
use crate::queue::{
    self, Cursor, Entry, EntryState, Item, LIVE_FULL, Limits, Opened, Queue, QueueStatus, Terms,
};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// Room a request needs at most, in bytes; `accrue` refuses a sale that would need more.
pub const REQUEST_MAX: usize = 10_240;
/// Room for an answer, in bytes. A longer one is no answer: the outcome is unknown.
pub const ANSWER_MAX: usize = 4_096;
/// The buffer `sync` and the step calls want.
pub const IO_SIZE: usize = REQUEST_MAX + ANSWER_MAX;

/// No till is older than this library: 2020-01-01.
const EARLIEST: u64 = 1_577_836_800;

/// What a client is told once. Texts are borrowed for the client's life; empty = default.
#[derive(Clone, Copy, Default)]
pub struct Config<'c> {
    /// Gateway URL; empty = [`gateway::GATEWAY`].
    pub gateway: &'c str,
    /// Application id. Required.
    pub app_id: &'c str,
    /// The merchant an ISV acts for (any stable id); empty when the merchant calls for itself.
    pub merchant: &'c str,
    /// Token of that merchant's consent; empty when the merchant calls for itself. Copied by
    /// [`Client::open`]; [`Client::set_token`] changes it later.
    pub app_auth_token: &'c str,
    /// More merchants on this terminal, at most [`PROFILES_MAX`]. Read by [`Client::open`].
    pub merchants: &'c [Merchant<'c>],
    /// The app's private key, in any form. Empty when a signer port signs.
    pub private_key: &'c str,
    /// The app's public key: needed only with a signer port or with `sign_elsewhere`, to check
    /// what comes back.
    pub app_public_key: &'c str,
    /// Alipay's public key from the console (not the app's own). Required unless there are
    /// certificates.
    pub alipay_public_key: &'c str,
    /// While Alipay changes its key: the other one. An answer that verifies with either is good.
    pub alipay_public_key_next: &'c str,
    /// Certificate mode: the app's certificate (appCertPublicKey, PEM), which must belong to the
    /// key that signs. With a signer port it takes the place of `app_public_key`.
    pub app_cert: &'c str,
    /// Certificate mode: Alipay's certificate (alipayCertPublicKey_RSA2, PEM); its key verifies.
    /// It is trusted as configured: nothing checks it against the root certificates.
    pub alipay_cert: &'c str,
    /// Certificate mode: as `alipay_public_key_next`. Optional.
    pub alipay_cert_next: &'c str,
    /// Certificate mode: Alipay's root certificates (alipayRootCert, PEM, several in a row).
    pub alipay_root_cert: &'c str,
    /// Content key from the console, base64 of 16 bytes: `biz_content` and successes are then
    /// encrypted (AES). Needs the feature `aes`.
    pub content_key: &'c str,
    /// Charset of requests. (Texts of this interface are UTF-8 whatever it is.)
    pub charset: Charset,
    /// Digest of requests and answers.
    pub sign_type: SignType,
    /// Point account sales go to unless they say otherwise.
    pub activity_account: &'c str,
    /// Shop sales are made in unless they say otherwise.
    pub shop_id: &'c str,
    /// Most points one sale may credit; 0 = [`sale::DEFAULT_MAX_POINTS`].
    pub max_points: u32,
    /// How much may wait on this till; [`Client::set_limits`] changes it later. Default: no limits
    /// but the medium's size.
    pub limits: Limits,
    /// Allow plain HTTP to a host that is not this machine (a TLS proxy on a trusted wire).
    pub allow_plain_http: bool,
    /// Allow the `Date` of the gateway's answers to correct a wrong terminal clock.
    pub trust_server_time: bool,
    /// Requests are signed elsewhere: there is no private key and no signer port, and only the
    /// calls of [`signing`] make requests. `app_public_key` is required.
    pub sign_elsewhere: bool,
    /// Window of the random delay before the backlog's first request, in milliseconds, at most
    /// [`pace::FIRST_DELAY_MAX_MS`]: for tills of a fleet that come back together. Tills × 1000 /
    /// window is what they ask of the gateway per second at first. 0 = none after opening,
    /// [`pace::FIRST_DELAY_MS`] after [`Client::line_up`]. Sales made now do not wait for it.
    pub first_delay_ms: u32,
}

/// Keys and tokens never reach a log, not even by accident.
impl core::fmt::Debug for Config<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Config")
            .field("gateway", &self.gateway)
            .field("app_id", &self.app_id)
            .field("sign_type", &self.sign_type)
            .finish_non_exhaustive()
    }
}

impl<'c> Config<'c> {
    fn gateway(&self) -> &'c str {
        if self.gateway.is_empty() { gateway::GATEWAY } else { self.gateway }
    }

    /// What all requests have in common, those of the merchant who gave `token`.
    fn session<'s>(&self, wire: &'s keys::Wire, token: &'s str) -> Session<'s>
    where
        'c: 's,
    {
        let (app_cert_sn, alipay_root_cert_sn) = wire.numbers();
        Session {
            gateway: self.gateway(),
            sign_type: self.sign_type,
            charset: self.charset,
            app_auth_token: some(token),
            app_cert_sn,
            alipay_root_cert_sn,
            #[cfg(feature = "aes")]
            content_key: wire.content_key(),
            ..Session::new(self.app_id)
        }
    }

    /// All but the keys, which say themselves what is wrong with them.
    fn check(&self) -> Result<()> {
        self.checks().into_iter().collect()
    }

    fn check_first_delay(&self) -> Result<()> {
        match self.first_delay_ms <= pace::FIRST_DELAY_MAX_MS {
            true => Ok(()),
            false => Err(Error::new(Status::Range, "config.first_delay_ms")
                .at(pace::FIRST_DELAY_MAX_MS as usize)),
        }
    }

    /// The same, each member by itself.
    fn checks(&self) -> [Result<()>; 8] {
        let token_max = gateway::APP_AUTH_TOKEN_MAX;
        let account_max = points::ACTIVITY_ACCOUNT_MAX;
        // The app_id has a check of its own.
        let url = Session { gateway: self.gateway(), ..Session::new("0") };
        // Answers do not repeat the req_id they belong to: only the connection ties them together.
        let url = url.check().and_then(|()| {
            let safe = self.allow_plain_http || gateway::is_safe(self.gateway());
            if safe { Ok(()) } else { Err(Error::new(Status::Insecure, "config.gateway")) }
        });
        [
            sale::required_id(self.app_id, "config.app_id", gateway::APP_ID_MAX),
            sale::id(self.app_auth_token, "config.app_auth_token", token_max),
            url.map_err(|error| Error { what: "config.gateway", ..error }),
            sale::id(self.merchant, "config.merchant", MERCHANT_MAX),
            sale::id(self.activity_account, "config.activity_account", account_max),
            sale::id(self.shop_id, "config.shop_id", points::SHOP_ID_MAX),
            self.check_first_delay(),
            letters::check_limits(&self.limits, &letters::CONFIG_LEVELS),
        ]
    }
}

/// Where a sale went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Number of the queue entry.
    pub seq: u64,
    /// The idempotency key, the same on every resend.
    pub req_id: Text<32>,
    /// The sale (or refund) was recorded before; `seq` is the first record's number.
    pub duplicate: bool,
    /// The points recorded, by this call or the first one; 0 = the amount earns none: nothing was
    /// recorded, `seq` is 0 and `req_id` is empty.
    pub points: u32,
    /// A refund whose sale was never sent, told by the call that voided it: both are settled now,
    /// nothing goes out.
    pub voided: bool,
}

/// A checked sale, and what it is recorded as.
struct Checked<'a> {
    deposit: Deposit<'a>,
    profile: u64,
    req_id: Text<32>,
    /// Its merchant waits for a token.
    held: bool,
    /// 0 = the sale's amount earns none.
    points: u32,
}

/// A request handed out by `next_request`, `call_request` and their like.
#[derive(Clone, Copy, Debug)]
pub struct Step<'b> {
    /// POST this.
    pub request: Request<'b>,
    /// Names the exchange; give it back with the answer.
    pub exchange: u32,
}

/// What is waiting for one shopper on this till.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Entries not settled.
    pub entries: u32,
    /// Their points.
    pub points: u64,
}

/// Koubei point cards on one till.
pub struct Client<'c, P: Ports> {
    config: Config<'c>,
    ports: P,
    vault: keys::Vault,
    wire: keys::Wire,
    profiles: profiles::Profiles<'c>,
    queue: Queue,
    flight: Option<exchange::Flight>,
    exchange: u32,
    pace: Pace,
    /// Turns from this one on are of sales made now; those before it, and all of the backlog's lane,
    /// are the backlog. (A live entry's turn is its number.)
    live_from: u64,
    wait_ms: u32,
    held: u32,
    /// Entries that wait for a token, and the profile of the oldest.
    paused: (u32, u64),
    next_key_used: bool,
    distrust: u8,
    clock_off: bool,
    clock_offset: i64,
    seen: verdict::Seen,
    memory: explain::Memory,
    told: events::Told,
    today: Today,
    detail: Detail,
    record: [u8; queue::ENTRY_MAX],
}

impl<'c, P: Ports> Client<'c, P> {
    /// A client that is not open yet. Every call but [`open`](Self::open) fails with `BadState`.
    #[inline(always)] // three KiB that are better made where they stay
    pub const fn new(config: Config<'c>, ports: P) -> Self {
        Client {
            config,
            ports,
            vault: keys::Vault::new(),
            wire: keys::Wire::new(),
            profiles: profiles::Profiles::new(),
            queue: Queue::new(),
            flight: None,
            exchange: 0,
            pace: Pace::new(),
            live_from: 0,
            wait_ms: 0,
            held: 0,
            paused: (0, 0),
            next_key_used: false,
            distrust: 0,
            clock_off: false,
            clock_offset: 0,
            seen: verdict::Seen::new(),
            memory: explain::Memory::new(),
            told: events::Told::new(),
            today: Today::new(),
            detail: Detail::new(),
            record: [0; queue::ENTRY_MAX],
        }
    }

    /// Checks the configuration, loads the keys, mounts the queue (formatting a blank medium).
    ///
    /// Fails with `Missing`, `TooLong`, `Encoding`, `Insecure`, `Argument`, `Duplicate`,
    /// `Unsupported`, a key status, `MediaCorrupt`, `MediaVersion`, `Geometry` or `Storage`; the
    /// detail names the member (for one of `merchants`, `at` is its index).
    pub fn open(&mut self) -> Result<Opened> {
        self.open_for(self.config.merchants)
    }

    /// [`open`](Self::open) with merchants that need not be kept in a slice.
    pub(crate) fn open_for(&mut self, merchants: &[Merchant<'c>]) -> Result<Opened> {
        self.close();
        let opened = self.prepare(merchants).and_then(|()| {
            let salt = self.salt();
            self.queue.set_limits(self.config.limits);
            self.told = events::Told::new();
            self.queue.open(self.ports.storage(), salt)
        });
        match opened {
            Ok(_) => self.begin(),
            Err(_) => self.close(),
        }
        self.note(opened)
    }

    fn prepare(&mut self, merchants: &[Merchant<'c>]) -> Result<()> {
        self.config.check()?;
        let has_signer = self.ports.signer().is_some();
        self.vault.load(&self.config, has_signer)?;
        self.wire.load(&self.config)?;
        self.profiles.load(&self.config, merchants)
    }

    /// Wipes keys and tokens and closes the queue.
    pub fn close(&mut self) {
        self.vault.clear();
        self.wire = keys::Wire::new();
        self.profiles.clear();
        self.queue.close();
        self.memory.clear();
        self.flight = None;
        self.next_key_used = false;
    }

    /// Keys the checksums of a store formatted now. Need not be secret, only not chosen by whoever
    /// writes the memos.
    fn salt(&mut self) -> [u8; 8] {
        let mut salt = sale::profile(&self.owner(), self.config.gateway()).to_le_bytes();
        let time = self.ports.clock().monotonic_ms().to_le_bytes();
        for (byte, time) in salt.iter_mut().zip(time) {
            *byte ^= time;
        }
        if let Some(entropy) = self.ports.entropy() {
            // Without entropy the salt above has to do.
            let _ = entropy.fill(&mut salt);
        }
        salt
    }

    fn owner(&self) -> Owner<'c> {
        Owner { app_id: self.config.app_id, merchant: self.config.merchant }
    }

    /// Records points for a paid sale. Works offline; never waits for the network.
    ///
    /// When this returns `Ok` the entry is durable and will be sent, with the same `req_id` every
    /// time, until the gateway gives a verified answer. A sale recorded a moment ago is answered
    /// with its first ticket. A sale that says an amount and a rule gets what the rule gives now, or
    /// what it gave the first time; [`Ticket::points`] tells. `Storage` means unknown, not "nothing
    /// recorded": call again; the store is then opened anew before anything is written.
    pub fn accrue(&mut self, sale: &Sale<'_>) -> Result<Ticket> {
        let ticket = self.record_sale(sale);
        self.note(ticket)
    }

    fn record_sale(&mut self, sale: &Sale<'_>) -> Result<Ticket> {
        let Checked { deposit, profile, req_id, held, points } = self.check_sale(sale)?;
        self.mend()?;
        if points == 0 {
            return self.nothing_more(&deposit, &req_id, profile);
        }
        let created = self.unix_time();
        let terms = Terms { now: created, manager: sale.manager, held };
        let queue::Appended { seq, duplicate, pressure } = loop {
            let body = deposit.store(&mut self.record)?;
            let item = Item { req_id: &req_id, profile, kind: KIND_DEPOSIT, points, created, body };
            match self.queue.append_on(self.ports.storage(), &item, &terms) {
                Err(error) if self.make_way(&error)? => {}
                // What an amount earns may have changed since the first call; the first one counts.
                Err(error) if error.status == Status::Conflict && sale.rule.is_some() => {
                    return self.recorded(&deposit, &req_id, profile)?.ok_or(error);
                }
                told => break told?,
            }
        };
        self.count_today(sale, points, duplicate);
        let ticket = Ticket { seq, req_id, duplicate, points, voided: false };
        self.tell_stored(&ticket, points, &pressure);
        Ok(ticket)
    }

    /// Checks a sale, and that it can be sent; says what it is recorded as.
    fn check_sale<'s>(&mut self, sale: &Sale<'s>) -> Result<Checked<'s>>
    where
        'c: 's,
    {
        let whose = self.profiles.named(sale.merchant, "sale.merchant")?;
        let (profile, merchant) = (whose.hash, whose.merchant);
        let held = whose.lacks_way();
        let deposit = Deposit::check(sale, whose.shop_id, whose.activity_account)?;
        deposit.check_charset(self.config.charset)?;
        let points = self.points_of(sale)?;
        let owner = Owner { merchant, ..self.owner() };
        let req_id = match sale.req_id {
            "" => sale::derive_req_id(&owner, &deposit, sale.part),
            own => Text::try_from(own).map_err(|_| Error::new(Status::TooLong, "sale.req_id"))?,
        };
        // What earns nothing now may have earned something the first time, and must be sendable.
        self.check_sendable(&deposit.update(&req_id, points.max(1)), "sale.ext_info")?;
        Ok(Checked { deposit, profile, req_id, held, points })
    }

    /// When `error` says that the live lane is full: moves older entries to the backlog. False: it
    /// says something else, or nothing could be moved.
    fn make_way(&mut self, error: &Error) -> Result<bool> {
        if error.what != LIVE_FULL {
            return Ok(false);
        }
        self.queue.relieve(self.ports.storage(), &mut self.record)
    }

    /// Brings an entry among those that can be settled: sales that came while it was under way may
    /// have moved it behind others. One that waits no longer is left to the calls that follow.
    fn reach(&mut self, seq: u64) -> Result<()> {
        match self.queue.reach(self.ports.storage(), seq, &mut self.record) {
            Err(error) if error.status == Status::NotFound => Ok(()),
            told => told.map(|_| ()),
        }
    }

    /// After a storage failure nobody knows what is on the medium: it is read again before anything
    /// else is written. When that fails too, the queue stays as it is: with its counts, and to be
    /// mended by the next call.
    fn mend(&mut self) -> Result<()> {
        match self.queue.is_poisoned() {
            true => self.mend_now(),
            false => Ok(()),
        }
    }

    #[cold]
    #[inline(never)] // a second queue is a KiB of stack
    fn mend_now(&mut self) -> Result<()> {
        let (salt, mut mended) = (self.salt(), self.queue.renewed());
        mended.open(self.ports.storage(), salt)?;
        self.queue = mended;
        self.reread()
    }

    /// What could never be sent must not be accepted; `what` is what made it too long.
    fn check_sendable(&mut self, update: &points::Update<'_>, what: &'static str) -> Result<()> {
        // The token it is sent with may be another one, and longer than today's.
        const LONGEST: &str = "0000000000000000000000000000000000000000";
        const _: () = assert!(LONGEST.len() == gateway::APP_AUTH_TOKEN_MAX);
        let session = self.config.session(&self.wire, LONGEST);
        let size = gateway::request_size(&session, points::UPDATE, update, &mut self.record)?;
        if size > REQUEST_MAX {
            return Err(Error::new(Status::TooLong, what).at(size));
        }
        Ok(())
    }

    /// Seconds since 1970 as well as this terminal knows; 0 when it does not.
    pub(crate) fn unix_time(&mut self) -> u64 {
        let clock = self.ports.clock().unix_time().unwrap_or(0);
        self.watch_clock(clock);
        let time = clock.saturating_add_signed(self.clock_offset);
        // Beyond the year 9999 it is not a time, and must not keep a sale from being recorded.
        if time > text::TIME_MAX { 0 } else { time }
    }

    /// The same; 0, too, when the gateway's clock says that it is wrong and may not correct it.
    fn trusted_time(&mut self) -> u64 {
        let time = self.unix_time();
        let wrong = self.clock_off && !self.config.trust_server_time;
        if wrong || time < EARLIEST { 0 } else { time }
    }

    /// How the queue stands: counts, points, room. No I/O.
    pub fn status(&self) -> QueueStatus {
        self.queue.status()
    }

    /// The next entry after `cursor`, oldest first, or `None` at the end.
    pub fn walk(&mut self, cursor: &mut Cursor) -> Result<Option<Entry<'_>>> {
        self.queue.walk(self.ports.storage(), cursor, &mut self.record)
    }

    /// Points recorded here for `user_id`, with any of the configured merchants, that the gateway
    /// has not confirmed yet. Reads the whole queue.
    pub fn pending(&mut self, user_id: &str) -> Result<Pending> {
        let mut cursor = Cursor::default();
        let mut pending = Pending::default();
        let Self { queue, ports, record, profiles, .. } = self;
        while let Some(entry) = queue.walk(ports.storage(), &mut cursor, record)? {
            let open = matches!(entry.state, EntryState::Waiting | EntryState::Sent);
            let his = Deposit::load(entry.item.body).is_ok_and(|sale| sale.user_id == user_id);
            if open && his && profiles.of(entry.item.profile).is_some() {
                pending.entries += 1;
                pending.points += u64::from(entry.item.points);
            }
        }
        Ok(pending)
    }

    /// Prepares storage in idle time, so that no sale waits for a flash erase, nor for room.
    pub fn maintain(&mut self) -> Result<()> {
        let done = self.tidy();
        self.note(done)
    }

    fn tidy(&mut self) -> Result<()> {
        self.mend()?;
        while self.queue.is_tight() && self.queue.relieve(self.ports.storage(), &mut self.record)? {
        }
        self.queue.maintain(self.ports.storage())
    }

    /// Makes what was staged durable. `sync` ends with it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let done = self.commit();
        self.note(done)
    }

    pub(crate) fn monotonic_ms(&mut self) -> u64 {
        self.ports.clock().monotonic_ms()
    }

    /// The terminal's clock is unknown, before 2020, or far from the gateway's.
    pub fn clock_wrong(&mut self) -> bool {
        self.clock_off || self.unix_time() < EARLIEST
    }

    /// The machine's side, for whoever brought it.
    pub fn ports(&mut self) -> &mut P {
        &mut self.ports
    }

    /// An answer was verified with Alipay's next key since the client was opened: Alipay has
    /// changed, and the configuration can follow.
    pub fn next_key_used(&self) -> bool {
        self.next_key_used
    }

    /// Drops key texts and tokens: they are needed only until the client is open.
    #[cfg(feature = "capi")]
    pub(crate) fn forget_secrets(&mut self) {
        self.config = Config {
            app_auth_token: "",
            private_key: "",
            app_public_key: "",
            alipay_public_key: "",
            alipay_public_key_next: "",
            app_cert: "",
            alipay_cert: "",
            alipay_cert_next: "",
            alipay_root_cert: "",
            content_key: "",
            ..self.config
        };
    }

    /// The latest failure.
    pub fn detail(&self) -> &Detail {
        &self.detail
    }

    /// Keeps a failure as the detail, whatever the answer before it said.
    pub(crate) fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = result {
            self.detail = Detail { error, ..Detail::new() };
        }
        self.watch_store();
        result
    }
}

fn some(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}
