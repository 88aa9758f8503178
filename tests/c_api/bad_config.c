/* bad_config.c - what pointcard_init refuses: with which status, naming which member, and that it
 * leaves nothing behind. After every refusal the same client opens with a good configuration. */
#include "till.h"

static char other_public[8192], encrypted[8192], ec[8192];
static char long_text[400];
static const char bad_utf8[] = "ab\xff\xfe";

static uint32_t closes;

static void count_close(void *ctx)
{
    (void)ctx;
    closes++;
}

/* A good configuration on a new store that counts its closing. */
static pointcard_config good(void)
{
    pointcard_config config = config_on(new_ram());
    config.storage.close = count_close;
    closes = 0;
    return config;
}

static int medium_is_blank(void)
{
    size_t at;
    for (at = 0; at < sizeof medium; at++) {
        if (medium[at] != 0xFF) {
            return 0;
        }
    }
    return 1;
}

/* `config` is refused so, and everything is as before. */
static void refused(pointcard_config config, pointcard_status wanted, const char *what)
{
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT, before = info;
    CHECK_SAYS(&till, wanted, what, pointcard_init(&till, &config));
    CHECK(medium_is_blank());
    CHECK_EQ(pointcard_queue_status(&till, &info), POINTCARD_ERR_BAD_STATE);
    CHECK(memcmp(&info, &before, sizeof info) == 0);
    CHECK_EQ(pointcard_close(&till), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(closes, 1); /* the storage was handed over, and let go */
}

static void test_init_handshake_refuses_another_header(void)
{
    static pointcard_client pattern;
    pointcard_config config = good();
    memset(&till, 0xA5, sizeof till);
    memset(&pattern, 0xA5, sizeof pattern);
    CHECK_EQ(pointcard_init_abi(&till, sizeof till, 0, &config), POINTCARD_ERR_ABI);
    CHECK_EQ(pointcard_init_abi(&till, sizeof till, 2, &config), POINTCARD_ERR_ABI);
    CHECK_EQ(pointcard_init_abi(&till, sizeof till - 1, 1, &config), POINTCARD_ERR_ABI);
    CHECK_EQ(pointcard_init_abi(&till, 0, 1, &config), POINTCARD_ERR_ABI);
    CHECK_EQ(pointcard_init_abi(NULL, sizeof till, 1, &config), POINTCARD_ERR_NULL);
    CHECK(memcmp(&till, &pattern, sizeof till) == 0);
    CHECK_EQ(closes, 0);
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "config", pointcard_init(&till, NULL));
    CHECK(medium_is_blank());
}

static void test_init_struct_size_of_no_header_is_refused(void)
{
    static const uint32_t sizes[] = {0, 1, 4, offsetof(pointcard_config, charset) - 1, 8193, UINT32_MAX};
    size_t at;
    for (at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        pointcard_config config = good();
        config.struct_size = sizes[at];
        CHECK_SAYS(&till, POINTCARD_ERR_STRUCT_SIZE, "config", pointcard_init(&till, &config));
        CHECK(medium_is_blank());
    }
}

static void test_init_newer_config_is_accepted_unless_it_asks_for_more(void)
{
    struct {
        pointcard_config config;
        uint64_t newer[4];
    } big;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    memset(&big, 0, sizeof big);
    big.config = good();
    big.config.struct_size = sizeof big;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_init(&till, &big.config));
    close_till();
    big.config = good();
    big.config.struct_size = sizeof big;
    big.newer[2] = 1u << 16;
    CHECK_SAYS(&till, POINTCARD_ERR_STRUCT_SIZE, "config", pointcard_init(&till, &big.config));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK(detail.at >= sizeof big.config + 16 && detail.at < sizeof big.config + 24);
    CHECK(medium_is_blank());
}

/* Every text of the configuration, by name. */
static const char **text_of(pointcard_config *config, const char *name)
{
    struct {
        const char *name, **text;
    } texts[11];
    size_t at;
    texts[0].name = "config.gateway", texts[0].text = &config->gateway;
    texts[1].name = "config.app_id", texts[1].text = &config->app_id;
    texts[2].name = "config.merchant", texts[2].text = &config->merchant;
    texts[3].name = "config.app_auth_token", texts[3].text = &config->app_auth_token;
    texts[4].name = "config.private_key", texts[4].text = &config->private_key;
    texts[5].name = "config.app_public_key", texts[5].text = &config->app_public_key;
    texts[6].name = "config.alipay_public_key", texts[6].text = &config->alipay_public_key;
    texts[7].name = "config.activity_account", texts[7].text = &config->activity_account;
    texts[8].name = "config.shop_id", texts[8].text = &config->shop_id;
    texts[9].name = "config.ca_pem", texts[9].text = &config->ca_pem;
    texts[10].name = "config.proxy", texts[10].text = &config->proxy;
    for (at = 0; at < 11; at++) {
        if (strcmp(texts[at].name, name) == 0) {
            return texts[at].text;
        }
    }
    CHECK_FAIL("no %s", name);
    return NULL;
}

static void refused_text(const char *name, const char *text, pointcard_status wanted)
{
    pointcard_config config = good();
    *text_of(&config, name) = text;
    refused(config, wanted, name);
}

static void test_init_text_that_is_not_utf8_is_refused_by_name(void)
{
    static const char *const names[] = {
        "config.gateway", "config.app_id", "config.merchant", "config.app_auth_token",
        "config.private_key", "config.app_public_key", "config.alipay_public_key",
        "config.activity_account", "config.shop_id",
    };
    size_t at;
    for (at = 0; at < sizeof names / sizeof *names; at++) {
        pointcard_detail detail = POINTCARD_DETAIL_INIT;
        refused_text(names[at], bad_utf8, POINTCARD_ERR_ENCODING);
        CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
        CHECK_EQ(detail.at, 2);
    }
}

static void test_init_control_characters_are_refused_by_name(void)
{
    refused_text("config.app_id", "2016\n", POINTCARD_ERR_ENCODING);
    refused_text("config.merchant", "a\tb", POINTCARD_ERR_ENCODING);
    refused_text("config.app_auth_token", "a\x1f", POINTCARD_ERR_ENCODING);
    refused_text("config.activity_account", "\x7f", POINTCARD_ERR_ENCODING);
    refused_text("config.shop_id", "20 16", POINTCARD_ERR_ENCODING);
    refused_text("config.app_id", "\xe6\xb6\x88", POINTCARD_ERR_ENCODING); /* ASCII ids */
}

static void test_init_text_that_is_too_long_is_refused_by_name(void)
{
    static const struct {
        const char *name;
        size_t limit;
    } limits[] = {
        {"config.app_id", 32}, {"config.merchant", 64}, {"config.app_auth_token", 40},
        {"config.activity_account", 32}, {"config.shop_id", 32},
    };
    char url[400];
    size_t at;
    for (at = 0; at < sizeof limits / sizeof *limits; at++) {
        pointcard_config config = good();
        *text_of(&config, limits[at].name) = long_text + sizeof long_text - 1 - limits[at].limit;
        CHECK_CALL(&till, POINTCARD_OK, pointcard_init(&till, &config));
        close_till();
        refused_text(limits[at].name, long_text + sizeof long_text - 2 - limits[at].limit,
                     POINTCARD_ERR_TOO_LONG);
    }
    snprintf(url, sizeof url, "https://%s", long_text + sizeof long_text - 1 - 249);
    refused_text("config.gateway", url, POINTCARD_ERR_TOO_LONG);
}

static void test_init_missing_members_are_named(void)
{
    pointcard_config config;
    refused_text("config.app_id", NULL, POINTCARD_ERR_MISSING);
    refused_text("config.app_id", "", POINTCARD_ERR_MISSING);
    refused_text("config.private_key", NULL, POINTCARD_ERR_MISSING);
    refused_text("config.alipay_public_key", NULL, POINTCARD_ERR_MISSING);
    refused_text("config.alipay_public_key", " \n", POINTCARD_ERR_MISSING);
    config = good();
    memset(&config.storage, 0, sizeof config.storage);
    config.storage.close = count_close;
    refused(config, POINTCARD_ERR_NULL, "config.storage");
    config = good();
    config.storage.sync = NULL;
    refused(config, POINTCARD_ERR_NULL, "config.storage");
    config = good();
    config.lock.acquire = (int32_t (*)(void *))config.storage.sync;
    refused(config, POINTCARD_ERR_NULL, "config.lock");
}

static int32_t never_signs(void *ctx, const uint8_t *hash, size_t hash_len, uint8_t *out,
                           size_t cap, size_t *out_len)
{
    (void)ctx, (void)hash, (void)hash_len, (void)out, (void)cap, (void)out_len;
    return 5;
}

static void test_init_keys_in_the_wrong_place_are_named(void)
{
    pointcard_config config;
    refused_text("config.alipay_public_key", app_public, POINTCARD_ERR_KEY_MISMATCH);
    refused_text("config.alipay_public_key", app_key, POINTCARD_ERR_KEY_MISMATCH);
    refused_text("config.private_key", app_public, POINTCARD_ERR_KEY_MISMATCH);
    refused_text("config.private_key", alipay_key, POINTCARD_ERR_KEY_MISMATCH);
    refused_text("config.private_key", "garbage", POINTCARD_ERR_KEY_FORMAT);
    refused_text("config.alipay_public_key", "MIIBgarbage==", POINTCARD_ERR_KEY_FORMAT);
    refused_text("config.private_key", encrypted, POINTCARD_ERR_KEY_UNSUPPORTED);
    refused_text("config.private_key", ec, POINTCARD_ERR_KEY_UNSUPPORTED);
    config = good();
    config.signer.sign = never_signs;
    config.private_key = NULL;
    refused(config, POINTCARD_ERR_MISSING, "config.app_public_key");
    config = good();
    config.signer.sign = never_signs;
    config.app_public_key = app_public;
    config.alipay_public_key = app_public;
    refused(config, POINTCARD_ERR_KEY_MISMATCH, "config.alipay_public_key");
    config = good();
    config.signer.sign = never_signs;
    config.app_public_key = app_key; /* the private half has no place here */
    refused(config, POINTCARD_ERR_KEY_MISMATCH, "config.app_public_key");
}

static void test_init_plain_http_is_for_this_machine_only(void)
{
    static const char *const insecure[] = {
        "http://example.com/gateway.do", "http://localhost.example.com/gateway.do",
        "http://127.0.0.1.example.com/", "http://10.0.0.7/gateway.do", "HTTP://example.com/",
    };
    static const char *const nonsense[] = {
        "gateway.do", "ftp://example.com/", "http://", "https:///x", "http://127.0.0.1@evil/",
        "https://example.com/#x", "https://exa mple.com/",
    };
    static const char *const fine[] = {
        "http://127.0.0.1:1/x", "http://localhost/gateway.do", "http://[::1]:8/", "https://a/",
    };
    size_t at;
    for (at = 0; at < sizeof insecure / sizeof *insecure; at++) {
        pointcard_config config = good();
        refused_text("config.gateway", insecure[at], POINTCARD_ERR_INSECURE);
        config = good();
        config.gateway = insecure[at];
        config.flags = POINTCARD_F_PLAIN_HTTP;
        CHECK_CALL(&till, POINTCARD_OK, pointcard_init(&till, &config));
        close_till();
    }
    for (at = 0; at < sizeof nonsense / sizeof *nonsense; at++) {
        refused_text("config.gateway", nonsense[at], POINTCARD_ERR_ARGUMENT);
    }
    for (at = 0; at < sizeof fine / sizeof *fine; at++) {
        pointcard_config config = good();
        config.gateway = fine[at];
        CHECK_CALL(&till, POINTCARD_OK, pointcard_init(&till, &config));
        close_till();
    }
}

static void test_init_unknown_numbers_are_refused_by_name(void)
{
    static const uint32_t flags[] = {4, 7, 0x80000000u};
    static const int32_t types[] = {2, -1, INT32_MIN};
    size_t at;
    for (at = 0; at < 3; at++) {
        pointcard_config config = good();
        config.flags = flags[at];
        refused(config, POINTCARD_ERR_ARGUMENT, "config.flags");
        config = good();
        config.sign_type = types[at];
        refused(config, POINTCARD_ERR_ARGUMENT, "config.sign_type");
    }
}

static void test_init_geometry_that_holds_no_store_is_refused(void)
{
    static const uint32_t shapes[][4] = {
        /* sector_size, sector_count, prog_size, align */
        {0, 16, 4, 4},    {500, 16, 4, 4},  {256, 16, 4, 4},   {1u << 21, 16, 4, 4},
        {4096, 0, 4, 4},  {4096, 5, 4, 4},  {4096, 16, 0, 4},  {4096, 16, 3, 4},
        {4096, 16, 64, 64}, {4096, 16, 4, 2}, {4096, 16, 4, 24}, {4096, 16, 4, 2048},
        {1u << 20, UINT32_MAX, 4, 4},
    };
    size_t at;
    for (at = 0; at < sizeof shapes / sizeof *shapes; at++) {
        pointcard_config config = good();
        config.storage.sector_size = shapes[at][0];
        config.storage.sector_count = shapes[at][1];
        config.storage.prog_size = shapes[at][2];
        config.storage.align = shapes[at][3];
        refused(config, POINTCARD_ERR_GEOMETRY, "config.storage");
    }
}

static void test_init_says_why_the_storage_could_not_be_made(void)
{
    pointcard_config config = good();
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    config.storage.status = POINTCARD_ERR_LOCKED;
    config.storage.port = 11;
    refused(config, POINTCARD_ERR_LOCKED, "config.storage");
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.port, 11);
    config = good();
    config.storage.status = 12345;
    refused(config, POINTCARD_ERR_ARGUMENT, "config.storage");
    config = good();
    config.storage.status = POINTCARD_IDLE; /* no reason at all */
    refused(config, POINTCARD_ERR_ARGUMENT, "config.storage");
    config = good();
    config.storage = pointcard_ram_storage(NULL, medium, sizeof medium, SECTOR);
    closes = 1;
    refused(config, POINTCARD_ERR_NULL, "config.storage");
    config.storage = pointcard_ram_storage(&ram, NULL, sizeof medium, SECTOR);
    refused(config, POINTCARD_ERR_NULL, "config.storage");
    config.storage = pointcard_ram_storage(&ram, medium, sizeof medium, 0);
    refused(config, POINTCARD_ERR_GEOMETRY, "config.storage");
}

static void test_init_built_in_https_checks_its_own_members(void)
{
    refused_text("config.ca_pem", bad_utf8, POINTCARD_ERR_ENCODING);
    refused_text("config.ca_pem", "no certificate", POINTCARD_ERR_MALFORMED);
    refused_text("config.proxy", bad_utf8, POINTCARD_ERR_ENCODING);
    refused_text("config.proxy", "nonsense://", POINTCARD_ERR_ARGUMENT);
}

static void test_init_a_failed_one_can_be_repeated_with_the_same_memory(void)
{
    pointcard_config config = good();
    config.app_id = NULL;
    refused(config, POINTCARD_ERR_MISSING, "config.app_id");
    open_till(good());
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1));
    close_till();
    CHECK_EQ(closes, 1);
    CHECK_EQ(pointcard_close(&till), POINTCARD_ERR_BAD_STATE); /* twice */
    CHECK_EQ(closes, 1);
}

/* The other way: not a new table, but the one the failed init has closed. */
static void test_init_with_a_storage_that_is_closed_harms_nothing(void)
{
    pointcard_config config = config_on(new_ram());
    config.app_id = NULL;
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "config.app_id", pointcard_init(&till, &config));
    config.app_id = APP_ID;
    CHECK_CALL(&till, POINTCARD_ERR_STORAGE, pointcard_init(&till, &config));
    CHECK(medium_is_blank());
    config.storage = same_ram();
    open_till(config);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    read_text("other_public_key.txt", other_public, sizeof other_public);
    read_text("encrypted.pem", encrypted, sizeof encrypted);
    read_text("ec.pem", ec, sizeof ec);
    memset(long_text, '7', sizeof long_text - 1);
    RUN(test_init_handshake_refuses_another_header);
    RUN(test_init_struct_size_of_no_header_is_refused);
    RUN(test_init_newer_config_is_accepted_unless_it_asks_for_more);
    RUN(test_init_text_that_is_not_utf8_is_refused_by_name);
    RUN(test_init_control_characters_are_refused_by_name);
    RUN(test_init_text_that_is_too_long_is_refused_by_name);
    RUN(test_init_missing_members_are_named);
    RUN(test_init_keys_in_the_wrong_place_are_named);
    RUN(test_init_plain_http_is_for_this_machine_only);
    RUN(test_init_unknown_numbers_are_refused_by_name);
    RUN(test_init_geometry_that_holds_no_store_is_refused);
    RUN(test_init_says_why_the_storage_could_not_be_made);
    RUN(test_init_built_in_https_checks_its_own_members);
    RUN(test_init_a_failed_one_can_be_repeated_with_the_same_memory);
    RUN(test_init_with_a_storage_that_is_closed_harms_nothing);
    return 0;
}
