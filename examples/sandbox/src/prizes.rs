//! Claim tokens: in flow authorisations and claims, out flow tokens and what they were for.

use std::collections::HashMap;

use crate::clock;
use crate::ids;
use crate::ledger::Way;

/// What one prizesend.auth asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// `req_id`
    pub req_id: String,
    /// `prize_id`: an activity's camp_id or itemId, or anything: Alipay does not say what it is.
    pub prize_id: String,
    /// `user_id`
    pub user_id: String,
}

/// Why there is no token.
pub enum NoToken {
    /// The same again, in the way `Error`.
    Repeated,
    /// The same req_id for something else.
    OtherContent,
}

/// A token's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it was given for.
    pub auth: Auth,
    /// When it was given, milliseconds since 1970.
    pub given_ms: i64,
    /// The claim that used it; of several, the last.
    pub claimed: Option<Used>,
}

/// What a claim leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// `outBizNo` of the link.
    pub out_biz_no: String,
    /// Beijing time.
    pub time: String,
    /// The message to the merchant, if there was anywhere to send it.
    pub notify_id: Option<String>,
}

/// All tokens of a merchant.
#[derive(Default)]
pub struct Prizes {
    tokens: HashMap<String, Token>,
    by_req_id: HashMap<String, String>,
}

impl Prizes {
    /// A token, new or as before; true when it is a repeat.
    pub fn authorise(&mut self, auth: Auth, way: Way) -> Result<(String, bool), NoToken> {
        let earlier = self.by_req_id.get(&auth.req_id).filter(|_| way != Way::Forget);
        if let Some(token) = earlier {
            let same = self.tokens.get(token).is_some_and(|first| first.auth == auth);
            return match way {
                _ if !same => Err(NoToken::OtherContent),
                Way::Error => Err(NoToken::Repeated),
                _ => Ok((token.clone(), true)),
            };
        }
        let token = ids::hex32();
        self.by_req_id.entry(auth.req_id.clone()).or_insert_with(|| token.clone());
        let given_ms = clock::now_ms();
        self.tokens.insert(token.clone(), Token { auth, given_ms, claimed: None });
        Ok((token, false))
    }

    /// What a token stands for.
    pub fn token(&self, token: &str) -> Option<&Token> {
        self.tokens.get(token)
    }

    /// A claim used it.
    pub fn use_up(&mut self, token: &str, used: Used) {
        if let Some(token) = self.tokens.get_mut(token) {
            token.claimed = Some(used);
        }
    }

    /// Every token, oldest first.
    pub fn all(&self) -> Vec<(&str, &Token)> {
        let mut all: Vec<_> = self.tokens.iter().map(|(text, token)| (&**text, token)).collect();
        all.sort_by_key(|(text, token)| (token.given_ms, *text));
        all
    }
}
