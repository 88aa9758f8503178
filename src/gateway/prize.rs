//! The right to one prize: `koubei.marketing.tool.prizesend.auth` (发券授权).
//!
//! In: who gets which prize. Out: `biz_content`, and the token that the claim link carries.
//!
//! Lengths are those of models integrators publish.

use super::Answer;
use crate::status::Result;
use crate::text::{self, Text};
use serde::Serialize;

/// Asks for a claim token.
pub const AUTH: &str = "koubei.marketing.tool.prizesend.auth";

/// Longest `prize_id`, in characters.
pub const PRIZE_ID_MAX: usize = 32;
/// Longest token that is kept; our own limit, samples have 32 hex digits.
pub const TOKEN_MAX: usize = 64;

/// One prizesend.auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PrizesendAuth<'a> {
    /// The idempotency key: the same in every repeat of the same call.
    pub req_id: &'a str,
    /// What is given. Samples look like the exchange activity's `camp_id`; no page says so.
    pub prize_id: &'a str,
    /// The shopper.
    pub user_id: &'a str,
}

impl PrizesendAuth<'_> {
    /// Refuses what the gateway would refuse: `Missing`, `TooLong`, `Encoding` with the member.
    pub fn check(&self) -> Result<()> {
        text::required(self.req_id.as_bytes(), "req_id", super::points::REQ_ID_MAX)?;
        text::required(self.prize_id.as_bytes(), "prize_id", PRIZE_ID_MAX)?;
        text::required(self.user_id.as_bytes(), "user_id", super::points::USER_ID_MAX).map(|_| ())
    }
}

/// The token an accepted prizesend.auth gives. How long it lives, and whether it serves more than
/// once, is not documented; nothing can take it back.
///
/// Only for an answer that is [`super::Outcome::Accepted`]. `Missing`, `TooLong` beyond
/// [`TOKEN_MAX`], `Encoding` with control characters: treat those as unknown.
pub fn token(answer: &Answer<'_>) -> Result<Text<TOKEN_MAX>> {
    let token = answer.text("token")?;
    text::required(token.as_bytes(), "token", TOKEN_MAX)?;
    Ok(token)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::gateway::answer;
    use crate::status::Status;

    #[test]
    fn a_request_and_its_token() {
        let auth = PrizesendAuth {
            req_id: "43242389432475452321",
            prize_id: "20160527000000000682853000153366",
            user_id: "2088123412341234",
        };
        let mut buf = [0; 256];
        let len = serde_json_core::to_slice(&auth, &mut buf).unwrap();
        let json = r#"{"req_id":"43242389432475452321","prize_id":"20160527000000000682853000153366","user_id":"2088123412341234"}"#;
        assert_eq!(&buf[..len], json.as_bytes());
        assert_eq!(auth.check(), Ok(()));
        let error = PrizesendAuth { prize_id: &"1".repeat(33), ..auth }.check().unwrap_err();
        assert_eq!((error.status, error.what), (Status::TooLong, "prize_id"));
    }

    #[test]
    fn a_token_is_text_that_is_there() {
        let read = |fields: &str| {
            let body =
                format!("{{\"koubei_marketing_tool_prizesend_auth_response\":{{{fields}}}}}");
            token(&answer::read(body.as_bytes(), AUTH).unwrap()).map_err(|e| e.status)
        };
        assert_eq!(read(r#""token":"5b78189e""#).as_deref(), Ok("5b78189e"));
        assert_eq!(read(r#""token":"""#), Err(Status::Missing));
        assert_eq!(read(r#""code":"10000""#), Err(Status::Missing));
        assert_eq!(read(r#""token":"a\n""#), Err(Status::Encoding));
        assert_eq!(read(&format!("\"token\":\"{}\"", "a".repeat(65))), Err(Status::TooLong));
    }
}
