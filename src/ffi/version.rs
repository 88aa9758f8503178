//! Section: versions.

use core::ffi::c_char;

/// Number of the binary interface. Rises when a program built with an older header would break.
pub const POINTCARD_ABI_VERSION: u32 = 1;

/// Number of the queue's format on the medium. Stores of every earlier number can be read.
pub const POINTCARD_MEDIA_VERSION: u32 = 1;

/// The library's version, such as "0.1.0". Never NULL; lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// POINTCARD_ABI_VERSION of the library that is linked.
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_abi_version() -> u32 {
    POINTCARD_ABI_VERSION
}
