/* callbacks.c - what a callback may call, and what it is told when it may not. */
#include "till.h"
#include "wire.h"

static pointcard_storage under;
static int inside, told;

/* Every call on the client from inside its own lock. */
static void every_call_is_busy(void)
{
    static uint8_t buf[POINTCARD_REQUEST_MAX];
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT, same = info;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_response response;
    pointcard_request request;
    memset(&response, 0, sizeof response);
    inside++;
    CHECK_EQ(sell(&till, 99), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_queue_status(&till, &info), POINTCARD_ERR_BUSY);
    CHECK(memcmp(&info, &same, sizeof info) == 0);
    CHECK_EQ(pointcard_walk(&till, &cursor, &entry), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_sync(&till, 1000, NULL), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_query_balance(&till, SHOPPER, NULL, 0, &balance), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_next_request(&till, buf, sizeof buf, &request, NULL), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_query_request(&till, SHOPPER, NULL, buf, sizeof buf, &request),
             POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_on_response(&till, 1, &response, NULL), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_on_transport_error(&till, 1, 0, 0, NULL), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_maintain(&till), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_ERR_BUSY);
    CHECK_EQ(pointcard_close(&till), POINTCARD_ERR_BUSY);
}

static int watch; /* off during init, when there is no open client to call */

static int32_t calling_read(void *ctx, uint32_t at, uint8_t *to, size_t len)
{
    if (watch) every_call_is_busy();
    return under.read(ctx, at, to, len);
}

static int32_t calling_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    if (watch) every_call_is_busy();
    return under.prog(ctx, at, from, len);
}

static int32_t calling_sync(void *ctx)
{
    if (watch) every_call_is_busy();
    return under.sync(ctx);
}

static uint64_t calling_clock(void *ctx)
{
    (void)ctx;
    if (watch) every_call_is_busy();
    return 1790000000;
}

static int32_t calling_entropy(void *ctx, uint8_t *to, size_t len)
{
    (void)ctx;
    if (watch) every_call_is_busy();
    memset(to, 0x5A, len);
    return 0;
}

/* The transport and on_outcome run without the lock: they may sell and look. */
static void may_sell_and_look(int number)
{
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    watch = 0;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
    CHECK(queue_of(&till).next_seq > 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange", pointcard_sync(&till, 1000, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange", pointcard_close(&till));
    watch = 1;
}

static int32_t selling_exchange(void *ctx, const pointcard_request *request,
                                pointcard_response *response, uint32_t timeout_ms)
{
    may_sell_and_look(11);
    return http_exchange(ctx, request, response, timeout_ms);
}

static void selling_outcome(void *ctx, const pointcard_outcome *outcome)
{
    static uint8_t buf[POINTCARD_REQUEST_MAX];
    pointcard_request request;
    CHECK(ctx == &told);
    CHECK_EQ(outcome->struct_size, sizeof *outcome);
    CHECK_EQ(outcome->verdict, POINTCARD_ACCEPTED);
    told++;
    may_sell_and_look(12);
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_next_request(&till, buf, sizeof buf, &request, NULL));
}

static void test_callbacks_under_the_lock_are_told_busy(void)
{
    pointcard_config config = config_on(new_ram());
    under = config.storage;
    config.storage.read = calling_read;
    config.storage.prog = calling_prog;
    config.storage.sync = calling_sync;
    config.clock.unix_time = calling_clock;
    config.entropy.fill = calling_entropy;
    config.transport.exchange = selling_exchange;
    config.on_outcome = selling_outcome;
    config.on_outcome_ctx = &told;
    open_till(config);
    watch = 1;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 10));
    drain(&till);
    watch = 0;
    CHECK(inside > 10);
    CHECK_EQ(told, 3);
    sold(10);
    sold(11);
    sold(12);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_callbacks_under_the_lock_are_told_busy);
    return 0;
}
