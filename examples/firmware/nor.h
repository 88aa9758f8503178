/* A NOR flash chip behind pointcard's storage port. */
#ifndef NOR_H
#define NOR_H

#include <pointcard.h>

/* Codes of this driver; they come back in pointcard_detail.port. */
enum {
    NOR_BOUNDS = 1,   /* outside the chip, or over a sector's end */
    NOR_UNALIGNED,    /* not a multiple of the programmable unit */
    NOR_NOT_ERASED,   /* programmed twice without an erase: bits only go from 1 to 0 */
    NOR_FAILED,       /* the chip does not answer */
};

#define NOR_POWER_LOST 77 /* how the run ends when the power fails */

/* Opens the chip whose contents are in the host's file `path` (a new one is blank), and lets the
 * power fail after `steps` more steps (a step is one byte programmed or an eighth of an erase);
 * 0 = never. */
pointcard_storage nor_chip(const char *path, uint32_t steps);

/* Steps taken since. */
uint32_t nor_steps(void);

#endif
