/* checkup.c - pointcard_check finds everything that is wrong, all of it at once. */
#include "till.h"
#include "wire.h"

static pointcard_checkup checkup = POINTCARD_CHECKUP_INIT;

static pointcard_status check(const pointcard_config *config, uint32_t flags)
{
    return pointcard_check(&till, config, flags, SHOPPER, &checkup);
}

/* Among the findings is this one, and its text speaks of `word`. */
static void found(pointcard_status status, const char *what, const char *word)
{
    uint32_t at;
    for (at = 0; at < checkup.count; at++) {
        const pointcard_finding *finding = &checkup.findings[at];
        if (finding->status == status && strcmp(finding->what, what) == 0 &&
            strstr(finding->text, word) != NULL) {
            return;
        }
    }
    for (at = 0; at < checkup.count; at++) {
        fprintf(stderr, "found %d %s\n", (int)checkup.findings[at].status,
                checkup.findings[at].text);
    }
    CHECK_FAIL("not found: %d %s: %s", (int)status, what, word);
}

static void only(pointcard_status status, const char *what, const char *word)
{
    found(status, what, word);
    CHECK_EQ(checkup.count, 1);
}

static void test_all_is_well(void)
{
    pointcard_config config = config_on(new_ram());
    CHECK_EQ(check(&config, 0), POINTCARD_OK);
    CHECK_EQ(checkup.count, 0);
    config.storage = same_ram();
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_OK);
    CHECK_EQ(checkup.count, 0);
    /* Closed, and as it was. */
    CHECK_EQ(sell(&till, 1), POINTCARD_ERR_BAD_STATE);
    open_till(config_on(same_ram()));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1));
    close_till();
    config = config_on(same_ram());
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_OK);
    open_till(config_on(same_ram()));
    CHECK_EQ(queue_of(&till).waiting, 1); /* the check has neither sent nor lost it */
    drain(&till);
    sold(1);
    close_till();
}

static void test_everything_at_once(void)
{
    static struct clock before = {1000, 1500000000};
    pointcard_config config = config_on(new_ram());
    config.gateway = "http://example.com/gateway.do";
    config.app_id = "";
    config.shop_id = "a b";
    config.private_key = alipay_key;
    config.alipay_public_key = "garbage";
    config.storage.sector_count = 3;
    config.clock = clock_of(&before);
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_MISSING);
    found(POINTCARD_ERR_MISSING, "config.app_id", "");
    found(POINTCARD_ERR_INSECURE, "config.gateway", "https");
    found(POINTCARD_ERR_ENCODING, "config.shop_id", "");
    found(POINTCARD_ERR_KEY_MISMATCH, "config.private_key", "");
    found(POINTCARD_ERR_KEY_FORMAT, "config.alipay_public_key", "");
    found(POINTCARD_ERR_GEOMETRY, "config.storage", "");
    found(POINTCARD_ERR_RANGE, "clock", "2020");
    found(POINTCARD_ERR_BAD_STATE, "gateway", "not asked");
    CHECK_EQ(checkup.count, 8);
}

static void test_keys_in_the_wrong_place(void)
{
    static char other[8192];
    pointcard_config config = config_on(new_ram());
    config.alipay_public_key = app_public;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_KEY_MISMATCH);
    only(POINTCARD_ERR_KEY_MISMATCH, "config.alipay_public_key", "app's own public key");
    config = config_on(same_ram());
    read_text("other_public_key.txt", other, sizeof other);
    config.app_public_key = other;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_KEY_MISMATCH);
    only(POINTCARD_ERR_KEY_MISMATCH, "config.app_public_key", "not one pair");
    config.app_public_key = app_public;
    config.storage = same_ram();
    CHECK_EQ(check(&config, 0), POINTCARD_OK);
    config.storage = same_ram();
    config.gateway = "not a url";
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_ARGUMENT);
    only(POINTCARD_ERR_ARGUMENT, "config.gateway", "");
}

static int32_t no_signature(void *ctx, const uint8_t *hash, size_t hash_len, uint8_t *out,
                            size_t cap, size_t *out_len)
{
    (void)ctx, (void)hash, (void)hash_len, (void)out, (void)cap, (void)out_len;
    return 77;
}

static void test_a_signer_that_does_not_sign(void)
{
    pointcard_config config = config_on(new_ram());
    config.app_public_key = app_public;
    config.signer.sign = no_signature;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_SIGNER);
    only(POINTCARD_ERR_SIGNER, "signer", "signer port");
    CHECK_EQ(checkup.findings[0].port, 77);
}

static int32_t no_erase(void *ctx, uint32_t sector)
{
    (void)ctx, (void)sector;
    return 5;
}

static int32_t no_sync(void *ctx)
{
    (void)ctx;
    return 6;
}

static void test_storage_that_cannot_be_used(void)
{
    static pointcard_file file;
    pointcard_config config = config_on(new_ram());
    char path[1024];
    config.storage.sync = no_sync;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_STORAGE);
    only(POINTCARD_ERR_STORAGE, "config.storage", "");
    CHECK_EQ(checkup.findings[0].port, 6);
    config = config_on(same_ram());
    CHECK_EQ(check(&config, 0), POINTCARD_OK);
    config.storage = same_ram();
    config.storage.sync = no_sync; /* a store already: readable, and not writable */
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_STORAGE);
    only(POINTCARD_ERR_STORAGE, "config.storage", "not written");
    config = config_on(new_ram());
    config.storage.erase = no_erase;
    config.storage.read = NULL;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_NULL);
    only(POINTCARD_ERR_NULL, "config.storage", "");
    memset(medium, 0x33, sizeof medium); /* another program's */
    config = config_on(same_ram());
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_MEDIA_CORRUPT);
    only(POINTCARD_ERR_MEDIA_CORRUPT, "config.storage", "another program");
    /* Open in another till. */
    path_of(path, sizeof path, "check.queue");
    open_till(config_on(pointcard_file_storage(&file, path, 1u << 20)));
    {
        static pointcard_client second;
        static pointcard_file again;
        config = config_on(pointcard_file_storage(&again, path, 1u << 20));
        CHECK_EQ(pointcard_check(&second, &config, 0, NULL, &checkup), POINTCARD_ERR_LOCKED);
        only(POINTCARD_ERR_LOCKED, "config.storage", "");
    }
    close_till();
    path_of(path, sizeof path, "no/such/folder/check.queue");
    config = config_on(pointcard_file_storage(&file, path, 1u << 20));
    CHECK(check(&config, 0) < 0);
    CHECK_EQ(checkup.count, 1);
    CHECK_STR(checkup.findings[0].what, "config.storage");
    CHECK(checkup.findings[0].port != 0);
}

static uint64_t stopped(void *ctx)
{
    (void)ctx;
    return 5;
}

static uint64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void test_clocks_that_are_none(void)
{
    static struct clock past = {1000, 1577836799};
    pointcard_config config = config_on(new_ram());
    config.clock = clock_of(&past);
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_RANGE);
    only(POINTCARD_ERR_RANGE, "clock", "before 2020");
    config = config_on(same_ram());
    config.clock = clock_of(&past);
    config.clock.unix_time = no_time;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_MISSING);
    only(POINTCARD_ERR_MISSING, "clock", "unknown");
    config = config_on(same_ram());
    config.clock.monotonic_ms = stopped;
    CHECK_EQ(check(&config, 0), POINTCARD_ERR_RANGE);
    only(POINTCARD_ERR_RANGE, "clock.monotonic_ms", "stands still");
}

/* Answers of every kind, from a transport that needs no network. */
static const char *body;
static uint64_t date;

static int32_t answering(void *ctx, const pointcard_request *request, pointcard_response *response,
                         uint32_t timeout_ms)
{
    (void)ctx, (void)request, (void)timeout_ms;
    if (body == NULL) {
        return POINTCARD_NOT_SENT;
    }
    memcpy(response->body, body, strlen(body));
    response->body_len = strlen(body);
    response->http_status = 200;
    response->date = date;
    return 0;
}

static void test_what_comes_back_is_told_apart(void)
{
    pointcard_config config = config_on(new_ram());
    config.transport.exchange = answering;
    body = NULL;
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_TRANSPORT);
    only(POINTCARD_ERR_TRANSPORT, "gateway", "no connection");
    config.storage = same_ram();
    body = "<html>Welcome to the hotel</html>";
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_MALFORMED);
    only(POINTCARD_ERR_MALFORMED, "gateway", "login page");
    config.storage = same_ram();
    body = "{\"koubei_marketing_tool_points_query_response\":{\"code\":\"10000\"}}";
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_UNSIGNED);
    only(POINTCARD_ERR_UNSIGNED, "gateway", "not the gateway");
    config.storage = same_ram();
    date = 1000000000;
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_RANGE);
    found(POINTCARD_ERR_RANGE, "clock", "five minutes");
    date = 0;
    config.storage = same_ram();
    body = "{\"error_response\":{\"code\":\"40002\",\"sub_code\":\"isv.invalid-app-id\"}}";
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_UNSIGNED);
    only(POINTCARD_ERR_UNSIGNED, "config.app_id", "does not know this app_id");
}

static void test_the_gateways_side_is_asked(void)
{
    static char other[8192];
    pointcard_config config = config_on(new_ram());
    read_text("other_private_key.txt", other, sizeof other);
    config.private_key = other;
    CHECK_EQ(check(&config, 0), POINTCARD_OK); /* a good key, but not the one registered */
    config.storage = same_ram();
    CHECK(check(&config, POINTCARD_CHECK_ONLINE) < 0);
    CHECK_EQ(checkup.count, 1);
    CHECK_STR(checkup.findings[0].what, "config.private_key");
    CHECK(strstr(checkup.findings[0].text, "does not accept our signature") != NULL);
    config = config_on(same_ram());
    read_text("other_public_key.txt", other, sizeof other);
    config.alipay_public_key = other;
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_SIGNATURE);
    only(POINTCARD_ERR_SIGNATURE, "config.alipay_public_key", "signed by another key");
    config = config_on(same_ram());
    config.app_auth_token = "nobody.knows.it";
    CHECK_EQ(check(&config, POINTCARD_CHECK_ONLINE), POINTCARD_ERR_TOKEN);
    only(POINTCARD_ERR_TOKEN, "config.app_auth_token", "renew it");
    config = config_on(same_ram());
    CHECK_EQ(pointcard_check(&till, &config, POINTCARD_CHECK_ONLINE, NULL, &checkup),
             POINTCARD_ERR_MISSING);
    only(POINTCARD_ERR_MISSING, "user_id", "test user");
}

static void test_calls_that_check_nothing(void)
{
    pointcard_config config = config_on(new_ram());
    CHECK_EQ(check(NULL, 0), POINTCARD_ERR_NULL);
    CHECK_EQ(check(&config, 2), POINTCARD_ERR_ARGUMENT);
    CHECK_EQ(pointcard_check(&till, &config, 0, NULL, NULL), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_check_abi(NULL, sizeof till, POINTCARD_ABI_VERSION, &config, 0, NULL,
                                 &checkup), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_check_abi(&till, sizeof till - 1, POINTCARD_ABI_VERSION, &config, 0, NULL,
                                 &checkup), POINTCARD_ERR_ABI);
    CHECK_EQ(pointcard_check_abi(&till, sizeof till, POINTCARD_ABI_VERSION + 1, &config, 0, NULL,
                                 &checkup), POINTCARD_ERR_ABI);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_all_is_well);
    RUN(test_everything_at_once);
    RUN(test_keys_in_the_wrong_place);
    RUN(test_a_signer_that_does_not_sign);
    RUN(test_storage_that_cannot_be_used);
    RUN(test_clocks_that_are_none);
    RUN(test_what_comes_back_is_told_apart);
    RUN(test_the_gateways_side_is_asked);
    RUN(test_calls_that_check_nothing);
    return 0;
}
