/* clock.c - whatever the terminal's clock says, the sale is recorded; sync says that it is wrong. */
#include "till.h"
#include "wire.h"

#include <time.h>

static const uint64_t YEAR_2106 = 4294967296u + 86400;

static struct clock now = {1000, 0};
static uint64_t date; /* of the gateway's answers; 0 = they have none */

static int32_t dated_exchange(void *ctx, const pointcard_request *request,
                              pointcard_response *response, uint32_t timeout_ms)
{
    int32_t code = http_exchange(ctx, request, response, timeout_ms);
    response->date = date;
    return code;
}

static void open_at(uint64_t unix_time, uint32_t flags, int fresh)
{
    pointcard_config config = config_on(fresh ? new_ram() : same_ram());
    now.unix_time = unix_time;
    config.flags = flags;
    config.clock = clock_of(&now);
    config.transport.exchange = dated_exchange;
    open_till(config);
}

static uint32_t clock_wrong(uint32_t budget_ms)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, budget_ms, &report));
    return report.clock_wrong;
}

static void test_clock_that_cannot_be_never_refuses_a_sale(void)
{
    static const uint64_t times[] = {
        0, 1, 86400, 1577836799, /* unknown, 1970, the last second of 2019 */
        4294967296u + 86400, 253402300799u, 253402300800u, /* 2106, the end of 9999, 10000 */
        (uint64_t)1 << 47, (uint64_t)1 << 48, (uint64_t)1 << 62, (uint64_t)1 << 63, UINT64_MAX,
    };
    size_t at;
    for (at = 0; at < sizeof times / sizeof *times; at++) {
        open_at(times[at], at % 2 ? POINTCARD_F_SERVER_TIME : 0, 1);
        date = 0;
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, (int)at));
        CHECK_EQ(queue_of(&till).waiting, 1);
        if (times[at] < 1577836800 || times[at] >= 253402300800u) {
            CHECK_EQ(clock_wrong(0), 1);
        }
        drain(&till);
        sold((int)at);
        close_till();
    }
}

static void test_clock_that_is_right_is_not_blamed(void)
{
    open_at(1790000000, 0, 1);
    CHECK_EQ(clock_wrong(0), 0);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 20));
    date = 1790000000 - 200;
    CHECK_EQ(clock_wrong(5000), 0);
    sold(20);
    close_till();
}

static void test_clock_of_2106_is_found_out_by_the_first_answer(void)
{
    open_at(YEAR_2106, 0, 1);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 21));
    date = 1790000000;
    CHECK_EQ(clock_wrong(5000), 1);
    sold(21);
    now.unix_time = date + 3; /* somebody sets it right */
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 22));
    CHECK_EQ(clock_wrong(5000), 0);
    sold(22);
    close_till();
}

static void test_clock_going_backwards_sells_and_sends(void)
{
    int number;
    open_at(1790000000, 0, 1);
    date = 0;
    for (number = 30; number < 40; number++) {
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        now.unix_time -= 40000000; /* more than a year */
        now.ms = now.ms > 500 ? now.ms - 500 : 0;
        if (number % 3 == 0) {
            drain(&till);
        }
    }
    CHECK_EQ(clock_wrong(0), 1); /* it is before 2020 by now */
    now.ms += 600000;
    drain(&till);
    for (number = 30; number < 40; number++) {
        sold(number);
    }
    close_till();
}

/* What time the gateway was told, from the timestamp parameter of the next request. */
static void told_time(char text[32])
{
    static uint8_t buf[POINTCARD_REQUEST_MAX];
    pointcard_request request;
    const char *found;
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_query_request(&till, SHOPPER, NULL, buf, sizeof buf, &request));
    found = strstr(request.url, "timestamp=");
    CHECK(found != NULL);
    snprintf(text, 32, "%.10s", found + 10);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_transport_error(&till, request.exchange, 1, 0, NULL));
    now.ms += 3600000;
}

static void test_clock_follows_the_server_only_when_allowed(void)
{
    char text[32];
    date = 1790000000; /* 2026-09-21 in Beijing */
    open_at(86400, 0, 1);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 50));
    CHECK_EQ(clock_wrong(5000), 1);
    sold(50);
    told_time(text);
    CHECK_STR(text, "1970-01-02");
    close_till();
    open_at(86400, POINTCARD_F_SERVER_TIME, 0);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 51));
    CHECK_EQ(clock_wrong(5000), 1); /* corrected is not right */
    sold(51);
    told_time(text);
    CHECK_STR(text, "2026-09-21");
    close_till();
}

static void test_clock_that_knows_no_time_is_written_as_zero(void)
{
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    open_at(0, 0, 1);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 60));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK_EQ(entry.created, 0);
    CHECK_EQ(queue_of(&till).oldest, 0);
    date = 0;
    drain(&till);
    sold(60);
    close_till();
}

/* With only one of the two functions given, the other is the system's. */
static void test_clock_functions_default_one_by_one(void)
{
    pointcard_config config = config_on(new_ram());
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    uint64_t system = (uint64_t)time(NULL);
    config.clock.ctx = &now;
    config.clock.monotonic_ms = clock_ms;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 70));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK(entry.created >= system && entry.created < system + 600);
    drain(&till);
    sold(70);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_clock_that_cannot_be_never_refuses_a_sale);
    RUN(test_clock_that_is_right_is_not_blamed);
    RUN(test_clock_of_2106_is_found_out_by_the_first_answer);
    RUN(test_clock_going_backwards_sells_and_sends);
    RUN(test_clock_follows_the_server_only_when_allowed);
    RUN(test_clock_that_knows_no_time_is_written_as_zero);
    RUN(test_clock_functions_default_one_by_one);
    return 0;
}
