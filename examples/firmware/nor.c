/* A NOR flash chip, simulated: only its contents survive the power, in a file of the host.
 *
 * In: the storage port's calls. Out: bytes of the chip, or one of NOR_'s codes. It keeps to the
 * rules real chips have, and says so when a caller does not: programming goes by whole aligned
 * units, only clears bits, and only where the unit is erased (a chip with error correction allows
 * no second time); erasing goes by sectors. When the power fails, the byte under way is left with
 * some of its bits programmed, or an eighth of the sector in between.
 *
 * A driver for silicon keeps the four functions and throws the rest away. */
#include "nor.h"
#include "board.h"
#include <string.h>

#define SECTOR 4096u
#define SECTORS 16u
#define UNIT 8u
#define EIGHTH (SECTOR / 8u)

static int chip = -1;
static uint32_t steps_left, steps_taken;

uint32_t nor_steps(void)
{
    return steps_taken;
}

/* One step done; never returns from the last one. */
static void step(uint32_t at, const uint8_t *half_done, size_t len)
{
    if (steps_left != 0 && --steps_left == 0) {
        if (len != 0)
            board_write(chip, at, half_done, len);
        board_leave(NOR_POWER_LOST);
    }
    steps_taken++;
}

static int outside(uint32_t at, size_t len)
{
    return at > SECTOR * SECTORS || len > SECTOR * SECTORS - at;
}

static int32_t nor_read(void *ctx, uint32_t at, uint8_t *to, size_t len)
{
    (void)ctx;
    if (outside(at, len))
        return NOR_BOUNDS;
    return board_read(chip, at, to, len) == 0 ? 0 : NOR_FAILED;
}

static int32_t program_unit(uint32_t at, const uint8_t *from)
{
    uint8_t is[UNIT];
    if (board_read(chip, at, is, UNIT) != 0)
        return NOR_FAILED;
    for (uint32_t i = 0; i < UNIT; i++) {
        const uint8_t torn = from[i] | 0x5A;
        if (is[i] != 0xFF)
            return NOR_NOT_ERASED;
        step(at + i, &torn, 1);
        if (board_write(chip, at + i, &from[i], 1) != 0)
            return NOR_FAILED;
    }
    return 0;
}

static int32_t nor_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    (void)ctx;
    if (at % UNIT != 0 || len % UNIT != 0)
        return NOR_UNALIGNED;
    if (outside(at, len) || at % SECTOR + len > SECTOR)
        return NOR_BOUNDS;
    for (size_t done = 0; done < len; done += UNIT) {
        const int32_t code = program_unit(at + (uint32_t)done, from + done);
        if (code != 0)
            return code;
    }
    return 0;
}

/* An eighth of a sector; the power failing leaves its bits undecided. */
static int32_t erase_eighth(uint32_t at)
{
    static uint8_t cells[EIGHTH];
    if (board_read(chip, at, cells, EIGHTH) != 0)
        return NOR_FAILED;
    for (uint32_t i = 0; i < EIGHTH; i++)
        cells[i] |= 0xA5;
    step(at, cells, EIGHTH);
    memset(cells, 0xFF, EIGHTH);
    return board_write(chip, at, cells, EIGHTH) == 0 ? 0 : NOR_FAILED;
}

static int32_t nor_erase(void *ctx, uint32_t sector)
{
    (void)ctx;
    if (sector >= SECTORS)
        return NOR_BOUNDS;
    for (uint32_t part = 0; part < 8; part++) {
        const int32_t code = erase_eighth(sector * SECTOR + part * EIGHTH);
        if (code != 0)
            return code;
    }
    return 0;
}

/* What is programmed is programmed. A driver that queues its writes waits for them here. */
static int32_t nor_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static int32_t new_chip(const char *path)
{
    static const uint8_t blank[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
                                       255, 255, 255, 255, 255, 255, 255, 255 };
    chip = board_open(path, 1);
    for (uint32_t at = 0; chip >= 0 && at < SECTOR * SECTORS; at += sizeof blank)
        if (board_write(chip, at, blank, sizeof blank) != 0)
            return NOR_FAILED;
    return chip >= 0 ? 0 : NOR_FAILED;
}

pointcard_storage nor_chip(const char *path, uint32_t steps)
{
    pointcard_storage port = { 0 };
    chip = board_open(path, 0);
    if (chip < 0)
        port.port = new_chip(path);
    else if (board_length(chip) != (int32_t)(SECTOR * SECTORS))
        port.port = NOR_BOUNDS;
    port.status = port.port != 0 ? POINTCARD_ERR_STORAGE : POINTCARD_OK;
    steps_left = steps;
    steps_taken = 0;
    port.sector_size = SECTOR;
    port.sector_count = SECTORS;
    port.prog_size = port.align = UNIT;
    port.read = nor_read;
    port.prog = nor_prog;
    port.erase = nor_erase;
    port.sync = nor_sync;
    return port;
}
