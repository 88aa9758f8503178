//! Any bytes to the JSON reader, in both encodings: no panic, and what it accepts holds together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::json::{Encoding, Kind, Object};
use pointcard::text::Writer;

fuzz_target!(|data: &[u8]| {
    for encoding in [Encoding::Utf8, Encoding::Gbk] {
        let Ok(object) = Object::read(data, encoding) else { continue };
        let mut count = 0;
        for member in object.members() {
            count += 1;
            let (start, end) = member.value.span();
            assert_eq!(&data[start..end], member.value.raw());
            let mut room = vec![0; data.len()];
            let mut name = Writer::new(&mut room);
            if member.name.text(&mut name).is_ok() && encoding == Encoding::Utf8 {
                // Decoding never grows: the name fits, and is found under itself.
                let name = name.finish_str().expect("decoded names are UTF-8 and fit");
                assert_eq!(object.get(name).map(|value| value.span()), Some((start, end)));
            }
            let mut room = vec![0; data.len()];
            let _ = member.value.text(&mut Writer::new(&mut room));
            let _ = member.value.as_u64();
            if member.value.kind() == Kind::Object {
                let _ = member.value.object();
            }
        }
        assert!(count <= pointcard::json::MEMBERS_MAX);
        if encoding == Encoding::Utf8
            && let Err(error) = serde_json::from_slice::<serde_json::Value>(data)
        {
            // Numbers beyond f64 are the one thing the other reader refuses and this one takes.
            assert!(error.to_string().starts_with("number out of range"), "{error}");
        }
    }
});
