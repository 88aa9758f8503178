//! A panic handler for images that bring none. In: a panic, which our own code cannot cause. Out:
//! nothing; the processor waits for its watchdog.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
