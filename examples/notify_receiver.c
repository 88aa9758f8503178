/* notify_receiver.c - the software house's server, where Koubei's notifications arrive.
 *
 *   notify_receiver FOLDER GATEWAY message [QUERY]   a notification: body on stdin, or GET's QUERY
 *   notify_receiver FOLDER GATEWAY import NAME TEXT  takes an offer over from a till
 *   notify_receiver FOLDER GATEWAY sync              spends and releases points
 *   notify_receiver FOLDER GATEWAY list              every offer: number, state, age in s, points
 *
 * For a web server that starts a program per request (CGI and its like). notify_receiver.py is the
 * same as an HTTP server of its own; one of the two has the queue at a time.
 *
 * FOLDER holds app_private_key.txt, alipay_public_key.txt, app_id.txt (without it: the sandbox's
 * app, as in the other examples) and the server's own queue, server.queue, made when it is absent.
 *
 * `message` prints the whole answer, `success` or `fail`, and nothing else on stdout; stderr says
 * why. `success` is said only after the message is in the queue and on the disk: whatever is cut
 * before that comes again, up to 8 times in 25 hours. The same message again changes nothing. One
 * that comes before its offer is kept, and joined when the offer is imported. A message about an
 * activity moves no points: it is answered and told on stderr, and activity.query gives its state.
 *
 * `import` takes what a till's pointcard_redeem_export made for NAME, and prints the receipt for
 * its pointcard_redeem_handed_over. The text is signed with the application's key, and it names the
 * shopper: who may send it is the web server's business. `sync` is for a timer, and after messages.
 *
 * Several may run at once: who finds the queue in use waits, about 8 s at most, then fails.
 * Exit code: 0 done, 1 not, 2 wrong use.
 */
#include <pointcard.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MESSAGE_MAX = 65536, QUEUE_SIZE = 4 << 20, TRIES = 160, BUDGET_MS = 2000 };

static pointcard_client server;
static pointcard_file store;
static pointcard_key key;
static pointcard_notification message = POINTCARD_NOTIFICATION_INIT;
static uint8_t body[MESSAGE_MAX + 1], room[MESSAGE_MAX];
static char app_key[8192], alipay_key[8192], app_id[64];
static const char *folder;

static int complain(const char *doing, const char *why)
{
    fprintf(stderr, "notify_receiver: %s: %s\n", doing, why);
    return 0;
}

/* What the library says went wrong. */
static int explain(const char *doing)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_last_detail(&server, &detail);
    return complain(doing, detail.text);
}

/* ---- FOLDER ---------------------------------------------------------------------------------- */

/* Fills `text` with a whole file; 0 when there is none, or no room for it. */
static int read_paper(const char *name, char *text, size_t size)
{
    char path[1024];
    FILE *file;
    size_t len;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    len = fread(text, 1, size, file);
    fclose(file);
    text[len < size ? len : size - 1] = '\0';
    return len < size;
}

static int read_papers(void)
{
    if (!read_paper("app_private_key.txt", app_key, sizeof app_key)) {
        return complain("app_private_key.txt", "cannot be read");
    }
    if (!read_paper("alipay_public_key.txt", alipay_key, sizeof alipay_key)) {
        return complain("alipay_public_key.txt", "cannot be read");
    }
    if (!read_paper("app_id.txt", app_id, sizeof app_id)) {
        strcpy(app_id, "2016100900000001");
    }
    app_id[strcspn(app_id, "\r\n")] = '\0';
    return 1;
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* The queue's file; while another process has it, this one waits. */
static pointcard_storage wait_for_store(void)
{
    static const struct timespec little = {0, 50000000};
    static char path[1024];
    pointcard_storage storage;
    int tries = 0;
    snprintf(path, sizeof path, "%s/server.queue", folder);
    for (;;) {
        storage = pointcard_file_storage(&store, path, QUEUE_SIZE);
        if (storage.status != POINTCARD_ERR_LOCKED || ++tries == TRIES) {
            return storage; /* pointcard_init says what is wrong with it, if anything is */
        }
        nanosleep(&little, NULL);
    }
}

static int open_server(const char *gateway)
{
    pointcard_config config = POINTCARD_CONFIG_INIT;
    config.gateway = gateway;
    config.app_id = app_id;
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.storage = wait_for_store();
    return pointcard_init(&server, &config) == POINTCARD_OK || explain("init");
}

/* ---- message --------------------------------------------------------------------------------- */

/* Reads and verifies `len` bytes, without the queue: what is not to be believed holds nobody up. */
static int verified(const uint8_t *raw, size_t len)
{
    pointcard_notification_in in = POINTCARD_NOTIFICATION_IN_INIT;
    pointcard_fault fault = POINTCARD_FAULT_INIT;
    if (pointcard_key_load(&key, alipay_key, POINTCARD_KEY_PUBLIC, &fault) != POINTCARD_OK) {
        return complain("alipay_public_key.txt", fault.text);
    }
    in.alipay_key = &key;
    in.app_id = app_id;
    in.raw = raw;
    in.raw_len = len;
    if (pointcard_notification_read(&in, room, sizeof room, &message, &fault) != POINTCARD_OK) {
        return complain("message", fault.text);
    }
    return 1;
}

/* Durable when it returns 1, once however often the message comes. */
static int file_coupon(const char *gateway)
{
    static const char *const filed_as[] = {"?", "joined to its offer", "kept until its offer comes",
                                           "nobody froze for it: a debt, see `list`"};
    int32_t filed = 0;
    int done;
    if (!open_server(gateway)) {
        return 0;
    }
    done = pointcard_redeem_commit(&server, &message, &filed) == POINTCARD_OK || explain("message");
    if (done) {
        complain(message.isv_out_biz_id, filed_as[filed]);
    }
    pointcard_close(&server);
    return done;
}

static int take(const char *gateway, const uint8_t *raw, size_t len)
{
    if (len > MESSAGE_MAX) {
        return complain("message", "longer than 65536 bytes: no notification");
    }
    if (!verified(raw, len)) {
        return 0;
    }
    if (message.kind != POINTCARD_NOTIFY_COUPON) {
        complain(message.id, "not about a coupon: nothing to file");
        return 1;
    }
    return file_coupon(gateway);
}

static int answer(const char *gateway, const char *query)
{
    int done;
    if (query != NULL) {
        done = take(gateway, (const uint8_t *)query, strlen(query));
    } else {
        done = take(gateway, body, fread(body, 1, sizeof body, stdin));
    }
    fputs(done ? POINTCARD_NOTIFY_REPLY : POINTCARD_NOTIFY_REPLY_FAIL, stdout);
    return done;
}

/* ---- import, sync, list ---------------------------------------------------------------------- */

static int import_offer(const char *name, const char *text)
{
    static char receipt[POINTCARD_REDEEM_TEXT_MAX];
    size_t cap = sizeof receipt;
    if (pointcard_redeem_import(&server, text, name, receipt, cap, NULL) != POINTCARD_OK) {
        return explain("import");
    }
    puts(receipt);
    return 1;
}

static int sync_once(void)
{
    pointcard_report report = POINTCARD_REPORT_INIT;
    if (pointcard_sync(&server, BUDGET_MS, &report) != POINTCARD_OK) {
        return explain("sync");
    }
    printf("%u accepted, %u rejected, %u uncertain, %u unknown, %u waiting; again in %u ms\n",
           (unsigned)report.accepted, (unsigned)report.rejected, (unsigned)report.uncertain,
           (unsigned)report.unknown, (unsigned)report.waiting, (unsigned)report.retry_in_ms);
    return 1;
}

static const char *state_of(const pointcard_offer *offer)
{
    static const char *const states[] = {
        "?",         "FREEZING",   "FROZEN",     "AUTHORISED", "EXPORTED",
        "HANDED",    "COMMITTING", "CANCELLING", "CONSUMING",  "DONE",
        "CANCELLED", "CLAIM",      "OWED",       "UNCERTAIN",  "STUCK"};
    int known = offer->standing > 0 && offer->standing <= POINTCARD_OFFER_STUCK;
    return states[known ? offer->standing : 0];
}

static void print_offer(const pointcard_offer *offer)
{
    uint64_t now = (uint64_t)time(NULL);
    printf("%s\t%s\t", offer->out_biz_no, state_of(offer));
    if (offer->since == 0 || offer->since > now) {
        printf("?"); /* the clock was unknown, or has been set back */
    } else {
        printf("%llu", (unsigned long long)(now - offer->since));
    }
    printf("\t%u\n", (unsigned)offer->points);
}

static int list_offers(void)
{
    pointcard_offer offer = POINTCARD_OFFER_INIT;
    pointcard_cursor cursor;
    pointcard_status status;
    memset(&cursor, 0, sizeof cursor);
    while ((status = pointcard_redeem_list(&server, &cursor, &offer)) == POINTCARD_OK) {
        print_offer(&offer);
    }
    return status == POINTCARD_IDLE || explain("list");
}

/* ---- the command line ------------------------------------------------------------------------ */

static int wrong_use(const char *program)
{
    fprintf(stderr, "use: %s FOLDER GATEWAY message [QUERY] | import NAME TEXT | sync | list\n",
            program);
    return 2;
}

static int with_server(int argc, char **argv)
{
    int done;
    if (!open_server(argv[2])) {
        return 0;
    }
    if (argc == 6) {
        done = import_offer(argv[4], argv[5]);
    } else {
        done = strcmp(argv[3], "sync") == 0 ? sync_once() : list_offers();
    }
    pointcard_close(&server);
    return done;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[3] : "";
    int is_message = strcmp(what, "message") == 0 && argc <= 5;
    int is_import = strcmp(what, "import") == 0 && argc == 6;
    int is_plain = (strcmp(what, "sync") == 0 || strcmp(what, "list") == 0) && argc == 4;
    if (!is_message && !is_import && !is_plain) {
        return wrong_use(argv[0]);
    }
    folder = argv[1];
    if (!read_papers()) {
        if (is_message) {
            fputs(POINTCARD_NOTIFY_REPLY_FAIL, stdout);
        }
        return 1;
    }
    if (is_message) {
        return answer(argv[2], argc == 5 ? argv[4] : NULL) ? 0 : 1;
    }
    return with_server(argc, argv) ? 0 : 1;
}
