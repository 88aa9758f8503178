/* What the stubs beside this file give, and what they want of the board. Write the board_ functions
 * over your vendor's drivers; they return 0, or an error number of yours. */
#ifndef PORTS_H
#define PORTS_H

#include <pointcard.h>

pointcard_storage port_storage(void *chip);
pointcard_transport port_transport(void *modem);
pointcard_clock port_clock(void *board);
pointcard_entropy port_entropy(void *generator);
pointcard_lock port_lock(void *mutex);

int32_t board_flash_read(void *chip, uint32_t at, uint8_t *to, size_t len);
#define BOARD_FLASH_BLOCK_FAILED 2 /* from the next two: the chip says that it failed on this block */
int32_t board_flash_prog(void *chip, uint32_t at, const uint8_t *from, size_t len);
int32_t board_flash_erase(void *chip, uint32_t at);
int32_t board_flash_wait(void *chip);

typedef struct {
    uint8_t *body; /* at most `cap` bytes are written; `len` is the answer's true length */
    size_t cap, len;
    uint16_t status;
    uint32_t retry_after_s;
    uint64_t date;
} board_answer;
int board_https_connect(void *modem, const char *url, uint32_t timeout_ms); /* 1: connected */
int board_https_post(void *modem, const pointcard_request *request, board_answer *answer,
                     uint32_t timeout_ms);

uint32_t board_tick_ms(void *board);
uint32_t board_interrupts_off(void);
void board_interrupts_restore(uint32_t masked);
int board_rtc_is_set(void *board);
uint64_t board_rtc_seconds(void *board);

int board_rng_word(void *generator, uint32_t *word);

int board_in_interrupt(void);
int board_mutex_is_mine(void *mutex);
int board_mutex_lock(void *mutex);
void board_mutex_unlock(void *mutex);

#endif
