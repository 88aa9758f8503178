/* A till without an operating system: calls what a till calls, in its order. (link.sh has the rest of
 * pointcard.h linked too.) No heap; NOR flash is played by an array.
 *
 * Linked by tests/firmware/link.sh; compiled as C99 with nothing but memcpy and friends. */
#include <pointcard.h>
#include <string.h>

#define SECTOR 4096u
#define SECTORS 8u

static pointcard_client till;
static pointcard_ram ram;
static uint8_t flash[SECTOR * SECTORS];
static uint8_t exchange_buf[POINTCARD_REQUEST_MAX];
static pointcard_entry entry;
static pointcard_detail detail;
static pointcard_outcome outcome;
volatile int32_t result; /* what a debugger looks at */

/* A NOR driver: programming only clears bits. */
static int32_t nor_read(void *ctx, uint32_t at, uint8_t *to, size_t len)
{
    memcpy(to, (uint8_t *)ctx + at, len);
    return 0;
}

static int32_t nor_prog(void *ctx, uint32_t at, const uint8_t *from, size_t len)
{
    uint8_t *to = (uint8_t *)ctx + at;
    while (len--)
        *to++ &= *from++;
    return 0;
}

static int32_t nor_erase(void *ctx, uint32_t sector)
{
    memset((uint8_t *)ctx + sector * SECTOR, 0xFF, SECTOR);
    return 0;
}

static int32_t nor_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static uint64_t ticks(void *ctx)
{
    static uint64_t now;
    (void)ctx;
    return now += 10;
}

static uint64_t unix_time(void *ctx)
{
    (void)ctx;
    return 1471851822;
}

static int32_t noise(void *ctx, uint8_t *to, size_t len)
{
    static uint32_t x = 2463534242u;
    (void)ctx;
    while (len--) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        *to++ = (uint8_t)x;
    }
    return 0;
}

static int32_t no_line(void *ctx, const pointcard_request *request, pointcard_response *response,
                       uint32_t timeout_ms)
{
    (void)ctx, (void)request, (void)response, (void)timeout_ms;
    return POINTCARD_NOT_SENT;
}

static void heard(void *ctx, const pointcard_outcome *what)
{
    (void)ctx;
    result = what->verdict;
}

#include "keys.h" /* APP_KEY, ALIPAY_KEY; written by link.sh from the test vectors */

static int32_t open_till(void)
{
    pointcard_config cfg = POINTCARD_CONFIG_INIT;
    pointcard_storage nor = { 0 };
    nor.ctx = flash;
    nor.sector_size = SECTOR;
    nor.sector_count = SECTORS;
    nor.prog_size = nor.align = 8;
    nor.read = nor_read, nor.prog = nor_prog, nor.erase = nor_erase, nor.sync = nor_sync;
    cfg.app_id = "2016100900000001";
    cfg.private_key = APP_KEY;
    cfg.alipay_public_key = ALIPAY_KEY;
    cfg.activity_account = "39201608190015500100016011040139";
    cfg.storage = nor;
    cfg.clock.monotonic_ms = ticks;
    cfg.clock.unix_time = unix_time;
    cfg.entropy.fill = noise;
    cfg.transport.exchange = no_line;
    cfg.on_outcome = heard;
    return pointcard_init(&till, &cfg);
}

static int32_t sell_and_send(void)
{
    pointcard_sale sale = POINTCARD_SALE_INIT;
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    pointcard_request request;
    uint32_t wait_ms = 0;
    sale.user_id = "2088123412341234";
    sale.biz_no = "2016082221001004150200139999";
    sale.points = 10;
    int32_t status = pointcard_accrue(&till, &sale, &ticket);
    if (status != POINTCARD_OK)
        return status;
    status = pointcard_next_request(&till, exchange_buf, sizeof exchange_buf, &request, &wait_ms);
    if (status != POINTCARD_OK)
        return status;
    /* The modem posts it; this one brings nonsense back, which settles nothing. */
    pointcard_response response = { 0 };
    memcpy(exchange_buf, "{}", 2);
    response.body = exchange_buf;
    response.body_cap = sizeof exchange_buf;
    response.body_len = 2;
    response.http_status = 200;
    return pointcard_on_response(&till, request.exchange, &response, &outcome);
}

static int32_t ask_balance(void)
{
    pointcard_request request;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    int32_t status = pointcard_query_request(&till, "2088123412341234", NULL, exchange_buf,
                                             sizeof exchange_buf, &request);
    if (status == POINTCARD_OK)
        status = pointcard_on_transport_error(&till, request.exchange, 1, -7, &outcome);
    return status + pointcard_query_balance(&till, "2088123412341234", NULL, 1000, &balance);
}

static int32_t look(void)
{
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT;
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_cursor cursor = { { 0 } };
    int32_t status = pointcard_sync(&till, 2000, &report);
    while (pointcard_walk(&till, &cursor, &entry) == POINTCARD_OK)
        status = entry.state;
    (void)pointcard_maintain(&till);
    (void)pointcard_queue_status(&till, &info);
    (void)pointcard_last_detail(&till, &detail);
    return status + (int32_t)info.waiting;
}

int main(void)
{
    memset(flash, 0xFF, sizeof flash);
    entry.struct_size = sizeof entry;
    detail.struct_size = sizeof detail;
    outcome.struct_size = sizeof outcome;
    result = pointcard_abi_version() == POINTCARD_ABI_VERSION &&
             pointcard_client_size() <= sizeof till && pointcard_version()[0] != 0;
    if (!result || (result = open_till()) != POINTCARD_OK)
        return 1;
    result = sell_and_send();
    result += ask_balance();
    result += look();
    result += pointcard_status_text(result)[0];
    result = pointcard_close(&till);
    /* Media without an operating system: RAM works, files say that they do not. */
    pointcard_storage in_ram = pointcard_ram_storage(&ram, flash, sizeof flash, SECTOR);
    pointcard_storage none = pointcard_file_storage((pointcard_file *)0, "points.queue", 1u << 20);
    pointcard_storage safe =
        pointcard_file_storage_power_safe((pointcard_file *)0, "points.queue", 1u << 20);
    return result != POINTCARD_OK || in_ram.status != POINTCARD_OK ||
           none.status == POINTCARD_OK || safe.status == POINTCARD_OK;
}
