/* A till without an operating system: a queue on NOR flash, a modem on a serial line, no heap.
 *
 *     UNIX_TIME SEED POWER_LASTS COMMAND ...
 *       sell FIRST LAST   rings up sales; they are durable, nothing is sent
 *       sync              sends what waits, until nothing does
 *       sign              one signed request, shown and not sent
 *       walk              every entry of the queue
 *
 * UNIX_TIME plays the clock chip, SEED the entropy source (a real till has a true one), and the
 * power fails after POWER_LASTS steps of the flash chip (0 = never). Ends with 0, with 77 when the
 * power failed, else with 1. Lines it prints: what was done, and "stack FUNCTION BYTES". */
#include "board.h"
#include "modem.h"
#include "nor.h"
#include <pointcard.h>
#include <string.h>

#define MOST_TRIES 60

static pointcard_client till;
static uint8_t exchange_buf[POINTCARD_REQUEST_MAX];
static char app_key[4096], alipay_key[1024];
static uint64_t time_at_start;
static uint32_t noise_state;

/* ---- words in, words out ---------------------------------------------------------------------- */

static void print(const char *text)
{
    board_print(text);
}

static void print_number(uint64_t number)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(digits + at);
}

static int failed(const char *doing, pointcard_status status)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    print(doing);
    print(": ");
    print(pointcard_last_detail(&till, &detail) == POINTCARD_OK ? detail.text
                                                                : pointcard_status_text(status));
    print("\n");
    return 1;
}

/* Cuts the next word off `line`. */
static char *word(char **line)
{
    char *start = *line, *end;
    while (*start == ' ')
        start++;
    for (end = start; *end != ' ' && *end != '\0'; end++) { }
    *line = *end == '\0' ? end : end + 1;
    *end = '\0';
    return start;
}

static uint32_t number(char **line)
{
    uint32_t value = 0;
    for (const char *at = word(line); *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    return value;
}

/* ---- how deep the stack gets ------------------------------------------------------------------ */

enum { INIT, ACCRUE, SYNC, NEXT, ENDED, WALK, STATUS, MAINTAIN, CLOSE, CALLS };

static const char *const call_names[CALLS] = {
    "pointcard_init_abi",     "pointcard_accrue",             "pointcard_sync",
    "pointcard_next_request", "pointcard_on_transport_error", "pointcard_walk",
    "pointcard_queue_status", "pointcard_maintain",           "pointcard_close",
};
static uint32_t deepest[CALLS];

static pointcard_status measured(int call, pointcard_status status)
{
    const uint32_t depth = board_stack_depth();
    if (depth > deepest[call])
        deepest[call] = depth;
    return status;
}

#define CALL(what, expression) (board_stack_paint(), measured(what, (expression)))

static void print_stacks(void)
{
    for (int call = 0; call < CALLS; call++)
        if (deepest[call] != 0) {
            print("stack ");
            print(call_names[call]);
            print(" ");
            print_number(deepest[call]);
            print("\n");
        }
}

/* ---- ports ------------------------------------------------------------------------------------ */

static uint64_t monotonic_ms(void *ctx)
{
    (void)ctx;
    return board_ms();
}

static uint64_t unix_time(void *ctx)
{
    (void)ctx;
    return time_at_start;
}

/* Not for a till that goes to a shop: a few lines of arithmetic are no entropy. */
static int32_t noise(void *ctx, uint8_t *to, size_t len)
{
    (void)ctx;
    while (len-- > 0) {
        noise_state ^= noise_state << 13;
        noise_state ^= noise_state >> 17;
        noise_state ^= noise_state << 5;
        *to++ = (uint8_t)(noise_state >> 8);
    }
    return 0;
}

/* What the workshop wrote into this terminal. */
static int read_key(const char *path, char *to, size_t cap)
{
    const int file = board_open(path, 0);
    const int32_t len = file < 0 ? -1 : board_length(file);
    if (len < 0 || (size_t)len >= cap || board_read(file, 0, to, (size_t)len) != 0) {
        print("cannot read ");
        print(path);
        print("\n");
        return -1;
    }
    to[len] = '\0';
    return 0;
}

static pointcard_status start(uint32_t power_lasts)
{
    pointcard_config config = POINTCARD_CONFIG_INIT;
    config.gateway = "http://127.0.0.1/gateway.do"; /* the modem knows the real address */
    config.app_id = "2016100900000001";
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.activity_account = "39201608190015500100016011040139";
    config.shop_id = "2016041200077000000003277104";
    config.storage = nor_chip("nor.chip", power_lasts);
    config.clock.monotonic_ms = monotonic_ms;
    config.clock.unix_time = unix_time;
    config.entropy.fill = noise;
    config.transport = modem_line();
    return CALL(INIT, pointcard_init(&till, &config));
}

/* ---- commands --------------------------------------------------------------------------------- */

static void trade_number(uint32_t sale, char text[33])
{
    strcpy(text, "2016082221001004150200100000");
    for (char *at = text + 27; sale != 0; sale /= 10)
        *at-- = (char)('0' + sale % 10);
}

static int sell(uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        char trade[33];
        pointcard_sale sale = POINTCARD_SALE_INIT;
        pointcard_ticket ticket = POINTCARD_TICKET_INIT;
        trade_number(i, trade);
        sale.user_id = "2088123412341234";
        sale.biz_no = trade;
        sale.points = 10;
        sale.memo = "消费集点";
        const pointcard_status status = CALL(ACCRUE, pointcard_accrue(&till, &sale, &ticket));
        if (status != POINTCARD_OK)
            return failed("accrue", status);
        print(ticket.duplicate ? "already " : "sold ");
        print(trade);
        print(" ");
        print(ticket.req_id);
        print("\n");
    }
    return 0;
}

static int sync_all(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        const pointcard_status status = CALL(SYNC, pointcard_sync(&till, 2000, &report));
        if (status != POINTCARD_OK)
            return failed("sync", status);
        if (report.waiting == 0)
            return 0;
        const uint64_t again = board_ms() + (report.retry_in_ms < 200 ? report.retry_in_ms : 200);
        while (board_ms() < again) { }
    }
    print("entries still wait: ");
    print_number(report.waiting);
    print("\n");
    return 1;
}

static int sign(void)
{
    pointcard_request request;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    count_from_here();
    pointcard_status status = CALL(
        NEXT, pointcard_next_request(&till, exchange_buf, sizeof exchange_buf, &request, NULL));
    count_to_here();
    if (status != POINTCARD_OK)
        return failed("next_request", status);
    print("request ");
    print(request.url);
    print(" ");
    exchange_buf[sizeof exchange_buf - 1] = '\0';
    for (size_t i = 0; i < request.body_len; i++) {
        const char letter[2] = { (char)request.body[i], '\0' };
        print(letter);
    }
    print("\n");
    status = CALL(ENDED, pointcard_on_transport_error(&till, request.exchange, 1, 7, &outcome));
    return status == POINTCARD_OK ? 0 : failed("on_transport_error", status);
}

static int walk(void)
{
    static const char *const states[] = { "", "waiting", "sent", "settled", "dead", "parked" };
    static pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_queue_info info = POINTCARD_QUEUE_INFO_INIT;
    pointcard_cursor cursor = { { 0 } };
    pointcard_status status;
    while ((status = CALL(WALK, pointcard_walk(&till, &cursor, &entry))) == POINTCARD_OK) {
        print("entry ");
        print(entry.biz_no);
        print(" ");
        print(states[entry.state]);
        print(" ");
        print(entry.req_id);
        print("\n");
    }
    if (status != POINTCARD_IDLE)
        return failed("walk", status);
    status = CALL(STATUS, pointcard_queue_status(&till, &info));
    if (status == POINTCARD_OK)
        status = CALL(MAINTAIN, pointcard_maintain(&till));
    if (status != POINTCARD_OK || info.lost != 0)
        return failed("status", status);
    return 0;
}

static int obey(char *line)
{
    const char *command = word(&line);
    if (strcmp(command, "sell") == 0) {
        const uint32_t first = number(&line);
        return sell(first, number(&line));
    }
    if (strcmp(command, "sync") == 0)
        return sync_all();
    if (strcmp(command, "sign") == 0)
        return sign();
    if (strcmp(command, "walk") == 0)
        return walk();
    print("no such command: ");
    print(command);
    print("\n");
    return 1;
}

#ifdef BOARD_POSIX
int till_main(void);
int till_main(void)
#else
int main(void)
#endif
{
    static char words[256];
    char *line = words;
    if (board_words(words, sizeof words) != 0 ||
        read_key("app_private_key.txt", app_key, sizeof app_key) != 0 ||
        read_key("alipay_public_key.txt", alipay_key, sizeof alipay_key) != 0)
        return 1;
    word(&line); /* the program's name */
    time_at_start = number(&line);
    noise_state = number(&line) | 1;
    const pointcard_status status = start(number(&line));
    if (status != POINTCARD_OK)
        return failed("init", status);
    int result = obey(line);
    if (result == 0 && CALL(CLOSE, pointcard_close(&till)) != POINTCARD_OK)
        result = 1;
    print("steps ");
    print_number(nor_steps());
    print("\n");
    print_stacks();
    return result;
}
