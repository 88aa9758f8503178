//! In: an index. Out: a panic of our own, which the self-test must find.

/// Indexes beyond its table.
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_status_text_bad(at: usize) -> u8 {
    static TABLE: [u8; 4] = [1, 2, 3, 4];
    TABLE[at]
}
