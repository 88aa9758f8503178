//! In: a panic. Out: the library's hook, `pointcard_panicked` in the C program, hears the file's name.
#![no_std]

use pointcard as _;

/// What the self-test must find.
#[cfg(feature = "bad")]
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_status_text_bad(at: usize) -> u8 {
    static TABLE: [u8; 4] = [1, 2, 3, 4];
    TABLE[at]
}
