//! Before the first sale: everything a configuration can have wrong, in one go.
//!
//! In: a client that is not open, and, if the caller wants that, a transport for one harmless
//! query. Out: a list of findings, each with advice; the client closed, nothing recorded. (A blank
//! medium becomes a store, as it would by opening the client.)

use super::{Client, EARLIEST, Merchant, REQUEST_MAX, Step};
use crate::crypto::{Digest, Hasher};
use crate::gateway::{self, SIGNATURE_MAX};
use crate::outcome::Verdict;
use crate::port::{Ports, Transport};
use crate::queue::Queue;
use crate::status::{Error, Status};

/// Most findings that are told.
pub const FINDINGS_MAX: usize = 16;
/// How often the monotonic clock is read until it has to have moved: some milliseconds.
const READINGS: u32 = 200_000;
/// How long the one query may take.
const TIMEOUT_MS: u32 = 15_000;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, and where.
    pub error: Error,
    /// What to do about it: one English sentence without a full stop.
    pub advice: &'static str,
}

/// What [`Client::check`] found.
#[derive(Clone, Debug, Default)]
pub struct Checkup {
    /// In the order they were found: configuration, keys, storage, clock, line. Empty: all is well.
    pub findings: heapless::Vec<Finding, FINDINGS_MAX>,
}

/// A line to the gateway, for the online part.
pub struct Line<'l> {
    /// Carries one query.
    pub transport: &'l mut dyn Transport,
    /// [`super::IO_SIZE`] bytes.
    pub io: &'l mut [u8],
    /// Whose balance is asked for: a test user of the merchant's. Any answer that is signed will
    /// do, "no such user" as well.
    pub user_id: &'l str,
}

impl Checkup {
    pub(crate) fn add(&mut self, error: Error, advice: &'static str) {
        // The list is longer than there are things to check.
        let _ = self.findings.push(Finding { error, advice });
    }

    fn expect(&mut self, result: crate::status::Result<()>, advice: &'static str) -> bool {
        result.map_err(|error| self.add(error, advice)).is_ok()
    }
}

const KEEP_FORM: &str = "take the key as the console or the key tool shows it, whole";

const NOT_WRITABLE: &str = "the medium can be read but not written";

/// Why a medium is no store.
fn storage_advice(status: Status, is_readable: bool) -> &'static str {
    match status {
        Status::Storage if is_readable => NOT_WRITABLE,
        Status::Storage => "the medium cannot be read",
        Status::Geometry => "sector_size, sector_count, prog_size or align cannot hold a store",
        Status::Missing => "the store is sealed with a key that is not given; `at` is its number",
        Status::KeyMismatch => "the store is sealed with another key, or not sealed at all",
        Status::Forged => "somebody without the key has altered the store: save the image",
        Status::MediaVersion => "a newer version of this library has written it",
        _ => "the medium holds another program's data, or is damaged",
    }
}

/// What to do about a key that cannot be used.
fn key_advice(error: &Error) -> &'static str {
    match (error.status, error.what) {
        (Status::KeyMismatch, "config.app_public_key" | "config.app_cert") => {
            "not one pair: this does not belong to the private key, one of the two is an older one"
        }
        (Status::KeyMismatch, _) => {
            "this is the app's own public key: copy Alipay's from the console, it is another"
        }
        (Status::Argument, _) => "two members contradict each other: give one of them only",
        _ => KEEP_FORM,
    }
}

impl<'c, P: Ports> Client<'c, P> {
    /// Checks configuration, keys (with a trial signature), storage and clock, and with a `line`
    /// the gateway's side: whether it knows our key, whether we know its, whether its clock and
    /// ours agree. Goes through all of it, whatever it finds.
    ///
    /// Leaves the client closed; [`Client::open`] opens it. Nothing is sent but the one query, and
    /// nothing recorded is changed.
    pub fn check(&mut self, line: Option<Line<'_>>) -> Checkup {
        self.check_for(self.config.merchants, line)
    }

    /// [`check`](Self::check) with merchants that need not be kept in a slice.
    pub(crate) fn check_for(
        &mut self,
        merchants: &[Merchant<'c>],
        line: Option<Line<'_>>,
    ) -> Checkup {
        let mut found = Checkup::default();
        self.close();
        let whose = self.profiles.load(&self.config, merchants);
        for checked in self.config.checks().into_iter().chain([whose]) {
            found.expect(checked, "correct this member of the configuration");
        }
        let is_ready = self.check_keys(&mut found) && found.findings.is_empty();
        self.check_machine(&mut found);
        match line {
            Some(line) if is_ready => self.check_line(line, &mut found),
            Some(_) => found.add(
                Error::new(Status::BadState, "gateway"),
                "the gateway was not asked: correct what stands above first",
            ),
            None => {}
        }
        self.close();
        found
    }

    /// Storage and clock: what is there whatever the configuration says.
    pub(crate) fn check_machine(&mut self, found: &mut Checkup) {
        self.check_storage(found);
        self.check_clock(found);
    }

    /// Each key by itself, then what they say together. True when all is well.
    fn check_keys(&mut self, found: &mut Checkup) -> bool {
        let before = found.findings.len();
        let has_signer = self.ports.signer().is_some();
        let Self { config, vault, wire, .. } = self;
        vault.load_each(config, has_signer, &mut |error| found.add(error, key_advice(&error)));
        found.expect(wire.load(config), "take the text as the console shows it, whole");
        if let Err(error) = vault.check_pair(config) {
            found.add(error, key_advice(&error));
        }
        if found.findings.len() == before && !self.config.sign_elsewhere {
            self.try_signature(found);
        }
        found.findings.len() == before
    }

    fn try_signature(&mut self, found: &mut Checkup) {
        let digest: Digest = self.config.sign_type.digest();
        let mut hasher = Hasher::new(digest);
        hasher.update(b"pointcard check");
        let mut room = [0; SIGNATURE_MAX];
        let Self { vault, ports, .. } = self;
        let signed = vault.sign(ports, digest, hasher.finish().as_bytes(), &mut room);
        found.expect(
            signed.map(drop),
            "no signature: the signer port or the entropy port fails, or the signer holds another key",
        );
    }

    fn check_storage(&mut self, found: &mut Checkup) {
        let (salt, mut queue) = (self.salt(), Queue::new());
        let storage = self.ports.storage();
        let about = |error: Error| match error.what {
            "store.key" | "store.seal" => Error { what: "config.seal", ..error },
            _ => Error { what: "config.storage", ..error },
        };
        let is_readable = storage.read(0, &mut [0; 16]).is_ok();
        let lost = match queue.open(storage, salt).map_err(about) {
            Ok(opened) => opened.lost,
            Err(error) => return found.add(error, storage_advice(error.status, is_readable)),
        };
        if lost > 0 {
            found.add(
                Error::new(Status::MediaCorrupt, "config.storage").at(lost as usize),
                "entries were lost to damage: look at the medium",
            );
        }
        if queue.status().room == 0 {
            found.add(
                Error::new(Status::QueueFull, "config.storage"),
                "the queue is full: sync before the next sale, or give it more room",
            );
        }
        let written = queue.maintain(storage).map_err(about);
        let synced = written.and_then(|()| storage.sync().map_err(|e| about(e.storage())));
        found.expect(synced, NOT_WRITABLE);
        queue.close();
    }

    fn check_clock(&mut self, found: &mut Checkup) {
        let clock = self.ports.clock();
        match clock.unix_time() {
            None => found.add(
                Error::new(Status::Missing, "clock"),
                "the date is unknown: the gateway refuses requests without the right time",
            ),
            Some(time) if time < EARLIEST => found.add(
                Error::new(Status::Range, "clock"),
                "the date is before 2020: set the clock, the gateway refuses a wrong time",
            ),
            Some(_) => {}
        }
        let first = clock.monotonic_ms();
        let moved = (0..READINGS).map(|_| clock.monotonic_ms()).find(|now| *now != first);
        if moved.is_none_or(|now| now < first) {
            found.add(
                Error::new(Status::Range, "clock.monotonic_ms"),
                "the monotonic clock stands still or goes back: no entry would be sent again",
            );
        }
    }

    fn check_line(&mut self, line: Line<'_>, found: &mut Checkup) {
        let Line { transport, io, user_id } = line;
        let too_small = Error::new(Status::BufferTooSmall, "io").at(super::IO_SIZE);
        let Some((request, answer)) = io.split_at_mut_checked(REQUEST_MAX) else {
            return found.add(too_small, "give the check more memory");
        };
        let Step { request, exchange } = match self.query_request(user_id, "", request) {
            Ok(step) => step,
            Err(error) => return found.add(error, "no query: name a test user and an account"),
        };
        let (answered, http) = match transport.exchange(&request, answer, TIMEOUT_MS) {
            Ok(http) => {
                let body = answer.get(..http.body_len).unwrap_or_default();
                // Not `on_response`: the queue is closed, and a query has nothing to make durable.
                (self.finish(exchange, &http, body), http)
            }
            Err(error) => (self.on_transport_error(exchange, error), Default::default()),
        };
        if self.clock_off {
            found.add(
                Error::new(Status::Range, "clock").at(http.date as usize),
                "the clock is more than five minutes from the gateway's: set it, or allow server time",
            );
        }
        match answered.map(|outcome| outcome.verdict) {
            Ok(Verdict::Accepted | Verdict::Rejected) => {}
            Ok(_) => {
                let (what, advice) = self.advice();
                found.add(Error { what, ..self.detail.error }, advice);
            }
            Err(error) => found.add(error, "the answer could not be judged"),
        }
    }

    /// What an answer that is none comes from, as a rule.
    fn advice(&self) -> (&'static str, &'static str) {
        let says = |word| gateway::contains(&self.detail.sub_code, word);
        match self.detail.error.status {
            _ if says("invalid-signature") => (
                "config.private_key",
                "the gateway does not accept our signature: the public key registered for this app \
                 at Alipay belongs to another private key, or to another sign_type",
            ),
            _ if says("invalid-app-id") => (
                "config.app_id",
                "the gateway does not know this app_id: sandbox and production \
                  have their own",
            ),
            _ if says("timestamp") => ("clock", "the gateway refuses our time: set the clock"),
            Status::Signature => (
                "config.alipay_public_key",
                "the answer is signed by another key: copy Alipay's public key from the console anew",
            ),
            Status::Unsigned | Status::Malformed | Status::TooDeep | Status::Duplicate => (
                "gateway",
                "what answers is not the gateway: a login page of the network, a proxy, or a wrong URL",
            ),
            Status::Transport => ("gateway", "no connection: look at network, proxy and URL"),
            Status::Token => {
                ("config.app_auth_token", "the gateway refuses the merchant's token: renew it")
            }
            Status::Refused => {
                ("gateway", "the gateway refuses this app: see its code and sub_code")
            }
            Status::Throttled => ("gateway", "the gateway asks for fewer calls: check again later"),
            _ => ("gateway", "no answer that can be trusted came: check again"),
        }
    }
}
