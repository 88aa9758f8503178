//! Any bytes as a notification: no panic, nothing is believed without a signature that holds, and
//! what decoding gives is never longer than what came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::gateway::{SignType, notify};
use pointcard::json::Encoding;
use pointcard::status::{Error, Status};

fuzz_target!(|data: &[u8]| {
    let mut room = vec![0; data.len()];
    let Ok(notification) = notify::read(data, &mut room) else { return };
    let decoded: usize =
        notification.fields().iter().map(|field| field.name.len() + field.value.len()).sum();
    assert!(decoded <= data.len());
    let _ = notification.encoding(Encoding::Utf8);
    let mut held = false;
    let result = notification.verify_with(SignType::Rsa2, &mut |_, hash, signature| {
        held = hash == signature;
        if held { Ok(()) } else { Err(Error::new(Status::Signature, "sign")) }
    });
    assert_eq!(result.is_ok(), held);
    // Messages are read with a signature that is taken for good, too.
    if let Ok(verified) = notification.verify_with(SignType::Rsa2, &mut |_, _, _| Ok(())) {
        let _ = verified.message();
        assert_eq!(verified.field("sign"), None);
    }
});
