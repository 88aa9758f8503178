/* charset.c - GBK on the wire and GBK texts, as a till with an old Chinese program has them. */
#include "till.h"

enum { FIRST = 7200 };

/* 集点 in GBK, in UTF-8, and GBK with its last byte lost. */
static const char GBK_TEXT[] = "\xbc\xaf\xb5\xe3";
static const char UTF8_TEXT[] = "\xe9\x9b\x86\xe7\x82\xb9";
static const char GBK_TORN[] = "ab\xbc\xaf\xb5";

static void refuses(pointcard_client *client, const pointcard_sale *sale, const char *what,
                    unsigned at)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    CHECK_CALL(client, POINTCARD_ERR_ENCODING, pointcard_accrue(client, sale, NULL));
    CHECK_CALL(client, POINTCARD_OK, pointcard_last_detail(client, &detail));
    CHECK(strcmp(detail.what, what) == 0);
    CHECK(detail.at == at);
}

static void credits(int32_t charset, int32_t text_charset, const char *text, int number)
{
    char biz_no[33];
    pointcard_config config = config_on(new_ram());
    pointcard_sale sale = sale_of(biz_no, number);
    pointcard_cursor cursor;
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    config.charset = charset;
    config.text_charset = text_charset;
    open_till(config);
    sale.memo = text;
    sale.ext_info = text;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    memset(&cursor, 0, sizeof cursor);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_walk(&till, &cursor, &entry));
    CHECK(strcmp(entry.memo, UTF8_TEXT) == 0);
    drain(&till);
    sold(number);
    close_till();
}

static void test_both_charsets_both_ways(void)
{
    credits(POINTCARD_UTF8, POINTCARD_UTF8, UTF8_TEXT, FIRST);
    credits(POINTCARD_UTF8, POINTCARD_GBK, GBK_TEXT, FIRST + 1);
    credits(POINTCARD_GBK, POINTCARD_UTF8, UTF8_TEXT, FIRST + 2);
    credits(POINTCARD_GBK, POINTCARD_GBK, GBK_TEXT, FIRST + 3);
}

static void test_what_is_no_text_is_named(void)
{
    char biz_no[33], long_text[6000];
    pointcard_config config = config_on(new_ram());
    pointcard_sale sale = sale_of(biz_no, FIRST + 10);
    config.text_charset = POINTCARD_GBK;
    open_till(config);
    sale.memo = GBK_TORN;
    refuses(&till, &sale, "sale.memo", 4);
    sale.memo = GBK_TEXT;
    sale.ext_info = "\xff\xff";
    refuses(&till, &sale, "sale.ext_info", 0);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    sale.ext_info = long_text;
    CHECK_CALL(&till, POINTCARD_ERR_TOO_LONG, pointcard_accrue(&till, &sale, NULL));
    close_till();
    /* The other way round: GBK bytes are no UTF-8. */
    open_till(config_on(new_ram()));
    sale.ext_info = NULL;
    refuses(&till, &sale, "sale.memo", 0);
    close_till();
}

static void test_what_gbk_cannot_say_is_refused_at_once(void)
{
    char biz_no[33];
    pointcard_config config = config_on(new_ram());
    pointcard_sale sale = sale_of(biz_no, FIRST + 20);
    config.charset = POINTCARD_GBK;
    open_till(config);
    sale.memo = "a\xf0\x9f\x98\x80";
    refuses(&till, &sale, "sale.memo", 1);
    CHECK(queue_of(&till).waiting == 0);
    close_till();
}

/* A call takes memos as a sale does. */
static void test_calls_take_texts_as_well(void)
{
    char biz_no[33];
    pointcard_config config = config_on(new_ram());
    pointcard_sale sale = sale_of(biz_no, FIRST + 30);
    pointcard_update update = POINTCARD_UPDATE_INIT;
    pointcard_booking booking = POINTCARD_BOOKING_INIT;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    config.text_charset = POINTCARD_GBK;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, NULL));
    drain(&till);
    sold(FIRST + 30);
    update.trans_type = POINTCARD_FREEZE;
    update.req_id = "charset-freeze";
    update.user_id = sale.user_id;
    update.points = 1;
    update.memo = GBK_TORN;
    CHECK_CALL(&till, POINTCARD_ERR_ENCODING,
               pointcard_points_update(&till, &update, NULL, &booking, NULL));
    CHECK_CALL(&till, POINTCARD_OK, pointcard_last_detail(&till, &detail));
    CHECK(strcmp(detail.what, "memo") == 0 && detail.at == 4);
    update.memo = GBK_TEXT;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_points_update(&till, &update, NULL, &booking, NULL));
    CHECK(booking.point_log_no[0] != 0);
    printf("sold  1\n");
    close_till();
}

static void test_unknown_charsets_are_refused(void)
{
    pointcard_config config = config_on(new_ram());
    config.charset = 2;
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT, pointcard_init(&till, &config));
    config.storage = new_ram();
    config.charset = POINTCARD_UTF8;
    config.text_charset = -1;
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT, pointcard_init(&till, &config));
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_both_charsets_both_ways);
    RUN(test_what_is_no_text_is_named);
    RUN(test_what_gbk_cannot_say_is_refused_at_once);
    RUN(test_calls_take_texts_as_well);
    RUN(test_unknown_charsets_are_refused);
    return 0;
}
