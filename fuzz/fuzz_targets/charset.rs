//! Any bytes as GBK and as UTF-8: no panic; what is converted comes back as it was; what is
//! refused is refused at a place inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pointcard::status::Status;
use pointcard::text::{Writer, gbk};

fuzz_target!(|data: &[u8]| {
    let (mut room, mut back) = (vec![0; 2 * data.len()], vec![0; 2 * data.len()]);
    let mut writer = Writer::new(&mut room);
    match gbk::decode(data, &mut writer) {
        Ok(()) => {
            let text = writer.finish_str().expect("twice the room is enough, and it is UTF-8");
            let mut writer = Writer::new(&mut back);
            gbk::encode(text, &mut writer).expect("what was GBK is GBK");
            assert_eq!(writer.finish(), Ok(data));
        }
        Err(error) => assert!(error.status == Status::Encoding && (error.at as usize) < data.len()),
    }
    let Ok(text) = str::from_utf8(data) else { return };
    let mut writer = Writer::new(&mut room);
    match gbk::encode(text, &mut writer) {
        Ok(()) => {
            let bytes = writer.finish().expect("GBK is never longer");
            let mut writer = Writer::new(&mut back);
            gbk::decode(bytes, &mut writer).expect("what became GBK is GBK");
            assert_eq!(writer.finish_str(), Ok(text));
        }
        Err(error) => assert!(text.is_char_boundary(error.at as usize)),
    }
});
