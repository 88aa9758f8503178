//! In: a panic. Out: `panicked` in the C program hears the file's name.
#![no_std]

use pointcard as _;

unsafe extern "C" {
    fn panicked(file: *const u8, len: usize, line: u32) -> !;
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
    // Safety: the C function reads `len` bytes.
    unsafe { panicked(file.as_ptr(), file.len(), line) }
}

/// What the self-test must find.
#[cfg(feature = "bad")]
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_status_text_bad(at: usize) -> u8 {
    static TABLE: [u8; 4] = [1, 2, 3, 4];
    TABLE[at]
}
