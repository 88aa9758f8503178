/* Signs one message with the library's RSA and says what it took; bench.sh builds and runs it.
 *
 *     kernel KEY [leak]      KEY 1 or 2; with "leak" the time depends on what was signed
 *     (compiled with COMPARE: the arithmetic beside a plain one, on this very core)
 *
 * Prints the signature in hexadecimal, and the deepest stack of load, sign and blinded sign. The
 * emulator's plugin counts instructions between count_from_here and count_to_here: the third
 * blinded signature, so that neither the key's load nor a new blinding pair is in it. */
#include "board.h"
#include <string.h>

typedef struct signer signer;
size_t kernel_size(void);
int32_t kernel_load(signer *memory, const uint8_t *text, size_t len);
int32_t kernel_sign(signer *memory, const uint8_t *message, size_t len, int32_t blinded,
                    uint8_t *out);

int32_t kernel_compare(uint32_t seed, uint32_t rounds);

#include "keys.h" /* KEY_1, KEY_2; written by bench.sh from the test vectors */

#ifdef COMPARE
int main(void)
{
    return kernel_compare(1, 400);
}
#else

static uint64_t memory[1024];
static uint8_t message[512], plain[256], blinded[256];

static void say(const char *what, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    board_print(what);
    board_print(" ");
    board_print(digits + at);
    board_print("\n");
}

/* What the trace must show: a loop as long as a byte that depends on the key. */
static void leak(void)
{
    for (volatile uint32_t i = 0; i < blinded[0]; i++) { }
}

int main(void)
{
    signer *kernel = (signer *)memory;
    char words[64] = "";
    board_words(words, sizeof words);
    const char *key = strstr(words, "2") != NULL ? KEY_2 : KEY_1;
    memset(message, 'a', sizeof message);
    if (kernel_size() > sizeof memory)
        return 2;
    say("lent", (uint32_t)kernel_size());
    board_stack_paint();
    if (kernel_load(kernel, (const uint8_t *)key, strlen(key)) != 0)
        return 3;
    say("stack load", board_stack_depth());
    board_stack_paint();
    if (kernel_sign(kernel, message, sizeof message, 0, plain) != 0)
        return 4;
    say("stack sign", board_stack_depth());
    for (int i = 0; i < 3; i++) {
        board_stack_paint();
        if (i == 2)
            count_from_here();
        if (kernel_sign(kernel, message, sizeof message, 1, blinded) != 0)
            return 5;
        if (i == 2) {
            if (strstr(words, "leak") != NULL)
                leak();
            count_to_here();
        }
        say("stack blinded", board_stack_depth());
    }
    board_print("signature ");
    for (int i = 0; i < 256; i++) {
        const char *digit = "0123456789abcdef";
        const char two[3] = { digit[blinded[i] >> 4], digit[blinded[i] & 15], '\0' };
        board_print(two);
    }
    board_print("\n");
    return memcmp(plain, blinded, sizeof plain) == 0 ? 0 : 6;
}
#endif
