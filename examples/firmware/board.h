/* What the till needs from the machine it runs on. board_metal.c is a Cortex-M under an emulator,
 * board_posix.c a Linux terminal; everything above this line is the same program. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* The words after the program's name, NUL-terminated; 0, or -1 when they do not fit. */
int board_words(char *line, size_t cap);

void board_print(const char *text);

/* Ends the run. On silicon this is the power switch: nothing but the NOR chip survives it. */
void board_leave(int status);

/* Milliseconds since power-on. Stands still while board_stack_paint is in force. */
uint64_t board_ms(void);

/* One byte to the modem; the next byte from it. -1: the line is gone. */
int board_modem_out(uint8_t byte);
int board_modem_in(void);

/* Files of the host: the chip's contents, and what a workshop writes into a new terminal. */
int board_open(const char *path, int create);
int32_t board_length(int file);
int32_t board_read(int file, uint32_t at, void *to, size_t len);
int32_t board_write(int file, uint32_t at, const void *from, size_t len);

/* Paints the free stack and stops interrupts; says how deep it was used since. 0: not known. */
void board_stack_paint(void);
uint32_t board_stack_depth(void);

/* What one measured call costs begins and ends here: an emulator's plugin counts between them. */
void count_from_here(void);
void count_to_here(void);

#endif
