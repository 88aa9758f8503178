/* The same board on Linux: files are files, the modem is a socket "modem" in the working folder. */
#include "board.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *words = "";
static int modem = -1;

int till_main(void);

int main(int argc, char **argv)
{
    words = argc > 1 ? argv[1] : "";
    return till_main();
}

int board_words(char *line, size_t cap)
{
    if (strlen(words) >= cap)
        return -1;
    strcpy(line, words);
    return 0;
}

void board_print(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

void board_leave(int status)
{
    _exit(status);
}

uint64_t board_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int line_is_up(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "modem" };
    if (modem < 0) {
        modem = socket(AF_UNIX, SOCK_STREAM, 0);
        if (modem >= 0 && connect(modem, (struct sockaddr *)&address, sizeof address) != 0) {
            close(modem);
            modem = -1;
        }
    }
    return modem >= 0;
}

int board_modem_out(uint8_t byte)
{
    return line_is_up() && write(modem, &byte, 1) == 1 ? 0 : -1;
}

int board_modem_in(void)
{
    uint8_t byte;
    return line_is_up() && read(modem, &byte, 1) == 1 ? byte : -1;
}

int board_open(const char *path, int create)
{
    return open(path, create ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0600);
}

int32_t board_length(int file)
{
    struct stat about;
    return fstat(file, &about) == 0 ? (int32_t)about.st_size : -1;
}

int32_t board_read(int file, uint32_t at, void *to, size_t len)
{
    return pread(file, to, len, (off_t)at) == (ssize_t)len ? 0 : -1;
}

int32_t board_write(int file, uint32_t at, const void *from, size_t len)
{
    return pwrite(file, from, len, (off_t)at) == (ssize_t)len ? 0 : -1;
}

/* Nobody counts bytes of stack here. */
void board_stack_paint(void)
{
}

uint32_t board_stack_depth(void)
{
    return 0;
}

void count_from_here(void)
{
}

void count_to_here(void)
{
}
