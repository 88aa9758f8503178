/* Where a panic of the checked image ends; that it takes the file's name keeps the name linked. */
#include <stddef.h>
#include <stdint.h>

const volatile char *volatile panic_file;

void pointcard_panicked(const char *file, size_t len, uint32_t line);
void pointcard_panicked(const char *file, size_t len, uint32_t line)
{
    (void)len, (void)line;
    for (;;)
        panic_file = file;
}
