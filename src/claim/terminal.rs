//! A QR code as lines of text: two rows of modules in a line of half blocks.
//!
//! In: a [`Code`]. Out: UTF-8 for a terminal or a log.

use super::bitmap::{Frame, QUIET_MAX};
use super::qr::Code;
use crate::status::{Error, Result, Status};
use crate::text::Writer;

/// How dark and light are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Black on white by escape sequences (ECMA-48 with 256 colours): right on dark and on light
    /// terminals.
    #[default]
    Colour,
    /// Dark modules are printed: for dark text on light ground, paper or log.
    DarkText,
    /// Light modules are printed: for light text on dark ground.
    LightText,
}

/// Black (16) on white (231) of the colour cube, which themes leave alone.
const ON: &str = "\x1b[38;5;16;48;5;231m";
const OFF: &str = "\x1b[0m";

/// Room that is always enough for [`write()`], in bytes.
pub fn room(modules: usize, quiet: u8, paint: Paint) -> usize {
    let cells = Frame { scale: 1, quiet }.cells(modules);
    let colours = if paint == Paint::Colour { ON.len() + OFF.len() } else { 0 };
    cells.div_ceil(2) * (colours + cells * '█'.len_utf8() + 1)
}

/// Appends the code with `quiet` light modules around it, each line ended by a newline.
///
/// `Range` about `quiet`; `out` counts what found no room.
pub fn write(code: &Code<'_>, quiet: u8, paint: Paint, out: &mut Writer<'_>) -> Result<()> {
    if quiet > QUIET_MAX {
        return Err(Error::new(Status::Range, "quiet").at(QUIET_MAX.into()));
    }
    let cells = Frame { scale: 1, quiet }.cells(code.size().modules);
    for y in (0..cells).step_by(2) {
        let colour = paint == Paint::Colour;
        out.str(if colour { ON } else { "" });
        for x in 0..cells {
            // Above and left of the code the numbers wrap to far outside of it.
            let place = |cell: usize| cell.wrapping_sub(quiet.into());
            let printed = |y| code.is_dark(place(x), place(y)) != (paint == Paint::LightText);
            out.str(block(printed(y), printed(y + 1)));
        }
        out.str(if colour { OFF } else { "" });
        out.byte(b'\n');
    }
    Ok(())
}

fn block(upper: bool, lower: bool) -> &'static str {
    match (upper, lower) {
        (true, true) => "█",
        (true, false) => "▀",
        (false, true) => "▄",
        (false, false) => " ",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::claim::qr::{Options, SCRATCH_MAX};

    #[test]
    fn blocks_are_modules_in_every_paint() {
        let mut scratch = [0; SCRATCH_MAX];
        let code = Code::encode("https://a/", &Options::default(), &mut scratch).unwrap();
        let modules = code.size().modules;
        for paint in [Paint::Colour, Paint::DarkText, Paint::LightText] {
            let mut buf = vec![0; room(modules, 4, paint)];
            let mut out = Writer::new(&mut buf);
            write(&code, 4, paint, &mut out).unwrap();
            let text = out.finish_str().unwrap();
            assert_eq!(text.lines().count(), (modules + 8).div_ceil(2));
            for (line, y) in text.lines().zip((0..).step_by(2)) {
                let line = match paint {
                    Paint::Colour => line.strip_prefix(ON).unwrap().strip_suffix(OFF).unwrap(),
                    _ => line,
                };
                assert_eq!(line.chars().count(), modules + 8);
                for (x, block) in line.chars().enumerate() {
                    let ink = [block == '█' || block == '▀', block == '█' || block == '▄'];
                    let dark = |y: usize| code.is_dark(x.wrapping_sub(4), y.wrapping_sub(4));
                    let wanted =
                        [dark(y), dark(y + 1)].map(|dark| dark != (paint == Paint::LightText));
                    assert_eq!(ink, wanted, "{paint:?} {x},{y}");
                }
            }
        }
    }

    #[test]
    fn the_room_needed_is_named() {
        let mut scratch = [0; SCRATCH_MAX];
        let code = Code::encode("x", &Options::default(), &mut scratch).unwrap();
        let mut buf = [0; 10];
        let mut out = Writer::new(&mut buf);
        write(&code, 0, Paint::DarkText, &mut out).unwrap();
        let error = out.finish().unwrap_err();
        assert_eq!(error.status, Status::BufferTooSmall);
        let mut exact = vec![0; error.at as usize];
        let mut out = Writer::new(&mut exact);
        write(&code, 0, Paint::DarkText, &mut out).unwrap();
        assert!(out.finish().is_ok() && exact.len() <= room(21, 0, Paint::DarkText));
        let error = write(&code, 17, Paint::Colour, &mut Writer::new(&mut [])).unwrap_err();
        assert_eq!((error.status, error.what, error.at), (Status::Range, "quiet", 16));
    }
}
