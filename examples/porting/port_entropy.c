/* Stub: unpredictable bytes, from a hardware generator. Called under the lock; about 1000 bytes
 * once in 32 signatures. Fill all of it or return an error: a signature then fails instead of being
 * made unprotected. Without a generator leave the port empty; never fill in a counter or a seed that
 * every terminal shares: that would look like protection and be none. */
#include "ports.h"

enum { NO_ENTROPY = 1 };

static int32_t fill(void *ctx, uint8_t *to, size_t len)
{
    while (len > 0) {
        uint32_t word;
        if (board_rng_word(ctx, &word) != 0) /* its own health test included */
            return NO_ENTROPY;
        for (int i = 0; i < 4 && len > 0; i++, len--, word >>= 8)
            *to++ = (uint8_t)word;
    }
    return 0;
}

pointcard_entropy port_entropy(void *generator)
{
    pointcard_entropy port = { 0 };
    port.ctx = generator;
    port.fill = fill;
    return port;
}
