//! Structures that grow: each begins with `struct_size`, the size the caller's header gave it.
//!
//! In: a caller's structure, from an older or newer header. Out: ours, with what the caller does
//! not know left at zero; or `StructSize`. New members are only ever added at the end.

use core::mem::{MaybeUninit, size_of};

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
#[inline(always)] // so that it is read to where it stays
pub(super) unsafe fn read<T: Versioned>(from: *const T) -> Result<T> {
    let mut value = room();
    // Safety: promised.
    unsafe { read_to(from, &mut value) }.copied()
}

/// Room for [`read_to`].
#[inline(always)]
pub(super) fn room<T: Versioned>() -> MaybeUninit<T> {
    MaybeUninit::zeroed()
}

/// [`read`] to a [`room`], for what is too large to be moved.
// Safety: as `read`.
#[inline(always)]
pub(super) unsafe fn read_to<T: Versioned>(from: *const T, to: &mut MaybeUninit<T>) -> Result<&T> {
    // Safety: bytes are copied over zeroes, and an all-zero T is valid (the trait's promise).
    unsafe {
        copy_in(from.cast(), to.as_mut_ptr().cast(), size_of::<T>(), T::V1_SIZE, T::NAME)?;
        Ok(to.assume_init_ref())
    }
}

/// [`read`], made once: `to` has `ours` bytes.
// Safety: `from` is null or points to `struct_size` readable bytes; `to` has `ours` writable ones.
unsafe fn copy_in(
    from: *const u8,
    to: *mut u8,
    ours: usize,
    least: usize,
    name: &'static str,
) -> Result<()> {
    // Safety: promised. Only bytes of both sides are copied; nothing is assumed about alignment.
    let size = unsafe { size_of_theirs(from, least, name)? };
    unsafe { core::ptr::copy_nonoverlapping(from, to, size.min(ours)) };
    for offset in ours..size {
        // Safety: within the caller's struct_size.
        if unsafe { *from.add(offset) } != 0 {
            // A member of a newer header is set, and we do not know what it asks for.
            return Err(Error::new(Status::StructSize, name).at(offset));
        }
    }
    Ok(())
}

/// Checks that a structure to be filled is there and of a known size.
// Safety: `to` is null or points to a readable `struct_size`.
pub(super) unsafe fn check_out<T: Versioned>(to: *mut T) -> Result<()> {
    // Safety: promised.
    unsafe { size_of_theirs(to.cast(), T::V1_SIZE, T::NAME) }.map(drop)
}

/// Fills the caller's structure; keeps its `struct_size`.
// Safety: `check_out` succeeded and the structure has `struct_size` writable bytes.
#[inline(always)]
pub(super) unsafe fn write<T: Versioned>(to: *mut T, value: &T) {
    // Safety: promised; `value` has as many bytes as its type.
    unsafe { copy_out(to.cast(), core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

// Safety: as `write`; `from` has `ours` readable bytes.
unsafe fn copy_out(to: *mut u8, from: *const u8, ours: usize) {
    // Safety: the copy ends where the shorter of the two structures ends; the first member stays.
    unsafe {
        let size = to.cast::<u32>().read_unaligned() as usize;
        let skip = size_of::<u32>();
        core::ptr::copy_nonoverlapping(from.add(skip), to.add(skip), size.min(ours) - skip);
    }
}

/// The caller's struct_size, if it is one.
// Safety: `given` is null or points to a readable `struct_size`.
unsafe fn size_of_theirs(given: *const u8, least: usize, name: &'static str) -> Result<usize> {
    if given.is_null() {
        return Err(Error::new(Status::Null, name));
    }
    // Safety: at least the first member is there; nothing is assumed about alignment.
    let size = unsafe { given.cast::<u32>().read_unaligned() } as usize;
    if size < least || size > NONSENSE {
        return Err(Error::new(Status::StructSize, name).at(size));
    }
    Ok(size)
}

/// Copies text into a fixed C array, NUL-terminated. The arrays are one longer than the limits.
#[inline(always)] // so that the array is made where it stays
pub(super) fn chars<const N: usize>(text: &str) -> [core::ffi::c_char; N] {
    let mut out = [0; N];
    fill(&mut out, text.as_bytes());
    out
}

/// [`chars`] into an array that is there; what is behind the text becomes zero.
pub(super) fn fill(out: &mut [core::ffi::c_char], text: &[u8]) {
    let room = out.len().saturating_sub(1);
    out.fill(0);
    for (to, from) in out.iter_mut().take(room).zip(text) {
        *to = *from as core::ffi::c_char;
    }
}
