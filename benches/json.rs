//! How long the reader takes for one answer, as a ratio to serde-json-core; and a request without
//! its RSA. Rounds are interleaved, the median of the rounds' ratios is printed.
//!
//! `cargo bench --bench json --no-default-features --features std,rsa4096`
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use pointcard::crypto::Digest;
use pointcard::gateway::{Session, answer, build, points};
use pointcard::json::{Encoding, Object};
use serde::Deserialize;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 101;
const CALLS: u32 = 2_000;

/// A signed refusal of 944 bytes with Chinese text, as the gateway writes them.
fn body() -> String {
    let head = r#"{"koubei_marketing_tool_points_update_response":{"code":"40004","msg":"Business Failed","sub_code":"isv.example-business-error","sub_msg":""#;
    let tail = r#"","available_points":"10","freezed_points":"3","total_points":"13"},"sign":""#;
    let sign = "tfmC9LxeTipku8eMzlT/RewETdngMZipeLxegLbcF6jIKG+ymGkRb49Hg47IDztq".repeat(6);
    let sign = &sign[..344];
    let fixed = head.len() + tail.len() + sign.len() + 2;
    let words = (944 - fixed) / 3;
    let ascii = (944 - fixed) % 3;
    format!("{head}{}{}{tail}{sign}\"}}", "集".repeat(words), "x".repeat(ascii))
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    koubei_marketing_tool_points_update_response: Node<'a>,
    sign: &'a str,
}

#[derive(Deserialize)]
struct Node<'a> {
    code: &'a str,
    msg: &'a str,
    sub_code: &'a str,
    sub_msg: &'a str,
    available_points: &'a str,
    freezed_points: &'a str,
    total_points: &'a str,
}

/// Nanoseconds per call.
fn time(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..CALLS).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list[ROUNDS / 2]
}

fn theirs(body: &[u8]) -> usize {
    let (whole, _) = serde_json_core::from_slice::<Whole<'_>>(body).unwrap();
    let node = whole.koubei_marketing_tool_points_update_response;
    let texts = [node.code, node.msg, node.sub_code, node.sub_msg];
    let points = [node.available_points, node.freezed_points, node.total_points];
    whole.sign.len() + texts.iter().chain(&points).map(|text| text.len()).sum::<usize>()
}

fn scan(body: &[u8]) -> usize {
    let mut node = 0;
    let object = Object::read_each(body, Encoding::Utf8, |member| {
        node += member.value.span().1;
        Ok(())
    });
    object.unwrap();
    node
}

fn request(buf: &mut [u8]) -> usize {
    let session = Session::new("2016100900000001");
    let sale = points::Update {
        shop_id: Some("2016090800077000000018171999"),
        memo: Some("消费积点"),
        ..points::Update::deposit(
            "20161010000000000001",
            "2088102164186692",
            "39201608190015500100016011040139",
            10,
            "2016101021001004690200123456",
        )
    };
    let mut sign = |_: Digest, hash: &[u8], out: &mut [u8]| {
        out.iter_mut().zip(hash.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(256)
    };
    build(&session, points::UPDATE, &sale, 1_476_065_410, &mut sign, buf).unwrap().url.len()
}

fn main() {
    let body = body();
    let body = black_box(body.as_bytes());
    assert_eq!(body.len(), 944);
    let mut buf = [0; 8192];
    let (mut scans, mut reads, mut requests, mut peer) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let base = time(|| _ = black_box(theirs(black_box(body))));
        scans.push(time(|| _ = black_box(scan(black_box(body)))) / base);
        reads.push(time(|| _ = black_box(answer::read(black_box(body), points::UPDATE))) / base);
        requests.push(time(|| _ = black_box(request(&mut buf))));
        peer.push(base);
    }
    println!("serde-json-core, typed, borrowed   1.00  ({:.0} ns)", median(peer));
    println!("json: check all, ranges            {:.2}", median(scans));
    println!("gateway: read an answer            {:.2}", median(reads));
    println!("gateway: build without RSA         {:.0} ns", median(requests));
}
