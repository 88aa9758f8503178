/* Stub: one mutex of your RTOS, for tills where one task sells while another syncs. Use a mutex
 * that knows its owner and inherits priority, not a semaphore; never interrupts-off, because flash is written
 * under it. With one task only, leave the port empty. */
#include "ports.h"

enum { MINE_ALREADY = 1 };

static int32_t acquire(void *ctx)
{
    if (board_in_interrupt() || board_mutex_is_mine(ctx))
        return MINE_ALREADY; /* the call returns POINTCARD_ERR_BUSY */
    return board_mutex_lock(ctx);
}

static void release(void *ctx)
{
    board_mutex_unlock(ctx);
}

pointcard_lock port_lock(void *mutex)
{
    pointcard_lock port = { 0 };
    port.ctx = mutex;
    port.acquire = acquire;
    port.release = release;
    return port;
}
