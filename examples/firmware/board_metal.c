/* A Cortex-M board: from reset to main, a millisecond tick, and what the emulator lends.
 *
 * In: BOARD_UART (1 = ARM's CMSDK UART, 2 = Nordic's), BOARD_UART_AT, BOARD_HZ (SysTick's clock).
 * Semihosting (a debugger's or QEMU's BKPT 0xAB) plays the workshop's programmer and the flash
 * chip's contents; on silicon these functions are the board's own. */
#include "board.h"
#include <string.h>

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];
int main(void);
void reset(void);

/* ---- semihosting ----------------------------------------------------------------------------- */

enum { OPEN = 1, PRINT = 4, WRITE = 5, READ = 6, SEEK = 10, LENGTH = 12, WORDS = 21, LEAVE = 32 };

static int host(uint32_t what, const void *block)
{
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int)r0;
}

void board_print(const char *text)
{
    host(PRINT, text);
}

void board_leave(int status)
{
    const uint32_t block[2] = { 0x20026, (uint32_t)status };
    host(LEAVE, block);
    for (;;) { }
}

int board_words(char *line, size_t cap)
{
    const uintptr_t block[2] = { (uintptr_t)line, cap };
    return host(WORDS, block);
}

int board_open(const char *path, int create)
{
    const uintptr_t block[3] = { (uintptr_t)path, create ? 7 : 3, strlen(path) }; /* w+b, r+b */
    return host(OPEN, block);
}

int32_t board_length(int file)
{
    const uint32_t block[1] = { (uint32_t)file };
    return host(LENGTH, block);
}

static int32_t at_place(uint32_t what, int file, uint32_t at, uintptr_t memory, size_t len)
{
    const uint32_t place[2] = { (uint32_t)file, at };
    const uintptr_t block[3] = { (uintptr_t)file, memory, len };
    return host(SEEK, place) < 0 || host(what, block) != 0 ? -1 : 0;
}

int32_t board_read(int file, uint32_t at, void *to, size_t len)
{
    return at_place(READ, file, at, (uintptr_t)to, len);
}

int32_t board_write(int file, uint32_t at, const void *from, size_t len)
{
    return at_place(WRITE, file, at, (uintptr_t)from, len);
}

/* ---- time ------------------------------------------------------------------------------------ */

#define SYSTICK ((volatile uint32_t *)0xE000E010)

static volatile uint32_t ticks;

static void tick(void)
{
    ticks++;
}

uint64_t board_ms(void)
{
    return ticks;
}

/* ---- the modem's UART ------------------------------------------------------------------------ */

#define UART ((volatile uint32_t *)BOARD_UART_AT)

#if BOARD_UART == 1 /* data 0, state 1 (bit 0: transmitter full, bit 1: byte received), control 2 */
static void uart_start(void)
{
    UART[4] = 16;
    UART[2] = 3;
}

int board_modem_out(uint8_t byte)
{
    while (UART[1] & 1) { }
    UART[0] = byte;
    return 0;
}

int board_modem_in(void)
{
    while (!(UART[1] & 2)) { }
    return (int)(UART[0] & 0xFF);
}
#else /* Nordic: start receiver 0x000, transmitter 0x008; ready 0x108, 0x11C; on 0x500; data 0x518 */
static void uart_start(void)
{
    UART[0x500 / 4] = 4;
    UART[0x000 / 4] = 1;
    UART[0x008 / 4] = 1;
}

int board_modem_out(uint8_t byte)
{
    UART[0x11C / 4] = 0;
    UART[0x51C / 4] = byte;
    while (!UART[0x11C / 4]) { }
    return 0;
}

int board_modem_in(void)
{
    while (!UART[0x108 / 4]) { }
    UART[0x108 / 4] = 0;
    return (int)(UART[0x518 / 4] & 0xFF);
}
#endif

/* ---- the stack ------------------------------------------------------------------------------- */

#define PAINT 0xC5C5C5C5u
#define MARGIN 64 /* bytes below the caller's stack pointer left alone: the painter's own */

static uintptr_t callers_sp;

__attribute__((noinline)) void board_stack_paint(void)
{
    callers_sp = (uintptr_t)__builtin_dwarf_cfa();
    __asm__ volatile("cpsid i" ::: "memory");
    for (volatile uint32_t *at = bss_end; (uintptr_t)at < callers_sp - MARGIN; at++)
        *at = PAINT;
}

__attribute__((noinline)) uint32_t board_stack_depth(void)
{
    volatile uint32_t *at = bss_end;
    while ((uintptr_t)at < callers_sp - MARGIN && *at == PAINT)
        at++;
    __asm__ volatile("cpsie i" ::: "memory");
    return (uint32_t)(callers_sp - (uintptr_t)at);
}

__attribute__((noinline)) void count_from_here(void)
{
    __asm__ volatile("");
}

__attribute__((noinline)) void count_to_here(void)
{
    __asm__ volatile("");
}

/* ---- from reset to main ---------------------------------------------------------------------- */

void reset(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* the FPU on */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    SYSTICK[1] = BOARD_HZ / 1000 - 1;
    SYSTICK[2] = 0;
    SYSTICK[0] = 7;
    uart_start();
    board_leave(main());
}

static void fault(void)
{
    board_print("fault\n");
    board_leave(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, tick,
};
