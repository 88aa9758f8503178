/* notify_receiver.c - one of Koubei's notifications: verify it, store it, say what to answer.
 *
 *   notify_receiver ALIPAY_PUBLIC_KEY APP_ID JOURNAL [QUERY]
 *
 * For a web server that starts a program per request (CGI and its like). The body of a POST comes on
 * stdin; the query of a GET is QUERY. Prints the whole answer, `success` or `fail`, and nothing else
 * on stdout; stderr says why. `success` is said only after the message is in JOURNAL and on the disk:
 * whatever is cut before that comes again, up to 8 times in 25 hours. A message that is there
 * already is answered `success` and not stored twice. Several may run at once.
 *
 * JOURNAL is a line per message: its id, kind, buyer and isv_out_biz_id, tabs between them.
 * examples/notify_receiver.py is the same as an HTTP server. Exit code: 0 stored, 1 not, 2 wrong use.
 */
#include <errno.h>
#include <fcntl.h>
#include <pointcard.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 65536, LINE_MAX_ = 512 };

static pointcard_key key;
static pointcard_notification message = POINTCARD_NOTIFICATION_INIT;
static pointcard_fault fault = POINTCARD_FAULT_INIT;
static uint8_t body[MESSAGE_MAX + 1], room[MESSAGE_MAX];
static char key_text[8192], line[LINE_MAX_];

static int answer(const char *text, const char *why)
{
    if (why[0] != '\0') {
        fprintf(stderr, "notify_receiver: %s\n", why);
    }
    fputs(text, stdout);
    return strcmp(text, POINTCARD_NOTIFY_REPLY) != 0;
}

static int read_key(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0;
    if (file != NULL) {
        len = fread(key_text, 1, sizeof key_text - 1, file);
        fclose(file);
    }
    key_text[len] = '\0';
    return pointcard_key_load(&key, key_text, POINTCARD_KEY_PUBLIC, &fault) == POINTCARD_OK;
}

static int verified(const char *app_id, const uint8_t *raw, size_t len)
{
    pointcard_notification_in in = POINTCARD_NOTIFICATION_IN_INIT;
    in.alipay_key = &key;
    in.app_id = app_id;
    in.raw = raw;
    in.raw_len = len;
    return pointcard_notification_read(&in, room, sizeof room, &message, &fault) == POINTCARD_OK;
}

/* A message's line. What would break the line is replaced; ids have nothing of the kind. */
static void make_line(void)
{
    static const char *const kinds[] = {"?", "coupon", "activity", "other"};
    const char *id = message.notify_id[0] != '\0' ? message.notify_id : message.order_id;
    char *at;
    snprintf(line, sizeof line, "%s\t%s\t%s\t%s\n", id, kinds[message.kind], message.buyer_id,
             message.isv_out_biz_id);
    for (at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 && *at != '\t' && (*at != '\n' || at[1] != '\0')) {
            *at = '?';
        }
    }
}

/* Where the journal's whole lines end; -1 when one of them begins with the id of `line`. What stands
 * behind them is a line that a power cut tore: nobody was told `success` for it. */
static long end_unless_stored(FILE *journal)
{
    static char other[LINE_MAX_];
    size_t id = strcspn(line, "\t") + 1;
    long end = 0;
    rewind(journal);
    while (fgets(other, sizeof other, journal) != NULL) {
        if (strchr(other, '\n') == NULL) {
            break;
        }
        if (strncmp(other, line, id) == 0) {
            return -1;
        }
        end = ftell(journal);
    }
    return end;
}

/* Puts the line at `end` and waits for the disk. */
static int append(FILE *journal, long end)
{
    return ftruncate(fileno(journal), end) == 0 && fseek(journal, end, SEEK_SET) == 0 &&
           fputs(line, journal) != EOF && fflush(journal) == 0 && fsync(fileno(journal)) == 0;
}

/* Commits a verified message: durable when it returns 1, once however often it comes. */
static int commit(const char *path)
{
    struct flock whole;
    FILE *journal = fopen(path, "a+");
    int stored = 0;
    if (journal == NULL) {
        return 0;
    }
    memset(&whole, 0, sizeof whole);
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fcntl(fileno(journal), F_SETLKW, &whole) == 0) {
        long end;
        make_line();
        end = end_unless_stored(journal);
        stored = end < 0 || append(journal, end);
    }
    return fclose(journal) == 0 && stored;
}

int main(int argc, char **argv)
{
    const uint8_t *raw = body;
    size_t len;
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "use: %s ALIPAY_PUBLIC_KEY APP_ID JOURNAL [QUERY]\n", argv[0]);
        return 2;
    }
    if (!read_key(argv[1])) {
        return answer(POINTCARD_NOTIFY_REPLY_FAIL, fault.text);
    }
    if (argc == 5) {
        raw = (const uint8_t *)argv[4];
        len = strlen(argv[4]);
    } else {
        len = fread(body, 1, sizeof body, stdin);
    }
    if (len > MESSAGE_MAX) {
        return answer(POINTCARD_NOTIFY_REPLY_FAIL, "longer than 65536 bytes: no notification");
    }
    if (!verified(argv[2], raw, len)) {
        return answer(POINTCARD_NOTIFY_REPLY_FAIL, fault.text);
    }
    if (message.notify_id[0] == '\0' && message.order_id[0] == '\0') {
        /* It could never be told from its repeats. */
        return answer(POINTCARD_NOTIFY_REPLY_FAIL, "neither notify_id nor order_id");
    }
    if (!commit(argv[3])) {
        return answer(POINTCARD_NOTIFY_REPLY_FAIL, strerror(errno));
    }
    return answer(POINTCARD_NOTIFY_REPLY, "");
}
