//! Section: methods. A merchant's consent.

use core::ffi::c_char;

use super::call::{pointcard_answer, pointcard_options};
use super::cell::Cell;
use super::life::pointcard_client;
use super::methods::{POINTER, required, run, text, versioned};
use super::structs::{self, Versioned, chars};
use crate::gateway::token::{self, Grant, State, Tokens};
use crate::status::{Error, Status};

/// What a merchant's consent is exchanged for tokens with: one of the two. Source: Alipay's page of
/// alipay.open.auth.token.app.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_grant {
    /// Set by POINTCARD_GRANT_INIT.
    pub struct_size: u32,
    /// The app_auth_code of a consent, at most 40: good once, for 24 hours.
    pub code: *const c_char,
    /// Or the app_refresh_token of the last pair, at most 40. If the answer is lost, repeat it once.
    pub refresh_token: *const c_char,
}

/// A pair of tokens. Store both before either is used: the old pair dies.
///
/// Source: Alipay's page of alipay.open.auth.token.app.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_tokens {
    /// Set by POINTCARD_TOKENS_INIT.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Seconds the token lives from now on; 0 = not told.
    pub expires_in: u64,
    /// Seconds the refresh token lives from now on; 0 = not told.
    pub re_expires_in: u64,
    /// What the merchant's calls carry.
    pub app_auth_token: [c_char; 65],
    /// For the next exchange.
    pub app_refresh_token: [c_char; 65],
    /// The merchant's Alipay user id; may be empty.
    pub user_id: [c_char; 33],
    /// The merchant's application, which notifications name; may be empty.
    pub auth_app_id: [c_char; 33],
}

/// What a token is worth.
///
/// Source: alipay.open.auth.token.app.query, in the models of Alipay's SDKs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_token_state {
    /// Set by POINTCARD_TOKEN_STATE_INIT.
    pub struct_size: u32,
    /// 1 for a status of "valid".
    pub is_valid: u32,
    /// Seconds it still lives; 0 = not told.
    pub expires_in: u64,
    /// The merchant's Alipay user id; may be empty.
    pub user_id: [c_char; 33],
    /// The merchant's application; may be empty.
    pub auth_app_id: [c_char; 33],
    /// Since when, "yyyy-MM-dd HH:mm:ss"; may be empty.
    pub auth_start: [c_char; 33],
    /// Until when; may be empty.
    pub auth_end: [c_char; 33],
}

versioned! {
    pointcard_grant, "grant", refresh_token POINTER;
    pointcard_tokens, "tokens", auth_app_id 33;
    pointcard_token_state, "token_state", auth_end 33;
}

/// Exchanges a merchant's consent, or a refresh token, for a pair of tokens. Sent without
/// app_auth_token: options may not name one.
///
/// @param client   an open client
/// @param grant    read during the call
/// @param options  NULL = defaults
/// @param tokens   receives the pair
/// @param answer   as pointcard_points_update; may be NULL
///
/// Returns as pointcard_call; threads and lock as there. ERR_ARGUMENT of "refresh_token": not both.
///
/// Source: Alipay's page of alipay.open.auth.token.app.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_token_exchange(
    client: *mut pointcard_client,
    grant: *const pointcard_grant,
    options: *const pointcard_options,
    tokens: *mut pointcard_tokens,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let content = |_: &Cell, _: &str| {
            let grant = structs::read(grant)?;
            match (text(grant.code, "code")?, text(grant.refresh_token, "refresh_token")?) {
                (Some(_), Some(_)) => Err(Error::new(Status::Argument, "refresh_token")),
                (None, Some(token)) => Ok(Grant::Refresh(token)),
                (code, None) => Ok(Grant::Code(code.unwrap_or_default())),
            }
        };
        run(client, options, answer, tokens, false, content, |answer| {
            token::tokens(answer).map(|tokens| c_tokens(&tokens))
        })
    }
}

/// Asks what a token is worth. Sent without app_auth_token: options may not name one.
///
/// @param client          an open client
/// @param app_auth_token  the token that is asked about, at most 40 bytes
/// @param options         NULL = defaults
/// @param state           receives its state
/// @param answer          as pointcard_points_update; may be NULL
///
/// Returns as pointcard_call; threads and lock as there.
///
/// Source: Alipay's page of alipay.open.auth.token.app.query.
// Safety: `client` as everywhere; text and structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_token_query(
    client: *mut pointcard_client,
    app_auth_token: *const c_char,
    options: *const pointcard_options,
    state: *mut pointcard_token_state,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let content = |_: &Cell, _: &str| {
            let token = required(app_auth_token, "app_auth_token")?;
            Ok(token::Query { app_auth_token: token })
        };
        run(client, options, answer, state, false, content, |answer| {
            token::state(answer).map(|state| c_state(&state))
        })
    }
}

fn c_tokens(tokens: &Tokens) -> pointcard_tokens {
    pointcard_tokens {
        struct_size: 0,
        reserved: 0,
        expires_in: tokens.expires_in.unwrap_or(0),
        re_expires_in: tokens.re_expires_in.unwrap_or(0),
        app_auth_token: chars(&tokens.app_auth_token),
        app_refresh_token: chars(&tokens.app_refresh_token),
        user_id: chars(&tokens.user_id),
        auth_app_id: chars(&tokens.auth_app_id),
    }
}

fn c_state(state: &State) -> pointcard_token_state {
    pointcard_token_state {
        struct_size: 0,
        is_valid: state.is_valid.into(),
        expires_in: state.expires_in.unwrap_or(0),
        user_id: chars(&state.user_id),
        auth_app_id: chars(&state.auth_app_id),
        auth_start: chars(&state.auth_start),
        auth_end: chars(&state.auth_end),
    }
}
