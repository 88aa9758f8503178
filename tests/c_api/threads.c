/* threads.c - selling, looking and a second sync while a transfer hangs. What "meanwhile" means is
 * told by the order of events, never by a clock. */
#include "till.h"
#include "wire.h"

#include <pthread.h>
#include <time.h>

/* ---- events ----------------------------------------------------------------------------------- */

static pthread_mutex_t events = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t event = PTHREAD_COND_INITIALIZER;
static int hanging, hang_over;

static void set(int *flag)
{
    pthread_mutex_lock(&events);
    *flag = 1;
    pthread_cond_broadcast(&event);
    pthread_mutex_unlock(&events);
}

static int is_set(int *flag)
{
    int value;
    pthread_mutex_lock(&events);
    value = *flag;
    pthread_mutex_unlock(&events);
    return value;
}

static void await(int *flag)
{
    pthread_mutex_lock(&events);
    while (!*flag) {
        pthread_cond_wait(&event, &events);
    }
    pthread_mutex_unlock(&events);
}

/* ---- a line that hangs ------------------------------------------------------------------------ */

static time_t hang_seconds;

static int32_t hang(void *ctx, const pointcard_request *request, pointcard_response *response,
                    uint32_t timeout_ms)
{
    struct timespec left;
    (void)ctx, (void)request, (void)response;
    CHECK_EQ(timeout_ms, 15000);
    set(&hanging);
    left.tv_sec = hang_seconds;
    left.tv_nsec = 0;
    while (nanosleep(&left, &left) != 0) {
    }
    set(&hang_over);
    return POINTCARD_NOT_SENT;
}

static pointcard_report report;

static void *sync_once(void *budget)
{
    report.struct_size = sizeof report;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, *(uint32_t *)budget, &report));
    return NULL;
}

static void test_threads_selling_goes_on_while_a_transfer_hangs(void)
{
    static uint8_t buf[POINTCARD_REQUEST_MAX];
    uint32_t budget = 20000;
    pthread_t syncing;
    pointcard_config config = config_on(new_ram());
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    pointcard_request request;
    pointcard_response response;
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, 2);
    memset(&response, 0, sizeof response);
    config.transport.exchange = hang;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1));
    CHECK_EQ(pthread_create(&syncing, NULL, sync_once, &budget), 0);
    await(&hanging);

    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    CHECK_EQ(queue_of(&till).waiting, 1);
    CHECK_EQ(queue_of(&till).sent_unknown, 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK_EQ(entry.state, POINTCARD_SENT);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK_EQ(entry.seq, ticket.seq);
    CHECK_EQ(pointcard_walk(&till, &cursor, &entry), POINTCARD_IDLE);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_maintain(&till));
    CHECK(!is_set(&hang_over)); /* all of it came back while the transfer hung */

    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange", pointcard_sync(&till, 1000, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_query_balance(&till, SHOPPER, NULL, 0, &balance));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_next_request(&till, buf, sizeof buf, &request, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_query_request(&till, SHOPPER, NULL, buf, sizeof buf, &request));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_on_response(&till, 1, &response, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_on_transport_error(&till, 1, 0, 0, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange", pointcard_close(&till));
    CHECK(!is_set(&hang_over)); /* and nobody waited to be told so */

    CHECK_EQ(pthread_join(syncing, NULL), 0);
    CHECK(is_set(&hang_over));
    CHECK_EQ(report.sent, 1);
    CHECK_EQ(report.deferred, 1);
    CHECK_EQ(report.waiting, 2);
    close_till();
    config = config_on(same_ram());
    open_till(config);
    drain(&till);
    sold(1);
    sold(2);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    hang_seconds = quick ? 2 : 15;
    RUN(test_threads_selling_goes_on_while_a_transfer_hangs);
    return 0;
}
