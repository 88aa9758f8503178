//! Whom a client speaks for: its merchants, their tokens, and which of them have to wait.
//!
//! In: the configured merchants; later new tokens, and refusals of old ones. Out: the profile an
//! entry belongs to, with the token its request carries, or how long it waits.
//!
//! One queue holds the entries of all of them. Each entry names its profile by hash; an entry of
//! none of these is another configuration's and is held.

use super::{Client, Config};
use crate::gateway::{self, points};
use crate::points::pace;
use crate::points::sale::{self, Owner};
use crate::port::Ports;
use crate::status::{Error, Result, Status};
use crate::text::Text;
use zeroize::Zeroize as _;

/// Merchants one client can act for beside its own; our own limit.
pub const PROFILES_MAX: usize = 8;
/// Longest merchant id, in bytes; our own limit.
pub const MERCHANT_MAX: usize = 64;

/// One more merchant a software house acts for on this terminal, under the same application.
#[derive(Clone, Copy, Default)]
pub struct Merchant<'c> {
    /// Any stable id, ASCII, at most [`MERCHANT_MAX`] bytes. Required; a sale names it.
    pub merchant: &'c str,
    /// Token of this merchant's consent, at most 40 bytes. Empty: the merchant's entries wait for
    /// [`Client::set_token`].
    pub app_auth_token: &'c str,
    /// Point account of this merchant's sales unless they say otherwise. (Another merchant's is
    /// never taken instead.)
    pub activity_account: &'c str,
    /// Shop of this merchant's sales unless they say otherwise.
    pub shop_id: &'c str,
}

/// Tokens never reach a log, not even by accident.
impl core::fmt::Debug for Merchant<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Merchant").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// A token of our own, wiped when it is replaced or dropped.
struct Token {
    bytes: [u8; gateway::APP_AUTH_TOKEN_MAX],
    len: usize,
}

impl Token {
    const fn new() -> Token {
        Token { bytes: [0; gateway::APP_AUTH_TOKEN_MAX], len: 0 }
    }

    /// `text` was checked: ASCII, and not too long.
    fn set(&mut self, text: &str) {
        self.bytes.zeroize();
        self.len = text.len();
        for (to, from) in self.bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Whether a profile's entries may go out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    No,
    /// The gateway refuses the token, or there is none yet: until another one is set.
    Token,
    /// The gateway refuses without a token having been sent: only somebody at the console can
    /// help, so it is tried again from this moment on.
    Until(u64),
}

/// One merchant, as the client keeps it.
pub(super) struct Profile<'c> {
    pub(super) merchant: &'c str,
    pub(super) activity_account: &'c str,
    pub(super) shop_id: &'c str,
    pub(super) hash: u64,
    token: Token,
    /// Counts tokens: a refusal of an earlier one says nothing of today's.
    issue: u32,
    pause: Pause,
}

impl Profile<'_> {
    const fn new() -> Self {
        Profile {
            merchant: "",
            activity_account: "",
            shop_id: "",
            hash: 0,
            token: Token::new(),
            issue: 0,
            pause: Pause::No,
        }
    }

    pub(super) fn token(&self) -> &str {
        self.token.as_str()
    }

    pub(super) fn issue(&self) -> u32 {
        self.issue
    }

    /// Milliseconds its entries wait, all of them; `None` = until a token is set.
    pub(super) fn wait(&self, now: u64) -> Option<u32> {
        match self.pause {
            Pause::No => Some(0),
            Pause::Token => None,
            Pause::Until(due) => Some(pace::left(due, now)),
        }
    }

    /// Whether its entries wait until a token is set: they must not take the place of others'.
    pub(super) fn lacks_way(&self) -> bool {
        self.pause == Pause::Token
    }

    /// Whether it has to have a token and none was set.
    pub(super) fn lacks_token(&self) -> bool {
        self.token().is_empty() && self.pause == Pause::Token
    }

    fn set_token(&mut self, token: &str) {
        self.token.set(token);
        self.issue = self.issue.wrapping_add(1);
        self.pause = Pause::No;
    }
}

/// All of them, the client's own first. Empty while the client is closed.
pub(super) struct Profiles<'c> {
    list: [Profile<'c>; PROFILES_MAX + 1],
    len: usize,
}

impl<'c> Profiles<'c> {
    pub(super) const fn new() -> Self {
        Profiles { list: [const { Profile::new() }; PROFILES_MAX + 1], len: 0 }
    }

    /// Takes what is configured; `merchants` beside the client's own.
    pub(super) fn load(&mut self, config: &Config<'c>, merchants: &[Merchant<'c>]) -> Result<()> {
        self.clear();
        let own = Merchant {
            merchant: config.merchant,
            app_auth_token: config.app_auth_token,
            activity_account: config.activity_account,
            shop_id: config.shop_id,
        };
        self.add(config, &own);
        for (at, merchant) in merchants.iter().enumerate() {
            // Which of them it is says more than where in its text.
            check(merchant).map_err(|error| error.at(at))?;
            let error = Error::new(Status::Duplicate, "config.merchants").at(at);
            if self.iter().any(|known| known.merchant == merchant.merchant) {
                return Err(error);
            }
            if !self.add(config, merchant) {
                return Err(Error { status: Status::TooLong, ..error }.at(PROFILES_MAX));
            }
            // Without its token this merchant's points would be booked as somebody else's.
            if let Some(last) = self.list.get_mut(self.len.saturating_sub(1))
                && merchant.app_auth_token.is_empty()
            {
                last.pause = Pause::Token;
            }
        }
        Ok(())
    }

    fn add(&mut self, config: &Config<'c>, given: &Merchant<'c>) -> bool {
        let Some(place) = self.list.get_mut(self.len) else { return false };
        let owner = Owner { app_id: config.app_id, merchant: given.merchant };
        place.merchant = given.merchant;
        place.activity_account = given.activity_account;
        place.shop_id = given.shop_id;
        place.hash = sale::profile(&owner, config.gateway());
        place.set_token(given.app_auth_token);
        self.len += 1;
        true
    }

    /// Wipes the tokens and forgets everybody.
    pub(super) fn clear(&mut self) {
        *self = Profiles::new();
    }

    fn iter(&self) -> impl Iterator<Item = &Profile<'c>> {
        self.list.iter().take(self.len)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Profile<'c>> {
        self.list.iter_mut().take(self.len)
    }

    /// Whose entry it is; `None` = another configuration's.
    pub(super) fn of(&self, hash: u64) -> Option<&Profile<'c>> {
        self.iter().find(|profile| profile.hash == hash)
    }

    /// The merchant called `name`; the client's own without a name.
    pub(super) fn named(&self, name: &str, what: &'static str) -> Result<&Profile<'c>> {
        let own = self.iter().next().ok_or(Error::new(Status::BadState, "client"))?;
        if name.is_empty() {
            return Ok(own);
        }
        self.iter()
            .find(|profile| profile.merchant == name)
            .ok_or(Error::new(Status::NotFound, what))
    }

    /// Who has `account` as point account; the client's own if nobody has.
    pub(super) fn with_account(&self, account: &str) -> Option<&Profile<'c>> {
        self.iter().find(|profile| profile.activity_account == account).or(self.iter().next())
    }

    /// Lifts the waits that have an end of their own.
    pub(super) fn force(&mut self) {
        for profile in self.iter_mut().filter(|p| matches!(p.pause, Pause::Until(_))) {
            profile.pause = Pause::No;
        }
    }

    /// The gateway refused token number `issue` of the profile `hash` as none it knows. Returns
    /// the milliseconds after which its entries are tried again; 0 = at once, or not before a
    /// token is set.
    pub(super) fn refuse_token(&mut self, hash: u64, issue: u32, now: u64, random: u32) -> u32 {
        let Some(profile) = self.iter_mut().find(|profile| profile.hash == hash) else { return 0 };
        if profile.issue != issue {
            return 0; // Another one was set while this request was under way.
        }
        if !profile.token().is_empty() {
            profile.pause = Pause::Token;
            return 0;
        }
        let wait = pace::pause(random);
        profile.pause = Pause::Until(now.saturating_add(wait.into()));
        wait
    }
}

fn check(given: &Merchant<'_>) -> Result<()> {
    sale::required_id(given.merchant, "config.merchants.merchant", MERCHANT_MAX)?;
    let token_max = gateway::APP_AUTH_TOKEN_MAX;
    sale::id(given.app_auth_token, "config.merchants.app_auth_token", token_max)?;
    let account_max = points::ACTIVITY_ACCOUNT_MAX;
    sale::id(given.activity_account, "config.merchants.activity_account", account_max)?;
    sale::id(given.shop_id, "config.merchants.shop_id", points::SHOP_ID_MAX)
}

impl<P: Ports> Client<'_, P> {
    /// Gives `merchant` (empty: the client's own) another token, at most 40 bytes of ASCII. Its
    /// entries go out with it from the next request on; if they waited because the gateway refused
    /// the one before, they wait no longer.
    ///
    /// The token is kept in the client, until [`close`](Self::close) or the next one, and wiped
    /// then; it is not stored. A new start takes what the configuration says.
    ///
    /// `Missing` (no token), `TooLong` or `Encoding` about `token`; `NotFound` about `merchant`;
    /// `BadState` while the client is closed.
    pub fn set_token(&mut self, merchant: &str, token: &str) -> Result<()> {
        let set = self.change_token(merchant, token);
        self.note(set)
    }

    fn change_token(&mut self, merchant: &str, token: &str) -> Result<()> {
        let hash = self.profiles.named(merchant, "merchant")?.hash;
        sale::required_id(token, "token", gateway::APP_AUTH_TOKEN_MAX)?;
        if let Some(profile) = self.profiles.iter_mut().find(|profile| profile.hash == hash) {
            profile.set_token(token);
        }
        Ok(())
    }

    /// Entries the latest look passed over because the gateway refuses their merchant's token (or
    /// there is none yet). [`set_token`](Self::set_token) sets them going.
    pub fn paused(&self) -> u32 {
        self.paused.0
    }

    /// Whose the oldest of those was; empty when it was the client's own, or there was none.
    pub fn paused_merchant(&self) -> Text<MERCHANT_MAX> {
        let whose = self.profiles.of(self.paused.1).filter(|_| self.paused.0 > 0);
        // Cannot be longer: it was checked.
        whose.and_then(|whose| Text::try_from(whose.merchant).ok()).unwrap_or_default()
    }
}
