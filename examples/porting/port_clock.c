/* Stub: time. Both functions must be quick, and cannot fail; they are called under the lock.
 *
 * monotonic_ms never goes back while powered: widen a 32-bit tick here, with interrupts off, or it
 * does so after 49 days. unix_time is 0 while nobody knows: a wrong clock refuses no sale. */
#include "ports.h"

static uint64_t monotonic_ms(void *ctx)
{
    static uint32_t high, last;
    const uint32_t masked = board_interrupts_off();
    const uint32_t now = board_tick_ms(ctx);
    if (now < last)
        high++;
    last = now;
    const uint64_t ms = ((uint64_t)high << 32) | now;
    board_interrupts_restore(masked);
    return ms;
}

static uint64_t unix_time(void *ctx)
{
    return board_rtc_is_set(ctx) ? board_rtc_seconds(ctx) : 0;
}

pointcard_clock port_clock(void *board)
{
    pointcard_clock port = { 0 };
    port.ctx = board;
    port.monotonic_ms = monotonic_ms;
    port.unix_time = unix_time;
    return port;
}
