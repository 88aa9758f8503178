/* calls.c - any method, and the typed ones, from C: against the sandbox where it plays them, else
 * against a desk whose answers are signed all the same. */
#include "step.h"

/* What lies behind the last member is padding. */
#define SAME(type, last, a, b) (memcmp(a, b, offsetof(type, last) + sizeof(a)->last) == 0)

static uint8_t room[POINTCARD_REQUEST_MAX + POINTCARD_ANSWER_MAX];
static pointcard_answer said = POINTCARD_ANSWER_INIT;
static pointcard_booking booking = POINTCARD_BOOKING_INIT;

static void to_sandbox(void)
{
    open_till(config_on(new_ram()));
}

static void to_desk(void)
{
    pointcard_config config = config_on(new_ram());
    config.gateway = getenv("DESK");
    CHECK(config.gateway != NULL);
    config.merchant = "2088201914979011";
    config.app_auth_token = "201609BB1234";
    open_till(config);
}

static pointcard_options lending(void)
{
    pointcard_options options = POINTCARD_OPTIONS_INIT;
    options.timeout_ms = 5000;
    options.buf = room;
    options.cap = sizeof room;
    return options;
}

static pointcard_update update_of(int32_t trans_type, const char *req_id, uint64_t points)
{
    pointcard_update update = POINTCARD_UPDATE_INIT;
    update.trans_type = trans_type;
    update.req_id = req_id;
    update.user_id = SHOPPER;
    update.points = points;
    return update;
}

static void booked(const pointcard_update *update)
{
    CHECK_CALL(&till, POINTCARD_OK, pointcard_points_update(&till, update, NULL, &booking, NULL));
    CHECK(booking.point_log_no[0] != '\0');
    printf("sold %s %u\n", update->biz_no ? update->biz_no : "", (unsigned)update->points);
}

/* A member of the node in `said`. */
static const char *text_at(const char *path)
{
    static char text[256];
    size_t len = 99;
    pointcard_status status = pointcard_answer_text(&said, path, text, sizeof text, &len);
    if (status != POINTCARD_OK) {
        CHECK_FAIL("%s: %s", path, pointcard_status_text(status));
    }
    CHECK_EQ(strlen(text), len);
    return text;
}

static void test_calls_five_kinds_of_update(void)
{
    pointcard_update update = update_of(POINTCARD_DEPOSIT, "c-1", 30);
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    char freeze[65];
    to_sandbox();
    update.biz_no = "2016082221001004150200139999";
    update.shop_id = SHOP;
    update.memo = "\xE9\x9B\x86\xE7\x82\xB9";
    booked(&update);
    update = update_of(POINTCARD_FREEZE, "c-2", 10);
    booked(&update);
    strcpy(freeze, booking.point_log_no);
    update = update_of(POINTCARD_COMMIT, "c-3", 10);
    update.biz_no = freeze;
    booked(&update);
    update = update_of(POINTCARD_FREEZE, "c-4", 10);
    booked(&update);
    strcpy(freeze, booking.point_log_no);
    update = update_of(POINTCARD_CANCEL, "c-5", 10);
    update.biz_no = freeze;
    booked(&update);
    update = update_of(POINTCARD_CONSUME, "c-6", 7);
    booked(&update);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_query_balance(&till, SHOPPER, NULL, 5000, &balance));
    CHECK_EQ(balance.available_points, 13);
    CHECK_EQ(balance.freezed_points, 0);
    CHECK_EQ(balance.total_points, 30);
    close_till();
}

static void test_calls_a_refusal_says_why(void)
{
    pointcard_update update = update_of(POINTCARD_CONSUME, "c-7", 1000);
    pointcard_booking same = booking;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    to_sandbox();
    CHECK_CALL(&till, POINTCARD_ERR_REJECTED,
               pointcard_points_update(&till, &update, NULL, &booking, &said));
    CHECK_EQ(said.verdict, POINTCARD_REJECTED);
    CHECK_EQ(said.status, POINTCARD_ERR_REJECTED);
    CHECK_EQ(said.http_status, 200);
    CHECK_EQ(said.authenticated, 1);
    CHECK_STR(said.code, "40004");
    CHECK_STR(said.sub_code, "sandbox.not-enough-points");
    CHECK(strncmp(said.sub_msg, "\xE9\x9B\x86\xE7\x82\xB9", 6) == 0);
    CHECK(said.node == NULL && said.node_len == 0); /* nobody lent a place for it */
    CHECK(SAME(pointcard_booking, point_log_no, &booking, &same));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_STR(detail.sub_code, "sandbox.not-enough-points");
    close_till();
}

static void refused(pointcard_update update, pointcard_status wanted, const char *what)
{
    pointcard_answer before = said;
    CHECK_SAYS(&till, wanted, what, pointcard_points_update(&till, &update, NULL, &booking, &said));
    CHECK(SAME(pointcard_answer, sub_msg, &said, &before));
}

static void test_calls_wrong_updates_are_refused_by_name(void)
{
    static const struct {
        int32_t type;
        const char *biz_no, *shop_id, *what;
        pointcard_status wanted;
    } rules[] = {
        {POINTCARD_FREEZE, "1", NULL, "biz_no", POINTCARD_ERR_ARGUMENT},
        {POINTCARD_CONSUME, "1", NULL, "biz_no", POINTCARD_ERR_ARGUMENT},
        {POINTCARD_DEPOSIT, NULL, SHOP, "biz_no", POINTCARD_ERR_MISSING},
        {POINTCARD_COMMIT, "", NULL, "biz_no", POINTCARD_ERR_MISSING},
        {POINTCARD_CANCEL, NULL, NULL, "biz_no", POINTCARD_ERR_MISSING},
        {POINTCARD_COMMIT, "1", SHOP, "shop_id", POINTCARD_ERR_ARGUMENT},
        {POINTCARD_CANCEL, "1", SHOP, "shop_id", POINTCARD_ERR_ARGUMENT},
        {POINTCARD_FREEZE, NULL, SHOP, "shop_id", POINTCARD_ERR_ARGUMENT},
        {0, NULL, NULL, "trans_type", POINTCARD_ERR_ARGUMENT},
        {6, NULL, NULL, "trans_type", POINTCARD_ERR_ARGUMENT},
    };
    pointcard_update update;
    size_t at;
    to_sandbox();
    for (at = 0; at < sizeof rules / sizeof *rules; at++) {
        update = update_of(rules[at].type, "c-8", 5);
        update.biz_no = rules[at].biz_no;
        update.shop_id = rules[at].shop_id;
        refused(update, rules[at].wanted, rules[at].what);
    }
    refused(update_of(POINTCARD_FREEZE, NULL, 5), POINTCARD_ERR_MISSING, "req_id");
    refused(update_of(POINTCARD_FREEZE, "c-8", 0), POINTCARD_ERR_RANGE, "trans_amount");
    refused(update_of(POINTCARD_FREEZE, "c-8", 10000000000000000u), POINTCARD_ERR_RANGE,
            "trans_amount");
    refused(update_of(POINTCARD_FREEZE, "123456789012345678901234567890123", 5),
            POINTCARD_ERR_TOO_LONG, "req_id");
    update = update_of(POINTCARD_FREEZE, "c-8", 5);
    update.user_id = "a\xFF";
    refused(update, POINTCARD_ERR_ENCODING, "user_id");
    update = update_of(POINTCARD_FREEZE, "c-8", 5);
    update.struct_size = 8;
    refused(update, POINTCARD_ERR_STRUCT_SIZE, "update");
    update = update_of(POINTCARD_FREEZE, "c-8", 5);
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "update",
               pointcard_points_update(&till, NULL, NULL, &booking, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "booking",
               pointcard_points_update(&till, &update, NULL, NULL, NULL));
    booking.struct_size = 12;
    CHECK_SAYS(&till, POINTCARD_ERR_STRUCT_SIZE, "booking",
               pointcard_points_update(&till, &update, NULL, &booking, NULL));
    booking.struct_size = sizeof booking;
    CHECK_EQ(pointcard_points_update(NULL, &update, NULL, &booking, NULL), POINTCARD_ERR_NULL);
    close_till();
    CHECK_EQ(pointcard_points_update(&till, &update, NULL, &booking, NULL),
             POINTCARD_ERR_BAD_STATE);
}

static void test_calls_any_method_gives_its_node(void)
{
    pointcard_options options = lending();
    char small[4];
    size_t len = 0;
    to_desk();
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call(&till, "alipay.trade.query", "{\"out_trade_no\":\"1\"}", &options,
                              &said));
    CHECK_EQ(said.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(said.status, POINTCARD_OK);
    CHECK_EQ(said.encoding, POINTCARD_UTF8);
    CHECK(said.node >= room && said.node + said.node_len <= room + sizeof room);
    CHECK(said.node[0] == '{' && said.node[said.node_len - 1] == '}');
    CHECK_STR(text_at("total_amount"), "88.88");
    CHECK_EQ(pointcard_answer_text(&said, "total_amount", small, sizeof small, &len),
             POINTCARD_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(len, 6);
    CHECK_STR(small, "");
    CHECK_EQ(pointcard_answer_text(&said, "total_amount", NULL, 0, &len),
             POINTCARD_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(pointcard_answer_text(&said, "nothing", small, 4, NULL), POINTCARD_ERR_NOT_FOUND);
    CHECK_EQ(pointcard_answer_text(&said, NULL, small, 4, NULL), POINTCARD_ERR_NOT_FOUND);
    CHECK_EQ(pointcard_answer_text(NULL, "code", small, 4, NULL), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_answer_text(&said, "code", NULL, 4, NULL), POINTCARD_ERR_NULL);
    memset(room, 'x', sizeof room); /* the caller has used the buffer otherwise */
    CHECK_EQ(pointcard_answer_text(&said, "code", small, 4, NULL), POINTCARD_ERR_MALFORMED);
    said.node = NULL;
    CHECK_EQ(pointcard_answer_text(&said, "code", small, 4, NULL), POINTCARD_ERR_BAD_STATE);
    said.struct_size = 16;
    CHECK_EQ(pointcard_answer_text(&said, "code", small, 4, NULL), POINTCARD_ERR_STRUCT_SIZE);
    said.struct_size = sizeof said;
    close_till();
}

/* The account of the merchant the call is for, never another one's. */
static int32_t look_at_body(void *ctx, const pointcard_request *request,
                            pointcard_response *response, uint32_t timeout_ms)
{
    (void)response;
    (void)timeout_ms;
    snprintf(ctx, 8192, "%.*s %s", (int)request->body_len, (const char *)request->body,
             request->url);
    return POINTCARD_NOT_SENT;
}

static void test_calls_each_merchants_account_and_no_token_afterwards(void)
{
    static char seen[8192];
    pointcard_merchant other = {"m2", "token-of-m2", "account-of-m2", NULL};
    pointcard_config config = config_on(new_ram());
    pointcard_options options = lending();
    pointcard_update update = update_of(POINTCARD_FREEZE, "c-11", 5);
    pointcard_request request;
    size_t at;
    config.merchants = &other;
    config.merchant_count = 1;
    config.transport.ctx = seen;
    config.transport.exchange = look_at_body;
    open_till(config);
    options.merchant = "m2";
    options.buf = NULL; /* the client's own room */
    CHECK_CALL(&till, POINTCARD_ERR_TRANSPORT,
               pointcard_points_update(&till, &update, &options, &booking, NULL));
    CHECK(strstr(seen, "account-of-m2") != NULL && strstr(seen, ACCOUNT) == NULL);
    CHECK(strstr(seen, "app_auth_token=token-of-m2&") != NULL);
    /* A step does not look at the buffer of its options. */
    options.buf = room;
    options.cap = SIZE_MAX;
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_request(&till, "alipay.trade.query", "{}", &options, buf, sizeof buf,
                                      &request));
    close_till();
    /* Without valgrind (QUICK), which minds that padding was never written. */
    for (at = 0; !quick && at + 11 < sizeof till; at++) {
        CHECK(memcmp((const char *)&till + at, "token-of-m2", 11) != 0);
    }
}

static void bad_json(const char *json, pointcard_status wanted, uint32_t at)
{
    pointcard_options options = lending();
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    CHECK_SAYS(&till, wanted, "biz_content",
               pointcard_call(&till, "alipay.trade.query", json, &options, &said));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.at, at);
}

static void test_calls_wrong_calls_are_refused_by_name(void)
{
    static const char *const method = "alipay.trade.query";
    pointcard_options options = lending();
    pointcard_answer before = said;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    to_desk();
    bad_json(NULL, POINTCARD_ERR_MISSING, 0);
    bad_json("[1]", POINTCARD_ERR_MALFORMED, 0);
    bad_json("{\"a\":1,}", POINTCARD_ERR_MALFORMED, 7);
    bad_json("{\"a\":1,\"a\":2}", POINTCARD_ERR_DUPLICATE, 7);
    bad_json("{\"a\":\"\xFF\"}", POINTCARD_ERR_ENCODING, 6);
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "method",
               pointcard_call(&till, NULL, "{}", &options, &said));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "method",
               pointcard_call(&till, "a b", "{}", &options, &said));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "answer",
               pointcard_call(&till, method, "{}", &options, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "options.buf",
               pointcard_call(&till, method, "{}", NULL, &said));
    options.cap = 300;
    CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "io",
               pointcard_call(&till, method, "{}", &options, &said));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK(detail.at > 300 && detail.at <= sizeof room);
    options = lending();
    options.flags = 2;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "options.flags",
               pointcard_call(&till, method, "{}", &options, &said));
    options.flags = POINTCARD_CALL_WITHOUT_TOKEN;
    options.app_auth_token = "one";
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "app_auth_token",
               pointcard_call(&till, method, "{}", &options, &said));
    options = lending();
    options.notify_url = "https://x y/";
    CHECK_SAYS(&till, POINTCARD_ERR_ENCODING, "notify_url",
               pointcard_call(&till, method, "{}", &options, &said));
    options.struct_size = 8;
    CHECK_SAYS(&till, POINTCARD_ERR_STRUCT_SIZE, "options",
               pointcard_call(&till, method, "{}", &options, &said));
    CHECK(SAME(pointcard_answer, sub_msg, &said, &before));
    close_till();
}

static void test_calls_step_by_step(void)
{
    static const char *const query = "koubei.marketing.tool.points.query";
    static const char *const json =
        "{\"user_id\":\"" SHOPPER "\",\"activity_account\":\"" ACCOUNT "\"}";
    pointcard_request request;
    pointcard_response response;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    open_till(stepping(new_ram()));
    now.unix_time = (uint64_t)time(NULL);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_request(&till, query, json, NULL, buf, sizeof buf, &request));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_call_request(&till, query, json, NULL, room, sizeof room, &request));
    response = post(&request);
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "answer",
               pointcard_call_answer(&till, request.exchange, &response, NULL, 0, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "response",
               pointcard_call_answer(&till, request.exchange, NULL, NULL, 0, &said));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_call_answer(&till, request.exchange + 1, &response, NULL, 0, &said));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_answer(&till, request.exchange, &response, NULL, 0, &said));
    CHECK_EQ(said.status, POINTCARD_OK);
    CHECK_STR(text_at("available_points"), "13");
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_request(&till, query, json, NULL, buf, sizeof buf, &request));
    response = saying("{\"koubei_marketing_tool_points_query_response\":{\"code\":\"10000\"}}");
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_answer(&till, request.exchange, &response, room, sizeof room, &said));
    CHECK_EQ(said.status, POINTCARD_ERR_UNSIGNED);
    CHECK_EQ(said.verdict, POINTCARD_UNKNOWN);
    CHECK(said.node == NULL && said.authenticated == 0);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_request(&till, query, json, NULL, buf, sizeof buf, &request));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_transport_error(&till, request.exchange, 1, 7, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_DEFERRED);
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "buf",
               pointcard_call_request(&till, query, json, NULL, NULL, 9, &request));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "request",
               pointcard_call_request(&till, query, json, NULL, buf, sizeof buf, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "request",
               pointcard_call_request(&till, query, json, NULL, buf, 200, &request));
    close_till();
}

static void test_calls_a_prize_is_authorised(void)
{
    pointcard_prize prize = POINTCARD_PRIZE_INIT;
    pointcard_prize_token token = POINTCARD_PRIZE_TOKEN_INIT;
    to_desk();
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "req_id",
               pointcard_prize_authorize(&till, &prize, NULL, &token, NULL));
    prize.req_id = "c-9";
    prize.prize_id = "20161020000000000194482000151966";
    prize.user_id = SHOPPER;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_prize_authorize(&till, &prize, NULL, &token, &said));
    CHECK_STR(token.token, "5b78189e7b2d4c1f9a0e3d2c1b0a9f8e");
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "prize_token",
               pointcard_prize_authorize(&till, &prize, NULL, NULL, NULL));
    close_till();
}

#define CREATE(start) \
    "{\"out_biz_no\":\"1\",\"name\":\"n\",\"desc\":\"d\",\"type\":\"DIRECT_SEND\"," \
    "\"start_time\":\"" start "\",\"end_time\":\"2016-09-30 00:00:00\"," \
    "\"constraint_info\":{},\"promo_tools\":[{\"voucher\":{}}]}"

static void test_calls_activities_are_created_changed_and_ended(void)
{
    pointcard_activity activity = POINTCARD_ACTIVITY_INIT;
    pointcard_offline offline = POINTCARD_OFFLINE_INIT;
    pointcard_options options = POINTCARD_OPTIONS_INIT;
    options.notify_url = "https://isv.example/notify";
    to_desk();
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_activity_create(&till, CREATE("2016-09-22 00:00:00"), &options, &activity,
                                         NULL));
    CHECK_STR(activity.camp_id, "20161020000000000194482000151966");
    CHECK_STR(activity.camp_status, "STARTING");
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "biz_content",
               pointcard_activity_create(&till, CREATE("2016-09-31 00:00:00"), NULL, &activity,
                                         NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "camp_id",
               pointcard_activity_modify(&till, CREATE("2016-09-22 00:00:00"), NULL, &activity,
                                         NULL));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_activity_modify(&till,
                                         "{\"camp_id\":\"2\",\"out_biz_no\":\"3\",\"name\":\"n\","
                                         "\"desc\":\"d\",\"start_time\":\"2016-09-22 00:00:00\","
                                         "\"end_time\":\"2016-10-30 00:00:00\",\"type\":"
                                         "\"DIRECT_SEND\"}",
                                         NULL, &activity, NULL));
    CHECK_STR(activity.audit_status, "AUDITING");
    offline.out_biz_no = "4";
    offline.camp_id = "2";
    offline.operator_id = "clerk";
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "operator_type",
               pointcard_activity_offline(&till, &offline, NULL, &activity, NULL));
    offline.operator_type = 5;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "operator_type",
               pointcard_activity_offline(&till, &offline, NULL, &activity, NULL));
    offline.operator_type = POINTCARD_OPERATOR_PROVIDER;
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_activity_offline(&till, &offline, NULL, &activity, NULL));
    CHECK_STR(activity.camp_status, "CLOSED");
    close_till();
}

static void test_calls_activities_are_looked_at(void)
{
    pointcard_activity_id id = POINTCARD_ACTIVITY_ID_INIT;
    pointcard_activity_detail detail = POINTCARD_ACTIVITY_DETAIL_INIT;
    pointcard_page page = POINTCARD_PAGE_INIT;
    pointcard_page_total total = POINTCARD_PAGE_TOTAL_INIT;
    pointcard_options options = lending();
    to_desk();
    id.camp_id = "2016";
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "options.buf",
               pointcard_activity_query(&till, &id, NULL, &detail, &said));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_activity_query(&till, &id, &options, &detail, &said));
    CHECK_STR(detail.camp_status, "STARTED");
    CHECK(strstr(detail.claim_base, "https://render.alipay.com/") != NULL);
    CHECK_STR(text_at("camp_detail.name"), "\xE9\x9B\x86\xE7\x82\xB9\xE5\x8D\xA1");
    CHECK_STR(text_at("camp_detail.publish_channels.0.type"), "URL_WITH_TOKEN");
    CHECK_EQ(pointcard_answer_text(&said, "camp_detail", detail.claim_base, 9, NULL),
             POINTCARD_ERR_ARGUMENT);
    page.start_time = "2016-09-31 00:00:00";
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "startTime",
               pointcard_activity_batchquery(&till, &page, &options, &total, &said));
    page.start_time = NULL;
    page.name = "n";
    page.statuses = "STARTED|CLOSED";
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_activity_batchquery(&till, &page, &options, &total, &said));
    CHECK_EQ(total.total, 2);
    CHECK_STR(text_at("camp_sets.1.id"), "2");
    close_till();
}

static void test_calls_tokens_are_exchanged(void)
{
    pointcard_grant grant = POINTCARD_GRANT_INIT;
    pointcard_tokens tokens = POINTCARD_TOKENS_INIT;
    pointcard_token_state state = POINTCARD_TOKEN_STATE_INIT;
    pointcard_options options = POINTCARD_OPTIONS_INIT;
    to_desk();
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "code",
               pointcard_token_exchange(&till, &grant, NULL, &tokens, NULL));
    grant.code = "P12345";
    CHECK_CALL(&till, POINTCARD_OK, pointcard_token_exchange(&till, &grant, NULL, &tokens, NULL));
    CHECK_STR(tokens.app_auth_token, "201609BBnew");
    CHECK_STR(tokens.app_refresh_token, "201609BBrefresh");
    CHECK_STR(tokens.user_id, "2088201914979011");
    CHECK_EQ(tokens.expires_in, 31536000);
    CHECK_EQ(tokens.re_expires_in, 32140800);
    grant.refresh_token = "r";
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "refresh_token",
               pointcard_token_exchange(&till, &grant, NULL, &tokens, NULL));
    grant.code = NULL;
    options.app_auth_token = "201609BB1234";
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "app_auth_token",
               pointcard_token_exchange(&till, &grant, &options, &tokens, NULL));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_token_exchange(&till, &grant, NULL, &tokens, NULL));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_token_query(&till, "201609BB1234", NULL, &state, NULL));
    CHECK_EQ(state.is_valid, 1);
    CHECK_EQ(state.expires_in, 100);
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "app_auth_token",
               pointcard_token_query(&till, NULL, NULL, &state, NULL));
    close_till();
}

/* Nothing is locked while a transport works, and nothing else may have the line. */
static int32_t selling(void *ctx, const pointcard_request *request, pointcard_response *response,
                       uint32_t timeout_ms)
{
    pointcard_update update = update_of(POINTCARD_CONSUME, "c-10", 1);
    pointcard_booking mine = POINTCARD_BOOKING_INIT;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 4000));
    CHECK_CALL(&till, POINTCARD_ERR_BUSY,
               pointcard_points_update(&till, &update, NULL, &mine, NULL));
    return http_exchange(ctx, request, response, timeout_ms);
}

static void test_calls_others_may_sell_meanwhile(void)
{
    pointcard_update update = update_of(POINTCARD_CONSUME, "c-11", 3);
    pointcard_config config = config_on(new_ram());
    config.transport.exchange = selling;
    open_till(config);
    booked(&update);
    CHECK_EQ(queue_of(&till).waiting, 1);
    close_till();
    open_till(config_on(same_ram()));
    drain(&till);
    sold(4000);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_calls_five_kinds_of_update);
    RUN(test_calls_a_refusal_says_why);
    RUN(test_calls_wrong_updates_are_refused_by_name);
    RUN(test_calls_each_merchants_account_and_no_token_afterwards);
    RUN(test_calls_any_method_gives_its_node);
    RUN(test_calls_wrong_calls_are_refused_by_name);
    RUN(test_calls_step_by_step);
    RUN(test_calls_a_prize_is_authorised);
    RUN(test_calls_activities_are_created_changed_and_ended);
    RUN(test_calls_activities_are_looked_at);
    RUN(test_calls_tokens_are_exchanged);
    RUN(test_calls_others_may_sell_meanwhile);
    return 0;
}
