//! Numbers as Alipay makes them: in flows what they count, out flow digits and hex that no two
//! things share. The shapes are those of published samples; they say nothing else.

use std::hash::{BuildHasher, RandomState};

use crate::clock;

/// 32 hex digits nobody guesses: a claim token, an authorization code.
pub fn hex32() -> String {
    let half = || RandomState::new().hash_one(clock::now_ms());
    format!("{:016x}{:016x}", half(), half())
}

/// `yyyyMMdd` of today in Beijing.
pub fn today() -> String {
    clock::beijing(clock::now_ms()).chars().filter(char::is_ascii_digit).take(8).collect()
}

/// 40 characters as an app_auth_token has: month, `BB`, hex.
pub fn token() -> String {
    format!("{}BB{}", &today()[..6], hex32())
}
