/* BearSSL behind kernel.c's interface: RSA PKCS#1 v1.5 with SHA-256, its constant-time i31 code (i15
 * on Cortex-M0, as its author advises). It neither blinds nor checks the signature it gives out. */
#include "bearssl.h"
#include "numbers.h"
#include <stddef.h>
#include <stdint.h>

#ifdef PEER_I15
#define SIGN br_rsa_i15_pkcs1_sign
#else
#define SIGN br_rsa_i31_pkcs1_sign
#endif

typedef struct {
    br_rsa_private_key key;
} signer;

size_t kernel_size(void)
{
    return sizeof(signer);
}

int32_t kernel_load(signer *memory, const uint8_t *text, size_t len)
{
    const numbers *from = &NUMBERS[text[0] == '2'];
    (void)len;
    memory->key.n_bitlen = 2048;
    memory->key.p = (unsigned char *)from->p;
    memory->key.q = (unsigned char *)from->q;
    memory->key.dp = (unsigned char *)from->dp;
    memory->key.dq = (unsigned char *)from->dq;
    memory->key.iq = (unsigned char *)from->qi;
    memory->key.plen = memory->key.qlen = memory->key.dplen = memory->key.dqlen = memory->key.iqlen = 128;
    return 0;
}

int32_t kernel_sign(signer *memory, const uint8_t *message, size_t len, int32_t blinded,
                    uint8_t *out)
{
    br_sha256_context sha;
    unsigned char hash[32];
    (void)blinded;
    br_sha256_init(&sha);
    br_sha256_update(&sha, message, len);
    br_sha256_out(&sha, hash);
    return SIGN(BR_HASH_OID_SHA256, hash, sizeof hash, &memory->key, out) == 1 ? 0 : 1;
}
