/* bad_input.c - wrong arguments of every call: each has its status and names its member; outputs
 * stay as they were, and nothing is recorded or sent. */
#include "till.h"

/* What lies behind the last member is padding. */
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

static uint8_t buf[POINTCARD_REQUEST_MAX];
static char text_2001[2002], text_257[258];

/* All outputs of all calls, filled with a pattern but for struct_size. */
struct outputs {
    pointcard_ticket ticket;
    pointcard_report report;
    pointcard_balance balance;
    pointcard_outcome outcome;
    pointcard_queue_info info;
    pointcard_entry entry;
    pointcard_detail detail;
    pointcard_request request;
    pointcard_cursor cursor;
    uint32_t wait_ms;
};

static struct outputs out, pattern;

static void reset_outputs(void)
{
    memset(&pattern, 0xA5, sizeof pattern);
    memset(&pattern.cursor, 0, sizeof pattern.cursor);
    pattern.ticket.struct_size = sizeof pattern.ticket;
    pattern.report.struct_size = sizeof pattern.report;
    pattern.balance.struct_size = sizeof pattern.balance;
    pattern.outcome.struct_size = sizeof pattern.outcome;
    pattern.info.struct_size = sizeof pattern.info;
    pattern.entry.struct_size = sizeof pattern.entry;
    pattern.detail.struct_size = sizeof pattern.detail;
    memcpy(&out, &pattern, sizeof out);
}

static pointcard_queue_info before;

static void remember(void)
{
    before = queue_of(&till);
    reset_outputs();
}

/* No output was touched and the queue stands as it stood. */
static void nothing_happened(void)
{
    pointcard_queue_info now = queue_of(&till);
    CHECK(memcmp(&out, &pattern, sizeof out) == 0);
    CHECK(memcmp(&now, &before, END_OF(pointcard_queue_info, lost)) == 0);
}

#define REFUSED(wanted, what, call) \
    do { \
        CHECK_SAYS(&till, wanted, what, call); \
        nothing_happened(); \
    } while (0)

static pointcard_sale good_sale(void)
{
    static char biz_no[33];
    return sale_of(biz_no, 100);
}

static void test_every_null_pointer_is_refused_by_name(void)
{
    pointcard_response response;
    memset(&response, 0, sizeof response);
    remember();
    REFUSED(POINTCARD_ERR_NULL, "sale", pointcard_accrue(&till, NULL, &out.ticket));
    REFUSED(POINTCARD_ERR_NULL, "sale", pointcard_accrue(&till, NULL, NULL));
    REFUSED(POINTCARD_ERR_NULL, "balance", pointcard_query_balance(&till, SHOPPER, NULL, 0, NULL));
    REFUSED(POINTCARD_ERR_NULL, "buf",
            pointcard_next_request(&till, NULL, sizeof buf, &out.request, &out.wait_ms));
    REFUSED(POINTCARD_ERR_NULL, "request",
            pointcard_next_request(&till, buf, sizeof buf, NULL, &out.wait_ms));
    REFUSED(POINTCARD_ERR_NULL, "buf",
            pointcard_query_request(&till, SHOPPER, NULL, NULL, sizeof buf, &out.request));
    REFUSED(POINTCARD_ERR_NULL, "request",
            pointcard_query_request(&till, SHOPPER, NULL, buf, sizeof buf, NULL));
    REFUSED(POINTCARD_ERR_NULL, "response", pointcard_on_response(&till, 1, NULL, &out.outcome));
    response.body_len = 10; /* of no body */
    REFUSED(POINTCARD_ERR_NULL, "response",
            pointcard_on_response(&till, 1, &response, &out.outcome));
    REFUSED(POINTCARD_ERR_NULL, "queue_info", pointcard_queue_status(&till, NULL));
    REFUSED(POINTCARD_ERR_NULL, "cursor", pointcard_walk(&till, NULL, &out.entry));
    REFUSED(POINTCARD_ERR_NULL, "entry", pointcard_walk(&till, &out.cursor, NULL));
    CHECK_EQ(pointcard_last_detail(&till, NULL), POINTCARD_ERR_NULL);
    nothing_happened();
}

/* Every function that takes a client; all must say the same of it. */
static void every_call_says(pointcard_client *client, pointcard_status wanted)
{
    pointcard_sale sale = good_sale();
    pointcard_response response;
    memset(&response, 0, sizeof response);
    reset_outputs();
    CHECK_EQ(pointcard_accrue(client, &sale, &out.ticket), wanted);
    CHECK_EQ(pointcard_sync(client, 1000, &out.report), wanted);
    CHECK_EQ(pointcard_query_balance(client, SHOPPER, NULL, 0, &out.balance), wanted);
    CHECK_EQ(pointcard_next_request(client, buf, sizeof buf, &out.request, &out.wait_ms), wanted);
    CHECK_EQ(pointcard_query_request(client, SHOPPER, NULL, buf, sizeof buf, &out.request), wanted);
    CHECK_EQ(pointcard_on_response(client, 1, &response, &out.outcome), wanted);
    CHECK_EQ(pointcard_on_transport_error(client, 1, 0, 0, &out.outcome), wanted);
    CHECK_EQ(pointcard_queue_status(client, &out.info), wanted);
    CHECK_EQ(pointcard_walk(client, &out.cursor, &out.entry), wanted);
    CHECK_EQ(pointcard_maintain(client), wanted);
    CHECK_EQ(pointcard_close(client), wanted);
    CHECK(memcmp(&out, &pattern, sizeof out) == 0);
}

static void test_no_client_and_no_open_client_are_told_apart(void)
{
    static pointcard_client never;
    static pointcard_client filled[2];
    every_call_says(NULL, POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_last_detail(NULL, &out.detail), POINTCARD_ERR_NULL);
    every_call_says(&never, POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_last_detail(&never, &out.detail), POINTCARD_ERR_BAD_STATE);
    memset(filled, 0xA5, sizeof filled);
    every_call_says(&filled[0], POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_last_detail(&filled[0], &out.detail), POINTCARD_ERR_BAD_STATE);
    CHECK(memcmp(&filled[0], &filled[1], sizeof filled[0]) == 0);
    CHECK(memcmp(&out, &pattern, sizeof out) == 0);
}

static void test_a_closed_client_refuses_everything_and_can_be_opened_again(void)
{
    close_till();
    every_call_says(&till, POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_last_detail(&till, &out.detail), POINTCARD_OK);
    open_till(config_on(same_ram()));
    CHECK_EQ(queue_of(&till).waiting, before.waiting);
}

static void refused_sale(pointcard_sale sale, pointcard_status wanted, const char *what)
{
    REFUSED(wanted, what, pointcard_accrue(&till, &sale, &out.ticket));
}

/* Each text of a sale by name. */
static void refused_text(const char *what, const char *text, pointcard_status wanted)
{
    pointcard_sale sale = good_sale();
    if (strcmp(what, "sale.user_id") == 0) sale.user_id = text;
    else if (strcmp(what, "sale.biz_no") == 0) sale.biz_no = text;
    else if (strcmp(what, "sale.memo") == 0) sale.memo = text;
    else if (strcmp(what, "sale.ext_info") == 0) sale.ext_info = text;
    else if (strcmp(what, "sale.shop_id") == 0) sale.shop_id = text;
    else if (strcmp(what, "sale.activity_account") == 0) sale.activity_account = text;
    else if (strcmp(what, "sale.req_id") == 0) sale.req_id = text;
    else if (strcmp(what, "sale.part") == 0) sale.part = text;
    else CHECK_FAIL("no %s", what);
    refused_sale(sale, wanted, what);
}

static const char *const ids[] = {
    "sale.user_id", "sale.biz_no", "sale.shop_id", "sale.activity_account", "sale.req_id",
    "sale.part",
};

static void test_sale_texts_are_checked_and_named(void)
{
    size_t at;
    remember();
    for (at = 0; at < sizeof ids / sizeof *ids; at++) {
        refused_text(ids[at], "20\xff", POINTCARD_ERR_ENCODING);
        CHECK_EQ(pointcard_last_detail(&till, &out.detail), POINTCARD_OK);
        CHECK_EQ(out.detail.at, 2);
        reset_outputs();
        refused_text(ids[at], "20\n", POINTCARD_ERR_ENCODING);
        refused_text(ids[at], "2 0", POINTCARD_ERR_ENCODING);
        refused_text(ids[at], "\xe6\xb6\x88", POINTCARD_ERR_ENCODING);
        refused_text(ids[at], "123456789012345678901234567890123", POINTCARD_ERR_TOO_LONG);
    }
    refused_text("sale.user_id", NULL, POINTCARD_ERR_MISSING);
    refused_text("sale.user_id", "", POINTCARD_ERR_MISSING);
    refused_text("sale.biz_no", NULL, POINTCARD_ERR_MISSING);
    refused_text("sale.memo", "\xc3(", POINTCARD_ERR_ENCODING);
    refused_text("sale.memo", "a\x01", POINTCARD_ERR_ENCODING);
    refused_text("sale.memo", "a\xc2\x85", POINTCARD_ERR_ENCODING); /* U+0085 */
    refused_text("sale.memo", "\xed\xa0\x80", POINTCARD_ERR_ENCODING); /* a lone surrogate */
    refused_text("sale.memo", text_257, POINTCARD_ERR_TOO_LONG);
    CHECK_EQ(pointcard_last_detail(&till, &out.detail), POINTCARD_OK);
    CHECK_EQ(out.detail.at, 256);
    reset_outputs();
    refused_text("sale.ext_info", "\xf8", POINTCARD_ERR_ENCODING);
    refused_text("sale.ext_info", text_2001, POINTCARD_ERR_TOO_LONG);
}

static void test_sale_points_have_limits(void)
{
    static const uint32_t wrong[] = {0, 1000001, UINT32_MAX};
    size_t at;
    remember();
    for (at = 0; at < 3; at++) {
        pointcard_sale sale = good_sale();
        sale.points = wrong[at];
        refused_sale(sale, POINTCARD_ERR_RANGE, "sale.points");
    }
}

static void test_sale_struct_size_is_checked(void)
{
    static const uint32_t wrong[] = {0, 3, offsetof(pointcard_sale, merchant) - 1, 8193, UINT32_MAX};
    struct {
        pointcard_sale sale;
        uint64_t newer[2];
    } big;
    size_t at;
    remember();
    for (at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        pointcard_sale sale = good_sale();
        sale.struct_size = wrong[at];
        refused_sale(sale, POINTCARD_ERR_STRUCT_SIZE, "sale");
    }
    memset(&big, 0, sizeof big);
    big.sale = good_sale();
    big.sale.struct_size = sizeof big;
    big.newer[1] = 1;
    REFUSED(POINTCARD_ERR_STRUCT_SIZE, "sale", pointcard_accrue(&till, &big.sale, NULL));
    big.newer[1] = 0;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &big.sale, NULL));
    sold(100);
}

#define WRONG_SIZES(member, what, minimum, call) \
    do { \
        static const uint32_t wrong[] = {0, 3, (minimum) - 1, 8193, UINT32_MAX}; \
        size_t which; \
        remember(); \
        for (which = 0; which < 5; which++) { \
            out.member.struct_size = pattern.member.struct_size = wrong[which]; \
            REFUSED(POINTCARD_ERR_STRUCT_SIZE, what, call); \
        } \
    } while (0)

static void test_output_struct_sizes_are_checked_before_anything_happens(void)
{
    pointcard_sale sale = good_sale();
    pointcard_response response;
    char biz_no[33];
    memset(&response, 0, sizeof response);
    sale = sale_of(biz_no, 101);
    WRONG_SIZES(ticket, "ticket", END_OF(pointcard_ticket, req_id),
                pointcard_accrue(&till, &sale, &out.ticket));
    WRONG_SIZES(report, "report", END_OF(pointcard_report, held),
                pointcard_sync(&till, 1000, &out.report));
    WRONG_SIZES(balance, "balance", END_OF(pointcard_balance, total_points),
                pointcard_query_balance(&till, SHOPPER, NULL, 0, &out.balance));
    WRONG_SIZES(outcome, "outcome", END_OF(pointcard_outcome, point_log_no),
                pointcard_on_response(&till, 1, &response, &out.outcome));
    WRONG_SIZES(outcome, "outcome", END_OF(pointcard_outcome, point_log_no),
                pointcard_on_transport_error(&till, 1, 0, 0, &out.outcome));
    WRONG_SIZES(info, "queue_info", END_OF(pointcard_queue_info, lost),
                pointcard_queue_status(&till, &out.info));
    WRONG_SIZES(entry, "entry", END_OF(pointcard_entry, memo),
                pointcard_walk(&till, &out.cursor, &out.entry));
    remember();
    out.detail.struct_size = pattern.detail.struct_size = END_OF(pointcard_detail, text) - 1;
    CHECK_EQ(pointcard_last_detail(&till, &out.detail), POINTCARD_ERR_STRUCT_SIZE);
    nothing_happened();
}

static void test_a_newer_output_keeps_what_the_library_does_not_know(void)
{
    struct {
        pointcard_queue_info info;
        uint64_t newer[4];
    } big, same;
    memset(&big, 0xA5, sizeof big);
    big.info.struct_size = sizeof big;
    memcpy(&same, &big, sizeof big);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_queue_status(&till, &big.info));
    CHECK_EQ(big.info.struct_size, sizeof big);
    CHECK_EQ(big.info.waiting, 1);
    CHECK(memcmp(big.newer, same.newer, sizeof big.newer) == 0);
}

static void test_query_texts_are_checked_and_named(void)
{
    remember();
    REFUSED(POINTCARD_ERR_MISSING, "user_id", pointcard_query_balance(&till, NULL, NULL, 0, &out.balance));
    REFUSED(POINTCARD_ERR_ENCODING, "user_id", pointcard_query_balance(&till, "2\xff", NULL, 0, &out.balance));
    REFUSED(POINTCARD_ERR_TOO_LONG, "user_id", pointcard_query_balance(&till, text_257, NULL, 0, &out.balance));
    REFUSED(POINTCARD_ERR_TOO_LONG, "activity_account",
            pointcard_query_balance(&till, SHOPPER, text_257, 0, &out.balance));
    REFUSED(POINTCARD_ERR_MISSING, "user_id",
            pointcard_query_request(&till, "", NULL, buf, sizeof buf, &out.request));
    REFUSED(POINTCARD_ERR_ENCODING, "activity_account",
            pointcard_query_request(&till, SHOPPER, "a\tb", buf, sizeof buf, &out.request));
}

/* One entry waits. Too small a buffer sends nothing and says what is enough. */
static void test_short_buffers_are_refused_and_the_room_needed_is_told(void)
{
    uint32_t needed;
    size_t cap;
    for (cap = 0; cap < 6000; cap += cap < 16 ? 5 : 197) {
        remember();
        memset(buf, 0xA5, sizeof buf);
        if (pointcard_next_request(&till, buf, cap, &out.request, &out.wait_ms) == POINTCARD_OK) {
            break;
        }
        nothing_happened();
        CHECK_EQ(buf[cap], 0xA5);
        CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "request",
                   pointcard_next_request(&till, buf, cap, &out.request, &out.wait_ms));
        CHECK_EQ(pointcard_last_detail(&till, &out.detail), POINTCARD_OK);
        needed = out.detail.at;
        CHECK(needed > cap && needed <= POINTCARD_REQUEST_MAX);
        reset_outputs();
        CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "request",
                   pointcard_query_request(&till, SHOPPER, NULL, buf, cap < 600 ? cap : 600, &out.request));
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_query_request(&till, SHOPPER, NULL, buf, needed, &out.request));
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_transport_error(&till, out.request.exchange, 1, 0, NULL));
        close_till(); /* and the pause after a failure is gone */
        open_till(config_on(same_ram()));
        CHECK_CALL(&till, POINTCARD_OK, pointcard_next_request(&till, buf, needed, &out.request, NULL));
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_transport_error(&till, out.request.exchange, 1, 0, NULL));
        CHECK_EQ(queue_of(&till).waiting, 1);
        close_till();
        open_till(config_on(same_ram()));
    }
    CHECK(cap > 600 && cap < 6000);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_on_transport_error(&till, out.request.exchange, 1, 0, NULL));
}

static void test_a_cursor_that_was_never_zeroed_is_refused(void)
{
    remember();
    memset(&out.cursor, 0xA5, sizeof out.cursor);
    memset(&pattern.cursor, 0xA5, sizeof pattern.cursor);
    REFUSED(POINTCARD_ERR_ARGUMENT, "cursor", pointcard_walk(&till, &out.cursor, &out.entry));
    memset(&out.cursor, 2, sizeof out.cursor);
    memset(&pattern.cursor, 2, sizeof pattern.cursor);
    REFUSED(POINTCARD_ERR_ARGUMENT, "cursor", pointcard_walk(&till, &out.cursor, &out.entry));
}

static void test_other_content_for_one_biz_no_is_a_conflict(void)
{
    pointcard_sale sale = good_sale();
    remember();
    sale.points = 11;
    CHECK_CALL(&till, POINTCARD_ERR_CONFLICT, pointcard_accrue(&till, &sale, &out.ticket));
    nothing_happened();
    sale = good_sale();
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &out.ticket));
    CHECK_EQ(out.ticket.duplicate, 1);
    CHECK_EQ(queue_of(&till).waiting, before.waiting);
    close_till();
    open_till(config_on(same_ram()));
    drain(&till);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    memset(text_2001, 'x', 2001);
    memset(text_257, 'x', 257);
    open_till(config_on(new_ram()));
    RUN(test_every_null_pointer_is_refused_by_name);
    RUN(test_no_client_and_no_open_client_are_told_apart);
    RUN(test_a_closed_client_refuses_everything_and_can_be_opened_again);
    RUN(test_sale_texts_are_checked_and_named);
    RUN(test_sale_points_have_limits);
    RUN(test_sale_struct_size_is_checked);
    RUN(test_output_struct_sizes_are_checked_before_anything_happens);
    RUN(test_a_newer_output_keeps_what_the_library_does_not_know);
    RUN(test_query_texts_are_checked_and_named);
    RUN(test_short_buffers_are_refused_and_the_room_needed_is_told);
    RUN(test_a_cursor_that_was_never_zeroed_is_refused);
    RUN(test_other_content_for_one_biz_no_is_a_conflict);
    close_till();
    return 0;
}
