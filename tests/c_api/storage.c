/* storage.c - a driver that fails at any call, and a full store. */
#include "till.h"
#include "wire.h"

static struct clock now = {1000, 1790000000};

/* ---- a driver that fails at the n-th call ------------------------------------------------- */

static pointcard_storage under; /* the RAM port below */
static int calls_left;          /* until the failure; negative = never */
static int fails_once;
static int failed;

static int fails(void)
{
    if (calls_left < 0) {
        return 0;
    }
    if (calls_left > 0) {
        calls_left--;
        return 0;
    }
    if (fails_once) {
        calls_left = -1;
    }
    failed++;
    return 1;
}

static int32_t failing_read(void *ctx, uint32_t at, uint8_t *to, size_t len)
{
    return fails() ? 1001 : under.read(ctx, at, to, len);
}

static int32_t failing_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    return fails() ? 1002 : under.prog(ctx, at, from, len);
}

static int32_t failing_erase(void *ctx, uint32_t sector)
{
    return fails() ? 1003 : under.erase(ctx, sector);
}

static int32_t failing_sync(void *ctx)
{
    return fails() ? 1004 : under.sync(ctx);
}

static pointcard_storage failing(pointcard_storage storage)
{
    under = storage;
    storage.read = failing_read;
    storage.prog = failing_prog;
    storage.erase = failing_erase;
    storage.sync = failing_sync;
    return storage;
}

static pointcard_config failing_config(pointcard_storage storage)
{
    pointcard_config config = config_on(failing(storage));
    config.clock = clock_of(&now);
    config.transport.exchange = http_exchange;
    return config;
}

static int waits(int number)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    while (pointcard_walk(&till, &cursor, &entry) == POINTCARD_OK) {
        if (strcmp(entry.biz_no, sale.biz_no) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Two sales, a sync, a third sale, with the n-th call of the driver failing from the init on; what
 * was acknowledged is there after a new init, and is credited once. Returns 0 when n was beyond. */
static int day_with_failure_at(int n, int first)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_config config = failing_config(new_ram());
    int acknowledged[3] = {0, 0, 0}, number;
    pointcard_status status;
    calls_left = n;
    failed = 0;
    status = pointcard_init(&till, &config);
    if (status == POINTCARD_OK) {
        for (number = 0; number < 3; number++) {
            status = sell(&till, first + number);
            acknowledged[number] = status == POINTCARD_OK;
            if (status != POINTCARD_OK) {
                CHECK(failed);
                CHECK_CALL(&till, POINTCARD_ERR_STORAGE, status);
            }
            if (status == POINTCARD_ERR_STORAGE) {
                pointcard_detail detail = POINTCARD_DETAIL_INIT;
                CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
                CHECK_EQ(detail.status, POINTCARD_ERR_STORAGE);
            }
            if (number == 1) {
                status = pointcard_sync(&till, 60000, &report);
                if (status != POINTCARD_OK) {
                    CHECK(failed);
                    CHECK_CALL(&till, POINTCARD_ERR_STORAGE, status);
                }
            }
        }
        CHECK_CALL(&till, POINTCARD_OK, pointcard_maintain(&till) == POINTCARD_OK || failed
                                            ? POINTCARD_OK : POINTCARD_ERR_INTERNAL);
        close_till();
    } else {
        CHECK_SAYS(&till, POINTCARD_ERR_STORAGE, "config.storage", status);
        CHECK(failed);
    }
    calls_left = -1;
    open_till(failing_config(same_ram()));
    for (number = 0; number < 3; number++) {
        if (acknowledged[number]) {
            CHECK(waits(first + number)); /* settled ones are still readable in so short a day */
        } else {
            CHECK_CALL(&till, POINTCARD_OK, sell(&till, first + number));
        }
        sold(first + number);
    }
    drain(&till);
    CHECK_EQ(queue_of(&till).points, 0);
    close_till();
    return failed;
}

static void test_storage_failing_at_any_call_loses_nothing_acknowledged(void)
{
    int n, first = 1000, step = quick ? 7 : 1;
    for (fails_once = 0; fails_once < 2; fails_once++) {
        for (n = 0; day_with_failure_at(n, first); n += step) {
            first += 3;
        }
        printf("the day takes %d calls of the driver\n", n);
        CHECK(n > 20);
        first += 3;
    }
}

/* A medium that is away for a while (a card in a loose slot): the client mends itself. */
static void test_storage_that_comes_back_needs_no_new_init(void)
{
    int round;
    fails_once = 0;
    calls_left = -1;
    open_till(failing_config(new_ram()));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 2));
    calls_left = 0;
    for (round = 0; round < 5; round++) {
        CHECK_CALL(&till, POINTCARD_ERR_STORAGE, sell(&till, 3));
        CHECK_CALL(&till, POINTCARD_ERR_STORAGE, pointcard_sync(&till, 1000, NULL));
        CHECK_CALL(&till, POINTCARD_ERR_STORAGE, pointcard_maintain(&till));
        CHECK_EQ(queue_of(&till).waiting, 1);
    }
    calls_left = -1;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 3));
    CHECK_EQ(queue_of(&till).waiting, 2);
    drain(&till);
    sold(2);
    sold(3);
    close_till();
}

static void test_storage_code_of_the_driver_comes_back(void)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    fails_once = 1;
    calls_left = -1;
    open_till(failing_config(new_ram()));
    calls_left = 0;
    CHECK_CALL(&till, POINTCARD_ERR_STORAGE, sell(&till, 1));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK(detail.port >= 1001 && detail.port <= 1004);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1)); /* calling again is all it takes */
    CHECK_EQ(queue_of(&till).waiting, 1);
    drain(&till);
    sold(1);
    close_till();
}

/* ---- a full store --------------------------------------------------------------------------- */

static void test_storage_full_refuses_sales_and_records_every_answer(void)
{
    pointcard_config config = failing_config(new_ram());
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_queue_info info;
    int number = 5000, first_refused, answered = 0;
    calls_left = -1;
    open_till(config);
    while (number < 9000) {
        uint32_t room = queue_of(&till).room;
        pointcard_status status = sell(&till, number);
        if (status != POINTCARD_OK) {
            CHECK_EQ(status, POINTCARD_ERR_QUEUE_FULL);
            CHECK_EQ(room, 0);
            break;
        }
        number++;
    }
    first_refused = number;
    CHECK(first_refused > 5050 && first_refused < 9000);
    info = queue_of(&till);
    CHECK_EQ(info.waiting, first_refused - 5000);
    CHECK_EQ(info.points, 10 * (first_refused - 5000));
    CHECK_CALL(&till, POINTCARD_ERR_QUEUE_FULL, sell(&till, 4999)); /* still, and nothing happens */
    CHECK_EQ(queue_of(&till).next_seq, info.next_seq);
    /* The store is full, and every kind of answer is recorded all the same. */
    tell_sandbox(admin, "fault?kind=unknown");
    tell_sandbox(admin, "fault?kind=throttle");
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 1000, &report));
    CHECK_EQ(report.unknown + report.deferred, 2);
    answered = (int)report.accepted; /* how many depends on the jitter of the waits */
    close_till(); /* and is still there after the power failed */
    open_till(failing_config(same_ram()));
    info = queue_of(&till);
    CHECK_EQ(info.waiting + info.sent_unknown + (uint32_t)answered, first_refused - 5000);
    while (answered < 3000) {
        now.ms += 3600000;
        CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, quick ? 400 : 2000, &report));
        answered += (int)report.accepted;
        CHECK_EQ(report.rejected + report.uncertain + report.unknown, 0);
        if (report.waiting == 0) {
            break;
        }
    }
    CHECK_EQ(answered, first_refused - 5000);
    for (number = 5000; number < first_refused; number++) {
        sold(number);
    }
    /* Sales go on. */
    for (number = first_refused; number < first_refused + 20; number++) {
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        sold(number);
    }
    drain(&till);
    CHECK_EQ(queue_of(&till).lost, 0);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_storage_failing_at_any_call_loses_nothing_acknowledged);
    RUN(test_storage_that_comes_back_needs_no_new_init);
    RUN(test_storage_code_of_the_driver_comes_back);
    RUN(test_storage_full_refuses_sales_and_records_every_answer);
    return 0;
}
