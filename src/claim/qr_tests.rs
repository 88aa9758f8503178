use super::*;

const LEVELS: [Level; 4] = [Level::Low, Level::Medium, Level::Quartile, Level::High];

/// What the encoder itself would choose for `len` bytes.
fn encoder(len: usize, level: Level) -> Option<(u8, QrCodeEcc)> {
    let (text, mut room) = (vec![b'x'; len], vec![0; SCRATCH_MAX / 2]);
    let segments = [QrSegment::make_bytes(&text)];
    let (_, level, version) = QrCode::encode_segments_to_codewords(
        &segments,
        &mut room,
        level.encoder(),
        Version::MIN,
        Version::MAX,
        true,
    )
    .ok()?;
    Some((version.value(), level))
}

#[test]
fn measured_is_what_the_encoder_chooses_at_every_edge() {
    for level in LEVELS {
        for version in 1..=VERSION_MAX {
            for len in [capacity(version, level), capacity(version, level) + 1] {
                let measured = measure(&"x".repeat(len), &Options { level, ..Options::default() });
                let measured = measured.ok().map(|size| (size.version, size.level.encoder()));
                assert_eq!(measured, encoder(len, level), "{len} bytes, {level:?}");
            }
        }
        let most = capacity(VERSION_MAX, level);
        let options = Options { level, ..Options::default() };
        let error = measure(&"x".repeat(most + 1), &options).unwrap_err();
        let limit = if level == Level::Low { TEXT_MAX } else { most };
        assert_eq!((error.status, error.what, error.at as usize), (Status::TooLong, "text", limit));
    }
}

#[test]
fn every_version_and_level_is_made_full_to_the_last_byte() {
    let mut scratch = vec![0; SCRATCH_MAX];
    for (level, version) in LEVELS.into_iter().flat_map(|level| (1..=40).map(move |v| (level, v))) {
        let text = "x".repeat(capacity(version, level));
        let options = Options { level, ..Options::default() };
        let room = &mut scratch[..scratch_len(version)];
        let code = Code::encode(&text, &options, room).unwrap();
        assert_eq!((code.size().version, code.size().level), (version, level));
    }
}

#[test]
fn scratch_is_enough_and_one_byte_less_is_named() {
    for version in 1..=VERSION_MAX {
        let options = Options { min_version: version, max_version: version, ..Options::default() };
        let mut scratch = vec![0xA5; scratch_len(version)];
        let small = scratch.len() - 1;
        let error = Code::encode("x", &options, &mut scratch[..small]).unwrap_err();
        assert_eq!((error.status, error.what), (Status::BufferTooSmall, "scratch"));
        assert_eq!(error.at as usize, scratch.len());
        let code = Code::encode("x", &options, &mut scratch).unwrap();
        assert_eq!(code.size().modules, modules(version));
        // The corner of a finder pattern, and what surrounds the code.
        assert!(code.is_dark(0, 0) && !code.is_dark(1, 1) && code.is_dark(modules(version) - 1, 0));
        assert!(!code.is_dark(modules(version), 0) && !code.is_dark(usize::MAX, 3));
    }
}

#[test]
fn bad_options_and_texts_are_named() {
    let with =
        |min_version, max_version| Options { min_version, max_version, ..Options::default() };
    let cases = [
        ("x", with(0, 1), Status::Range, "min_version", 1),
        ("x", with(3, 2), Status::Range, "min_version", 2),
        ("x", with(1, 41), Status::Range, "max_version", 40),
        ("x", with(0, 0), Status::Range, "max_version", 40),
        ("", with(1, 40), Status::Missing, "text", 0),
        ("a\nb", with(1, 40), Status::Encoding, "text", 1),
        ("123456789012345", with(1, 1), Status::TooLong, "text", 14),
    ];
    for (text, options, status, what, at) in cases {
        let error = measure(text, &options).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (status, what, at), "{text:?}");
        assert_eq!(Code::encode(text, &options, &mut []).unwrap_err(), error);
    }
}
