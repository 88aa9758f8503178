//! Hostile answers through the client: what the till does with each, by name.
//!
//! In: bodies, most of them signed with a real key. Out: verdict and status of the exchange; nothing
//! is credited or buried but what Alipay signed for this very request.

use super::*;
use pointcard::client::{ANSWER_MAX, Client, Config, IO_SIZE};
use pointcard::outcome::Verdict;
use pointcard::points::sale::Sale;
use pointcard::port::ram::RamStorage;
use pointcard::port::{Clock, Entropy, Geometry, HttpAnswer, Ports, Storage};

const GEOMETRY: Geometry = Geometry { sector_size: 4096, sector_count: 16, prog_size: 4, align: 4 };

struct Machine<'m> {
    storage: RamStorage<'m>,
    now: u64,
}

impl Clock for Machine<'_> {
    fn monotonic_ms(&mut self) -> u64 {
        self.now += 10_000_000;
        self.now
    }
    fn unix_time(&mut self) -> Option<u64> {
        Some(1_790_000_000)
    }
}

impl Ports for Machine<'_> {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.storage
    }
    fn clock(&mut self) -> &mut dyn Clock {
        self
    }
    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        None
    }
}

fn key(name: &str) -> String {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Signed by Alipay's key of the vectors.
fn sign(node: &[u8]) -> String {
    let (mut alipay, mut scratch) = (PrivateKey::new(), Scratch::new());
    alipay.load(key("alipay2048.pkcs8.pem").as_bytes(), &mut scratch).unwrap();
    let mut sign = [0; 256];
    alipay.sign(Digest::Sha256, &sha256(node), None, &mut scratch, &mut sign).unwrap();
    base64(&sign)
}

fn signed(node: &[u8]) -> Vec<u8> {
    let sign = sign(node);
    [b"{\"", NODE.as_bytes(), b"\":", node, b",\"sign\":\"", sign.as_bytes(), b"\"}"].concat()
}

/// A till with two sales; each body is the answer to the next request. What each came to.
fn answered(bodies: &[&[u8]]) -> Vec<(Verdict, Status)> {
    let (app, alipay) = (key("app2048.pkcs8.pem"), key("alipay2048.pub.pem"));
    let config = Config {
        app_id: "2016100900000001",
        private_key: &app,
        alipay_public_key: &alipay,
        activity_account: "39201608190015500100016011040139",
        ..Config::default()
    };
    let mut medium = vec![0xFF; 16 * 4096];
    let storage = RamStorage::new(&mut medium, GEOMETRY);
    let mut till = Box::new(Client::new(config, Machine { storage, now: 0 }));
    till.open().unwrap();
    for biz_no in ["1", "2"] {
        let sale = Sale { user_id: "2088", biz_no, points: 10, ..Sale::default() };
        till.accrue(&sale).unwrap();
    }
    let mut buf = vec![0; IO_SIZE];
    let mut step = |body: &&[u8]| {
        let step = till.next_request(&mut buf).unwrap().expect("something is due");
        let exchange = step.exchange;
        let http = HttpAnswer { status: 200, body_len: body.len(), ..HttpAnswer::default() };
        let outcome = till.on_response(exchange, &http, body).unwrap();
        (outcome.verdict, outcome.status)
    };
    bodies.iter().map(&mut step).collect()
}

/// Neither credited nor buried: the entry waits and is sent again.
fn refused(body: &[u8], status: Status) {
    let found = answered(&[body])[0];
    assert_eq!(found, (Verdict::Unknown, status), "{}", String::from_utf8_lossy(body));
}

#[test]
fn the_plain_success_is_accepted() {
    let body = signed(FIELDS.as_bytes());
    assert_eq!(answered(&[&body]), [(Verdict::Accepted, Status::Ok)]);
}

#[test]
fn unsigned_success() {
    refused(format!("{{\"{NODE}\":{FIELDS}}}").as_bytes(), Status::Unsigned);
}

#[test]
fn signed_answer_of_another_method() {
    let body = String::from_utf8(signed(FIELDS.as_bytes())).unwrap();
    refused(body.replace("points_update", "points_query").as_bytes(), Status::Malformed);
}

#[test]
fn duplicate_node() {
    let mut body = String::from_utf8(signed(FIELDS.as_bytes())).unwrap();
    body.insert_str(body.len() - 1, &format!(",\"{NODE}\":{FIELDS}"));
    refused(body.as_bytes(), Status::Duplicate);
}

#[test]
fn trailing_bytes() {
    refused(&[&signed(FIELDS.as_bytes())[..], b"{}"].concat(), Status::Malformed);
}

/// JSON has no order: what is signed is the node, wherever it stands.
#[test]
fn sign_before_node() {
    let sign = sign(FIELDS.as_bytes());
    let body = format!("{{\"sign\":\"{sign}\",\"{NODE}\":{FIELDS}}}");
    assert_eq!(answered(&[body.as_bytes()]), [(Verdict::Accepted, Status::Ok)]);
    let other = FIELDS.replace("0001\"", "0002\"");
    let body = format!("{{\"sign\":\"{sign}\",\"{NODE}\":{other}}}");
    refused(body.as_bytes(), Status::Signature);
}

#[test]
fn ten_thousand_levels_of_nesting() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        refused(format!("{{\"{NODE}\":{deep}}}").as_bytes(), Status::TooDeep);
    }
}

#[test]
fn a_gbk_trail_byte_that_looks_like_a_brace() {
    let refusal = b"{\"code\":\"40004\",\"sub_code\":\"isv.x\",\"sub_msg\":\"\x81\x7d\x81\x7b\"}";
    let found = answered(&[&signed(refusal)]);
    assert_eq!(found, [(Verdict::Rejected, Status::Rejected)], "a signed refusal, read whole");
    let success = b"{\"code\":\"10000\",\"point_log_no\":\"1\",\"m\":\"\x81\x7d\"}";
    assert_eq!(answered(&[&signed(success)]), [(Verdict::Accepted, Status::Ok)]);
    // Whoever takes the trail byte for the node's end verifies something shorter.
    let cut = b"{\"code\":\"10000\",\"point_log_no\":\"1\",\"m\":\"\x81\x7d";
    let body = String::from_utf8_lossy(&signed(success)).into_owned();
    let old = body.split("\"sign\":\"").nth(1).unwrap().trim_end_matches("\"}").to_owned();
    let mut forged = signed(success);
    let at = forged.windows(old.len()).position(|part| part == old.as_bytes()).unwrap();
    forged.splice(at..at + old.len(), sign(cut).bytes());
    refused(&forged, Status::Signature);
}

#[test]
fn a_mebibyte_of_garbage() {
    // The transports refuse what does not fit; a body handed in directly is judged all the same.
    const { assert!(ANSWER_MAX < 1 << 20) };
    let seed = pointcard_seed();
    let mut random = Random::new(seed);
    let garbage: Vec<u8> = (0..1 << 20).map(|_| random.below(256) as u8).collect();
    println!("seed {seed}");
    for begin in [&b""[..], b"{", b"{\"a\":\"", b"{\"a\":[["] {
        refused(&[begin, &garbage].concat(), Status::Malformed);
    }
    refused(&vec![b' '; 1 << 20], Status::Malformed);
    refused(&vec![b'{'; 1 << 20], Status::Malformed);
}

fn pointcard_seed() -> u64 {
    std::env::var("POINTCARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7)
}

#[test]
fn truncation_at_every_byte() {
    let body = signed(FIELDS.as_bytes());
    for len in 0..body.len() {
        let found = answered(&[&body[..len]])[0];
        assert_eq!(found, (Verdict::Unknown, Status::Malformed), "cut at {len}");
    }
}

/// The first sale's answer once more, for the second sale: it is not credited by it.
#[test]
fn a_replayed_success() {
    let body = signed(FIELDS.as_bytes());
    let found = answered(&[&body, &body]);
    assert_eq!(found[0], (Verdict::Accepted, Status::Ok));
    assert_eq!(found[1], (Verdict::Unknown, Status::Duplicate));
}
