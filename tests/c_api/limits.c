/* limits.c - how much may wait; batches; and what a listener hears of it. */
#include "till.h"
#include "wire.h"

static struct clock now = {1000, 1790000000};
static char heard[2048]; /* "kind seq;" for each event since the last look */
static pointcard_event last;
static int busy;

static void hear(void *ctx, const pointcard_event *event)
{
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT;
    size_t len = strlen(heard);
    CHECK(ctx == &heard);
    CHECK_EQ(event->struct_size, sizeof *event);
    snprintf(heard + len, sizeof heard - len, "%d %u;", (int)event->kind, (unsigned)event->seq);
    last = *event;
    /* Under the lock; or, inside pointcard_init, before the client is open. */
    CHECK(pointcard_queue_status(&till, &info) != POINTCARD_OK);
    busy += pointcard_queue_status(&till, &info) == POINTCARD_ERR_BUSY;
}

#define HEARD(wanted) \
    do { \
        CHECK_STR(heard, wanted); \
        heard[0] = '\0'; \
    } while (0)

static pointcard_config listening(pointcard_storage storage)
{
    pointcard_config config = config_on(storage);
    config.clock = clock_of(&now);
    config.on_event = hear;
    config.on_event_ctx = &heard;
    heard[0] = '\0';
    return config;
}

static void test_limits_warn_then_refuse_and_a_manager_waives_them(void)
{
    pointcard_limits limits = POINTCARD_LIMITS_INIT;
    pointcard_config config = listening(new_ram());
    char biz_no[33];
    pointcard_sale sale;
    limits.count.warn = 2;
    limits.count.refuse = 2;
    limits.points_each.refuse = 50;
    config.limits = &limits;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1));
    HEARD("1 1;");
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 2));
    HEARD("1 2;6 0;");
    CHECK(last.near == POINTCARD_LIMIT_COUNT && last.over == 0);
    CHECK_SAYS(&till, POINTCARD_ERR_QUEUE_FULL, "limit.count", sell(&till, 3));
    sale = sale_of(biz_no, 3);
    sale.flags = 1;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "sale.flags", pointcard_accrue(&till, &sale, NULL));
    sale.flags = POINTCARD_F_MANAGER;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    CHECK_EQ(last.over, POINTCARD_LIMIT_COUNT);
    sale.points = 51;
    sale.flags = 0;
    sale.part = "more";
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "limit.points_each",
               pointcard_accrue(&till, &sale, NULL));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_set_limits(&till, NULL));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 4));
    limits.count.warn = 9;
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "limits.count", pointcard_set_limits(&till, &limits));
    drain(&till);
    close_till();
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "config.limits.count",
               (config.storage = new_ram(), pointcard_init(&till, &config)));
    limits.struct_size = 3;
    CHECK_SAYS(&till, POINTCARD_ERR_STRUCT_SIZE, "config.limits",
               (config.storage = new_ram(), pointcard_init(&till, &config)));
    sold(1);
    sold(2);
    sold(3);
    sold(4);
}

static void test_limits_a_batch_is_one_append(void)
{
    static uint8_t room[8 * POINTCARD_BATCH_ROOM];
    static char names[8][33];
    pointcard_sale sales[8];
    pointcard_ticket tickets[8];
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    int i;
    open_till(listening(new_ram()));
    for (i = 0; i < 8; i++) {
        pointcard_ticket ticket = POINTCARD_TICKET_INIT;
        sales[i] = sale_of(names[i], 100 + i);
        tickets[i] = ticket;
    }
    sales[5].points = 0;
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "sale.points",
               pointcard_accrue_batch(&till, sales, 8, tickets, room, sizeof room));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.at, 5);
    CHECK_EQ(queue_of(&till).waiting, 0);
    CHECK_EQ(tickets[0].seq, 0);
    HEARD("");
    sales[5].points = 10;
    CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "buf",
               pointcard_accrue_batch(&till, sales, 8, tickets, room, 300));
    CHECK_SAYS(&till, POINTCARD_ERR_TOO_LONG, "sales",
               pointcard_accrue_batch(&till, sales, 33, NULL, room, sizeof room));
    CHECK_CALL(&till, POINTCARD_ERR_NULL,
               pointcard_accrue_batch(&till, NULL, 8, NULL, room, sizeof room));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 102));
    HEARD("1 1;");
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_accrue_batch(&till, sales, 8, tickets, room, sizeof room));
    HEARD("1 2;1 3;1 4;1 5;1 6;1 7;1 8;");
    for (i = 0; i < 8; i++) {
        CHECK_EQ(tickets[i].duplicate, i == 2);
        CHECK_EQ(tickets[i].seq, i == 2 ? 1 : i < 2 ? i + 2 : i + 1);
        CHECK_EQ(strlen(tickets[i].req_id), 32);
        sold(100 + i);
    }
    drain(&till);
    close_till();
}

static void test_limits_a_sale_is_heard_on_all_its_way(void)
{
    pointcard_queue_info info;
    open_till(listening(new_ram()));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 200));
    tell_sandbox(admin, "fault?kind=reject&sub_code=isv.test");
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 5000, NULL));
    HEARD("1 1;2 1;4 1;");
    CHECK_STR(last.sub_code, "isv.test");
    CHECK(last.points == 10 && last.uncertain == 0 && strlen(last.req_id) == 32);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_requeue(&till, 1, 0));
    drain(&till);
    HEARD("1 1;2 1;3 1;");
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 201));
    now.unix_time += 7200; /* the monotonic clock knows nothing of it */
    info = queue_of(&till);
    CHECK_EQ(info.age_s, 7200);
    HEARD("1 2;9 0;"); /* a letter put back keeps its number and takes no other */
    CHECK(last.seconds > 7190 && last.seconds <= 7200);
    CHECK(info.health == POINTCARD_HEALTH_SOUND && info.capacity >= info.room && info.room > 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_void(&till, 2, NULL));
    HEARD("1 3;5 2;5 3;");
    CHECK(busy > 10);
    sold(200);
    close_till();
}

/* A record beyond repair is told by its number when the till starts. */
static void test_limits_lost_sales_are_told_by_number(void)
{
    int number;
    size_t at;
    open_till(listening(new_ram()));
    for (number = 301; number <= 305; number++) {
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
    }
    close_till();
    for (at = 0; at + 28 <= sizeof medium; at++) {
        if (memcmp(medium + at, "2016082221001004150200000303", 28) == 0) {
            medium[at + 20] = medium[at + 21] = 0;
        }
    }
    open_till(listening(same_ram()));
    HEARD("7 0;8 3;");
    CHECK(last.last == 3 && last.count == 1);
    CHECK_EQ(queue_of(&till).health, POINTCARD_HEALTH_LOST);
    drain(&till);
    close_till();
    sold(301);
    sold(302);
    sold(304);
    sold(305);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_limits_warn_then_refuse_and_a_manager_waives_them);
    RUN(test_limits_a_batch_is_one_append);
    RUN(test_limits_a_sale_is_heard_on_all_its_way);
    RUN(test_limits_lost_sales_are_told_by_number);
    return 0;
}
