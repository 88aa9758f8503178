/* explain.c - why the gateway refuses a signature: wrong keys, and transports that spoil requests.
 * The gateway is a sandbox that quotes the string it built, as the real one does. */
#include "till.h"
#include "wire.h"

static char said[POINTCARD_EXPLAIN_MAX];
static uint8_t spoiled[16384];

/* A proxy that replaces one piece of the body or of the URL. */
struct spoiler {
    const char *from, *to;
};

static size_t replace(const void *text, size_t len, const struct spoiler *spoiler)
{
    size_t at, from = strlen(spoiler->from), to = strlen(spoiler->to);
    CHECK(len + to < sizeof spoiled);
    memcpy(spoiled, text, len);
    spoiled[len] = '\0';
    for (at = 0; at + from <= len; at++) {
        if (memcmp(spoiled + at, spoiler->from, from) == 0) {
            memmove(spoiled + at + to, spoiled + at + from, len - at - from + 1);
            memcpy(spoiled + at, spoiler->to, to);
            return len - from + to;
        }
    }
    return len;
}

static int32_t spoil(void *ctx, const pointcard_request *request, pointcard_response *response,
                     uint32_t timeout_ms)
{
    static char url[8192];
    const struct spoiler *spoiler = (const struct spoiler *)ctx;
    pointcard_request changed = *request;
    changed.url_len = replace(request->url, request->url_len, spoiler);
    memcpy(url, spoiled, changed.url_len + 1);
    changed.url = url;
    changed.body_len = replace(request->body, request->body_len, spoiler);
    changed.body = spoiled;
    return http_exchange(NULL, &changed, response, timeout_ms);
}

/* Sells, sends through `spoiler`, explains; the sale is credited later, without it. */
static void refused(int number, const char *private_key, struct spoiler *spoiler)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_config config = config_on(new_ram());
    size_t len = 0;
    sale.memo = "a b \xe9\x9b\x86";
    config.private_key = private_key;
    if (spoiler != NULL) {
        config.transport.ctx = spoiler;
        config.transport.exchange = spoil;
    }
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 2000, &report));
    CHECK_EQ(report.accepted, 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_explain(&till, said, sizeof said, &len));
    CHECK_EQ(strlen(said), len);
    CHECK(strstr(said, "&charset=utf-8&format=JSON&method=koubei.marketing.tool.points.update&")
          != NULL);
    CHECK(strstr(said, "\"user_id\":\"2088***(16)\"") != NULL);
    CHECK(strstr(said, SHOPPER) == NULL);
    close_till();
    open_till(config_on(same_ram()));
    drain(&till);
    sold(number);
    close_till();
}

static void says(const char *words)
{
    if (strstr(said, words) == NULL) {
        CHECK_FAIL("no \"%s\" in:\n%s", words, said);
    }
}

static void test_a_wrong_key_is_the_key(void)
{
    static char other[8192];
    read_text("other_private_key.txt", other, sizeof other);
    refused(1, other, NULL);
    says("\nboth sides have the same string: the public key registered for this app");
}

static void test_a_second_encoding_is_named(void)
{
    struct spoiler spoiler = {"a%20b", "a%2520b"};
    refused(2, app_key, &spoiler);
    says("in biz_content: signed `");
    says("`: the gateway sees it percent-encoded");
}

static void test_a_wrong_charset_is_named(void)
{
    struct spoiler spoiler = {"%E9%9B%86", "%E9%97%86"};
    refused(3, app_key, &spoiler);
    says("in biz_content: signed `");
    says("`: a character beyond ASCII differs");
}

static void test_a_lost_parameter_is_named(void)
{
    struct spoiler spoiler = {"&format=JSON", ""};
    refused(4, app_key, &spoiler);
    says(" in format: signed `");
    says("`: the gateway does not have this parameter");
}

static void test_a_changed_value_is_named_and_a_secret_one_is_not_shown(void)
{
    struct spoiler spoiler = {"2088123412341234", "2088123412341235"};
    refused(5, app_key, &spoiler);
    says("in biz_content: signed `***`, gateway `***`: the value was changed");
}

static void test_nothing_to_explain_and_what_is_due(void)
{
    static char token[] = "201609BB6e2a6b2f2b1d4a8f8a0a2a1b1c1d1e1f";
    pointcard_config config = config_on(new_ram());
    size_t len = 0;
    config.app_auth_token = token;
    open_till(config);
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "request",
               pointcard_explain(&till, said, sizeof said, NULL));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 6));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_explain(&till, said, sizeof said, &len));
    says(", sent 0 times");
    says(":\napp_auth_token=2016***(40)&app_id=" APP_ID "&biz_content={\"req_id\":\"");
    CHECK(strstr(said, token) == NULL && strstr(said, SHOPPER) == NULL);
    CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
               pointcard_explain(&till, said, len, &len));
    CHECK_EQ(strlen(said), 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_explain(&till, said, len, &len));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "out", pointcard_explain(&till, NULL, 9, &len));
    CHECK_EQ(queue_of(&till).waiting, 1); /* nothing was sent */
    close_till();
    CHECK_EQ(pointcard_explain(&till, said, sizeof said, NULL), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_explain(NULL, said, sizeof said, NULL), POINTCARD_ERR_NULL);
    open_till(config_on(same_ram()));
    drain(&till);
    sold(6);
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "request",
               pointcard_explain(&till, said, sizeof said, NULL));
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_a_wrong_key_is_the_key);
    RUN(test_a_second_encoding_is_named);
    RUN(test_a_wrong_charset_is_named);
    RUN(test_a_lost_parameter_is_named);
    RUN(test_a_changed_value_is_named_and_a_secret_one_is_not_shown);
    RUN(test_nothing_to_explain_and_what_is_due);
    return 0;
}
