use super::*;

fn read(text: &str) -> Result<Object<'_>> {
    Object::read(text.as_bytes(), Encoding::Utf8)
}

fn fails(text: &str) -> (Status, u32) {
    read(text).map(|_| ()).map_err(|e| (e.status, e.at)).expect_err(text)
}

/// Wraps a value into an object and reads it.
fn value(text: &str) -> Result<String> {
    let text = format!("{{\"v\":{text}}}");
    read(&text).map(|o| String::from_utf8_lossy(o.get("v").unwrap().raw()).into_owned())
}

fn text(value: Value<'_>) -> String {
    let mut buf = [0; 200];
    let mut writer = Writer::new(&mut buf);
    value.text(&mut writer).unwrap();
    writer.finish_str().unwrap().to_owned()
}

#[test]
fn ranges_are_exact() {
    let body = " { \"a\" : {\"b\":[1,2,{}]} , \"sign\":\"x\" }\n";
    let object = read(body).unwrap();
    let a = object.get("a").unwrap();
    assert_eq!(a.kind(), Kind::Object);
    assert_eq!(a.span(), (9, 23));
    assert_eq!(&body.as_bytes()[9..23], a.raw());
    assert_eq!(object.get("sign").unwrap().span(), (33, 36));
    let b = a.object().unwrap().get("b").unwrap();
    assert_eq!(b.span(), (14, 22));
    assert_eq!(object.raw(), body.trim().as_bytes());
    assert_eq!(object.members().count(), 2);
}

#[test]
fn values_of_every_kind_are_accepted() {
    for good in [
        "0",
        "-0",
        "10",
        "1.5",
        "-1.25e+10",
        "1E5",
        "0.0",
        "0e0",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\u0000\"",
        "\"\\\\\\\"\\/\\b\\f\\n\\r\\t\"",
        "\"\u{7f}\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[],{},[{}]]",
        "{\"a\":{\"a\":[]}}",
        "\"\\ud83d\\ude00\"",
        "\"😀\"",
        "[1 , 2]",
    ] {
        assert_eq!(value(good).as_deref(), Ok(good));
    }
}

#[test]
fn values_that_are_none_are_refused() {
    for bad in [
        "",
        "+1",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "0x10",
        "00012",
        "--",
        "NaN",
        "Infinity",
        "tru",
        "tru#$ e",
        "True",
        "nul",
        "undefined",
        "'a'",
        "a",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1]",
        "\"",
        "\"a",
        "\"\\q\"",
        "\"\\u12\"",
        "\"\\u+041\"",
        "\"\\u 041\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\ude00\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\u{0}\"",
        "\"01234567\u{1f}\"",
        "1 2",
        "/**/1",
        "\u{feff}1",
        "\u{a0}1",
    ] {
        let error = value(bad).expect_err(bad);
        assert_eq!(error.status, Status::Malformed, "{bad}");
    }
}

#[test]
fn only_one_object_and_nothing_behind_it() {
    for bad in
        ["", " ", "[]", "1", "\"a\"", "null", "{}x", "{}{}", "{} ,", "{", "\u{feff}{}", "{}\0"]
    {
        assert_eq!(fails(bad).0, Status::Malformed, "{bad}");
    }
    assert_eq!(fails("{}  x"), (Status::Malformed, 4));
    assert!(read("\t\r\n {} \n").is_ok());
}

#[test]
fn names_are_compared_decoded() {
    for twice in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a/b":1,"a\/b":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"\u0061b":1,"a\u0062":2}"#,
    ] {
        assert_eq!(fails(twice).0, Status::Duplicate, "{twice}");
    }
    assert!(read(r#"{"a":1,"A":2,"\\u0061":3,"ab":4,"\u0061bc":5}"#).is_ok());
    assert!(read(r#"{"x":{"a":1,"a":2}}"#).is_ok(), "skipped objects are not compared");
    assert!(read(r#"{"x":{"a":1,"a":2}}"#).unwrap().get("x").unwrap().object().is_err());
    assert!(read(r#"{"\u0061":1}"#).unwrap().get("a").is_some());
}

#[test]
fn depth_is_limited_without_recursion() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(31)).is_ok());
    assert_eq!(fails(&nested(32)), (Status::TooDeep, 36));
    assert_eq!(fails(&format!("{{\"a\":{}", "[".repeat(100_000))).0, Status::TooDeep);
    let objects = format!("{}1{}", "{\"a\":".repeat(32), "}".repeat(32));
    assert!(read(&objects).is_ok());
    let mixed = format!("{}1{}", "{\"a\":[".repeat(16), "]}".repeat(16));
    assert!(read(&mixed).is_ok());
    assert!(read(&mixed.replace("]}]}", "}]]}")).is_err());
}

#[test]
fn members_are_limited() {
    let many = |count: usize| {
        let list: Vec<_> = (0..count).map(|i| format!("\"m{i}\":{i}")).collect();
        format!("{{{}}}", list.join(","))
    };
    assert_eq!(read(&many(64)).unwrap().members().count(), 64);
    assert_eq!(fails(&many(65)), (Status::TooLong, 64));
    assert!(read(&format!("{{\"skipped\":{}}}", many(1000))).is_ok());
}

#[test]
fn texts_are_decoded_on_demand() {
    let body = r#"{"v":"a\/b\\\"\u96c6\ud83d\ude00\b\f\n\r\tç","n":-1.5e3,"t":true}"#;
    let object = read(body).unwrap();
    assert_eq!(text(object.get("v").unwrap()), "a/b\\\"集😀\u{8}\u{c}\n\r\tç");
    assert_eq!(text(object.get("n").unwrap()), "-1.5e3");
    assert!(object.get("t").unwrap().text(&mut Writer::new(&mut [0; 9])).is_err());
    assert!(object.get("v").unwrap().is("a/b\\\"集😀\u{8}\u{c}\n\r\tç".as_bytes()));
    assert!(!object.get("v").unwrap().is(b"a/b"));
    assert!(!object.get("n").unwrap().is(b"-1.5e3"));
}

#[test]
fn whole_numbers_come_as_number_or_string() {
    let number = |text: &str| {
        let body = format!("{{\"v\":{text}}}");
        read(&body).unwrap().get("v").unwrap().as_u64().map_err(|e| e.status)
    };
    assert_eq!(number("10"), Ok(10));
    assert_eq!(number("\"31536000\""), Ok(31_536_000));
    assert_eq!(number("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(number("18446744073709551616"), Err(Status::Range));
    for bad in ["-1", "1.0", "1e3", "\"\"", "\" 1\"", "\"+1\"", "true", "[1]"] {
        assert_eq!(number(bad), Err(Status::Malformed), "{bad}");
    }
}

#[test]
fn gbk_trail_bytes_are_not_structure() {
    // Trail bytes 0x5C 0x7B 0x7D 0x7C look like \ { } |.
    let body = b"{\"m\":\"\x81\x5c\x81\x7b\x81\x7d\x81\x7c\",\"n\":\"x\x81\x5c\"}";
    assert!(Object::read(body, Encoding::Utf8).is_err());
    let object = Object::read(body, Encoding::Gbk).unwrap();
    assert_eq!(object.get("m").unwrap().span(), (5, 15));
    let mut room = [0; 99];
    let mut writer = Writer::new(&mut room);
    let text = object.get("m").unwrap().text(&mut writer);
    if cfg!(feature = "gbk") {
        assert_eq!(writer.finish_str(), Ok("乗亄亇亅"));
    } else {
        assert_eq!(text.unwrap_err().status, Status::Unsupported);
    }
    assert!(object.get("n").unwrap().is(b"x\x81\x5c"));
    for bad in [
        &b"\x81"[..],
        b"\x81\"",
        b"\x80\x40",
        b"\xff\x40",
        b"\x81\x7f",
        b"\x81\x30\x81\x30",
        b"\x81\n",
    ] {
        let body = [b"{\"m\":\"", bad, b"\"}"].concat();
        assert_eq!(Object::read(&body, Encoding::Gbk).unwrap_err().status, Status::Malformed);
    }
    let twice = b"{\"\x81\x5cn\":1,\"\x81\x5cn\":2}";
    assert_eq!(Object::read(twice, Encoding::Gbk).unwrap_err().status, Status::Duplicate);
    let once = b"{\"\x81\x5cn\":1,\"\x81\x5c\\n\":2}";
    assert!(Object::read(once, Encoding::Gbk).is_ok());
    assert!(Object::read(b"{\x81\x40:1}", Encoding::Gbk).is_err());
}

#[test]
fn invalid_utf8_is_named_with_its_offset() {
    for bad in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9\x9b"] {
        let body = [b"{\"m\":\"", bad, b"\"}"].concat();
        let error = Object::read(&body, Encoding::Utf8).unwrap_err();
        assert_eq!((error.status, error.at), (Status::Malformed, 6));
    }
    assert_eq!(Encoding::of("集".as_bytes()), Encoding::Utf8);
    assert_eq!(Encoding::of(b"\xbc\xaf"), Encoding::Gbk);
}

#[test]
fn special_bytes_are_found_at_every_place() {
    for byte in 0..=255u8 {
        for place in 0..24 {
            let mut text = [b'x'; 24];
            text[place] = byte;
            let body = [b"{\"m\":\"", &text[..], b"\"}"].concat();
            let ok = Object::read(&body, Encoding::Gbk).is_ok();
            let lead = (0x81..=0xFE).contains(&byte) && place != 23;
            let plain = matches!(byte, 0x20..=0x7F) && !matches!(byte, b'"' | b'\\');
            assert_eq!(ok, lead || plain, "{byte:#x} at {place}");
        }
    }
}

#[test]
fn slashes_lose_their_backslash_and_nothing_else_changes() {
    let plain = |raw: &[u8], encoding| {
        let mut out = Vec::new();
        text::plain_slashes(raw, encoding, &mut |piece| out.extend_from_slice(piece));
        out
    };
    assert_eq!(plain(br#"{"a":"x\/y\/"}"#, Encoding::Utf8), br#"{"a":"x/y/"}"#);
    assert_eq!(plain(br#""\\/\"\n\u0041""#, Encoding::Utf8), br#""\\/\"\n\u0041""#);
    assert_eq!(plain(b"\"\x81\x5c/\\/\"", Encoding::Gbk), b"\"\x81\x5c//\"");
}

#[test]
fn characters_are_shown_whatever_they_came_in() {
    let show = |body: &[u8], encoding| {
        let mut shown = String::new();
        let value = Object::read(body, encoding).unwrap().get("m").unwrap();
        value.each_char(&mut |c| shown.push(c));
        shown
    };
    assert_eq!(show("{\"m\":\"集点abc\"}".as_bytes(), Encoding::Utf8), "集点abc");
    assert_eq!(show(br#"{"m":"\u96c6a\n\u96c6"}"#, Encoding::Utf8), "集a\n集");
    assert_eq!(show(br#"{"m":12345678}"#, Encoding::Utf8), "12345678");
    assert_eq!(show(br#"{"m":[1]}"#, Encoding::Utf8), "");
    #[cfg(feature = "gbk")]
    {
        assert_eq!(show(b"{\"m\":\"a\xbc\xaf\xb5\xe3\"}", Encoding::Gbk), "a集点");
        assert_eq!(show(b"{\"m\":\"\xaa\xa1b\"}", Encoding::Gbk), "\u{FFFD}b");
    }
}

#[test]
fn one_value_and_nothing_around_it() {
    let kind = |bytes| Value::read(bytes, Encoding::Utf8).map(|value| value.kind());
    for (bytes, wanted) in [
        (&b"{\"a\":[1]}"[..], Kind::Object),
        (b"[]", Kind::Array),
        (b"\"x\"", Kind::String),
        (b"-1.5", Kind::Number),
        (b"true", Kind::Bool),
        (b"null", Kind::Null),
    ] {
        assert_eq!(kind(bytes), Ok(wanted));
    }
    for bad in [&b""[..], b"1 ", b"1,2", b"[1]x", b"tru", b"\xff", b"{\"a\":}"] {
        assert_eq!(kind(bad).unwrap_err().status, Status::Malformed, "{bad:?}");
    }
}
