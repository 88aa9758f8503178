/* bad_sectors.c - a flash driver that names sectors which no longer erase or program. */
#include "till.h"
#include "wire.h"

static struct clock now = {1000, 1790000000};

/* 64 sectors: what is settled lies in 0 to 3, sales in 4 to 20, letters in 56 to 63; see docs/format.md. */
enum { SIZE = 1024, COUNT = 64, LIVE = 4, LIVE_END = 21 };

static uint8_t flash[SIZE * COUNT];
static pointcard_storage under; /* the RAM port below */
static char worn_erase[COUNT], worn_prog[COUNT];
static int erases, progs; /* how often the driver said so */

static int32_t worn_out_erase(void *ctx, uint32_t sector)
{
    if (worn_erase[sector]) {
        erases++;
        return POINTCARD_BAD_SECTOR;
    }
    return under.erase(ctx, sector);
}

/* A block that fails while it is programmed keeps what came before, and some of the new bytes. */
static int32_t worn_out_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    if (worn_prog[at / SIZE]) {
        progs++;
        CHECK_EQ(under.prog(ctx, at, from, len / 2 / under.prog_size * under.prog_size), 0);
        return POINTCARD_BAD_SECTOR;
    }
    return under.prog(ctx, at, from, len);
}

static pointcard_config worn_config(void)
{
    pointcard_config config;
    pointcard_storage storage = pointcard_ram_storage(&ram, flash, sizeof flash, SIZE);
    under = storage;
    storage.erase = worn_out_erase;
    storage.prog = worn_out_prog;
    config = config_on(storage);
    config.clock = clock_of(&now);
    config.transport.exchange = http_exchange;
    return config;
}

static pointcard_config new_flash(void)
{
    memset(flash, 0xFF, sizeof flash);
    memset(worn_erase, 0, sizeof worn_erase);
    memset(worn_prog, 0, sizeof worn_prog);
    erases = progs = 0;
    return worn_config();
}

static void sell_all(int from, int to)
{
    int number;
    for (number = from; number < to; number++) {
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        sold(number);
    }
}

static void test_bad_sectors_are_left_out_and_sales_go_on(void)
{
    pointcard_queue_info info;
    open_till(new_flash());
    CHECK_EQ(queue_of(&till).health, POINTCARD_HEALTH_SOUND);
    sell_all(1, 3);
    worn_prog[LIVE] = 1;      /* the one in use no longer takes a record */
    worn_erase[LIVE + 1] = 1; /* the next one no longer erases */
    worn_prog[LIVE + 2] = 1;  /* the next one takes no header */
    sell_all(3, 13);
    CHECK(progs == 2 && erases == 1);
    info = queue_of(&till);
    CHECK_EQ(info.bad, 3);
    CHECK_EQ(info.health, POINTCARD_HEALTH_BAD_SECTORS);
    CHECK_EQ(info.waiting, 12);
    CHECK_EQ(info.points, 120);
    CHECK_EQ(info.lost, 0);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_maintain(&till));
    close_till();
    /* All of it is there in the next session, and is sent once. */
    worn_erase[1] = worn_prog[2] = 1; /* two of those for what is settled, of four */
    open_till(worn_config());
    CHECK_EQ(queue_of(&till).waiting, 12);
    drain(&till);
    info = queue_of(&till);
    CHECK_EQ(info.points, 0);
    CHECK_EQ(info.lost, 0);
    close_till();
}

static void test_bad_sectors_of_a_whole_lane_refuse_sales_by_name(void)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    int sector, number = 101;
    open_till(new_flash());
    for (sector = LIVE + 1; sector < LIVE_END; sector++) {
        worn_erase[sector] = 1;
    }
    while (sell(&till, number) == POINTCARD_OK) {
        CHECK(number < 200);
        sold(number++);
    }
    CHECK_SAYS(&till, POINTCARD_ERR_STORAGE, "storage.sectors", sell(&till, number));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.port, POINTCARD_BAD_SECTOR);
    /* What was acknowledged is sent meanwhile. */
    drain(&till);
    CHECK_EQ(queue_of(&till).health, POINTCARD_HEALTH_BAD_SECTORS);
    memset(worn_erase, 0, sizeof worn_erase); /* the terminal was repaired */
    sell_all(number, number + 3);
    drain(&till);
    CHECK_EQ(queue_of(&till).points, 0);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_bad_sectors_are_left_out_and_sales_go_on);
    RUN(test_bad_sectors_of_a_whole_lane_refuse_sales_by_name);
    return 0;
}
