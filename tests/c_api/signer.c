/* signer.c - a key that never enters the till: the signer port, here the openssl command.
 *
 *   signer FOLDER GATEWAY ADMIN
 */
#include "till.h"
#include "wire.h"

static int signatures, sent, mischief;

enum { HONEST, OTHER_KEY, ONE_BIT, SHORT, EMPTY, TOO_LONG, REFUSES };

/* DigestInfo of PKCS#1 v1.5, in front of the hash. */
static const uint8_t sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t sha1_info[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                    0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};

static void write_hash(const uint8_t *hash, size_t len)
{
    char path[1024];
    FILE *file;
    path_of(path, sizeof path, "hash.bin");
    file = fopen(path, "wb");
    CHECK(file != NULL);
    if (len == 32) {
        fwrite(sha256_info, 1, sizeof sha256_info, file);
    } else {
        fwrite(sha1_info, 1, sizeof sha1_info, file);
    }
    CHECK_EQ(fwrite(hash, 1, len, file), len);
    fclose(file);
}

static int32_t openssl_sign(void *ctx, const uint8_t *hash, size_t hash_len, uint8_t *out,
                            size_t cap, size_t *out_len)
{
    char command[4096];
    FILE *pipe;
    CHECK(ctx == &signatures && (hash_len == 32 || hash_len == 20) && cap >= 256);
    signatures++;
    if (mischief == REFUSES) {
        return 77;
    }
    write_hash(hash, hash_len);
    snprintf(command, sizeof command,
             "openssl pkeyutl -sign -inkey '%s/%s_private_key.txt' -in '%s/hash.bin'", folder,
             mischief == OTHER_KEY ? "other" : "app", folder);
    pipe = popen(command, "r");
    CHECK(pipe != NULL);
    *out_len = fread(out, 1, cap, pipe);
    CHECK_EQ(pclose(pipe), 0);
    CHECK_EQ(*out_len, 256);
    if (mischief == ONE_BIT) {
        out[100] ^= 4;
    } else if (mischief == SHORT) {
        *out_len = 255;
    } else if (mischief == EMPTY) {
        *out_len = 0;
    } else if (mischief == TOO_LONG) {
        *out_len = SIZE_MAX;
    }
    return 0;
}

static pointcard_config with_signer(int32_t sign_type)
{
    pointcard_config config = config_on(new_ram());
    config.private_key = NULL;
    config.app_public_key = app_public;
    config.sign_type = sign_type;
    config.signer.ctx = &signatures;
    config.signer.sign = openssl_sign;
    config.transport.ctx = &sent;
    config.transport.exchange = http_exchange;
    signatures = sent = 0;
    mischief = HONEST;
    return config;
}

static void one_sale(int32_t sign_type, int number)
{
    open_till(with_signer(sign_type));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
    CHECK_EQ(signatures, 0); /* selling asks nothing of the secure element */
    drain(&till);
    CHECK_EQ(signatures, 1);
    CHECK_EQ(sent, 1);
    sold(number);
    close_till();
}

static void test_signer_signs_requests_the_gateway_accepts(void)
{
    one_sale(POINTCARD_RSA2, 1);
}

static void test_signer_signs_sha1_too(void)
{
    one_sale(POINTCARD_RSA, 2);
}

static void test_software_rsa_signs_sha1_too(void)
{
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    pointcard_config config = config_on(new_ram());
    config.sign_type = POINTCARD_RSA;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 3));
    drain(&till);
    sold(3);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_query_balance(&till, SHOPPER, NULL, 5000, &balance));
    CHECK_EQ(balance.available_points, 30);
    close_till();
}

/* A wrong signature is found on the till: nothing is sent, nothing is lost. */
static void test_signer_that_returns_nonsense_sends_nothing(void)
{
    static const int kinds[] = {OTHER_KEY, ONE_BIT, SHORT, EMPTY, TOO_LONG, REFUSES};
    static uint8_t buf[POINTCARD_REQUEST_MAX];
    pointcard_report report = POINTCARD_REPORT_INIT, same = report;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    size_t at;
    open_till(with_signer(POINTCARD_RSA2));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 4));
    for (at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        pointcard_request request;
        pointcard_detail detail = POINTCARD_DETAIL_INIT;
        mischief = kinds[at];
        CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "signer", pointcard_sync(&till, 2000, &report));
        CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
        CHECK_EQ(detail.port, mischief == REFUSES ? 77 : 0);
        CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "signer",
                   pointcard_next_request(&till, buf, sizeof buf, &request, NULL));
        CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "signer",
                   pointcard_query_balance(&till, SHOPPER, NULL, 2000, &balance));
        CHECK(memcmp(&report, &same, sizeof report) == 0);
        CHECK_EQ(queue_of(&till).waiting, 1); /* not even marked as sent */
    }
    CHECK_EQ(sent, 0);
    mischief = HONEST;
    drain(&till);
    CHECK_EQ(sent, 1);
    sold(4);
    close_till();
}

static int32_t no_entropy(void *ctx, uint8_t *to, size_t len)
{
    (void)ctx, (void)to, (void)len;
    return 55;
}

static void test_entropy_that_fails_sends_nothing(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_config config = config_on(new_ram());
    config.entropy.fill = no_entropy;
    config.transport.ctx = &sent;
    config.transport.exchange = http_exchange;
    sent = 0;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 5));
    CHECK_CALL(&till, POINTCARD_ERR_ENTROPY, pointcard_sync(&till, 2000, &report));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.port, 55);
    CHECK_EQ(sent, 0);
    CHECK_EQ(queue_of(&till).waiting, 1);
    close_till();
    open_till(config_on(same_ram()));
    drain(&till);
    sold(5);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_signer_signs_requests_the_gateway_accepts);
    RUN(test_signer_signs_sha1_too);
    RUN(test_software_rsa_signs_sha1_too);
    RUN(test_signer_that_returns_nonsense_sends_nothing);
    RUN(test_entropy_that_fails_sends_nothing);
    return 0;
}
