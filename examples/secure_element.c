/* A till whose private key is in a secure element: config.signer instead of config.private_key.
 *
 *     secure_element KEY.pem APP_PUBLIC_KEY ALIPAY_PUBLIC_KEY
 *
 * The element is played by openssl(1), a program of its own that alone reads KEY.pem: it is handed
 * a digest and gives back a signature, as a chip over I2C does. Prints the signed request of one
 * sale, which is not sent. The library checks the signature before it uses it, so that a broken or
 * exchanged element cannot put a bad request on the wire.
 *
 * Built with: cc -Iinclude examples/secure_element.c target/lib/libpointcard.a -lpthread -ldl -lm */
#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pointcard_client till;
static pointcard_ram ram;
static uint8_t memory[16 * 4096], request_buf[POINTCARD_REQUEST_MAX];
static char app_public[1024], alipay_public[1024];

typedef struct {
    const char *key_file;
    unsigned uses;
} element;

enum { NO_ELEMENT = 1, WRONG_DIGEST = 2, TOO_LITTLE_ROOM = 3 };

static int32_t element_sign(void *ctx, const uint8_t *hash, size_t hash_len, uint8_t *out,
                            size_t cap, size_t *out_len)
{
    element *chip = ctx;
    char command[512];
    if (hash_len != 32)
        return WRONG_DIGEST; /* this element signs RSA2 only */
    snprintf(command, sizeof command,
             "openssl pkeyutl -sign -inkey '%s' -in secure_element.hash -out secure_element.sig "
             "-pkeyopt digest:sha256",
             chip->key_file);
    FILE *file = fopen("secure_element.hash", "wb");
    if (file == NULL || fwrite(hash, 1, hash_len, file) != hash_len || fclose(file) != 0 ||
        system(command) != 0)
        return NO_ELEMENT;
    file = fopen("secure_element.sig", "rb");
    if (file == NULL)
        return NO_ELEMENT;
    *out_len = fread(out, 1, cap, file);
    const int whole = feof(file) || fgetc(file) == EOF;
    fclose(file);
    chip->uses++;
    return whole ? 0 : TOO_LITTLE_ROOM;
}

static int read_text(const char *path, char *to, size_t cap)
{
    FILE *file = fopen(path, "rb");
    const size_t len = file != NULL ? fread(to, 1, cap - 1, file) : 0;
    to[len] = '\0';
    if (file != NULL)
        fclose(file);
    return len > 0 ? 0 : -1;
}

static int failed(const char *doing)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_last_detail(&till, &detail);
    fprintf(stderr, "%s: %s\n", doing, detail.text);
    return 1;
}

static int one_sale(const element *chip)
{
    pointcard_sale sale = POINTCARD_SALE_INIT;
    pointcard_request request;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    sale.user_id = "2088123412341234";
    sale.biz_no = "2016082221001004150200139999";
    sale.points = 10;
    if (pointcard_accrue(&till, &sale, NULL) != POINTCARD_OK)
        return failed("accrue");
    if (pointcard_next_request(&till, request_buf, sizeof request_buf, &request, NULL) !=
        POINTCARD_OK)
        return failed("next_request");
    printf("%s %.*s\n", request.url, (int)request.body_len, (const char *)request.body);
    fprintf(stderr, "the element signed %u times\n", chip->uses);
    return pointcard_on_transport_error(&till, request.exchange, 1, 0, &outcome) != POINTCARD_OK;
}

int main(int argc, char **argv)
{
    static element chip;
    pointcard_config config = POINTCARD_CONFIG_INIT;
    if (argc != 4 || read_text(argv[2], app_public, sizeof app_public) != 0 ||
        read_text(argv[3], alipay_public, sizeof alipay_public) != 0) {
        fprintf(stderr, "use: secure_element KEY.pem APP_PUBLIC_KEY ALIPAY_PUBLIC_KEY\n");
        return 2;
    }
    chip.key_file = argv[1];
    memset(memory, 0xFF, sizeof memory);
    config.app_id = "2016100900000001";
    config.app_public_key = app_public;
    config.alipay_public_key = alipay_public;
    config.activity_account = "39201608190015500100016011040139";
    config.storage = pointcard_ram_storage(&ram, memory, sizeof memory, 4096);
    config.signer.ctx = &chip;
    config.signer.sign = element_sign;
    if (pointcard_init(&till, &config) != POINTCARD_OK)
        return failed("init");
    const int result = one_sale(&chip);
    pointcard_close(&till);
    return result;
}
