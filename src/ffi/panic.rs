//! A panic handler for images that bring none. In: a panic, which our own code cannot cause. Out:
//! nothing; the processor waits for its watchdog. With feature `panic-hook` the C program hears
//! first where it was.

#[cfg(feature = "panic-hook")]
unsafe extern "C" {
    /// Written by the integrator: `file_len` bytes at `file` name the source file, without a NUL.
    /// May reset the machine; if it returns, the processor waits.
    fn pointcard_panicked(file: *const u8, file_len: usize, line: u32);
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hear(info);
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(feature = "panic-hook")]
fn hear(info: &core::panic::PanicInfo<'_>) {
    let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
    // Safety: `file` is valid for the call, and the hook takes only numbers besides.
    unsafe { pointcard_panicked(file.as_ptr(), file.len(), line) }
}

#[cfg(not(feature = "panic-hook"))]
fn hear(_: &core::panic::PanicInfo<'_>) {}
