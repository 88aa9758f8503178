/* offline_day.c - a till's day with no line, power cuts, and a line again.
 *
 *   offline_day FOLDER GATEWAY sell FIRST LAST [kill]   ring up sales number FIRST to LAST
 *   offline_day FOLDER GATEWAY sync MILLISECONDS        send what is due
 *   offline_day FOLDER GATEWAY balances                 ask for every shopper's points
 *   offline_day FOLDER GATEWAY table                    print what became of every sale
 *
 * FOLDER holds the keys, the queue and the till's own papers:
 *   sales.txt     every sale the till rang up, written before pointcard_accrue is called: "sale
 *                 NUMBER", then "done NUMBER REQ_ID" when it returned OK
 *   outcomes.txt  what pointcard_sync told: "SEQ VERDICT ATTEMPTS REQ_ID POINT_LOG_NO"
 *
 * A till that died before "done" is unsure of its last sale and simply rings it up again.
 * With `kill`, the till kills itself in the last sale, between the append and its return.
 */
#include <pointcard.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOPPERS = 5, POINTS = 10, MOST_SALES = 10000 };

static pointcard_client till;
static pointcard_file store;
static char app_key[8192], alipay_key[8192];
static const char *folder;

/* ---- the till's own papers ------------------------------------------------------------------ */

static FILE *open_paper(const char *name, const char *mode)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, mode);
}

static void read_paper(const char *name, char *text, size_t size)
{
    FILE *file = open_paper(name, "rb");
    if (file == NULL) {
        perror(name);
        exit(2);
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* One durable line. */
static void write_line(const char *name, const char *line)
{
    FILE *file = open_paper(name, "ab");
    if (file == NULL || fputs(line, file) < 0 || fflush(file) != 0 || fsync(fileno(file)) != 0) {
        perror(name);
        exit(2);
    }
    fclose(file);
}

/* Fills done[number] with the sale's req_id, "" if it is unsure; returns the last sale's number. */
static int read_sales(char done[][33])
{
    char word[8], id[33];
    int number, last = 0;
    FILE *file = open_paper("sales.txt", "rb");
    while (file != NULL && fscanf(file, "%7s %d", word, &number) == 2 && number < MOST_SALES) {
        last = number > last ? number : last;
        if (strcmp(word, "done") == 0 && fscanf(file, "%32s", id) == 1) {
            strcpy(done[number], id);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return last;
}

/* ---- the library ---------------------------------------------------------------------------- */

static int explain(const char *doing)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_last_detail(&till, &detail);
    fprintf(stderr, "%s: %s\n", doing, detail.text);
    return 1;
}

static void note_outcome(void *ctx, const pointcard_outcome *outcome)
{
    char line[256];
    (void)ctx;
    snprintf(line, sizeof line, "%llu %d %u %s %s\n", (unsigned long long)outcome->seq,
             (int)outcome->verdict, (unsigned)outcome->attempts, outcome->req_id,
             outcome->point_log_no[0] ? outcome->point_log_no : "-");
    write_line("outcomes.txt", line);
}

/* The storage is the caller's, so a till under test may put itself in between: the power fails
 * when the entry is on the disk and pointcard_accrue has not returned yet. */
static int32_t (*file_sync)(void *ctx);
static int power_fails;

static int32_t sync_and_perhaps_die(void *ctx)
{
    int32_t code = file_sync(ctx);
    if (power_fails) {
        kill(getpid(), SIGKILL);
    }
    return code;
}

static int start(const char *gateway)
{
    static char queue[1024];
    pointcard_config config = POINTCARD_CONFIG_INIT;
    snprintf(queue, sizeof queue, "%s/points.queue", folder);
    read_paper("app_private_key.txt", app_key, sizeof app_key);
    read_paper("alipay_public_key.txt", alipay_key, sizeof alipay_key);
    config.gateway = gateway;
    config.app_id = "2016100900000001";
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.activity_account = "39201608190015500100016011040139";
    config.shop_id = "2016041200077000000003277104";
    config.on_outcome = note_outcome;
    config.storage = pointcard_file_storage(&store, queue, 2u << 20);
    file_sync = config.storage.sync;
    config.storage.sync = sync_and_perhaps_die;
    return pointcard_init(&till, &config) == POINTCARD_OK ? 0 : explain("init");
}

/* ---- the day -------------------------------------------------------------------------------- */

static int ring_up(int number)
{
    char user[32], trade[32], line[128];
    pointcard_sale sale = POINTCARD_SALE_INIT;
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    snprintf(user, sizeof user, "20881234123412%02d", 34 + number % SHOPPERS);
    snprintf(trade, sizeof trade, "20160822210010041502001%05d", number);
    sale.user_id = user;
    sale.biz_no = trade;
    sale.points = POINTS;
    sale.memo = "积分扣减用于兑换奖品";
    sale.ext_info = "{'EXTRA_INFO_KEY':'SAMPLE_VALUE'}";
    if (pointcard_accrue(&till, &sale, &ticket) != POINTCARD_OK) {
        return explain("accrue");
    }
    if (ticket.duplicate) {
        printf("sale %d was recorded before the power failed\n", number);
    }
    snprintf(line, sizeof line, "done %d %s\n", number, ticket.req_id);
    write_line("sales.txt", line);
    return 0;
}

static int sell(int first, int last, int die)
{
    static char done[MOST_SALES][33];
    int known = read_sales(done);
    for (int number = 1; number <= known; number++) {
        if (done[number][0] == '\0' && ring_up(number) != 0) { /* unsure: ring it up again */
            return 1;
        }
    }
    for (int number = first; number <= last; number++) {
        char line[32];
        snprintf(line, sizeof line, "sale %d\n", number);
        write_line("sales.txt", line);
        power_fails = die && number == last;
        if (ring_up(number) != 0) {
            return 1;
        }
    }
    return 0;
}

static int sync_now(unsigned long budget)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    if (pointcard_sync(&till, (uint32_t)budget, &report) != POINTCARD_OK) {
        return explain("sync");
    }
    printf("sync: %u sent, %u accepted, %u refused, %u without answer, %u not sent; %u waiting, "
           "again in %u ms\n", (unsigned)report.sent, (unsigned)report.accepted,
           (unsigned)(report.rejected + report.uncertain), (unsigned)report.unknown,
           (unsigned)report.deferred, (unsigned)report.waiting, (unsigned)report.retry_in_ms);
    return 0;
}

static int balances(void)
{
    for (int shopper = 0; shopper < SHOPPERS; shopper++) {
        char user[32];
        pointcard_balance balance = POINTCARD_BALANCE_INIT;
        snprintf(user, sizeof user, "20881234123412%02d", 34 + shopper);
        if (pointcard_query_balance(&till, user, NULL, 5000, &balance) != POINTCARD_OK) {
            return explain("balance");
        }
        printf("balance %s %llu %llu\n", user, (unsigned long long)balance.available_points,
               (unsigned long long)balance.waiting_points);
    }
    return 0;
}

/* State of the entry with this req_id, from the queue itself. */
static const char *state_of(const char *req_id)
{
    static const char *const names[] = {"gone", "waiting", "sent", "settled", "dead", "parked"};
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    while (pointcard_walk(&till, &cursor, &entry) == POINTCARD_OK) {
        if (strcmp(entry.req_id, req_id) == 0) {
            return names[entry.state];
        }
    }
    return names[0];
}

/* The last outcome the till was told for this req_id. */
static void outcome_of(const char *req_id, unsigned *attempts, char point_log_no[65])
{
    unsigned long long seq;
    int verdict;
    unsigned count;
    char id[33], flow[65];
    FILE *file = open_paper("outcomes.txt", "rb");
    *attempts = 0;
    strcpy(point_log_no, "-");
    while (file != NULL &&
           fscanf(file, "%llu %d %u %32s %64s", &seq, &verdict, &count, id, flow) == 5) {
        if (strcmp(id, req_id) == 0) {
            *attempts = count;
            strcpy(point_log_no, flow);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static int table(void)
{
    static char done[MOST_SALES][33];
    int known = read_sales(done);
    printf("%4s %6s  %-32s  %-8s %8s  %s\n", "sale", "points", "req_id", "state", "attempts",
           "point_log_no");
    for (int number = 1; number <= known; number++) {
        unsigned attempts;
        char flow[65];
        outcome_of(done[number], &attempts, flow);
        printf("%4d %6d  %-32s  %-8s %8u  %s\n", number, POINTS, done[number],
               state_of(done[number]), attempts, flow);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 2;
    if (argc < 4) {
        fprintf(stderr, "use: offline_day FOLDER GATEWAY sell|sync|balances|table ...\n");
        return 2;
    }
    folder = argv[1];
    if (start(argv[2]) != 0) {
        return 1;
    }
    if (strcmp(argv[3], "sell") == 0 && argc >= 6) {
        failed = sell(atoi(argv[4]), atoi(argv[5]), argc > 6);
    } else if (strcmp(argv[3], "sync") == 0 && argc == 5) {
        failed = sync_now(strtoul(argv[4], NULL, 10));
    } else if (strcmp(argv[3], "balances") == 0) {
        failed = balances();
    } else if (strcmp(argv[3], "table") == 0) {
        failed = table();
    }
    pointcard_close(&till);
    return failed;
}
