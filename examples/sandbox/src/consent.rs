//! A merchant's consent: in flow codes and refresh tokens, out flow pairs of tokens. Each new pair
//! ends the one before; a killed token stays known, so that asking about it says `invalid`.

use crate::clock;
use crate::ids;

/// Seconds an app_auth_token lives, as in the documents' sample.
pub const EXPIRES_IN: i64 = 31_536_000;
/// Seconds its refresh token lives.
pub const RE_EXPIRES_IN: i64 = 32_140_800;

/// What a merchant gave the app, and what became of it.
#[derive(Default)]
pub struct Consent {
    code: Option<String>,
    token: Option<Token>,
    dead: Vec<String>,
    refresh: Option<String>,
    refresh_before: Option<String>,
}

/// A token that works.
#[derive(Clone)]
pub struct Token {
    /// What requests carry.
    pub text: String,
    /// Milliseconds since 1970.
    pub given_ms: i64,
}

/// A fresh pair.
pub struct Pair {
    /// `app_auth_token`
    pub token: String,
    /// `app_refresh_token`
    pub refresh: String,
}

impl Consent {
    /// A token from outside instead of an exchange.
    pub fn give(&mut self, token: String) {
        self.kill();
        self.dead.retain(|dead| *dead != token);
        self.token = Some(Token { text: token, given_ms: clock::now_ms() });
    }

    /// Ends the token that works, if there is one; its refresh token goes on working.
    pub fn kill(&mut self) {
        self.dead.extend(self.token.take().map(|token| token.text));
    }

    /// The merchant agrees: a code good for one exchange.
    pub fn code(&mut self) -> String {
        self.code.insert(ids::hex32()).clone()
    }

    /// The pair a code is exchanged for; none for a code that is not the last, or was used.
    pub fn exchange(&mut self, code: &str) -> Option<Pair> {
        self.code.take_if(|own| own == code)?;
        self.refresh = None;
        Some(self.pair())
    }

    /// The pair a refresh token is exchanged for.
    pub fn refresh(&mut self, refresh: &str, old_too: bool) -> Option<Pair> {
        let is = |own: &Option<String>| own.as_deref() == Some(refresh);
        if is(&self.refresh) || (old_too && is(&self.refresh_before)) {
            return Some(self.pair());
        }
        None
    }

    fn pair(&mut self) -> Pair {
        self.give(ids::token());
        self.refresh_before = self.refresh.replace(ids::token());
        let (token, refresh) = (self.token.clone(), self.refresh.clone());
        Pair {
            token: token.map(|token| token.text).unwrap_or_default(),
            refresh: refresh.unwrap_or_default(),
        }
    }

    /// The token, if it works.
    pub fn alive(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// True for a token this merchant once gave.
    pub fn is_dead(&self, token: &str) -> bool {
        self.dead.iter().any(|dead| dead == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_ends_the_one_before() {
        let mut consent = Consent::default();
        let code = consent.code();
        let first = consent.exchange(&code).unwrap();
        assert!(consent.exchange(&code).is_none());
        let second = consent.refresh(&first.refresh, true).unwrap();
        assert!(consent.is_dead(&first.token));
        assert_eq!(consent.alive().unwrap().text, second.token);
        assert!(consent.refresh(&first.refresh, false).is_none());
        let third = consent.refresh(&first.refresh, true).unwrap();
        assert!(consent.is_dead(&second.token) && third.refresh != second.refresh);
    }
}
