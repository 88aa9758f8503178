//! Structures that grow: each begins with `struct_size`, the size the caller's header gave it.
//!
//! In: a caller's structure, from an older or newer header. Out: ours, with what the caller does
//! not know left at zero; or `StructSize`. New members are only ever added at the end.

use core::mem::size_of;

use crate::status::{Error, Result, Status};

/// Largest structure any future header could pass; beyond it, `struct_size` is not a size.
const NONSENSE: usize = 8192;

/// A `repr(C)` structure whose first member is `struct_size: u32`, whose all-zero bytes are a
/// valid value, and which has no padding that matters.
// Safety: implementors are repr(C), begin with a u32, and are valid when all bytes are zero.
pub unsafe trait Versioned: Copy {
    /// Its name in errors.
    const NAME: &'static str;
    /// Bytes up to the end of the last member of the first published version; frozen.
    const V1_SIZE: usize;
}

/// Reads the caller's structure.
// Safety: `from` is null or points to `struct_size` readable bytes.
pub(super) unsafe fn read<T: Versioned>(from: *const T) -> Result<T> {
    if from.is_null() {
        return Err(Error::new(Status::Null, T::NAME));
    }
    // Safety: at least the first member is there; nothing is assumed about alignment.
    let size = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    check_size::<T>(size)?;
    // Safety: an all-zero T is valid (the trait's promise); only bytes of both sides are copied.
    let value = unsafe {
        let mut value = core::mem::MaybeUninit::<T>::zeroed();
        let known = size.min(size_of::<T>());
        core::ptr::copy_nonoverlapping(from.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known);
        value.assume_init()
    };
    for offset in size_of::<T>()..size {
        // Safety: within the caller's struct_size.
        if unsafe { *from.cast::<u8>().add(offset) } != 0 {
            // A member of a newer header is set, and we do not know what it asks for.
            return Err(Error::new(Status::StructSize, T::NAME).at(offset));
        }
    }
    Ok(value)
}

/// Checks that a structure to be filled is there and of a known size.
// Safety: `to` is null or points to a readable `struct_size`.
pub(super) unsafe fn check_out<T: Versioned>(to: *mut T) -> Result<()> {
    if to.is_null() {
        return Err(Error::new(Status::Null, T::NAME));
    }
    // Safety: see above.
    check_size::<T>(unsafe { to.cast::<u32>().read_unaligned() } as usize)
}

/// Fills the caller's structure; keeps its `struct_size`.
// Safety: `check_out` succeeded and the structure has `struct_size` writable bytes.
pub(super) unsafe fn write<T: Versioned>(to: *mut T, value: &T) {
    // Safety: the copy ends where the shorter of the two structures ends; the first member stays.
    unsafe {
        let size = to.cast::<u32>().read_unaligned() as usize;
        let from = core::ptr::from_ref(value).cast::<u8>();
        let skip = size_of::<u32>();
        let count = size.min(size_of::<T>()) - skip;
        core::ptr::copy_nonoverlapping(from.add(skip), to.cast::<u8>().add(skip), count);
    }
}

fn check_size<T: Versioned>(size: usize) -> Result<()> {
    if size < T::V1_SIZE || size > NONSENSE {
        return Err(Error::new(Status::StructSize, T::NAME).at(size));
    }
    Ok(())
}

/// Copies text into a fixed C array, NUL-terminated. The arrays are one longer than the limits.
#[inline(always)] // so that the array is made where it stays
pub(super) fn chars<const N: usize>(text: &str) -> [core::ffi::c_char; N] {
    let mut out = [0; N];
    fill(&mut out, text.as_bytes());
    out
}

fn fill(out: &mut [core::ffi::c_char], text: &[u8]) {
    let room = out.len().saturating_sub(1);
    for (to, from) in out.iter_mut().take(room).zip(text) {
        *to = *from as core::ffi::c_char;
    }
}
