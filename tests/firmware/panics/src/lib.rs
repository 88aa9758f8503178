//! In: a panic. Out: the library's hook, `pointcard_panicked` in the C program, hears the file's name.
#![no_std]

use pointcard as _;

/// In a file whose name no dependency has: the linker lets a name that is the end of another one
/// (`src/lib.rs`) share its bytes, and it would be taken for foreign.
#[cfg(feature = "bad")]
mod own_panic;
