/* profiles.c - several merchants on one till, and a refund: what a C program sees of them. */
#include "till.h"

enum { FIRST = 7100 };

static char last_url[8192];
static int refuse_tokens;

/* Answers nothing itself: an exchange that is not sent, but seen. */
static int32_t watch(void *ctx, const pointcard_request *request, pointcard_response *response,
                     uint32_t timeout_ms)
{
    (void)ctx;
    (void)response;
    (void)timeout_ms;
    snprintf(last_url, sizeof last_url, "%s", request->url);
    refuse_tokens++;
    return POINTCARD_NOT_SENT;
}

static void expect_detail(pointcard_status status, const char *what, unsigned at)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_last_detail(&till, &detail));
    CHECK(detail.status == status);
    CHECK(strcmp(detail.what, what) == 0);
    CHECK(detail.at == at);
}

static void test_merchants_are_checked(void)
{
    pointcard_merchant two[2] = {{"m1", "t1", "a1", NULL}, {"m1", "t2", "a2", NULL}};
    pointcard_config config = config_on(new_ram());
    config.merchants = two;
    config.merchant_count = 2;
    CHECK_CALL(&till, POINTCARD_ERR_DUPLICATE, pointcard_init(&till, &config));
    expect_detail(POINTCARD_ERR_DUPLICATE, "config.merchants", 1);
    two[1].merchant = NULL;
    config.storage = new_ram();
    CHECK_CALL(&till, POINTCARD_ERR_MISSING, pointcard_init(&till, &config));
    expect_detail(POINTCARD_ERR_MISSING, "config.merchants.merchant", 1);
    config.storage = new_ram();
    config.merchant_count = POINTCARD_PROFILES_MAX + 1;
    CHECK_CALL(&till, POINTCARD_ERR_TOO_LONG, pointcard_init(&till, &config));
    config.storage = new_ram();
    config.merchants = NULL;
    config.merchant_count = 1;
    CHECK_CALL(&till, POINTCARD_ERR_NULL, pointcard_init(&till, &config));
    config.storage = new_ram();
    config.merchant_count = 0;
    config.first_delay_ms = 3600001;
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "config.first_delay_ms",
               pointcard_init(&till, &config));
}

/* The texts of merchants and tokens are the library's own once it is open, or forgotten. */
static void test_tokens_are_copied_and_changed(void)
{
    char token[] = "token-of-m1";
    pointcard_merchant one[2];
    pointcard_config config = config_on(new_ram());
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_sale sale;
    char biz_no[33];
    memset(one, 0, sizeof one);
    one[0].merchant = "m1";
    one[0].app_auth_token = token;
    one[0].activity_account = ACCOUNT;
    one[1].merchant = "m2";
    one[1].activity_account = ACCOUNT;
    config.merchants = one;
    config.merchant_count = 2;
    config.transport.exchange = watch;
    open_till(config);
    memset(token, 'x', sizeof token - 1);
    memset(one, 0xA5, sizeof one);
    sale = sale_of(biz_no, FIRST);
    sale.merchant = "nobody";
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND, pointcard_accrue(&till, &sale, NULL));
    expect_detail(POINTCARD_ERR_NOT_FOUND, "sale.merchant", 0);
    sale.merchant = "m2";
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 1000, &report));
    CHECK(report.sent == 0 && report.paused == 1 && report.waiting == 1);
    CHECK(strcmp(report.paused_merchant, "m2") == 0);
    sale.merchant = "m1";
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    refuse_tokens = 0;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 1, &report));
    CHECK(refuse_tokens > 0);
    CHECK(strstr(last_url, "app_auth_token=token-of-m1&") != NULL);
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND, pointcard_set_token(&till, "nobody", "t"));
    CHECK_CALL(&till, POINTCARD_ERR_MISSING, pointcard_set_token(&till, "m2", NULL));
    CHECK_CALL(&till, POINTCARD_ERR_ENCODING, pointcard_set_token(&till, "m2", "a b"));
    CHECK(pointcard_set_token(NULL, "m2", "t") == POINTCARD_ERR_NULL);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_set_token(&till, "m2", "late"));
    close_till();
}

static pointcard_refund_order refund_of(const char *biz_no, const char *refund_no, unsigned points)
{
    pointcard_refund_order refund = POINTCARD_REFUND_ORDER_INIT;
    refund.biz_no = biz_no;
    refund.refund_no = refund_no;
    refund.points = points;
    return refund;
}

/* Both before they were sent: one is voided whole, the other goes out less what was taken. */
static void test_refunds(void)
{
    char gone[33], kept[33];
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    pointcard_cursor cursor;
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_sale sale;
    pointcard_refund_order refund;
    open_till(config_on(new_ram()));
    sale = sale_of(gone, FIRST + 10);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    CHECK(ticket.voided == 0);
    refund = refund_of(gone, "r1", 10);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_refund(&till, &refund, &ticket));
    CHECK(ticket.voided == 1 && ticket.duplicate == 0 && strlen(ticket.req_id) == 32);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_refund(&till, &refund, &ticket));
    CHECK(ticket.duplicate == 1);
    sale = sale_of(kept, FIRST + 11);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    refund = refund_of(kept, "r1", 11);
    CHECK_CALL(&till, POINTCARD_ERR_RANGE, pointcard_refund(&till, &refund, NULL));
    expect_detail(POINTCARD_ERR_RANGE, "refund.points", 10);
    refund = refund_of("2016082221001004150200000000", "r1", 1);
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND, pointcard_refund(&till, &refund, NULL));
    refund = refund_of(kept, NULL, 1);
    CHECK_CALL(&till, POINTCARD_ERR_MISSING, pointcard_refund(&till, &refund, NULL));
    refund = refund_of(kept, "r1", 1);
    refund.flags = 1;
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT, pointcard_refund(&till, &refund, NULL));
    CHECK(pointcard_refund(&till, NULL, NULL) == POINTCARD_ERR_NULL);
    /* The runner compares with the ledger: credited whole, nothing taken. */
    memset(&cursor, 0, sizeof cursor);
    while (pointcard_walk(&till, &cursor, &entry) == POINTCARD_OK) {
        CHECK(entry.kind == POINTCARD_KIND_DEPOSIT || entry.kind == POINTCARD_KIND_REFUND);
        CHECK((entry.kind == POINTCARD_KIND_REFUND) == (strcmp(entry.biz_no, gone) == 0));
    }
    drain(&till);
    sold(FIRST + 11);
    close_till();
}

static void test_trades(void)
{
    static const char paid[] =
        "{\"code\":\"10000\",\"buyer_user_id\":\"2088123412341234\","
        "\"trade_no\":\"2016082221001004150200007112\",\"out_trade_no\":\"order-1\","
        "\"trade_status\":\"TRADE_SUCCESS\",\"total_amount\":\"88.8\"}";
    static const char waits[] = "{\"code\":\"10000\",\"trade_status\":\"WAIT_BUYER_PAY\"}";
    pointcard_trade trade = POINTCARD_TRADE_INIT;
    CHECK(pointcard_trade_read(paid, strlen(paid), &trade) == POINTCARD_OK);
    CHECK(trade.total == 8880 && trade.receipt == POINTCARD_NO_AMOUNT);
    CHECK(strcmp(trade.user_id, SHOPPER) == 0 && strcmp(trade.out_trade_no, "order-1") == 0);
    CHECK(strcmp(trade.trade_no, "2016082221001004150200007112") == 0);
    CHECK(pointcard_trade_read(waits, strlen(waits), &trade) == POINTCARD_ERR_REJECTED);
    CHECK(trade.total == 8880);
    CHECK(pointcard_trade_read(paid, strlen(paid) - 1, &trade) == POINTCARD_ERR_MALFORMED);
    CHECK(pointcard_trade_read(NULL, 0, &trade) == POINTCARD_ERR_NULL);
    CHECK(pointcard_trade_read(paid, strlen(paid), NULL) == POINTCARD_ERR_NULL);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_merchants_are_checked);
    RUN(test_tokens_are_copied_and_changed);
    RUN(test_refunds);
    RUN(test_trades);
    return 0;
}
