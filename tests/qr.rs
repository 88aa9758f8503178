//! QR codes read by a reader that knows nothing of us: zbarimg.
//!
//! In: links of every version from 1 to 20, at every scale, drawn by Rust and by `examples/claim_qr.c`:
//! as a portable bitmap, as ESC/POS (rendered by an interpreter of this file) and as terminal text
//! (the same). Out: what zbarimg reads, which must be the link, byte by byte.
#![cfg(all(unix, feature = "qr"))]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // tests may panic

mod c_api {
    pub mod build;
}

use std::path::{Path, PathBuf};
use std::process::Command;

use c_api::build::{self, Program};
use pointcard::claim::bitmap::{self, Bits, Frame, SCALE_MAX};
use pointcard::claim::escpos;
use pointcard::claim::qr::{Code, Level, Options, SCRATCH_MAX, capacity};
use pointcard::claim::terminal::{self, Paint};
use pointcard::text::Writer;

const LEVELS: [Level; 4] = [Level::Low, Level::Medium, Level::Quartile, Level::High];

/// A picture of one bit per pixel, true = dark.
struct Picture {
    width: usize,
    rows: Vec<Vec<bool>>,
}

impl Picture {
    fn from_bytes(width: usize, stride: usize, bytes: &[u8]) -> Picture {
        let bit = |row: &[u8], x: usize| row[x / 8] >> (7 - x % 8) & 1 == 1;
        let row = |row: &[u8]| (0..width).map(|x| bit(row, x)).collect();
        Picture { width, rows: bytes.chunks(stride).map(row).collect() }
    }

    /// Each pixel `times` wide and high: a reader's camera sees more than a pixel of a module.
    fn enlarged(&self, times: usize) -> Picture {
        let wide = |row: &Vec<bool>| -> Vec<bool> {
            row.iter().flat_map(|dark| std::iter::repeat_n(*dark, times)).collect()
        };
        let rows = self.rows.iter().map(wide).flat_map(|row| std::iter::repeat_n(row, times));
        Picture { width: self.width * times, rows: rows.collect() }
    }

    fn save(&self, path: &Path) {
        let mut bytes = format!("P4\n{} {}\n", self.width, self.rows.len()).into_bytes();
        for row in &self.rows {
            let byte = |bits: &[bool]| {
                bits.iter()
                    .enumerate()
                    .fold(0, |byte, (at, dark)| byte | u8::from(*dark) << (7 - at))
            };
            bytes.extend(row.chunks(8).map(byte));
        }
        std::fs::write(path, bytes).expect("a file under target");
    }

    /// What a reader is shown: one pixel per module is less than zbarimg looks at, whoever drew it.
    fn readable(&self, scale: u8) -> Picture {
        self.enlarged(if scale == 1 { 4 } else { 1 })
    }
}

/// Pictures and what must be read in them.
struct Album {
    folder: PathBuf,
    pages: Vec<(PathBuf, String)>,
}

impl Album {
    /// None, said so, where there is no zbarimg.
    fn new(name: &str) -> Option<Album> {
        build::tool("zbarimg", &format!("{name} as a reader sees them; Debian: zbar-tools"))?;
        let folder = build::root().join("target/qr").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder under target");
        Some(Album { folder, pages: Vec::new() })
    }

    fn add(&mut self, picture: &Picture, link: &str) {
        let path = self.folder.join(format!("{}.pbm", self.pages.len()));
        picture.save(&path);
        self.pages.push((path, link.into()));
    }

    /// Shows all of them to zbarimg.
    fn check(self) {
        assert!(!self.pages.is_empty());
        for pages in self.pages.chunks(100) {
            let mut zbar = Command::new("zbarimg");
            zbar.args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]);
            let output = zbar.args(pages.iter().map(|page| &page.0)).output().expect("zbarimg");
            let read = String::from_utf8(output.stdout).expect("links are ASCII");
            let read: Vec<_> = read.lines().collect();
            for (path, link) in pages {
                assert!(read.contains(&link.as_str()), "{}: not read: {link}", path.display());
            }
            assert_eq!(read.len(), pages.len(), "one link in each picture, and no other");
        }
    }
}

/// A link that fills `version` to its last byte, and is like no other.
fn link(version: u8, level: Level, mark: &str) -> String {
    let most = capacity(version, level);
    let head = if most < 60 {
        format!("a:{mark}/")
    } else {
        format!("https://a.cn/?itemId={mark}&token=")
    };
    let fill =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~%".bytes().cycle();
    let mut link = head.into_bytes();
    let left = most - link.len();
    link.extend(fill.skip(usize::from(version)).take(left));
    String::from_utf8(link).expect("ASCII")
}

fn drawn(code: &Code<'_>, frame: Frame) -> Picture {
    let modules = code.size().modules;
    let (side, stride) = (frame.side(modules), frame.row_bytes(modules));
    let mut out = vec![0; frame.room(modules, stride)];
    bitmap::draw(code, frame, Bits::default(), stride, &mut out).expect("drawn");
    Picture::from_bytes(side, stride, &out)
}

/// What a printer with graphics prints of `bytes`: GS v 0 only, anything else is a failure.
fn printed(mut bytes: &[u8]) -> Picture {
    let mut picture = Picture { width: 0, rows: Vec::new() };
    while let [0x1D, b'v', b'0', 0, xl, xh, yl, yh, rest @ ..] = bytes {
        let stride = usize::from(u16::from_le_bytes([*xl, *xh]));
        let rows = usize::from(u16::from_le_bytes([*yl, *yh]));
        let (data, after) = rest.split_at(stride * rows);
        let band = Picture::from_bytes(stride * 8, stride, data);
        assert!(picture.rows.is_empty() || picture.width == band.width);
        picture.width = band.width;
        picture.rows.extend(band.rows);
        bytes = after;
    }
    assert_eq!(bytes, b"", "no command of a picture");
    picture
}

/// What a printer with an encoder is told by `bytes`: dots per module, level, text.
fn ordered(mut bytes: &[u8]) -> (u8, u8, String) {
    let (mut scale, mut level, mut text, mut printed) = (0, 0, None, false);
    while let [0x1D, b'(', b'k', low, high, 49, rest @ ..] = bytes {
        let len = usize::from(u16::from_le_bytes([*low, *high])) - 1;
        let (order, after) = rest.split_at(len);
        assert!(!printed, "printing comes last");
        match order {
            [65, 50, 0] => {}
            [67, n] => scale = *n,
            [69, n] => level = *n,
            [80, 48, data @ ..] => text = Some(String::from_utf8(data.into()).expect("a link")),
            [81, 48] => printed = true,
            _ => panic!("{order:?}"),
        }
        bytes = after;
    }
    assert_eq!(bytes, b"", "no command of a QR code");
    assert!(printed);
    (scale, level, text.expect("a text is stored"))
}

/// What a terminal shows of `text`, 6 pixels per module. With colours, else `ink` is dark.
fn shown(text: &str, dark_ink: bool) -> Picture {
    let mut rows = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("\x1b[38;5;16;48;5;231m").unwrap_or(line);
        let line = line.strip_suffix("\x1b[0m").unwrap_or(line);
        for half in ['▀', '▄'] {
            let dark = |block: char| (block == '█' || block == half) == dark_ink;
            rows.push(line.chars().map(dark).collect::<Vec<_>>());
        }
    }
    Picture { width: rows[0].len(), rows }.enlarged(6)
}

#[test]
fn every_version_at_every_scale_is_read() {
    let long = std::env::var_os("POINTCARD_LONG").is_some();
    let Some(mut album) = Album::new("bitmaps") else { return };
    let mut scratch = [0; SCRATCH_MAX];
    for version in 1..=20 {
        for scale in 1..=SCALE_MAX {
            // Every version at three scales, every scale at three versions; in long form all of both.
            let few =
                [1, 3, 1 + version % SCALE_MAX].contains(&scale) || [1, 7, 11].contains(&version);
            if !(few || long) {
                continue;
            }
            let link = link(version, Level::Medium, &format!("{version}.{scale}"));
            let code = Code::encode(&link, &Options::default(), &mut scratch).expect("a code");
            assert_eq!(code.size().version, version);
            let picture = drawn(&code, Frame { scale, ..Frame::default() });
            album.add(&picture.readable(scale), &link);
        }
    }
    album.check();
}

#[test]
fn every_level_and_forced_version_is_read() {
    let Some(mut album) = Album::new("levels") else { return };
    let mut scratch = [0; SCRATCH_MAX];
    for (level, version) in LEVELS.into_iter().flat_map(|level| [2, 9, 10, 20].map(|v| (level, v)))
    {
        let link = link(version, level, &format!("{version}{level:?}"));
        let options = Options { level, ..Options::default() };
        let code = Code::encode(&link, &options, &mut scratch).expect("a code");
        assert_eq!((code.size().version, code.size().level), (version, level));
        album.add(&drawn(&code, Frame::default()), &link);
        let short = format!("{version}{level:?}");
        let options = Options { min_version: version, max_version: version, level };
        let code = Code::encode(&short, &options, &mut scratch).expect("a code");
        assert_eq!((code.size().version, code.size().level), (version, Level::High));
        album.add(&drawn(&code, Frame::default()), &short);
    }
    album.check();
}

#[test]
fn paper_and_terminal_are_read() {
    let Some(mut album) = Album::new("paper") else { return };
    let mut scratch = [0; SCRATCH_MAX];
    for version in 1..=20 {
        let link = link(version, Level::Medium, &format!("p{version}"));
        let code = Code::encode(&link, &Options::default(), &mut scratch).expect("a code");
        let modules = code.size().modules;
        let frame = Frame::default().fit(modules, 384).expect("it fits a 58 mm receipt");
        for band in [0, 24] {
            let bytes: Vec<u8> = escpos::raster(&code, frame, band).expect("a raster").collect();
            let picture = printed(&bytes);
            assert_eq!(picture.rows.len(), frame.side(modules));
            album.add(&picture, &link);
        }
        for (paint, dark_ink) in
            [(Paint::Colour, true), (Paint::DarkText, true), (Paint::LightText, false)]
        {
            let mut room = vec![0; terminal::room(modules, 4, paint)];
            let mut out = Writer::new(&mut room);
            terminal::write(&code, 4, paint, &mut out).expect("text");
            album.add(&shown(out.finish_str().expect("UTF-8"), dark_ink), &link);
        }
        let bytes: Vec<u8> =
            escpos::native(&link, &Options::default(), 5).expect("bytes").collect();
        assert_eq!(ordered(&bytes), (5, 49, link));
    }
    album.check();
}

/// A portable bitmap, as it is on the disk.
fn pbm(path: &Path) -> Picture {
    let bytes = std::fs::read(path).expect("a picture");
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    assert_eq!(lines.next(), Some(&b"P4"[..]));
    let sides = String::from_utf8(lines.next().expect("sides").into()).expect("numbers");
    let side: usize = sides.split(' ').next().and_then(|side| side.parse().ok()).expect("a number");
    Picture::from_bytes(side, side.div_ceil(8), lines.next().expect("rows"))
}

#[test]
fn what_the_c_example_makes_is_read() {
    let Some(mut album) = Album::new("claim_qr") else { return };
    let program = build::c(&Program::example("claim_qr", "cc", "c99"));
    for version in 1..=20 {
        let link = link(version, Level::Medium, &format!("c{version}"));
        let files =
            ["pbm", "escpos", "native"].map(|end| album.folder.join(format!("{version}.{end}")));
        let mut command = Command::new(program);
        command.arg(&link).args(&files);
        let said = build::run(command);
        let (code, last) = said.trim_end().rsplit_once('\n').expect("lines");
        assert_eq!(last, format!("version {version}, {} modules a side", 17 + 4 * version));
        album.add(&shown(code, true), &link);
        album.add(&pbm(&files[0]), &link);
        album.add(&printed(&std::fs::read(&files[1]).expect("bytes")), &link);
        assert_eq!(ordered(&std::fs::read(&files[2]).expect("bytes")), (4, 49, link));
    }
    album.check();
}

#[test]
fn the_c_example_says_what_is_wrong() {
    let program = build::c(&Program::example("claim_qr", "cc", "c99"));
    let run = |arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(&[]).0, Some(2));
    let (code, said) = run(&[&"x".repeat(667)]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("terminal: scratch: the buffer is too small (at "), "{said}");
    let (code, said) = run(&["x", "/nowhere/x.pbm"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("/nowhere/x.pbm: "), "{said}");
}
