//! Any bytes as certificates and bundles: no panic, no hang, and a number is a number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::crypto::cert;
use pointcard::text::Writer;

fuzz_target!(|text: &[u8]| {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match cert::number(text) {
        Ok(number) => assert!(number.len() == cert::NUMBER_LEN && is_hex(&number)),
        Err(error) => assert!(error.at as usize <= text.len()),
    }
    // A certificate takes far more text than its number.
    let mut room = vec![0; text.len()];
    let mut writer = Writer::new(&mut room);
    match cert::root_number(text, &mut writer) {
        Ok(()) => {
            let numbers = writer.finish_str().expect("room and ASCII");
            let all = |number: &str| number.len() == cert::NUMBER_LEN && is_hex(number);
            assert!(numbers.is_empty() || numbers.split('_').all(all));
        }
        Err(error) => assert!(error.at as usize <= text.len()),
    }
});
