/* drain.c - what waits goes out until nothing is left or the time is up; a person can hurry it, the
 * line's return spreads it. */
#include "till.h"
#include "wire.h"

static struct clock now = {1000, 0};

/* Jitter takes four bytes: it is drawn as long as it can be. Blinding takes more: any will do. */
static int32_t longest(void *ctx, uint8_t *out, size_t len)
{
    size_t at;
    (void)ctx;
    for (at = 0; at < len; at++) {
        out[at] = len == 4 ? 0xFF : (uint8_t)(rand() >> 7);
    }
    return 0;
}

static pointcard_config fleet_config(void)
{
    pointcard_config config = config_on(new_ram());
    config.clock = clock_of(&now);
    config.entropy.fill = longest;
    config.first_delay_ms = 3600000;
    return config;
}

static pointcard_report drained(uint32_t deadline_ms, pointcard_sleep_fn sleep, void *ctx)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_drain(&till, deadline_ms, sleep, ctx, &report));
    return report;
}

static pointcard_report synced(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 5000, &report));
    return report;
}

static void sell_some(int from, int count)
{
    int number;
    for (number = from; number < from + count; number++) {
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        sold(number);
    }
}

/* The system's clock and sleep: refused twice, sent away once, and then done. */
static void test_drain_waits_out_refusals(void)
{
    pointcard_report report;
    open_till(config_on(new_ram()));
    sell_some(900, 4);
    tell_sandbox(admin, "fault?kind=throttle&times=2");
    tell_sandbox(admin, "fault?kind=http_5xx&status=503&retry_after=1");
    report = drained(120000, NULL, NULL);
    CHECK_EQ(report.accepted, 4);
    CHECK_EQ(report.waiting, 0);
    CHECK_EQ(report.deferred, 2);
    CHECK_EQ(report.unknown, 1);
    CHECK_EQ(report.sent, 7);
    CHECK_EQ(report.rest, POINTCARD_REST_NONE);
    CHECK_EQ(report.retry_in_ms, 0);
    close_till();
}

static void test_drain_says_that_the_gateway_asked(void)
{
    pointcard_report report;
    open_till(config_on(new_ram()));
    sell_some(910, 2);
    tell_sandbox(admin, "fault?kind=http_5xx&status=503&retry_after=600");
    report = drained(5000, NULL, NULL);
    CHECK_EQ(report.sent, 1);
    CHECK_EQ(report.waiting, 2);
    CHECK_EQ(report.rest, POINTCARD_REST_ASKED);
    CHECK(report.retry_in_ms > 500000);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_force(&till));
    report = synced();
    CHECK_EQ(report.sent, 0);
    CHECK_EQ(report.rest, POINTCARD_REST_ASKED);
    close_till();
    /* Rests are not stored: the till that starts again may ask again. */
    open_till(config_on(same_ram()));
    CHECK_EQ(synced().accepted, 2);
    close_till();
}

struct nap {
    int naps;
    uint32_t ms;
    int32_t answer;
};

static int32_t nap(void *ctx, uint32_t ms)
{
    struct nap *taken = ctx;
    taken->naps++;
    taken->ms = ms;
    now.ms += ms;
    return taken->answer;
}

static void test_line_up_spreads_the_backlog_and_lets_sales_pass(void)
{
    pointcard_report report;
    struct nap taken = {0, 0, 1};
    open_till(fleet_config());
    sell_some(920, 3);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_line_up(&till));
    report = synced();
    CHECK_EQ(report.sent, 0);
    CHECK_EQ(report.rest, POINTCARD_REST_SPACING);
    sell_some(930, 1);
    report = synced();
    CHECK_EQ(report.accepted, 1);
    CHECK_EQ(report.waiting, 3);
    /* The sleeper has other things to do. */
    report = drained(UINT32_MAX, nap, &taken);
    CHECK_EQ(report.sent, 0);
    CHECK_EQ(taken.naps, 1);
    CHECK(taken.ms > 0 && taken.ms <= 1000);
    /* The sleeper stays. */
    taken.answer = 0;
    report = drained(UINT32_MAX, nap, &taken);
    CHECK_EQ(report.accepted, 3);
    CHECK_EQ(report.waiting, 0);
    close_till();
}

static void test_force_sends_at_once(void)
{
    open_till(fleet_config());
    sell_some(940, 3);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_line_up(&till));
    CHECK_EQ(synced().sent, 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_force(&till));
    CHECK_EQ(synced().accepted, 3);
    close_till();
}

static void test_drain_refuses_what_it_cannot_use(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    CHECK_EQ(pointcard_drain(NULL, 1000, NULL, NULL, NULL), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_force(NULL), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_line_up(NULL), POINTCARD_ERR_NULL);
    CHECK_EQ(pointcard_drain(&till, 1000, NULL, NULL, NULL), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_force(&till), POINTCARD_ERR_BAD_STATE);
    CHECK_EQ(pointcard_line_up(&till), POINTCARD_ERR_BAD_STATE);
    open_till(config_on(new_ram()));
    report.struct_size = 3;
    CHECK_CALL(&till, POINTCARD_ERR_STRUCT_SIZE,
               pointcard_drain(&till, 1000, NULL, NULL, &report));
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_drain_waits_out_refusals);
    RUN(test_drain_says_that_the_gateway_asked);
    RUN(test_line_up_spreads_the_backlog_and_lets_sales_pass);
    RUN(test_force_sends_at_once);
    RUN(test_drain_refuses_what_it_cannot_use);
    return 0;
}
