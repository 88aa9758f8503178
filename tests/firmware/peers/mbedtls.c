/* mbedTLS behind kernel.c's interface: RSA PKCS#1 v1.5 with SHA-256, blinded and checked, its heap a
 * fixed arena whose deepest use is printed. */
#include "mbedtls/memory_buffer_alloc.h"
#include "mbedtls/rsa.h"
#include "mbedtls/sha256.h"
#include "numbers.h"

void board_print(const char *text);

typedef struct {
    mbedtls_rsa_context key;
} signer;

static unsigned char arena[24 * 1024];
static uint32_t noise = 1;

/* Deterministic bytes: two runs must take the same number of instructions. */
static int random_bytes(void *at, unsigned char *out, size_t len)
{
    (void)at;
    for (size_t i = 0; i < len; i++) {
        noise = noise * 1664525u + 1013904223u;
        out[i] = (unsigned char)(noise >> 24);
    }
    return 0;
}

size_t kernel_size(void)
{
    return sizeof(signer);
}

int32_t kernel_load(signer *memory, const uint8_t *text, size_t len)
{
    static const unsigned char e[3] = { 1, 0, 1 };
    const numbers *from = &NUMBERS[text[0] == '2'];
    (void)len;
    mbedtls_memory_buffer_alloc_init(arena, sizeof arena);
    mbedtls_rsa_init(&memory->key, MBEDTLS_RSA_PKCS_V15, 0);
    if (mbedtls_rsa_import_raw(&memory->key, from->n, 256, from->p, 128, from->q, 128, from->d, 256, e,
                               sizeof e) != 0)
        return 1;
    return mbedtls_rsa_complete(&memory->key);
}

static void say_heap(void)
{
    size_t used, blocks;
    char digits[12];
    size_t at = sizeof digits - 1;
    mbedtls_memory_buffer_alloc_max_get(&used, &blocks);
    used += sizeof(signer);
    digits[at] = '\0';
    for (; used != 0; used /= 10)
        digits[--at] = (char)('0' + used % 10);
    board_print("lent ");
    board_print(digits + at);
    board_print("\n");
}

int32_t kernel_sign(signer *memory, const uint8_t *message, size_t len, int32_t blinded,
                    uint8_t *out)
{
    unsigned char hash[32];
    int failed = mbedtls_sha256_ret(message, len, hash, 0);
    if (failed == 0)
        failed = mbedtls_rsa_pkcs1_sign(&memory->key, random_bytes, NULL, MBEDTLS_RSA_PRIVATE,
                                        MBEDTLS_MD_SHA256, sizeof hash, hash, out);
    if (!blinded) /* its first signature, which is blinded, too; it is not the one that is counted */
        say_heap();
    return failed;
}
