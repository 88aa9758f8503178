/* letters.c - dead letters listed, read, exported, put back, edited, discarded; sales voided; the
 * queue held back. */
#include "till.h"
#include "wire.h"

static struct clock now = {1000, 1790000000};

static void open_new(void)
{
    pointcard_config config = config_on(new_ram());
    config.clock = clock_of(&now);
    open_till(config);
}

static pointcard_report sync_once(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    now.ms += 86400000;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 5000, &report));
    return report;
}

/* What is due is sent and nobody knows its end, however often this sync tries: a back-off may be short
 * enough for a second attempt in the same call. */
static void nobody_knows(void)
{
    tell_sandbox(admin, "fault?kind=unknown&times=0");
    CHECK(sync_once().unknown >= 1);
    tell_sandbox(admin, "clear");
}

/* Sale `number`, refused; with `doubt` an earlier attempt has no known end. Returns its seq. */
static uint64_t refused_sale(int number, int doubt)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    if (doubt) {
        nobody_knows();
    }
    tell_sandbox(admin, "fault?kind=reject&sub_code=isv.test");
    CHECK_EQ(sync_once().rejected, !doubt);
    return ticket.seq;
}

static uint32_t letters(void)
{
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_status status;
    uint32_t count = 0;
    while ((status = pointcard_letters(&till, &cursor, &entry)) == POINTCARD_OK) {
        CHECK_EQ(entry.state, POINTCARD_DEAD);
        CHECK_STR(entry.sub_code, "isv.test");
        CHECK_EQ(entry.refused_at, now.unix_time);
        count++;
    }
    CHECK_CALL(&till, POINTCARD_IDLE, status);
    CHECK_EQ(queue_of(&till).dead, count);
    return count;
}

static void test_letters_are_listed_read_and_put_back(void)
{
    static char line[POINTCARD_EXPORT_MAX];
    pointcard_entry entry = POINTCARD_ENTRY_INIT, same = POINTCARD_ENTRY_INIT;
    size_t len = 0;
    uint64_t seq;
    open_new();
    seq = refused_sale(1, 0);
    CHECK_EQ(letters(), 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_get(&till, seq, NULL, &entry));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_get(&till, 0, entry.req_id, &same));
    CHECK(entry.seq == seq && same.seq == seq && entry.uncertain == 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_export(&till, seq, line, sizeof line, &len));
    CHECK_EQ(len, strlen(line));
    CHECK(line[0] == '{' && strstr(line, entry.req_id) != NULL);
    CHECK_CALL(&till, POINTCARD_ERR_BUFFER_TOO_SMALL,
               pointcard_export(&till, seq, line, 20, &len));
    CHECK_EQ(len, POINTCARD_EXPORT_MAX);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_requeue(&till, seq, 0));
    CHECK_EQ(letters(), 0);
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND, pointcard_requeue(&till, seq, 0));
    drain(&till);
    sold(1);
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "seq", pointcard_get(&till, seq, NULL, &entry));
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "req_id",
               pointcard_get(&till, 0, same.req_id, &entry));
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "req_id", pointcard_get(&till, 0, NULL, &entry));
    CHECK_CALL(&till, POINTCARD_ERR_NULL, pointcard_get(&till, seq, NULL, NULL));
    close_till();
}

static void test_letters_of_doubt_need_a_word(void)
{
    uint64_t seq;
    open_new();
    seq = refused_sale(10, 1);
    CHECK_SAYS(&till, POINTCARD_ERR_UNCERTAIN, "seq", pointcard_requeue(&till, seq, 0));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "flags", pointcard_requeue(&till, seq, 1));
    CHECK_EQ(letters(), 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_requeue(&till, seq, POINTCARD_F_ACCEPT_DOUBLE));
    drain(&till);
    sold(10);
    close_till();
}

static void test_letters_edited_are_checked_like_sales(void)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, 20);
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    uint64_t seq;
    open_new();
    seq = refused_sale(20, 0);
    sale.points = 0;
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "sale.points",
               pointcard_requeue_edited(&till, seq, &sale, 0, &ticket));
    CHECK_CALL(&till, POINTCARD_ERR_NULL,
               pointcard_requeue_edited(&till, seq, NULL, 0, &ticket));
    CHECK_EQ(letters(), 1);
    sale.points = 4;
    sale.part = "edited";
    CHECK_CALL(&till, POINTCARD_OK, pointcard_requeue_edited(&till, seq, &sale, 0, &ticket));
    CHECK(ticket.seq > seq && ticket.req_id[0] != '\0');
    CHECK_EQ(letters(), 0);
    drain(&till);
    printf("sold %s 4\n", sale.biz_no);
    close_till();
}

static void test_letters_are_discarded(void)
{
    uint32_t count = 99;
    uint64_t first, second;
    open_new();
    first = refused_sale(30, 0);
    second = refused_sale(31, 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_discard(&till, second));
    CHECK_EQ(letters(), 1);
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "seq", pointcard_discard(&till, second));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 32));
    CHECK_SAYS(&till, POINTCARD_ERR_BAD_STATE, "seq", pointcard_discard(&till, second + 1));
    refused_sale(33, 0); /* sale 32 goes out with it; which of the two is refused is the queue's */
    CHECK_CALL(&till, POINTCARD_OK, pointcard_discard_all(&till, &count));
    CHECK_EQ(count, 2);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_discard_all(&till, NULL));
    CHECK_EQ(letters(), 0);
    CHECK(first < second);
    sold(33);
    close_till();
}

static void test_letters_voided_sales_never_leave(void)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, 40);
    pointcard_ticket ticket = POINTCARD_TICKET_INIT, gone = POINTCARD_TICKET_INIT;
    pointcard_refund_order refund = POINTCARD_REFUND_ORDER_INIT;
    open_new();
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_void(&till, ticket.seq, &gone));
    CHECK_EQ(gone.voided, 1);
    CHECK_EQ(queue_of(&till).waiting, 0);
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "seq", pointcard_void(&till, ticket.seq, NULL));
    refund.biz_no = sale.biz_no;
    refund.refund_no = "r";
    refund.points = 1;
    CHECK_SAYS(&till, POINTCARD_ERR_NOT_FOUND, "refund.biz_no",
               pointcard_refund(&till, &refund, NULL));
    CHECK_EQ(sync_once().sent, 0);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 41));
    nobody_knows();
    CHECK_SAYS(&till, POINTCARD_ERR_UNKNOWN, "seq", pointcard_void(&till, gone.seq + 1, NULL));
    drain(&till);
    sold(41);
    close_till();
}

static void test_letters_nothing_leaves_during_a_pause(void)
{
    pointcard_report report;
    open_new();
    CHECK_CALL(&till, POINTCARD_OK, pointcard_pause(&till));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 50));
    report = sync_once();
    CHECK(report.sent == 0 && report.waiting == 1 && report.retry_in_ms == UINT32_MAX);
    CHECK_EQ(queue_of(&till).paused, 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_resume(&till));
    CHECK_EQ(queue_of(&till).paused, 0);
    drain(&till);
    sold(50);
    close_till();
}

static void test_letters_without_a_client_are_refused(void)
{
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    CHECK_EQ(pointcard_letters(NULL, &cursor, &entry), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_get(&till, 1, NULL, &entry), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_export(&till, 1, NULL, 0, NULL), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_requeue(&till, 1, 0), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_discard(&till, 1), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_discard_all(&till, NULL), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_void(&till, 1, NULL), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_pause(&till), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_resume(NULL), POINTCARD_ERR_NULL);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_letters_are_listed_read_and_put_back);
    RUN(test_letters_of_doubt_need_a_word);
    RUN(test_letters_edited_are_checked_like_sales);
    RUN(test_letters_are_discarded);
    RUN(test_letters_voided_sales_never_leave);
    RUN(test_letters_nothing_leaves_during_a_pause);
    RUN(test_letters_without_a_client_are_refused);
    return 0;
}
