use super::*;

fn digits(bytes: &[u8]) -> String {
    let mut serial = [0; SERIAL_MAX];
    serial[SERIAL_MAX - bytes.len()..].copy_from_slice(bytes);
    let mut hash = Md5::new();
    decimal(serial, &mut hash);
    format!("{:x?}", hash.finalize())
}

fn md5(text: &str) -> String {
    format!("{:x?}", Md5::digest(text))
}

#[test]
fn serial_numbers_are_plain_decimal() {
    assert_eq!(digits(&[]), md5("0"));
    assert_eq!(digits(&[7]), md5("7"));
    assert_eq!(digits(&[1, 0]), md5("256"));
    assert_eq!(digits(&u128::MAX.to_be_bytes()), md5(&u128::MAX.to_string()));
    let greatest = num_bigint::BigUint::from_bytes_be(&[0xff; SERIAL_MAX]).to_string();
    assert_eq!(greatest.len(), DIGITS);
    assert_eq!(digits(&[0xff; SERIAL_MAX]), md5(&greatest));
}

/// An element of less than 128 bytes.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&[tag, content.len() as u8], content.as_slice()].concat()
}

fn part(oid: &[u8], tag: u8, value: &str) -> Vec<u8> {
    let pair = element(0x30, &[&element(6, &[oid]), &element(tag, &[value.as_bytes()])]);
    element(0x31, &[&pair])
}

const CN: &[u8] = b"\x55\x04\x03";
const C: &[u8] = b"\x55\x04\x06";

/// A certificate as far as its number goes, as one line of base64.
fn certificate(serial: &[u8], issuer: &[&[u8]]) -> String {
    use base64::Engine as _;
    let algorithm = element(0x30, &[&element(6, &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"])]);
    let signed = element(0x30, &[&element(2, &[serial]), &algorithm, &element(0x30, issuer)]);
    base64::engine::general_purpose::STANDARD.encode(element(0x30, &[&signed]))
}

fn status(text: &str) -> Status {
    number(text.as_bytes()).unwrap_err().status
}

#[test]
fn parts_are_numbered_innermost_first() {
    let (cn, c) = (part(CN, 0x0c, "根 R1"), part(C, 0x13, "CN"));
    let text = certificate(&[0, 0x80], &[&c, &cn]);
    let expected: String =
        Md5::digest("CN=根 R1,C=CN128").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(number(text.as_bytes()).as_deref(), Ok(expected.as_str()));
    let pem = |label| format!("text\r\n-----BEGIN {label}-----\r\n{text}\r\n-----END {label}-----");
    let both = format!("{}\r\n{}", pem("X"), pem("CERTIFICATE"));
    assert_eq!(number(both.as_bytes()).as_deref(), Ok(expected.as_str()));
    let mut room = [0; 65];
    let mut writer = Writer::new(&mut room);
    root_number(format!("{both}\n\n{both}tail").as_bytes(), &mut writer).unwrap();
    assert_eq!(writer.finish_str().unwrap(), format!("{expected}_{expected}"));
}

#[test]
fn what_sdks_number_differently_is_refused() {
    for value in ["a,b", "a+b", "\"", "a\\", "a<", ">", ";", "#a", " a", "a ", "", "a\n"] {
        let text = certificate(&[1], &[&part(CN, 0x0c, value)]);
        assert_eq!(status(&text), Status::KeyUnsupported, "{value:?}");
    }
    let odd = [part(CN, 0x1e, "ab"), part(b"\x2a\x03", 0x0c, "x")];
    let two = element(0x31, &[&part(CN, 0x0c, "a")[2..], &part(C, 0x0c, "b")[2..]]);
    for issuer in odd.iter().chain([&two]) {
        assert_eq!(status(&certificate(&[1], &[issuer])), Status::KeyUnsupported);
    }
    let issuer = part(CN, 0x0c, "a");
    assert_eq!(status(&certificate(&[1; SERIAL_MAX + 1], &[&issuer])), Status::KeyUnsupported);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let good = certificate(&[1], &[&part(CN, 0x0c, "a")]);
    assert!(number(good.as_bytes()).is_ok());
    assert_eq!(status(""), Status::Missing);
    assert_eq!(status("no certificate"), Status::KeyFormat);
    for serial in [&[][..], &[0x80], &[0xff, 1]] {
        let text = certificate(serial, &[&part(CN, 0x0c, "a")]);
        assert_eq!(status(&text), Status::KeyFormat);
    }
    assert_eq!(status(&format!("-----BEGIN CERTIFICATE-----{good}")), Status::KeyFormat);
    for len in 1..good.len() {
        assert!(number(&good.as_bytes()[..len]).is_err());
    }
    let empty = root_number(good.as_bytes(), &mut Writer::new(&mut [])).unwrap_err();
    assert_eq!(empty.status, Status::Missing);
}
