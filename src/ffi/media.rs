//! Section: ports, second half: the storages that come with the library.

use core::ffi::c_void;

use super::ports::pointcard_storage;
use crate::port::{Geometry, PortError, Storage};
use crate::status::{Error, Status};

/// Memory of a queue file that is open. The caller owns it; it must stay until pointcard_close.
#[repr(C)]
pub struct pointcard_file {
    opaque: [u64; 32],
}

/// Memory of a queue in RAM. The caller owns it; it must stay until pointcard_close.
#[repr(C)]
pub struct pointcard_ram {
    opaque: [u64; 16],
}

/// A queue in a file: created and written full once, then never growing, so that a full disk
/// cannot stop it. Locked while open: a second opening, in this process or another, is ERR_LOCKED.
/// A lock left by a killed process does not block.
///
/// Needs an operating system; elsewhere the result's status is ERR_UNSUPPORTED.
///
/// @param file  memory for the open file
/// @param path  NUL-terminated; the folder must exist
/// @param size  bytes of a new file, at least 131072; an existing one keeps its size. One MiB holds
///              about 1,580 entries of 250 bytes: the newest 160 take a 4096-byte block of their own
///              each, so that a block that is damaged while it is written never holds an older
///              entry; what waits longer is packed
///
/// Returns a table for config.storage. Failures are in its status, and pointcard_init returns them.
// Safety: `file` is null or writable and stays until the client is closed; `path` is null or a
// NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_file_storage(
    file: *mut pointcard_file,
    path: *const core::ffi::c_char,
    size: u32,
) -> pointcard_storage {
    // Safety: as promised above.
    unsafe { open_file(file, path, size, 4096) }
}

/// The same for a medium that keeps old bytes intact when a write is cut (battery-backed caches,
/// most SSDs with power-loss protection): records are packed, and one MiB holds about 1,880.
///
/// @param file  memory for the open file
/// @param path  NUL-terminated; the folder must exist
/// @param size  bytes of a new file, at least 32768; an existing one keeps its size
///
/// Returns as pointcard_file_storage.
// Safety: as pointcard_file_storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_file_storage_power_safe(
    file: *mut pointcard_file,
    path: *const core::ffi::c_char,
    size: u32,
) -> pointcard_storage {
    // Safety: as promised above.
    unsafe { open_file(file, path, size, 4) }
}

#[cfg(feature = "std")]
// Safety: as pointcard_file_storage.
unsafe fn open_file(
    file: *mut pointcard_file,
    path: *const core::ffi::c_char,
    size: u32,
    align: u32,
) -> pointcard_storage {
    use crate::port::file::FileStorage;
    const _: () = assert!(size_of::<Slot<FileStorage>>() <= size_of::<pointcard_file>());
    const _: () = assert!(align_of::<Slot<FileStorage>>() <= align_of::<pointcard_file>());

    if file.is_null() || path.is_null() {
        return failed(Error::new(Status::Null, "storage"));
    }
    // Safety: as promised above.
    let path = match unsafe { super::config_text(path, "path") } {
        Ok(path) => path,
        Err(error) => return failed(error),
    };
    match FileStorage::open(path, size, align) {
        Ok(opened) => {
            let shape = opened.geometry();
            let slot = file.cast::<Slot<FileStorage>>();
            // Safety: large enough (asserted above) and the caller's.
            unsafe { slot.write(Some(opened)) };
            table(slot, &shape)
        }
        Err(error) => failed(error),
    }
}

#[cfg(not(feature = "std"))]
// Safety: nothing is touched.
unsafe fn open_file(
    _: *mut pointcard_file,
    _: *const core::ffi::c_char,
    _: u32,
    _: u32,
) -> pointcard_storage {
    failed(Error::new(Status::Unsupported, "storage"))
}

/// A queue in RAM, for tests and for battery-backed memory. Fill new memory with 0xFF first.
///
/// @param ram          memory for the port
/// @param memory       the medium, `size` bytes; stays until pointcard_close
/// @param size         a multiple of `sector_size`, at least 8 sectors
/// @param sector_size  a power of two, 512 to 1048576
///
/// Returns a table for config.storage. Failures are in its status, and pointcard_init returns them.
// Safety: `ram` is null or writable, `memory` is null or has `size` writable bytes; both stay until
// the client is closed and nobody else touches `memory`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_ram_storage(
    ram: *mut pointcard_ram,
    memory: *mut u8,
    size: usize,
    sector_size: u32,
) -> pointcard_storage {
    use crate::port::ram::RamStorage;
    const _: () = assert!(size_of::<Slot<RamStorage<'static>>>() <= size_of::<pointcard_ram>());
    const _: () = assert!(align_of::<Slot<RamStorage<'static>>>() <= align_of::<pointcard_ram>());

    if ram.is_null() || memory.is_null() {
        return failed(Error::new(Status::Null, "storage"));
    }
    // Safety: as promised above.
    let memory = unsafe { core::slice::from_raw_parts_mut(memory, size) };
    let sector_count = (size / sector_size.max(1) as usize) as u32;
    let shape = Geometry { sector_size, sector_count, prog_size: 4, align: 4 };
    let slot = ram.cast::<Slot<RamStorage<'static>>>();
    // Safety: large enough (asserted above) and the caller's.
    unsafe { slot.write(Some(RamStorage::new(memory, shape))) };
    table(slot, &shape)
}

fn failed(error: Error) -> pointcard_storage {
    pointcard_storage {
        status: error.status as i32,
        port: error.port,
        ctx: core::ptr::null_mut(),
        sector_size: 0,
        sector_count: 0,
        prog_size: 0,
        align: 0,
        read: None,
        prog: None,
        erase: None,
        sync: None,
        reassert: None,
        close: None,
    }
}

/// What lies in the caller's memory: the storage, or nothing once it is closed. A table may be
/// copied, and used again after its client was closed; that must do no harm.
type Slot<S> = Option<S>;

/// The port code of a storage that is closed (EBADF).
const CLOSED: PortError = PortError(9);

/// A Rust storage as a C table, the way back from what `ffi::ports` does.
fn table<S: Storage>(slot: *mut Slot<S>, shape: &Geometry) -> pointcard_storage {
    pointcard_storage {
        status: 0,
        port: 0,
        ctx: slot.cast(),
        sector_size: shape.sector_size,
        sector_count: shape.sector_count,
        prog_size: shape.prog_size,
        align: shape.align,
        read: Some(read::<S>),
        prog: Some(prog::<S>),
        erase: Some(erase::<S>),
        sync: Some(sync::<S>),
        reassert: Some(reassert::<S>),
        close: Some(close::<S>),
    }
}

// Safety: `ctx` is what `table` was given, and nobody else uses it now.
unsafe fn on<S: Storage>(
    ctx: *mut c_void,
    work: impl FnOnce(&mut S) -> core::result::Result<(), PortError>,
) -> i32 {
    // Safety: as promised above.
    let slot = unsafe { &mut *ctx.cast::<Slot<S>>() };
    match slot.as_mut().ok_or(CLOSED).and_then(work) {
        Ok(()) => 0,
        Err(error) => error.0,
    }
}

// Safety of the six functions below: `ctx` is what `table` was given, and the client calls them
// one at a time with buffers of its own.
unsafe extern "C" fn read<S: Storage>(ctx: *mut c_void, at: u32, to: *mut u8, len: usize) -> i32 {
    // Safety: see above.
    unsafe { on::<S>(ctx, |storage| storage.read(at, core::slice::from_raw_parts_mut(to, len))) }
}

unsafe extern "C" fn prog<S: Storage>(
    ctx: *mut c_void,
    at: u32,
    from: *const u8,
    len: usize,
) -> i32 {
    // Safety: see above.
    unsafe { on::<S>(ctx, |storage| storage.prog(at, core::slice::from_raw_parts(from, len))) }
}

unsafe extern "C" fn erase<S: Storage>(ctx: *mut c_void, sector: u32) -> i32 {
    // Safety: see above.
    unsafe { on::<S>(ctx, |storage| storage.erase(sector)) }
}

unsafe extern "C" fn sync<S: Storage>(ctx: *mut c_void) -> i32 {
    // Safety: see above.
    unsafe { on::<S>(ctx, |storage| storage.sync()) }
}

unsafe extern "C" fn reassert<S: Storage>(ctx: *mut c_void, at: u32, len: u32) -> i32 {
    // Safety: see above.
    unsafe { on::<S>(ctx, |storage| storage.reassert(at, len)) }
}

unsafe extern "C" fn close<S: Storage>(ctx: *mut c_void) {
    // Safety: see above.
    unsafe { *ctx.cast::<Slot<S>>() = None }
}
