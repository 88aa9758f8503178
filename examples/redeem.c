/* redeem.c - points become a coupon: an activity, an offer with its claim link as a QR code, the
 * message that the coupon was taken, and what became of it.
 *
 *   redeem FOLDER GATEWAY activity NOTIFY_URL                create it; prints "PRIZE_ID LINK_BASE"
 *   redeem FOLDER GATEWAY offer NUMBER USER POINTS PRIZE_ID LINK_BASE
 *                                                            freeze, authorise; QR code and link
 *   redeem FOLDER GATEWAY resume NUMBER                      the same link again, after a power cut
 *   redeem FOLDER GATEWAY message                            a notification's body on stdin: verify,
 *                                                            file it; prints the reply and no more
 *   redeem FOLDER GATEWAY list                               every offer, its standing and age
 *
 * FOLDER holds the keys and the queue, as for offline_day.c, whose `sync` spends the points. Here the
 * till and the shop's server are one; docs/redemption.md and notify_receiver.c have them apart.
 * Exit code: 0 done, 1 not, 2 wrong use.
 */
#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pointcard_client till;
static pointcard_file store;
static char app_key[8192], alipay_key[8192];
static char link_text[POINTCARD_CLAIM_LINK_MAX];
static uint8_t scratch[POINTCARD_QR_SCRATCH(20)], picture[32768];
static uint8_t exchange[POINTCARD_REQUEST_MAX + POINTCARD_ANSWER_MAX];

static int explain(const char *doing)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_last_detail(&till, &detail);
    fprintf(stderr, "%s: %s\n", doing, detail.text);
    return 1;
}

static void read_key(const char *folder, const char *name, char *text, size_t size)
{
    char path[1024];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static int start(const char *folder, const char *gateway)
{
    static char queue[1024];
    pointcard_config config = POINTCARD_CONFIG_INIT;
    snprintf(queue, sizeof queue, "%s/points.queue", folder);
    read_key(folder, "app_private_key.txt", app_key, sizeof app_key);
    read_key(folder, "alipay_public_key.txt", alipay_key, sizeof alipay_key);
    config.gateway = gateway;
    config.app_id = "2016100900000001";
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.activity_account = "39201608190015500100016011040139";
    config.shop_id = "2016041200077000000003277104";
    config.storage = pointcard_file_storage(&store, queue, 2u << 20);
    return pointcard_init(&till, &config) == POINTCARD_OK ? 0 : explain("init");
}

/* Eight points are a glass of soy milk: an exchange activity as the quick-start guide has it. */
static int activity(const char *notify_url)
{
    static const char content[] =
        "{\"out_biz_no\":\"soy-milk-1\",\"name\":\"八点换豆浆\",\"desc\":\"集满八点，换一杯豆浆\","
        "\"type\":\"DIRECT_SEND\",\"start_time\":\"2016-08-01 00:00:00\","
        "\"end_time\":\"2036-12-31 00:00:00\","
        "\"constraint_info\":{\"suit_shops\":[\"2016041200077000000003277104\"]},"
        "\"promo_tools\":[{\"voucher\":{\"type\":\"MONEY\",\"name\":\"早餐代金券\","
        "\"brand_name\":\"8个集点兑换\",\"desc\":\"每次消费限用一张，不找零\","
        "\"worth_value\":\"8\",\"max_amount\":\"8\",\"effect_type\":\"IMMEDIATELY\","
        "\"validate_type\":\"FIXED\",\"start_time\":\"2016-08-01 00:00:00\","
        "\"end_time\":\"2037-01-01 00:00:00\",\"use_rule\":{\"min_consume\":\"10\","
        "\"suit_shops\":[\"2016041200077000000003277104\"]}}}],"
        "\"publish_channels\":[{\"name\":\"URL_WITH_TOKEN\",\"type\":\"URL_WITH_TOKEN\"}]}";
    pointcard_activity made = POINTCARD_ACTIVITY_INIT;
    pointcard_activity_id id = POINTCARD_ACTIVITY_ID_INIT;
    pointcard_activity_detail detail = POINTCARD_ACTIVITY_DETAIL_INIT;
    pointcard_options options = POINTCARD_OPTIONS_INIT;
    pointcard_answer answer = POINTCARD_ANSWER_INIT;
    options.notify_url = notify_url;
    options.buf = exchange;
    options.cap = sizeof exchange;
    if (pointcard_activity_create(&till, content, &options, &made, NULL) != POINTCARD_OK) {
        return explain("activity.create");
    }
    id.camp_id = made.camp_id;
    if (pointcard_activity_query(&till, &id, &options, &detail, &answer) != POINTCARD_OK) {
        return explain("activity.query");
    }
    printf("%s %s\n", made.camp_id, detail.claim_base);
    return 0;
}

/* The link as a QR code on the terminal, and as text. */
static int show(void)
{
    pointcard_qr qr = POINTCARD_QR_INIT;
    pointcard_fault fault = POINTCARD_FAULT_INIT;
    qr.scratch = scratch;
    qr.scratch_cap = sizeof scratch;
    qr.out = picture;
    qr.out_cap = sizeof picture;
    if (pointcard_qr_text(link_text, strlen(link_text), &qr, &fault) != POINTCARD_OK) {
        fprintf(stderr, "qr: %s\n", fault.text);
        return 1;
    }
    fwrite(picture, 1, qr.out_len, stdout);
    printf("link %s\n", link_text);
    return 0;
}

static int offer(char **words)
{
    pointcard_redeem_order order = POINTCARD_REDEEM_ORDER_INIT;
    order.out_biz_no = words[0];
    order.user_id = words[1];
    order.points = (uint32_t)strtoul(words[2], NULL, 10);
    order.prize_id = words[3];
    order.link_base = words[4];
    if (pointcard_redeem_start(&till, &order, 5000, link_text, sizeof link_text, NULL) != POINTCARD_OK) {
        return explain("redeem");
    }
    return show();
}

static int resume(const char *number)
{
    if (pointcard_redeem_resume(&till, number, 5000, link_text, sizeof link_text, NULL) != POINTCARD_OK) {
        return explain("resume");
    }
    return show();
}

/* `success` is said when the message is durable, and not before: else it comes again. */
static int message(void)
{
    static pointcard_key key;
    static uint8_t body[65536], room[65536];
    pointcard_notification_in in = POINTCARD_NOTIFICATION_IN_INIT;
    pointcard_notification said = POINTCARD_NOTIFICATION_INIT;
    pointcard_fault fault = POINTCARD_FAULT_INIT;
    in.alipay_key = &key;
    in.app_id = "2016100900000001";
    in.raw = body;
    in.raw_len = fread(body, 1, sizeof body, stdin);
    if (pointcard_key_load(&key, alipay_key, POINTCARD_KEY_PUBLIC, &fault) != POINTCARD_OK ||
        pointcard_notification_read(&in, room, sizeof room, &said, &fault) != POINTCARD_OK) {
        fprintf(stderr, "message: %s\n", fault.text);
        fputs(POINTCARD_NOTIFY_REPLY_FAIL, stdout);
        return 1;
    }
    /* Messages about activities are not about points: heard is enough. */
    if (said.kind == POINTCARD_NOTIFY_COUPON &&
        pointcard_redeem_commit(&till, &said, NULL) != POINTCARD_OK) {
        fputs(POINTCARD_NOTIFY_REPLY_FAIL, stdout);
        return explain("message");
    }
    fputs(POINTCARD_NOTIFY_REPLY, stdout);
    return 0;
}

static int list(void)
{
    static const char *const standings[] = {
        "?",          "freezing",  "frozen", "authorised", "exported",  "handed over",       "committing",
        "cancelling", "consuming", "done",   "cancelled",  "no offer", "OWED, for a person", "UNCERTAIN, for a person",
        "STUCK, for a person",
    };
    pointcard_offer one = POINTCARD_OFFER_INIT;
    pointcard_cursor cursor;
    pointcard_status status;
    memset(&cursor, 0, sizeof cursor);
    while ((status = pointcard_redeem_list(&till, &cursor, &one)) == POINTCARD_OK) {
        size_t known = (size_t)one.standing < sizeof standings / sizeof *standings ? (size_t)one.standing : 0;
        printf("offer %s: %u points of %s, %s, %ld s old\n", one.out_biz_no, (unsigned)one.points,
               one.user_id, standings[known],
               one.created == 0 ? 0L : (long)time(NULL) - (long)one.created);
    }
    return status == POINTCARD_IDLE ? 0 : explain("list");
}

static int wrong_use(const char *name)
{
    fprintf(stderr, "use: %s FOLDER GATEWAY activity NOTIFY_URL | offer NUMBER USER POINTS PRIZE_ID "
                    "LINK_BASE | resume NUMBER | message | list\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    int result;
    const char *what = argc > 3 ? argv[3] : "";
    int words = argc - 4;
    if (!((strcmp(what, "activity") == 0 && words == 1) || (strcmp(what, "offer") == 0 && words == 5) ||
          (strcmp(what, "resume") == 0 && words == 1) || (strcmp(what, "message") == 0 && words == 0) ||
          (strcmp(what, "list") == 0 && words == 0))) {
        return wrong_use(argv[0]);
    }
    if (start(argv[1], argv[2]) != 0) {
        return 1;
    }
    switch (what[0]) {
    case 'a': result = activity(argv[4]); break;
    case 'o': result = offer(argv + 4); break;
    case 'r': result = resume(argv[4]); break;
    case 'm': result = message(); break;
    default: result = list(); break;
    }
    pointcard_close(&till);
    return result;
}
