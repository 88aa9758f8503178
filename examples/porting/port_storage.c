/* Stub: the queue on your flash. Copy, and fill in the five places marked FLASH.
 *
 * Blocking is allowed everywhere here; pointcard_accrue waits for prog and sync, and for one erase
 * unless pointcard_maintain ran in idle time. Any number but 0 is an error of yours and comes back
 * in pointcard_detail.port; the queue then treats what was under way as unknown.
 *
 * Flash wears out block by block. When the chip itself says that erasing or programming failed, and
 * it is powered and answers, the queue is told so: it leaves that sector out and goes on. */
#include "ports.h"

enum { FLASH_AT = 0, SECTOR = 4096, SECTORS = 16, UNIT = 8 }; /* FLASH: where, and its shape */

enum { BAD_PLACE = 1, BAD_ALIGNMENT = 2 };

static int outside(uint32_t at, size_t len)
{
    return at > SECTOR * SECTORS || len > SECTOR * SECTORS - at;
}

/* FLASH: a NOR chip's status register has a fail bit for each (E_ERR, P_ERR; E_FAIL, P_FAIL). Clear
 * it there. After a brown-out or a timeout the chip is at fault, and not one sector: any other code. */
static int32_t told(int32_t code)
{
    return code == BOARD_FLASH_BLOCK_FAILED ? POINTCARD_BAD_SECTOR : code;
}

static int32_t flash_read(void *ctx, uint32_t at, uint8_t *to, size_t len)
{
    return outside(at, len) ? BAD_PLACE : board_flash_read(ctx, FLASH_AT + at, to, len); /* FLASH */
}

/* Never called twice for a unit without an erase between; both numbers are multiples of UNIT. */
static int32_t flash_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    if (at % UNIT != 0 || len % UNIT != 0)
        return BAD_ALIGNMENT;
    return outside(at, len) ? BAD_PLACE
                            : told(board_flash_prog(ctx, FLASH_AT + at, from, len)); /* FLASH */
}

static int32_t flash_erase(void *ctx, uint32_t sector)
{
    return sector >= SECTORS ? BAD_PLACE
                             : told(board_flash_erase(ctx, FLASH_AT + sector * SECTOR)); /* FLASH */
}

/* Return only when all of it survives the power: wait for the chip's busy bit. */
static int32_t flash_sync(void *ctx)
{
    return board_flash_wait(ctx);
}

pointcard_storage port_storage(void *chip)
{
    pointcard_storage port = { 0 };
    port.ctx = chip;
    port.sector_size = SECTOR;
    port.sector_count = SECTORS;
    port.prog_size = port.align = UNIT;
    port.read = flash_read;
    port.prog = flash_prog;
    port.erase = flash_erase;
    port.sync = flash_sync;
    return port;
}
