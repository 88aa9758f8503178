//! Any bytes as an answer: no panic, no outcome that counts without a signature that holds, and
//! the signed slice is a slice of the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::crypto::Digest;
use pointcard::gateway::{Outcome, answer, points};
use pointcard::status::{Error, Status};

fuzz_target!(|data: &[u8]| {
    for method in [points::UPDATE, points::QUERY] {
        let Ok(answer) = answer::read(data, method) else { continue };
        let (start, end) = answer.span();
        assert_eq!(&data[start..end], answer.signed());
        let result = answer.verify_with(Digest::Sha256, &mut |hash, signature| {
            assert_eq!(hash.len(), 32);
            match hash == signature {
                true => Ok(()),
                false => Err(Error::new(Status::Signature, "sign")),
            }
        });
        let outcome = answer.outcome(200, result.is_ok());
        let open = matches!(outcome, Outcome::Unknown | Outcome::Unauthenticated);
        assert!(result.is_ok() || open, "{outcome:?}");
        assert_eq!(answer.outcome(502, true), Outcome::Unknown);
        let _ = points::point_log_no(&answer);
        let _ = points::balance(&answer);
        let _ = answer.signature(&mut [0; 512]);
    }
});
