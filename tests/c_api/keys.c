/* keys.c - keys of every form, signatures another program checks, canonical strings, certificate
 * numbers, encrypted content. No client. */
#include "fault.h"

static pointcard_key key, other;
static char text[8192];

static void load(pointcard_key *to, const char *name, int32_t kind)
{
    read_text(name, text, sizeof text);
    CHECK_EQ(pointcard_key_load(to, text, kind, &fault), POINTCARD_OK);
}

static void test_what_is_signed_verifies_and_nothing_else_does(void)
{
    static const char data[] = "app_id=1&biz_content={}";
    static const int32_t types[] = {POINTCARD_RSA2, POINTCARD_RSA};
    char sign[POINTCARD_SIGNATURE_MAX];
    size_t len, at;
    load(&key, "app_private_key.pkcs1.txt", POINTCARD_KEY_PRIVATE);
    load(&other, "app_public_key.txt", POINTCARD_KEY_PUBLIC);
    for (at = 0; at < 2; at++) {
        CHECK_EQ(pointcard_key_sign(&key, types[at], (const uint8_t *)data, strlen(data), sign,
                                    sizeof sign, &len, &fault), POINTCARD_OK);
        CHECK_EQ(len, 344);
        CHECK_EQ(strlen(sign), len);
        CHECK_EQ(pointcard_key_verify(&other, types[at], (const uint8_t *)data, strlen(data), sign,
                                      NULL), POINTCARD_OK);
        FAULTS(POINTCARD_ERR_SIGNATURE, "sign",
               pointcard_key_verify(&other, types[at], (const uint8_t *)data, strlen(data) - 1,
                                    sign, &fault));
        FAULTS(POINTCARD_ERR_SIGNATURE, "sign",
               pointcard_key_verify(&other, types[1 - at], (const uint8_t *)data, strlen(data),
                                    sign, &fault));
        sign[0] = sign[0] == 'A' ? 'B' : 'A';
        FAULTS(POINTCARD_ERR_SIGNATURE, "sign",
               pointcard_key_verify(&other, types[at], (const uint8_t *)data, strlen(data), sign,
                                    &fault));
    }
}

/* Another program makes the signature that is verified, and checks the one that is made. */
static void test_openssl_agrees(void)
{
    static const char data[] = "a=1&b=\xe9\x9b\x86";
    char sign[POINTCARD_SIGNATURE_MAX], command[4096], path[1024];
    FILE *file;
    load(&key, "app_private_key.txt", POINTCARD_KEY_PRIVATE);
    CHECK_EQ(pointcard_key_sign(&key, POINTCARD_RSA2, (const uint8_t *)data, strlen(data), sign,
                                sizeof sign, NULL, NULL), POINTCARD_OK);
    path_of(path, sizeof path, "signed.data");
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, strlen(data), file) == strlen(data));
    fclose(file);
    snprintf(command, sizeof command,
             "openssl dgst -sha256 -sign '%s/app_private_key.txt' '%s' | openssl base64 -A",
             folder, path);
    file = popen(command, "r");
    CHECK(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    CHECK_EQ(pclose(file), 0);
    CHECK_STR(sign, text);
}

static void test_every_form_is_the_same_key(void)
{
    load(&key, "app_private_key.txt", POINTCARD_KEY_PRIVATE);
    load(&other, "app_public_key.txt", POINTCARD_KEY_PUBLIC);
    CHECK_EQ(pointcard_key_matches(&key, &other), POINTCARD_OK);
    CHECK_EQ(pointcard_key_matches(&other, &key), POINTCARD_OK);
    CHECK_EQ(pointcard_key_matches(&other, &other), POINTCARD_OK);
    CHECK_EQ(pointcard_key_matches(&key, &key), POINTCARD_ERR_ARGUMENT);
    load(&key, "app_private_key.pkcs1.txt", POINTCARD_KEY_PRIVATE);
    CHECK_EQ(pointcard_key_matches(&key, &other), POINTCARD_OK);
    load(&other, "alipay_public_key.txt", POINTCARD_KEY_PUBLIC);
    CHECK_EQ(pointcard_key_matches(&key, &other), POINTCARD_ERR_KEY_MISMATCH);
    /* CRLF, no PEM lines, wrong PEM lines: what counts is inside. */
    load(&other, "app_public_key.crlf.pem", POINTCARD_KEY_PUBLIC);
    CHECK_EQ(pointcard_key_matches(&key, &other), POINTCARD_OK);
    load(&other, "app.crt", POINTCARD_KEY_PUBLIC);
    CHECK_EQ(pointcard_key_matches(&key, &other), POINTCARD_OK);
}

static void test_keys_that_are_none_are_named(void)
{
    char sign[POINTCARD_SIGNATURE_MAX];
    CHECK_EQ(pointcard_key_clear(&key), POINTCARD_OK);
    FAULTS(POINTCARD_ERR_BAD_STATE, "key",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, sign, sizeof sign, NULL, &fault));
    memset(&key, 0x5a, sizeof key);
    FAULTS(POINTCARD_ERR_BAD_STATE, "key",
           pointcard_key_verify(&key, POINTCARD_RSA2, NULL, 0, "AAAA", &fault));
    FAULTS(POINTCARD_ERR_KEY_MISMATCH, "private_key",
           pointcard_key_load(&key, alipay_key, POINTCARD_KEY_PRIVATE, &fault));
    FAULTS(POINTCARD_ERR_KEY_MISMATCH, "public_key",
           pointcard_key_load(&key, app_key, POINTCARD_KEY_PUBLIC, &fault));
    FAULTS(POINTCARD_ERR_KEY_FORMAT, "private_key",
           pointcard_key_load(&key, "MII!", POINTCARD_KEY_PRIVATE, &fault));
    CHECK_EQ(fault.at, 3);
    FAULTS(POINTCARD_ERR_MISSING, "private_key",
           pointcard_key_load(&key, NULL, POINTCARD_KEY_PRIVATE, &fault));
    FAULTS(POINTCARD_ERR_ARGUMENT, "kind", pointcard_key_load(&key, app_key, 3, &fault));
    FAULTS(POINTCARD_ERR_NULL, "key", pointcard_key_load(NULL, app_key, 1, &fault));
    read_text("encrypted.pem", text, sizeof text);
    FAULTS(POINTCARD_ERR_KEY_UNSUPPORTED, "private_key",
           pointcard_key_load(&key, text, POINTCARD_KEY_PRIVATE, &fault));
    FAULTS(POINTCARD_ERR_BAD_STATE, "key",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, sign, sizeof sign, NULL, &fault));
    load(&key, "app_private_key.txt", POINTCARD_KEY_PRIVATE);
    FAULTS(POINTCARD_ERR_ARGUMENT, "sign_type",
           pointcard_key_sign(&key, 2, NULL, 0, sign, sizeof sign, NULL, &fault));
    FAULTS(POINTCARD_ERR_KEY_MISMATCH, "key",
           pointcard_key_verify(&key, POINTCARD_RSA2, NULL, 0, "AAAA", &fault));
    FAULTS(POINTCARD_ERR_NULL, "data",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 1, sign, sizeof sign, NULL, &fault));
    CHECK_EQ(pointcard_key_clear(&key), POINTCARD_OK);
    memset(&other, 0, sizeof other);
    CHECK(memcmp(&key, &other, sizeof key) == 0); /* nothing of it is left */
    CHECK_EQ(pointcard_key_clear(NULL), POINTCARD_ERR_NULL);
    fault.struct_size = 3;
    CHECK_EQ(pointcard_key_load(&key, app_key, 1, &fault), POINTCARD_ERR_STRUCT_SIZE);
    fault.struct_size = sizeof fault;
}

static void test_a_room_too_small_is_told_what_it_needs(void)
{
    char sign[POINTCARD_SIGNATURE_MAX];
    size_t len = 0;
    load(&key, "app_private_key.txt", POINTCARD_KEY_PRIVATE);
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, sign, 344, &len, &fault));
    CHECK_EQ(len, 345);
    CHECK_EQ(fault.at, 345);
    CHECK_STR(sign, "");
    CHECK_EQ(pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, sign, 345, &len, &fault),
             POINTCARD_OK);
    CHECK_EQ(len, 344);
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, NULL, 0, &len, &fault));
    FAULTS(POINTCARD_ERR_NULL, "out",
           pointcard_key_sign(&key, POINTCARD_RSA2, NULL, 0, NULL, 9, &len, &fault));
}

static void test_canonical_strings(void)
{
    static const pointcard_param params[] = {
        {"sign_type", "RSA2"}, {"sign", "x"},    {"b", "a&b=c %2B+\xe9\x9b\x86"},
        {"empty", ""},         {"none", NULL},   {"a_b", "1"},
        {"ab", "2"},           {"a", "\xbc\xaf"},
    };
    static const char wanted[] =
        "a=\xbc\xaf&a_b=1&ab=2&b=a&b=c %2B+\xe9\x9b\x86&sign_type=RSA2";
    static const pointcard_param twice[] = {{"a", "1"}, {"a", ""}};
    static const pointcard_param nameless[] = {{"a", "1"}, {"", "2"}};
    static pointcard_param many[POINTCARD_PARAMS_MAX + 1];
    char out[128];
    size_t len;
    CHECK_EQ(pointcard_canonical(params, 8, out, sizeof out, &len, &fault), POINTCARD_OK);
    CHECK_STR(out, wanted);
    CHECK_EQ(len, strlen(wanted));
    CHECK_EQ(pointcard_canonical(NULL, 0, out, sizeof out, &len, &fault), POINTCARD_OK);
    CHECK_STR(out, "");
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_canonical(params, 8, out, strlen(wanted), &len, &fault));
    CHECK_EQ(len, strlen(wanted) + 1);
    FAULTS(POINTCARD_ERR_DUPLICATE, "params",
           pointcard_canonical(twice, 2, out, sizeof out, &len, &fault));
    FAULTS(POINTCARD_ERR_MISSING, "params.name",
           pointcard_canonical(nameless, 2, out, sizeof out, &len, &fault));
    FAULTS(POINTCARD_ERR_TOO_LONG, "params",
           pointcard_canonical(many, POINTCARD_PARAMS_MAX + 1, out, sizeof out, &len, &fault));
    FAULTS(POINTCARD_ERR_NULL, "params",
           pointcard_canonical(NULL, 1, out, sizeof out, &len, &fault));
}

/* The numbers are those OpenSSL and three SDKs compute: tests/vectors/certsn.jsonl. */
static void test_certificate_numbers(void)
{
    char number[POINTCARD_CERT_NUMBER_SIZE], roots[400], wanted[400];
    size_t len;
    read_text("app.crt", text, sizeof text);
    read_text("app.crt.number", wanted, sizeof wanted);
    CHECK_EQ(pointcard_cert_number(text, number, &fault), POINTCARD_OK);
    CHECK_STR(number, wanted);
    read_text("root_bundle.crt", text, sizeof text);
    read_text("root_bundle.crt.number", wanted, sizeof wanted);
    CHECK_EQ(pointcard_root_cert_number(text, roots, sizeof roots, &len, &fault), POINTCARD_OK);
    CHECK_STR(roots, wanted);
    CHECK_EQ(len, strlen(wanted));
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_root_cert_number(text, roots, len, &len, &fault));
    FAULTS(POINTCARD_ERR_MISSING, "certificate", pointcard_cert_number("", number, &fault));
    FAULTS(POINTCARD_ERR_KEY_FORMAT, "certificate", pointcard_cert_number(app_key, number, &fault));
    FAULTS(POINTCARD_ERR_NULL, "out", pointcard_cert_number(text, NULL, &fault));
}

static void test_content_goes_into_ciphertext_and_back(void)
{
    static const char aes_key[] = "MDEyMzQ1Njc4OWFiY2RlZg==";
    static const char plain[] = "{\"user_id\":\"2088\"}";
    char cipher[64], back[64];
    size_t len, back_len;
    CHECK_EQ(pointcard_content_encrypt(aes_key, (const uint8_t *)plain, strlen(plain), cipher,
                                       sizeof cipher, &len, &fault), POINTCARD_OK);
    CHECK_EQ(len, 44);
    CHECK_EQ(strlen(cipher), len);
    CHECK_EQ(pointcard_content_decrypt(aes_key, (const uint8_t *)cipher, len, back, sizeof back,
                                       &back_len, &fault), POINTCARD_OK);
    CHECK_STR(back, plain);
    CHECK_EQ(back_len, strlen(plain));
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_content_encrypt(aes_key, (const uint8_t *)plain, strlen(plain), cipher, 44,
                                     &len, &fault));
    CHECK_EQ(len, 45);
    FAULTS(POINTCARD_ERR_MALFORMED, "aes.base64",
           pointcard_content_decrypt(aes_key, (const uint8_t *)"!!!!", 4, back, sizeof back, NULL,
                                     &fault));
    CHECK_STR(back, "");
    FAULTS(POINTCARD_ERR_KEY_FORMAT, "aes_key",
           pointcard_content_encrypt("AAAA", (const uint8_t *)plain, 1, cipher, sizeof cipher,
                                     NULL, &fault));
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_what_is_signed_verifies_and_nothing_else_does);
    RUN(test_openssl_agrees);
    RUN(test_every_form_is_the_same_key);
    RUN(test_keys_that_are_none_are_named);
    RUN(test_a_room_too_small_is_told_what_it_needs);
    RUN(test_canonical_strings);
    RUN(test_certificate_numbers);
    RUN(test_content_goes_into_ciphertext_and_back);
    return 0;
}
