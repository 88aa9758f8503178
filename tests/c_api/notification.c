/* notification.c - an ISV's server takes messages: fields, repeats, and everything not to believe.
 * The messages are signed by another implementation (tests/vectors/verify_notify.jsonl). */
#include "fault.h"

static pointcard_key key;
static pointcard_notification message = POINTCARD_NOTIFICATION_INIT;
static uint8_t raw[4096], room[4096];
static char text[512];

static pointcard_notification_in given(const uint8_t *bytes, size_t len)
{
    pointcard_notification_in in = POINTCARD_NOTIFICATION_IN_INIT;
    in.alipay_key = &key;
    in.app_id = "2016090501239018";
    in.raw = bytes;
    in.raw_len = len;
    return in;
}

static pointcard_notification_in from_file(const char *name)
{
    char path[1024];
    FILE *file;
    size_t len;
    path_of(path, sizeof path, name);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    len = fread(raw, 1, sizeof raw, file);
    fclose(file);
    CHECK(len > 0 && len < sizeof raw);
    return given(raw, len);
}

static pointcard_status take(const pointcard_notification_in *in)
{
    return pointcard_notification_read(in, room, sizeof room, &message, &fault);
}

static void test_a_coupon_is_read_field_by_field(void)
{
    pointcard_notification_in in = from_file("001-coupon-v1");
    size_t len;
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(message.kind, POINTCARD_NOTIFY_COUPON);
    CHECK_EQ(message.variant, POINTCARD_NOTIFY_V1);
    CHECK_EQ(message.charset, POINTCARD_UTF8);
    CHECK_STR(message.buyer_id, "2088202920045392");
    CHECK_STR(message.merchant_uid, "2088201914979011");
    CHECK_STR(message.notify_time, "2016-09-19 22:35:10");
    CHECK_STR(message.isv_out_biz_id, "hhe-test1-210600000101537");
    CHECK_STR(message.auth_app_id, "2016090501238677");
    CHECK_STR(message.app_id, "2016090501239018");
    CHECK_STR(message.notify_type, "koubei_receive_coupon_notify");
    CHECK_STR(message.event_code, "EC-promocore-prize-notice");
    CHECK_STR(message.id, "20160917000000000862132000151011");
    CHECK_STR(message.order_id, "");
    CHECK_EQ(pointcard_notification_field(&message, "business_order", text, sizeof text, &len),
             POINTCARD_OK);
    CHECK_STR(text, "2088202920045392|20160917000000000862132000151011");
    CHECK_EQ(len, strlen(text));
    CHECK_EQ(pointcard_notification_field(&message, "business_order", text, len, &len),
             POINTCARD_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(len, 50);
    /* Not part of what was signed. */
    CHECK_EQ(pointcard_notification_field(&message, "sign_type", text, sizeof text, NULL),
             POINTCARD_ERR_NOT_FOUND);
    CHECK_EQ(pointcard_notification_field(&message, "memo", text, sizeof text, NULL),
             POINTCARD_ERR_NOT_FOUND);
}

static void test_an_activity_is_read_field_by_field(void)
{
    pointcard_notification_in in = from_file("006-activity-sync-no-sign-type");
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(message.kind, POINTCARD_NOTIFY_ACTIVITY);
    CHECK_STR(message.status, "STARTED");
    CHECK_STR(message.event_code, "EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH");
    CHECK(message.order_id[0] != '\0' && message.id[0] != '\0');
    CHECK_STR(message.notify_id, "");
    CHECK_EQ(pointcard_notification_field(&message, "name", text, sizeof text, NULL), POINTCARD_OK);
    CHECK_STR(text, "\xe9\x9b\x86\xe7\x82\xb9\xe6\xb4\xbb\xe5\x8a\xa8");
}

static void test_gbk_texts_come_out_as_utf8(void)
{
    pointcard_notification_in in = from_file("008-gbk");
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(message.charset, POINTCARD_GBK);
    CHECK_EQ(pointcard_notification_field(&message, "memo", text, sizeof text, NULL), POINTCARD_OK);
    CHECK_STR(text, "\xe5\x92\x96\xe5\x95\xa1\xe9\x9b\x86\xe7\x82\xb9\xe5\x8d\xa1");
}

static void test_a_message_for_another_app_is_refused(void)
{
    pointcard_notification_in in = from_file("001-coupon-v1");
    in.app_id = "2016090501239019";
    FAULTS(POINTCARD_ERR_ARGUMENT, "app_id", take(&in));
    in.app_id = "2016090501239018";
    in.auth_app_id = "2016090501238677";
    CHECK_EQ(take(&in), POINTCARD_OK);
    in.auth_app_id = "2016090501238678";
    FAULTS(POINTCARD_ERR_ARGUMENT, "auth_app_id", take(&in));
    in.app_id = NULL;
    FAULTS(POINTCARD_ERR_MISSING, "app_id", take(&in));
}

static void test_what_is_not_signed_by_alipay_is_refused(void)
{
    static pointcard_notification untouched = POINTCARD_NOTIFICATION_INIT;
    pointcard_notification_in in = from_file("001-coupon-v1");
    size_t at;
    message = untouched;
    for (at = 0; at < in.raw_len; at += quick ? 40 : 1) {
        raw[at] ^= 1;
        /* An unsigned name, or an escape's other spelling, may change; the message may not. */
        if (take(&in) == POINTCARD_OK) {
            CHECK_STR(message.isv_out_biz_id, "hhe-test1-210600000101537");
            CHECK_STR(message.buyer_id, "2088202920045392");
            message = untouched;
        }
        CHECK(memcmp(&message, &untouched, sizeof message) == 0);
        raw[at] ^= 1;
    }
    for (at = 0; at < in.raw_len; at += quick ? 40 : 1) {
        pointcard_notification_in cut = in;
        cut.raw_len = at;
        CHECK(take(&cut) != POINTCARD_OK);
    }
    in = given((const uint8_t *)"a=1", 3);
    FAULTS(POINTCARD_ERR_UNSIGNED, "sign", take(&in));
    in = given((const uint8_t *)"a=1&a=2&sign=AAAA", 17);
    FAULTS(POINTCARD_ERR_DUPLICATE, "notification", take(&in));
    CHECK_EQ(fault.at, 4);
    in = given((const uint8_t *)"a=%zz", 5);
    FAULTS(POINTCARD_ERR_MALFORMED, "notification", take(&in));
    in = given((const uint8_t *)"", 0);
    FAULTS(POINTCARD_ERR_MALFORMED, "notification", take(&in));
}

/* The example of the quick-start guide, as its page shows it: the page has eaten `&not`, and its
 * signature is by a key that only Alipay has. Both are told; the damage first. */
static void test_the_guides_example_is_damaged_and_says_so(void)
{
    static const char page[] =
        "http: //[ISV_NOTIFY_URL]?buyer_id=2088202920045392&merchant_uid=2088201914979011"
        "\xc2\xacify_time=2016-09-19 22:35:10&isv_out_biz_id=hhe-test1-210600000101537"
        "&sign_type=RSA2&charset=UTF-8&sign=gbfFwWC82iHPK82gE2hJz/ZhzLFnBpVXud5aBxZDbSmW+vVC";
    pointcard_notification_in in = given((const uint8_t *)page, sizeof page - 1);
    FAULTS(POINTCARD_ERR_MALFORMED, "damage.not", take(&in));
    CHECK(strstr(fault.text, "web page") != NULL);
    CHECK_EQ(fault.at, strstr(page, "merchant_uid") - page);
}

static void test_bad_calls_are_named(void)
{
    pointcard_notification_in in = from_file("001-coupon-v1");
    pointcard_key none;
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "notification",
           pointcard_notification_read(&in, room, 100, &message, &fault));
    CHECK_EQ(fault.at, in.raw_len);
    FAULTS(POINTCARD_ERR_NULL, "room",
           pointcard_notification_read(&in, NULL, 100, &message, &fault));
    FAULTS(POINTCARD_ERR_NULL, "notification",
           pointcard_notification_read(&in, room, sizeof room, NULL, &fault));
    FAULTS(POINTCARD_ERR_NULL, "notification_in",
           pointcard_notification_read(NULL, room, sizeof room, &message, &fault));
    memset(&none, 0, sizeof none);
    in.alipay_key = &none;
    FAULTS(POINTCARD_ERR_BAD_STATE, "key", take(&in));
    CHECK_EQ(pointcard_key_load(&none, app_key, POINTCARD_KEY_PRIVATE, NULL), POINTCARD_OK);
    FAULTS(POINTCARD_ERR_KEY_MISMATCH, "key", take(&in));
    CHECK_EQ(pointcard_key_load(&none, app_public, POINTCARD_KEY_PUBLIC, NULL), POINTCARD_OK);
    FAULTS(POINTCARD_ERR_SIGNATURE, "sign", take(&in));
    in = from_file("001-coupon-v1");
    in.sign_type = 7;
    FAULTS(POINTCARD_ERR_ARGUMENT, "sign_type", take(&in));
    in.sign_type = 0, in.charset = 7;
    FAULTS(POINTCARD_ERR_ARGUMENT, "charset", take(&in));
    memset(&message, 0, sizeof message);
    message.struct_size = sizeof message;
    CHECK_EQ(pointcard_notification_field(&message, "id", text, sizeof text, NULL),
             POINTCARD_ERR_BAD_STATE);
}

static void test_repeats_are_told_and_stay_told_for_a_while(void)
{
    pointcard_seen_id places[2];
    pointcard_seen seen;
    pointcard_notification_in in = from_file("001-coupon-v1");
    memset(places, 0, sizeof places);
    memset(&seen, 0, sizeof seen);
    seen.ids = places;
    seen.count = 2;
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_OK); /* looking keeps nothing */
    CHECK_EQ(pointcard_seen_keep(&seen, &message), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_ERR_DUPLICATE);
    in = from_file("006-activity-sync-no-sign-type");
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_keep(&seen, &message), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_ERR_DUPLICATE);
    strcpy(message.order_id, "another");
    CHECK_EQ(pointcard_seen_keep(&seen, &message), POINTCARD_OK); /* the oldest makes room */
    in = from_file("001-coupon-v1");
    CHECK_EQ(take(&in), POINTCARD_OK);
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_OK);
    message.notify_id[0] = '\0';
    CHECK_EQ(pointcard_seen_check(&seen, &message), POINTCARD_ERR_NOT_FOUND);
    CHECK_EQ(pointcard_seen_check(NULL, &message), POINTCARD_ERR_NULL);
    seen.ids = NULL;
    CHECK_EQ(pointcard_seen_keep(&seen, &message), POINTCARD_ERR_NULL);
}

static void test_the_reply_is_seven_bytes(void)
{
    CHECK_EQ(strlen(POINTCARD_NOTIFY_REPLY), 7);
    CHECK_STR(POINTCARD_NOTIFY_REPLY, "success");
    CHECK_STR(POINTCARD_NOTIFY_REPLY_FAIL, "fail");
}

int main(int argc, char **argv)
{
    start(argc, argv);
    CHECK_EQ(pointcard_key_load(&key, alipay_key, POINTCARD_KEY_PUBLIC, NULL), POINTCARD_OK);
    RUN(test_a_coupon_is_read_field_by_field);
    RUN(test_an_activity_is_read_field_by_field);
    RUN(test_gbk_texts_come_out_as_utf8);
    RUN(test_a_message_for_another_app_is_refused);
    RUN(test_what_is_not_signed_by_alipay_is_refused);
    RUN(test_the_guides_example_is_damaged_and_says_so);
    RUN(test_bad_calls_are_named);
    RUN(test_repeats_are_told_and_stay_told_for_a_while);
    RUN(test_the_reply_is_seven_bytes);
    return 0;
}
