//! Writes the C header from `src/ffi`, section by section, in the order a reader needs.
//!
//! In: the sources of the sections and the hand-written parts in `src/ffi/header`. Out:
//! `$OUT_DIR/pointcard.h`; `make header` copies it to `include/`, a test finds drift.
//!
//! cbindgen alone sorts by kind (constants, enums, structs, functions), so that a header cannot
//! tell a story; run once per section it can. It reads text, not types: sizes are literals there.

// A build script fails by panicking.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/ffi");
    println!("cargo::rerun-if-changed=src/status.rs");
    multiplier();
    #[cfg(feature = "capi")]
    header::write();
}

/// Tells src/crypto/rows.rs how this core multiplies. A stable compiler does not say whether an ARM
/// core has UMAAL; the target's name does, but for Cortex-M33 and its kin, where DSP is an option.
fn multiplier() {
    println!("cargo::rustc-check-cfg=cfg(pointcard_umaal, pointcard_mul16)");
    let target = std::env::var("TARGET").expect("set by cargo");
    let begins = |names: &[&str]| names.iter().any(|name| target.starts_with(name));
    let dsp = std::env::var_os("CARGO_FEATURE_DSP").is_some();
    if begins(&["thumbv7em", "armv7", "thumbv7neon"]) || dsp && target.starts_with("thumbv8m.main")
    {
        println!("cargo::rustc-cfg=pointcard_umaal");
    }
    if begins(&["thumbv6m", "thumbv8m.base"]) {
        println!("cargo::rustc-cfg=pointcard_mul16");
    }
}

#[cfg(feature = "capi")]
mod header {
    use std::path::{Path, PathBuf};

    use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};

    /// Title and sources of each section, in reading order.
    const SECTIONS: &[(&str, &[&str])] = &[
        ("Versions", &["src/ffi/version.rs"]),
        ("Status", &["src/status.rs", "src/ffi/status.rs", "src/ffi/fault.rs"]),
        ("Ports", &["src/ffi/ports.rs", "src/ffi/media.rs"]),
        ("Configuration and life", &["src/ffi/life.rs"]),
        ("Earning rule", &["src/ffi/earn.rs"]),
        ("Accrue", &["src/ffi/accrue.rs", "src/ffi/batch.rs"]),
        ("Trade", &["src/ffi/trade.rs"]),
        ("Sync and balance", &["src/ffi/sync.rs"]),
        ("Steps", &["src/ffi/steps.rs"]),
        ("Calls", &["src/ffi/call.rs", "src/ffi/answer.rs"]),
        ("Methods", &["src/ffi/methods.rs", "src/ffi/activities.rs", "src/ffi/tokens.rs"]),
        ("Signing elsewhere", &["src/ffi/signing.rs"]),
        ("Queue", &["src/ffi/queue.rs"]),
        ("Dead letters", &["src/ffi/letters.rs"]),
        ("Limits", &["src/ffi/limits.rs"]),
        ("Events", &["src/ffi/events.rs"]),
        ("Keys and signatures", &["src/ffi/keys.rs"]),
        ("Notifications", &["src/ffi/notification.rs"]),
        ("Claim link", &["src/ffi/claim.rs"]),
        ("QR code", &["src/ffi/qr.rs"]),
        ("Redeem", &["src/ffi/redeem.rs"]),
        ("Activities", &["src/ffi/activity.rs"]),
        ("Check", &["src/ffi/check.rs"]),
        ("Explain", &["src/ffi/explain.rs"]),
    ];

    pub fn write() {
        let root = PathBuf::from(env("CARGO_MANIFEST_DIR"));
        let parts = root.join("src/ffi/header");
        let mut text = part(&parts, "top.h");
        for (title, sources) in SECTIONS {
            text.push_str(&banner(title));
            for source in *sources {
                text.push_str(&section(&root.join(source)));
                text.push('\n');
            }
            // What C needs beside it: INIT macros and the like.
            let macros = title.to_lowercase().replace(' ', "_") + ".h";
            if parts.join(&macros).exists() {
                text.push_str(&part(&parts, &macros));
            }
        }
        text.push_str(&part(&parts, "bottom.h"));
        std::fs::write(Path::new(&env("OUT_DIR")).join("pointcard.h"), text)
            .expect("OUT_DIR is writable");
    }

    fn env(name: &str) -> String {
        std::env::var(name).expect("set by cargo")
    }

    fn part(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).expect("a part of the header") + "\n"
    }

    fn banner(title: &str) -> String {
        format!("/* ---- {title} {} */\n\n", "-".repeat(86 - title.len()))
    }

    fn section(source: &Path) -> String {
        let mut out = Vec::new();
        Builder::new()
            .with_src(source)
            .with_config(config(source))
            .generate()
            .unwrap_or_else(|error| panic!("{}: {error}", source.display()))
            .write(&mut out);
        let text = String::from_utf8(out).expect("cbindgen writes UTF-8");
        tidy(&text)
    }

    fn config(source: &Path) -> Config {
        let mut config = Config {
            language: Language::C,
            style: Style::Both,
            no_includes: true,
            cpp_compat: false,
            usize_is_size_t: true,
            documentation_style: DocumentationStyle::Doxy,
            line_length: 96,
            tab_width: 4,
            ..Config::default()
        };
        config.function.prefix = Some("POINTCARD_API".into());
        config.enumeration.rename_variants = cbindgen::RenameRule::QualifiedScreamingSnakeCase;
        // Items no function of the section mentions are left out unless they are named.
        let text = std::fs::read_to_string(source).expect("a section's source");
        let structs = text.split("pub struct ").skip(1);
        let names = structs.filter_map(|rest| rest.split([' ', '<']).next()).map(String::from);
        config.export.include = names.chain(["Status".into()]).collect();
        config.export.exclude = vec!["Error".into()];
        config.export.rename.insert("Status".into(), "pointcard_status".into());
        config
    }

    /// What cbindgen cannot be told.
    fn tidy(text: &str) -> String {
        let text = text
            .replace("POINTCARD_STATUS_OK", "POINTCARD_OK")
            .replace("POINTCARD_STATUS_IDLE", "POINTCARD_IDLE")
            .replace("POINTCARD_STATUS_", "POINTCARD_ERR_")
            .replace("uintptr_t", "size_t");
        let text = FORWARD.iter().fold(text, |text, name| forward(&text, name));
        one_line_comments(&plain_enum(&text))
    }

    /// Types that functions mention before their section comes; `versions.h` declares them.
    const FORWARD: &[&str] =
        &["pointcard_client", "pointcard_outcome", "pointcard_limits", "pointcard_event"];

    /// C99 allows a typedef once only.
    fn forward(text: &str, name: &str) -> String {
        text.replace(&format!("typedef struct {name} {{"), &format!("struct {name} {{"))
            .replace(&format!("}} {name};"), "};")
    }

    /// A status is an `int32_t` everywhere; how wide a C enum is depends on the compiler.
    fn plain_enum(text: &str) -> String {
        let Some(start) = text.find("enum pointcard_status") else { return text.into() };
        let body = start + text[start..].find("{\n").expect("the enum's brace");
        let end = body + text[body..].find("};\n").expect("the enum's end") + 3;
        let rest = text[end..].split_once("#endif").and_then(|(_, rest)| rest.split_once('\n'));
        let rest = rest.map_or("", |(_, rest)| rest);
        format!(
            "{}typedef int32_t pointcard_status;\nenum {}{rest}",
            &text[..start],
            &text[body..end]
        )
    }

    /// `/** text */` where a comment is one line, and a line between what it belongs to.
    fn one_line_comments(text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let mut out = String::new();
        let mut at = 0;
        while at < lines.len() {
            let one =
                lines[at].trim() == "/**" && lines.get(at + 2).is_some_and(|l| l.trim() == "*/");
            if one {
                let indent = &lines[at][..lines[at].len() - 3];
                let words = lines[at + 1].trim().trim_start_matches('*').trim();
                out += &format!("{indent}/** {words} */\n");
                at += 3;
            } else {
                out += lines[at];
                out.push('\n');
                at += 1;
            }
        }
        out
    }
}
