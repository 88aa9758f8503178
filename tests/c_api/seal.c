/* seal.c - a sealed queue: keys from a list or a function, refused ones, and a forged entry. */
#include "till.h"

enum { FIRST = 7700, LIVE = 2, HEADER = 76 };

static const uint8_t old_key[32] = "a key of the till, 32 bytes lon";
static const uint8_t new_key[16] = "sixteen bytes i";

static pointcard_seal_key key_of(uint32_t id, const uint8_t *key, uint32_t len)
{
    pointcard_seal_key one;
    memset(&one, 0, sizeof one);
    one.id = id;
    one.key = key;
    one.key_len = len;
    return one;
}

static pointcard_config sealed(pointcard_storage storage, const pointcard_seal_key *keys,
                               uint32_t count)
{
    pointcard_config config = config_on(storage);
    config.seal.keys = keys;
    config.seal.key_count = count;
    return config;
}

static void refused(pointcard_config config, pointcard_status status, unsigned at)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    CHECK_SAYS(&till, status, "config.seal", pointcard_init(&till, &config));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_last_detail(&till, &detail));
    CHECK_EQ(detail.at, at);
}

static int fetch(void *ctx, uint32_t id, uint8_t *key, size_t *key_len)
{
    int *asked = (int *)ctx;
    ++*asked;
    if (*asked < 0) {
        return 77;
    }
    *key_len = 0;
    if (id == 1) {
        memcpy(key, old_key, sizeof old_key);
        *key_len = sizeof old_key;
    }
    return 0;
}

static void test_keys_are_checked(void)
{
    pointcard_seal_key keys[2];
    int asked = 0;
    pointcard_config config = config_on(new_ram());
    keys[0] = key_of(1, old_key, 32);
    keys[1] = key_of(1, new_key, 16);
    refused(sealed(new_ram(), keys, 2), POINTCARD_ERR_DUPLICATE, 1);
    keys[1] = key_of(256, new_key, 16);
    refused(sealed(new_ram(), keys, 2), POINTCARD_ERR_RANGE, 1);
    keys[1] = key_of(2, new_key, 15);
    refused(sealed(new_ram(), keys, 2), POINTCARD_ERR_KEY_UNSUPPORTED, 1);
    keys[1] = key_of(2, NULL, 16);
    refused(sealed(new_ram(), keys, 2), POINTCARD_ERR_NULL, 1);
    refused(sealed(new_ram(), NULL, 2), POINTCARD_ERR_NULL, 0);
    refused(sealed(new_ram(), keys, 0), POINTCARD_ERR_MISSING, 0);
    config.seal.ctx = &asked;
    config.seal.get = fetch;
    refused(config, POINTCARD_ERR_RANGE, 0);
    config.storage = new_ram();
    config.seal.newest = 1;
    config.seal.keys = keys;
    refused(config, POINTCARD_ERR_ARGUMENT, 0);
    CHECK_EQ(asked, 0);
}

/* Sells with a key from a function, then with the same key from a list. */
static void test_keys_come_both_ways(void)
{
    static const char shopper[] = SHOPPER;
    pointcard_seal_key key = key_of(1, old_key, 32);
    pointcard_seal_key other = key_of(2, new_key, 16);
    pointcard_config config = config_on(new_ram());
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    int asked = 0;
    size_t at;
    config.seal.ctx = &asked;
    config.seal.get = fetch;
    config.seal.newest = 1;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, FIRST));
    CHECK(asked > 0);
    close_till();
    for (at = 0; at + sizeof shopper - 1 <= sizeof medium; at++) {
        CHECK(memcmp(medium + at, shopper, sizeof shopper - 1) != 0);
    }
    refused(sealed(same_ram(), &other, 1), POINTCARD_ERR_MISSING, 1);
    config.storage = same_ram();
    asked = -100;
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "config.seal", pointcard_init(&till, &config));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_last_detail(&till, &detail));
    CHECK_EQ(detail.port, 77);
    config = config_on(same_ram());
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "config.seal", pointcard_init(&till, &config));
    open_till(sealed(same_ram(), &key, 1));
    CHECK_EQ(queue_of(&till).waiting, 1);
    drain(&till);
    sold(FIRST);
    close_till();
}

static uint32_t crc(uint32_t crc, const uint8_t *bytes, size_t len)
{
    size_t i;
    int bit;
    for (i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
    }
    return crc;
}

/* Changes a byte of the first entry and makes its checksum right, as anybody can. */
static void forge(void)
{
    uint8_t *sector = medium + LIVE * SECTOR, *record = sector + HEADER;
    size_t len = record[4] + 256u * record[5];
    static const uint8_t offset[4] = {HEADER, 0, 0, 0};
    uint32_t sum = crc(0xFFFFFFFFu, sector + 24, 8);
    record[30] ^= 1;
    sum = crc(crc(crc(sum, sector + 5, 1), sector + 12, 4), offset, 4);
    sum = ~crc(sum, record + 4, 8 + len);
    record[0] = (uint8_t)sum;
    record[1] = (uint8_t)(sum >> 8);
    record[2] = (uint8_t)(sum >> 16);
    record[3] = (uint8_t)(sum >> 24);
}

/* The forged entry is told and never sent; the sound one behind it is. */
static void test_a_forged_entry_is_told(void)
{
    pointcard_seal_key key = key_of(1, old_key, 32);
    pointcard_queue_info info;
    open_till(sealed(new_ram(), &key, 1));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, FIRST + 1));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, FIRST + 2));
    CHECK_EQ(queue_of(&till).forged, 0);
    close_till();
    forge();
    open_till(sealed(same_ram(), &key, 1));
    info = queue_of(&till);
    CHECK_EQ(info.forged, 1);
    CHECK_EQ(info.forged_what, POINTCARD_FORGED_RECORD);
    CHECK_EQ(info.forged_lane, 1);
    CHECK_EQ(info.forged_sector, LIVE);
    CHECK_EQ(info.forged_offset, HEADER);
    drain(&till);
    sold(FIRST + 2);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_keys_are_checked);
    RUN(test_keys_come_both_ways);
    RUN(test_a_forged_entry_is_told);
    return 0;
}
