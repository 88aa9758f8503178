/* locks.c - many threads on one client, with the built-in lock and with one of the integrator's. */
#include "till.h"
#include "wire.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t flags = PTHREAD_MUTEX_INITIALIZER;

static void set(int *flag)
{
    pthread_mutex_lock(&flags);
    *flag = 1;
    pthread_mutex_unlock(&flags);
}

static int is_set(int *flag)
{
    int value;
    pthread_mutex_lock(&flags);
    value = *flag;
    pthread_mutex_unlock(&flags);
    return value;
}

static pthread_mutex_t own;
static int acquired, released, refuse_at = -1;

static int32_t own_acquire(void *ctx)
{
    int code;
    if (refuse_at >= 0 && refuse_at-- == 0) {
        return 111;
    }
    code = pthread_mutex_lock((pthread_mutex_t *)ctx); /* EDEADLK for who holds it already */
    if (code == 0) {
        acquired++;
    }
    return code;
}

static void own_release(void *ctx)
{
    released++;
    CHECK_EQ(pthread_mutex_unlock((pthread_mutex_t *)ctx), 0);
}

static pointcard_config own_lock(pointcard_config config)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&own, &kind);
    pthread_mutexattr_destroy(&kind);
    config.lock.ctx = &own;
    config.lock.acquire = own_acquire;
    config.lock.release = own_release;
    return config;
}

enum { THREADS = 8 };

static int each, base;
static int stop;
static uint64_t seqs[THREADS][64];

static void *sell_many(void *number)
{
    int mine = *(int *)number, at;
    for (at = 0; at < each; at++) {
        char biz_no[33];
        pointcard_sale sale = sale_of(biz_no, base + mine * 64 + at);
        pointcard_ticket ticket = POINTCARD_TICKET_INIT;
        CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
        CHECK_EQ(ticket.duplicate, 0);
        seqs[mine][at] = ticket.seq;
        queue_of(&till);
    }
    return NULL;
}

static void *sync_often(void *unused)
{
    (void)unused;
    while (!is_set(&stop)) {
        pointcard_status status = pointcard_sync(&till, 100, NULL);
        CHECK(status == POINTCARD_OK || status == POINTCARD_ERR_BUSY);
    }
    return NULL;
}

static void many_threads(pointcard_config config)
{
    static int numbers[THREADS];
    pthread_t sellers[THREADS], senders[2];
    int a, b, i, j;
    each = quick ? 6 : 24;
    stop = 0;
    open_till(config);
    for (a = 0; a < 2; a++) {
        CHECK_EQ(pthread_create(&senders[a], NULL, sync_often, NULL), 0);
    }
    for (a = 0; a < THREADS; a++) {
        numbers[a] = a;
        CHECK_EQ(pthread_create(&sellers[a], NULL, sell_many, &numbers[a]), 0);
    }
    for (a = 0; a < THREADS; a++) {
        CHECK_EQ(pthread_join(sellers[a], NULL), 0);
    }
    set(&stop);
    for (a = 0; a < 2; a++) {
        CHECK_EQ(pthread_join(senders[a], NULL), 0);
    }
    for (a = 0; a < THREADS; a++) {
        for (i = 0; i < each; i++) {
            sold(base + a * 64 + i);
            for (b = 0; b < THREADS; b++) {
                for (j = 0; j < each; j++) {
                    CHECK(seqs[a][i] != seqs[b][j] || (a == b && i == j));
                }
            }
        }
    }
    CHECK_EQ(queue_of(&till).next_seq, 1 + THREADS * each);
    drain(&till);
    close_till();
}

static void test_locks_many_sell_and_two_sync(void)
{
    base = 1000;
    many_threads(config_on(new_ram()));
}

static void test_locks_port_keeps_many_threads_apart(void)
{
    base = 3000;
    acquired = released = 0;
    many_threads(own_lock(config_on(new_ram())));
    CHECK(acquired > 100);
    CHECK_EQ(acquired, released);
}

static int32_t (*under_sync)(void *ctx);
static int inside = -1; /* off while no client is open */

static int32_t calling_sync(void *ctx)
{
    if (inside >= 0) {
        inside++;
        CHECK_EQ(sell(&till, 99), POINTCARD_ERR_BUSY);
    }
    CHECK_EQ(pthread_mutex_lock(&own), EDEADLK); /* it is really held */
    return under_sync(ctx);
}

static void test_locks_port_reentry_is_busy(void)
{
    pointcard_config config = own_lock(config_on(new_ram()));
    under_sync = config.storage.sync;
    config.storage.sync = calling_sync;
    open_till(config);
    inside = 0;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 20));
    CHECK(inside > 0);
    drain(&till);
    inside = -1;
    sold(20);
    close_till();
}

/* A lock that gives up now and then (a timeout, an interrupt) must not leave the line taken. */
static void test_locks_port_that_refuses_at_any_time_leaves_nothing_behind(void)
{
    int n, number = 5000, beyond = 0, step = quick ? 5 : 1;
    pointcard_config config = own_lock(config_on(new_ram()));
    for (n = 0; !beyond; n += step) {
        pointcard_status status;
        config.storage = new_ram();
        open_till(config);
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        refuse_at = n;
        status = pointcard_sync(&till, 60000, NULL);
        beyond = refuse_at >= 0;
        refuse_at = -1;
        CHECK(status == POINTCARD_OK || (status == POINTCARD_ERR_BUSY && !beyond));
        drain(&till);
        sold(number++);
        close_till();
    }
    CHECK(n > 5);
    CHECK_EQ(acquired, released);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_locks_many_sell_and_two_sync);
    RUN(test_locks_port_keeps_many_threads_apart);
    RUN(test_locks_port_reentry_is_busy);
    RUN(test_locks_port_that_refuses_at_any_time_leaves_nothing_behind);
    return 0;
}
