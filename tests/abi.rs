//! The binary interface: header against sources, symbols against header, C's sizes against ours.
//!
//! In: `include/pointcard.h`, `make lib`'s libraries, the system's compilers. Out: nothing; each
//! test says what to do when it fails.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may panic

mod c_api {
    pub mod build;
}

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::Command;

use c_api::build::{self, Program};
use pointcard::ffi;

fn header() -> String {
    std::fs::read_to_string(build::root().join("include/pointcard.h")).expect("the header")
}

#[test]
fn header_is_what_the_sources_say() {
    let made = std::fs::read_to_string(pointcard::HEADER_PATH).expect("the generated header");
    let same = made == header();
    assert!(same, "include/pointcard.h is not what src/ffi says: run `make header`");
}

/// Functions the header declares: a name behind white space or a star, an opening parenthesis, and
/// no `#define` before it.
fn declared() -> BTreeSet<String> {
    let text = header();
    let mut found = BTreeSet::new();
    for statement in text.split("POINTCARD_API").skip(1) {
        let name = statement.split('(').next().unwrap_or_default();
        let name = name.rsplit([' ', '*', '\n']).next().unwrap_or_default();
        if name.starts_with("pointcard_") {
            found.insert(name.to_owned());
        }
    }
    assert!(found.len() >= 15, "the header declares functions: {found:?}");
    found
}

fn nm(file: &str, options: &[&str]) -> Option<Vec<(char, String)>> {
    let nm = build::tool("nm", &format!("the symbols of {file}"))?;
    let mut command = Command::new(nm);
    command.args(options).arg(build::lib().join(file));
    let lines = build::run(command);
    let symbol = |line: &str| {
        let mut words = line.split_whitespace().rev();
        let name = words.next()?.to_owned();
        let kind = words.next()?.chars().next()?;
        Some((kind, name))
    };
    Some(lines.lines().filter_map(symbol).collect())
}

#[test]
fn archive_defines_what_the_header_declares() {
    let Some(symbols) = nm("libpointcard.a", &["-g", "--defined-only"]) else { return };
    let ours =
        symbols.into_iter().filter(|(kind, name)| *kind == 'T' && name.starts_with("pointcard_"));
    let ours: BTreeSet<String> = ours.map(|(_, name)| name).collect();
    assert_eq!(ours, declared());
}

#[test]
#[cfg(target_os = "linux")]
fn shared_library_exports_what_the_header_declares_and_nothing_else() {
    let Some(symbols) = nm("libpointcard.so.1", &["-D", "--defined-only"]) else { return };
    let exported: BTreeSet<String> = symbols.into_iter().map(|(_, name)| name).collect();
    assert_eq!(exported, declared());
}

#[test]
#[cfg(target_os = "linux")]
fn shared_library_is_named_by_its_abi() {
    let Some(readelf) = build::tool("readelf", "SONAME and page size of libpointcard.so") else {
        return;
    };
    let file = build::lib().join("libpointcard.so");
    let mut command = Command::new(&readelf);
    let dynamic = build::run({
        command.args(["-dW"]).arg(&file);
        command
    });
    let soname = format!("[libpointcard.so.{}]", ffi::version::POINTCARD_ABI_VERSION);
    assert!(dynamic.contains(&soname), "no SONAME {soname}:\n{dynamic}");
    let mut command = Command::new(&readelf);
    command.args(["-lW"]).arg(&file);
    let segments = build::run(command);
    for load in segments.lines().filter(|line| line.trim_start().starts_with("LOAD")) {
        assert!(load.ends_with("0x4000"), "16 KiB pages: {load}");
    }
}

/// A source file of our own making.
fn source(name: &str, text: &str) -> std::path::PathBuf {
    let folder = build::out().join("src");
    std::fs::create_dir_all(&folder).expect("a folder under target");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file under target");
    path
}

/// The header alone, twice, from two translation units, in one language.
fn compiles(compiler: &'static str, standard: &str) {
    if build::tool(compiler, &format!("the header as {standard}")).is_none() {
        return;
    }
    let language = if standard.starts_with("c++") { "c++" } else { "c" };
    let name = format!("header-{compiler}-{standard}");
    let one = "#include <pointcard.h>\n#include <pointcard.h>\n\
               int other(void);\n\
               int main(void)\n{\n    pointcard_config config = POINTCARD_CONFIG_INIT;\n\
                   pointcard_sale sale = POINTCARD_SALE_INIT;\n\
                   return other() + (config.struct_size == sizeof config && config.app_id == 0 &&\n\
                                     sale.struct_size == sizeof sale ? 0 : 1);\n}\n";
    let two = "#include <pointcard.h>\n\
               int other(void);\n\
               int other(void)\n{\n    pointcard_report report = POINTCARD_REPORT_INIT;\n\
                   pointcard_detail detail = POINTCARD_DETAIL_INIT;\n\
                   return report.struct_size == sizeof report && detail.text[0] == 0 ? 0 : 1;\n}\n";
    let program = Program {
        name: name.clone(),
        compiler,
        flags: vec![format!("-std={standard}"), "-x".into(), language.into()],
        sources: vec![source(&format!("{name}-1.x"), one), source(&format!("{name}-2.x"), two)],
        linked: false,
    };
    build::run(Command::new(build::c(&program)));
}

#[test]
fn header_compiles_in_every_language_it_promises() {
    for compiler in ["cc", "gcc", "clang"] {
        for standard in ["c99", "c11", "c17"] {
            compiles(compiler, standard);
        }
    }
    for compiler in ["g++", "clang++"] {
        for standard in ["c++11", "c++17", "c++20"] {
            compiles(compiler, standard);
        }
    }
}

/// Every `POINTCARD_... = number` of the header's enum.
fn statuses() -> BTreeMap<String, i64> {
    let text = header();
    let body = text.split("typedef int32_t pointcard_status;").nth(1).expect("the statuses");
    let body = body.split("};").next().unwrap_or_default();
    let line = |line: &str| {
        let (name, number) = line.trim().trim_end_matches(',').split_once(" = ")?;
        Some((name.to_owned(), number.parse().expect("a number")))
    };
    body.lines().filter_map(line).collect()
}

#[test]
fn every_status_has_a_number_and_a_text_of_its_own() {
    let statuses = statuses();
    assert!(statuses.len() >= 40, "{statuses:?}");
    let mut texts = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for (name, number) in &statuses {
        let number = i32::try_from(*number).expect("an int32_t");
        // Safety: static text, NUL-terminated.
        let text = unsafe { std::ffi::CStr::from_ptr(ffi::status::pointcard_status_text(number)) };
        let text = text.to_str().expect("UTF-8");
        assert_ne!(text, "unknown status", "{name}");
        assert_eq!(texts.insert(text.to_owned(), name), None, "{name} says {text:?} like another");
        assert_eq!(numbers.insert(number, name), None, "{name} is {number} like another");
    }
    for (number, name) in numbers {
        assert_eq!(
            number >= 0,
            ["POINTCARD_OK", "POINTCARD_IDLE"].contains(&name.as_str()),
            "{name}"
        );
    }
    for number in [2, 3, -16, -99, -100, -500, i32::MIN, i32::MAX] {
        // Safety: static text, NUL-terminated.
        let text = unsafe { std::ffi::CStr::from_ptr(ffi::status::pointcard_status_text(number)) };
        assert_eq!(text.to_str(), Ok("unknown status"));
    }
}

/// What C finds, by name.
fn layout_in_c() -> BTreeMap<String, usize> {
    build::run(Command::new(build::c(&Program::test("layout"))))
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, number)| (name.to_owned(), number.parse().expect("a number")))
        .collect()
}

macro_rules! layout {
    ($($path:ident :: $name:ident { $($member:ident),* $(,)? })*) => {{
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        $(
            found.insert(stringify!($name).into(), size_of::<ffi::$path::$name>());
            found.insert(concat!(stringify!($name), "!").into(), align_of::<ffi::$path::$name>());
            $(found.insert(
                concat!(stringify!($name), ".", stringify!($member)).into(),
                offset_of!(ffi::$path::$name, $member),
            );)*
        )*
        found
    }};
}

#[test]
fn structures_are_laid_out_in_c_as_here() {
    let ours = layout! {
        status::pointcard_detail {
            struct_size, status, what, at, port, http_status, authenticated, reserved, code,
            sub_code, text, words,
        }
        fault::pointcard_fault { struct_size, status, at, what, text }
        keys::pointcard_key {}
        keys::pointcard_param { name, value }
        notification::pointcard_notification_in { struct_size, sign_type, charset, reserved, alipay_key, app_id, auth_app_id, raw, raw_len }
        notification::pointcard_notification { struct_size, kind, variant, charset, notify_id, notify_time, notify_type, event_code, app_id, auth_app_id, buyer_id, merchant_uid, isv_out_biz_id, id, order_id, order_type, order_status, order_process_time, status, field_count, signed_fields, fields, field_ends }
        notification::pointcard_seen_id {}
        notification::pointcard_seen { ids, count, next }
        claim::pointcard_claim { struct_size, reserved, base, token, out_biz_no, buyer_id, shop_id, kind }
        redeem::pointcard_redeem_order {
            struct_size, points, out_biz_no, user_id, prize_id, link_base, shop_id, activity_account,
            merchant, claim_life_s, reserved,
        }
        redeem::pointcard_offer {
            struct_size, standing, seq, created, since, points, attempts, uncertain, code,
            sub_code, req_id, point_log_no, out_biz_no, user_id,
        }
        check::pointcard_finding { status, at, port, what, text }
        check::pointcard_checkup { struct_size, count, findings }
        ports::pointcard_storage {
            status, port, ctx, sector_size, sector_count, prog_size, align, read, prog, erase,
            sync, reassert, close,
        }
        ports::pointcard_clock { ctx, monotonic_ms, unix_time }
        ports::pointcard_entropy { ctx, fill }
        ports::pointcard_signer { ctx, sign }
        ports::pointcard_seal_key { id, key_len, key }
        ports::pointcard_seal { keys, key_count, newest, ctx, get }
        ports::pointcard_request { exchange, url, url_len, content_type, body, body_len }
        ports::pointcard_response {
            body, body_cap, body_len, http_status, reserved, retry_after_s, date,
        }
        ports::pointcard_transport { ctx, exchange }
        ports::pointcard_lock { ctx, acquire, release }
        media::pointcard_file {}
        media::pointcard_ram {}
        life::pointcard_client {}
        life::pointcard_merchant { merchant, app_auth_token, activity_account, shop_id }
        life::pointcard_config {
            struct_size, flags, gateway, app_id, merchant, app_auth_token, private_key,
            app_public_key, alipay_public_key, activity_account, shop_id, sign_type, max_points,
            storage, clock, entropy, signer, transport, lock, on_outcome, on_outcome_ctx, ca_pem,
            proxy, charset, text_charset, content_key, app_cert, alipay_cert, alipay_cert_next,
            alipay_root_cert, alipay_public_key_next, merchants, merchant_count,
            first_delay_ms,
            limits, on_event, on_event_ctx, seal,
        }
        accrue::pointcard_sale {
            struct_size, points, user_id, biz_no, memo, ext_info, shop_id, activity_account,
            req_id, part, merchant, flags, reserved, rule, amount_fen,
        }
        accrue::pointcard_ticket { struct_size, duplicate, seq, req_id, voided, points }
        earn::pointcard_bonus { weekdays, from_hour, to_hour, reserved, percent }
        earn::pointcard_rule {
            struct_size, rounding, points, per_fen, min_fen, sale_cap, day_cap, bonuses,
        }
        earn::pointcard_earned { struct_size, points, percent, cap }
        qr::pointcard_qr {
            struct_size, flags, level, scale, max_side, quiet, min_version, max_version, band,
            reserved, scratch, scratch_cap, out, out_cap, stride, write, ctx, version, modules,
            level_used, scale_used, side, row_bytes, scratch_needed, bits_needed, escpos_needed,
            text_needed, out_len,
        }
        accrue::pointcard_refund_order {
            struct_size, points, biz_no, refund_no, memo, activity_account, part, req_id, merchant,
            user_id, points_left, flags,
        }
        trade::pointcard_trade {
            struct_size, reserved, total, receipt, buyer_pay, user_id, trade_no, out_trade_no,
            trade_status,
        }
        sync::pointcard_report {
            struct_size, sent, accepted, rejected, uncertain, unknown, deferred, waiting,
            retry_in_ms, clock_wrong, held, paused, next_key_used, paused_merchant, parked, rest,
            stopped,
        }
        sync::pointcard_balance {
            struct_size, waiting_entries, waiting_points, available_points, freezed_points,
            total_points,
        }
        sync::pointcard_outcome {
            struct_size, verdict, status, attempts, seq, points, retry_in_ms, available_points,
            freezed_points, total_points, req_id, point_log_no,
        }
        call::pointcard_options { struct_size, timeout_ms, merchant, app_auth_token, notify_url, buf, cap, flags }
        call::pointcard_answer { struct_size, verdict, status, encoding, node, node_len, http_status, authenticated, reserved, code, sub_code, sub_msg }
        methods::pointcard_update { struct_size, trans_type, points, req_id, user_id, activity_account, biz_no, shop_id, memo, ext_info }
        methods::pointcard_booking { struct_size, point_log_no }
        methods::pointcard_prize { struct_size, req_id, prize_id, user_id }
        methods::pointcard_prize_token { struct_size, token }
        activities::pointcard_activity { struct_size, camp_id, camp_status, audit_status }
        activities::pointcard_offline { struct_size, operator_type, out_biz_no, camp_id, reason, operator_id }
        activities::pointcard_activity_id { struct_size, operator_type, camp_id, operator_id }
        activities::pointcard_activity_detail { struct_size, camp_status, claim_base }
        activities::pointcard_page { struct_size, operator_type, page_number, page_size, operator_id, name, start_time, end_time, statuses }
        activities::pointcard_page_total { struct_size, reserved, total }
        tokens::pointcard_grant { struct_size, code, refresh_token }
        tokens::pointcard_tokens { struct_size, reserved, expires_in, re_expires_in, app_auth_token, app_refresh_token, user_id, auth_app_id }
        tokens::pointcard_token_state { struct_size, is_valid, expires_in, user_id, auth_app_id, auth_start, auth_end }
        signing::pointcard_to_sign { exchange, sign_type, bytes, len }
        queue::pointcard_queue_info {
            struct_size, waiting, sent_unknown, parked, dead, room, points, oldest, next_seq,
            sealed, repaired, lost, health, age_s, capacity, paused, forged, forged_what, forged_lane, forged_sector, forged_offset, bad,
        }
        queue::pointcard_cursor {}
        queue::pointcard_entry {
            struct_size, state, seq, created, points, attempts, uncertain, code, sub_code, req_id,
            user_id, biz_no, shop_id, activity_account, memo, kind, refused_at,
        }
        limits::pointcard_level { warn, refuse }
        limits::pointcard_limits { struct_size, count, bytes, points_each, points_total, age_s }
        events::pointcard_event {
            struct_size, kind, seq, last, seconds, points, attempts, uncertain, count, sectors,
            near, over, req_id, code, sub_code,
        }
    };
    let theirs = layout_in_c();
    let differ = |name: &&String| ours.get(*name) != theirs.get(*name);
    let all = ours.keys().chain(theirs.keys()).filter(differ);
    let all: Vec<_> = all.map(|name| (name, ours.get(name), theirs.get(name))).collect();
    assert!(all.is_empty(), "in Rust, in C: {all:?}");
}

/// Every struct of the header stands in `layout.c` with all its members, so that the test above
/// compares everything.
#[test]
fn layout_test_knows_every_member_of_the_header() {
    let known = layout_in_c();
    let text = header();
    let mut seen = 0;
    const STRUCT: &str = "struct pointcard_";
    for (at, _) in text.match_indices(STRUCT) {
        // A member of another struct's type is no definition: its "name" holds more than a name.
        let part = &text[at + STRUCT.len()..];
        let Some((name, body)) = part.split_once(" {\n") else { continue };
        if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            continue;
        }
        let body = body.split("\n}").next().unwrap_or_default();
        for member in members(body) {
            seen += 1;
            let wanted = format!("pointcard_{name}.{member}");
            assert!(
                member == "opaque" || known.contains_key(&wanted),
                "tests/c_api/layout.c lacks {wanted}"
            );
        }
    }
    assert!(seen > 100, "found only {seen} members");
}

/// Names of the members between the braces of a struct.
fn members(body: &str) -> Vec<String> {
    let code: String = body
        .split("/**")
        .map(|piece| piece.split_once("*/").map_or(piece, |(_, code)| code))
        .collect();
    let name = |statement: &str| {
        let statement = statement.trim();
        let name = match statement.split_once("(*") {
            Some((_, rest)) => rest.split(')').next()?,
            None => statement.split('[').next()?.rsplit([' ', '*']).next()?,
        };
        (!name.is_empty()).then(|| name.to_owned())
    };
    code.split(';').filter_map(name).collect()
}

#[test]
fn client_size_is_the_same_everywhere() {
    let header = header();
    let line = header.lines().find(|line| line.starts_with("#define POINTCARD_CLIENT_SIZE "));
    let literal = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    assert_eq!(literal, Some(ffi::life::pointcard_client_size()));
    assert_eq!(size_of::<ffi::life::pointcard_client>(), ffi::life::POINTCARD_CLIENT_SIZE);
}

/// Today's structures are the first ones: the least size that is accepted ends with the last
/// member, whatever padding a compiler puts behind it. When a member is added these lines stay.
#[test]
fn smallest_accepted_sizes_are_frozen() {
    use ffi::structs::Versioned;
    let pointer = size_of::<usize>();
    assert_eq!(
        ffi::status::pointcard_detail::V1_SIZE,
        offset_of!(ffi::status::pointcard_detail, text) + 160
    );
    assert_eq!(ffi::fault::pointcard_fault::V1_SIZE, 253);
    assert_eq!(ffi::check::pointcard_checkup::V1_SIZE, 8 + 16 * 300);
    assert_eq!(
        ffi::claim::pointcard_claim::V1_SIZE,
        offset_of!(ffi::claim::pointcard_claim, kind) + pointer
    );
    assert_eq!(
        ffi::redeem::pointcard_redeem_order::V1_SIZE,
        offset_of!(ffi::redeem::pointcard_redeem_order, reserved) + 4
    );
    assert_eq!(
        ffi::redeem::pointcard_offer::V1_SIZE,
        offset_of!(ffi::redeem::pointcard_offer, user_id) + 129
    );
    assert_eq!(
        ffi::notification::pointcard_notification_in::V1_SIZE,
        offset_of!(ffi::notification::pointcard_notification_in, raw_len) + pointer
    );
    assert_eq!(
        ffi::notification::pointcard_notification::V1_SIZE,
        offset_of!(ffi::notification::pointcard_notification, field_ends) + 256
    );
    assert_eq!(
        ffi::life::pointcard_config::V1_SIZE,
        offset_of!(ffi::life::pointcard_config, proxy) + pointer
    );
    assert_eq!(
        ffi::accrue::pointcard_sale::V1_SIZE,
        offset_of!(ffi::accrue::pointcard_sale, part) + pointer
    );
    assert_eq!(ffi::accrue::pointcard_ticket::V1_SIZE, 49);
    assert_eq!(ffi::earn::pointcard_rule::V1_SIZE, 96);
    assert_eq!(ffi::earn::pointcard_earned::V1_SIZE, 16);
    assert_eq!(
        ffi::qr::pointcard_qr::V1_SIZE,
        offset_of!(ffi::qr::pointcard_qr, out_len) + pointer
    );
    assert_eq!(ffi::sync::pointcard_report::V1_SIZE, 44);
    assert_eq!(ffi::sync::pointcard_balance::V1_SIZE, 40);
    assert_eq!(ffi::sync::pointcard_outcome::V1_SIZE, 154);
    assert_eq!(
        ffi::call::pointcard_options::V1_SIZE,
        offset_of!(ffi::call::pointcard_options, flags) + 4
    );
    assert_eq!(
        ffi::call::pointcard_answer::V1_SIZE,
        offset_of!(ffi::call::pointcard_answer, sub_msg) + 257
    );
    assert_eq!(
        ffi::methods::pointcard_update::V1_SIZE,
        offset_of!(ffi::methods::pointcard_update, ext_info) + pointer
    );
    assert_eq!(ffi::methods::pointcard_booking::V1_SIZE, 69);
    assert_eq!(ffi::methods::pointcard_prize::V1_SIZE, 4 * pointer);
    assert_eq!(ffi::methods::pointcard_prize_token::V1_SIZE, 69);
    assert_eq!(ffi::activities::pointcard_activity::V1_SIZE, 199);
    assert_eq!(ffi::activities::pointcard_activity_id::V1_SIZE, 8 + 2 * pointer);
    assert_eq!(ffi::activities::pointcard_activity_detail::V1_SIZE, 1094);
    assert_eq!(ffi::activities::pointcard_offline::V1_SIZE, 8 + 4 * pointer);
    assert_eq!(ffi::activities::pointcard_page::V1_SIZE, 16 + 5 * pointer);
    assert_eq!(ffi::activities::pointcard_page_total::V1_SIZE, 16);
    assert_eq!(ffi::tokens::pointcard_grant::V1_SIZE, 3 * pointer);
    assert_eq!(ffi::tokens::pointcard_tokens::V1_SIZE, 220);
    assert_eq!(ffi::tokens::pointcard_token_state::V1_SIZE, 148);
    assert_eq!(ffi::queue::pointcard_queue_info::V1_SIZE, 60);
    assert_eq!(ffi::limits::pointcard_limits::V1_SIZE, 44);
    assert_eq!(
        ffi::accrue::pointcard_refund_order::V1_SIZE,
        offset_of!(ffi::accrue::pointcard_refund_order, flags) + 4
    );
    assert_eq!(
        ffi::trade::pointcard_trade::V1_SIZE,
        offset_of!(ffi::trade::pointcard_trade, trade_status) + 33
    );
    assert_eq!(
        ffi::queue::pointcard_entry::V1_SIZE,
        offset_of!(ffi::queue::pointcard_entry, memo) + 1025
    );
}

/// The block of README.md that begins like the example is the example.
#[test]
fn readme_shows_the_example_that_is_tested() {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let readme = read(&build::root().join("README.md"));
    let example = read(&build::root().join("examples/readme.c"));
    assert!(!example.is_empty());
    let shown = readme.contains(&format!("```c\n{example}```"));
    assert!(shown, "README.md must show examples/readme.c, letter by letter, in a ```c block");
}
