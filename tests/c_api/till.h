/* till.h - a till to test with: keys, a configuration, a queue in RAM, sales by number.
 *
 * Every program is started as: PROGRAM FOLDER GATEWAY ADMIN. FOLDER holds the keys and is the
 * program's own; ADMIN is the sandbox's second address. QUICK in the environment: fewer rounds
 * (under valgrind). What is printed as "sold BIZ_NO POINTS" must be credited exactly once when the
 * program ends, and nothing else may be: the runner compares with the gateway's ledger.
 */
#ifndef TILL_H
#define TILL_H

#include "check.h"

#include <time.h>

#define APP_ID "2016100900000001"
#define ACCOUNT "39201608190015500100016011040139"
#define SHOP "2016041200077000000003277104"
#define SHOPPER "2088123412341234"

enum { SECTOR = 4096, SECTORS = 16 };

static const char *folder, *gateway, *admin;
static int quick;
static char app_key[8192], app_public[8192], alipay_key[8192];

static pointcard_client till;
static pointcard_ram ram;
static uint8_t medium[SECTOR * SECTORS];

static inline void path_of(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static inline void read_text(const char *name, char *text, size_t size)
{
    char path[1024];
    FILE *file;
    path_of(path, sizeof path, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        CHECK_FAIL("no %s", path);
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static inline void start(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "use: %s FOLDER GATEWAY ADMIN\n", argv[0]);
        exit(2);
    }
    folder = argv[1];
    gateway = argv[2];
    admin = argv[3];
    quick = getenv("QUICK") != NULL;
    read_text("app_private_key.txt", app_key, sizeof app_key);
    read_text("app_public_key.txt", app_public, sizeof app_public);
    read_text("alipay_public_key.txt", alipay_key, sizeof alipay_key);
}

/* The queue in RAM, as it is. */
static inline pointcard_storage same_ram(void)
{
    return pointcard_ram_storage(&ram, medium, sizeof medium, SECTOR);
}

/* The queue in RAM, new. */
static inline pointcard_storage new_ram(void)
{
    memset(medium, 0xFF, sizeof medium);
    return same_ram();
}

static inline pointcard_config config_on(pointcard_storage storage)
{
    pointcard_config config = POINTCARD_CONFIG_INIT;
    config.gateway = gateway;
    config.app_id = APP_ID;
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.activity_account = ACCOUNT;
    config.shop_id = SHOP;
    config.storage = storage;
    return config;
}

static inline void open_till(pointcard_config config)
{
    CHECK_CALL(&till, POINTCARD_OK, pointcard_init(&till, &config));
}

static inline void close_till(void)
{
    CHECK_CALL(&till, POINTCARD_OK, pointcard_close(&till));
}

/* Sale number `number`; its texts live in `biz_no`. Programs choose ranges of their own. */
static inline pointcard_sale sale_of(char biz_no[33], int number)
{
    pointcard_sale sale = POINTCARD_SALE_INIT;
    snprintf(biz_no, 33, "20160822210010041502%08d", number);
    sale.user_id = SHOPPER;
    sale.biz_no = biz_no;
    sale.points = 10;
    return sale;
}

static inline pointcard_status sell(pointcard_client *client, int number)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    return pointcard_accrue(client, &sale, NULL);
}

/* The runner will look for it in the ledger. */
static inline void sold(int number)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    printf("sold %s %u\n", sale.biz_no, (unsigned)sale.points);
}

static inline pointcard_queue_info queue_of(pointcard_client *client)
{
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT;
    CHECK_CALL(client, POINTCARD_OK, pointcard_queue_status(client, &info));
    return info;
}

/* Syncs until nothing waits. A test's own clock runs with every reading; the system's does not, so
 * after a round that sent nothing this sleeps a little. */
static inline void drain(pointcard_client *client)
{
    static const struct timespec little = {0, 100000000};
    pointcard_report report = POINTCARD_REPORT_INIT;
    int round;
    for (round = 0; round < 300; round++) {
        CHECK_CALL(client, POINTCARD_OK, pointcard_sync(client, 5000, &report));
        if (report.waiting == 0) {
            return;
        }
        if (report.sent == 0) {
            nanosleep(&little, NULL);
        }
    }
    CHECK_FAIL("%u entries still wait", (unsigned)report.waiting);
}

/* A clock that the test moves; reading it moves it a little, so that no loop waits for ever. */
struct clock {
    uint64_t ms, unix_time;
};

static inline uint64_t clock_ms(void *ctx)
{
    struct clock *clock = (struct clock *)ctx;
    return clock->ms += 50;
}

static inline uint64_t clock_unix(void *ctx)
{
    return ((struct clock *)ctx)->unix_time;
}

static inline pointcard_clock clock_of(struct clock *clock)
{
    pointcard_clock port;
    port.ctx = clock;
    port.monotonic_ms = clock_ms;
    port.unix_time = clock_unix;
    return port;
}

#endif
