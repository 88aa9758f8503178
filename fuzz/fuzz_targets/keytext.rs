//! Any bytes as key text: no panic, no hang, and a refused key leaves none behind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::crypto::{PrivateKey, PublicKey, Scratch};

fuzz_target!(|text: &[u8]| {
    let scratch = &mut Scratch::new();
    let (mut private, mut public) = (PrivateKey::new(), PublicKey::new());
    let loaded = [private.load(text, scratch), public.load(text, scratch)];
    assert_eq!(private.is_empty(), loaded[0].is_err());
    assert_eq!(public.is_empty(), loaded[1].is_err());
    assert!(loaded.iter().any(|result| result.is_err()), "one text is not both kinds");
    for error in loaded.iter().filter_map(|result| result.err()) {
        // An offset in the text, or the bits of a number of at most 65535 bytes.
        assert!((error.at as usize) <= text.len().max(8 * 65535));
    }
});
