/* redeem.c - points become a coupon: start, resume, commit, cancel, list, hand over. */
#include "till.h"

#define PAGE "https://render.alipay.com/p/z/pointset/index.html?itemId=2016102020076000000009510377"

enum { FIRST = 8300 };

static char link_text[POINTCARD_CLAIM_LINK_MAX], text[POINTCARD_REDEEM_TEXT_MAX];
static char receipt[POINTCARD_REDEEM_TEXT_MAX];

static pointcard_redeem_order order_of(const char *number)
{
    pointcard_redeem_order order = POINTCARD_REDEEM_ORDER_INIT;
    order.out_biz_no = number;
    order.user_id = SHOPPER;
    order.points = 10;
    order.prize_id = "20160527000000000682853000153366";
    order.link_base = PAGE;
    return order;
}

static pointcard_status redeem(const char *number)
{
    pointcard_redeem_order order = order_of(number);
    return pointcard_redeem_start(&till, &order, 0, link_text, sizeof link_text, NULL);
}

/* The only offer under this number; its lines in the ledger are told to the runner. */
static pointcard_offer find(const char *number)
{
    pointcard_offer offer = POINTCARD_OFFER_INIT;
    pointcard_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    for (;;) {
        CHECK_CALL(&till, POINTCARD_OK, pointcard_redeem_list(&till, &cursor, &offer));
        if (strcmp(offer.out_biz_no, number) == 0) {
            return offer;
        }
    }
}

static void frozen_and_settled(const pointcard_offer *offer)
{
    printf("sold  10\n"); /* a FREEZE carries no biz_no */
    printf("sold %s 10\n", offer->point_log_no);
}

static pointcard_notification coupon(const char *number, const char *id)
{
    pointcard_notification message = POINTCARD_NOTIFICATION_INIT;
    message.kind = POINTCARD_NOTIFY_COUPON;
    strcpy(message.notify_id, id);
    strcpy(message.isv_out_biz_id, number);
    strcpy(message.buyer_id, SHOPPER);
    strcpy(message.app_id, APP_ID);
    return message;
}

static pointcard_status commit(const char *number, const char *id, int32_t wanted)
{
    pointcard_notification message = coupon(number, id);
    int32_t filed = 0;
    pointcard_status status = pointcard_redeem_commit(&till, &message, &filed);
    CHECK_EQ(filed, wanted);
    return status;
}

static void some_points(int number)
{
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
    sold(number);
    drain(&till);
}

static void sync_once(void)
{
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 5000, NULL));
}

static void test_a_coupon_is_claimed_and_spent(void)
{
    pointcard_offer offer;
    char first[POINTCARD_CLAIM_LINK_MAX];
    size_t len = 0;
    open_till(config_on(new_ram()));
    some_points(FIRST);
    CHECK_CALL(&till, POINTCARD_OK, redeem("c-claimed"));
    CHECK(strstr(link_text, "itemId=") != NULL && strstr(link_text, "&token=") != NULL);
    CHECK(strstr(link_text, "&outBizNo=c-claimed") != NULL);
    strcpy(first, link_text);
    /* Power may fail here: the link is there again. */
    close_till();
    open_till(config_on(same_ram()));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_redeem_resume(&till, "c-claimed", 0, link_text, sizeof link_text, &len));
    CHECK_STR(link_text, first);
    CHECK_EQ(len, strlen(first));
    CHECK_CALL(&till, POINTCARD_ERR_BUFFER_TOO_SMALL,
               pointcard_redeem_resume(&till, "c-claimed", 0, link_text, len, &len));
    CHECK_EQ(len, strlen(first) + 1);
    CHECK_CALL(&till, POINTCARD_OK, redeem("c-claimed"));
    CHECK_STR(link_text, first);
    offer = find("c-claimed");
    CHECK_EQ(offer.standing, POINTCARD_OFFER_AUTHORISED);
    CHECK_EQ(offer.points, 10);
    CHECK_STR(offer.user_id, SHOPPER);
    CHECK(offer.point_log_no[0] != '\0' && strlen(offer.req_id) == 32);
    CHECK_CALL(&till, POINTCARD_ERR_BAD_STATE, pointcard_redeem_cancel(&till, "c-claimed", 0));
    CHECK_CALL(&till, POINTCARD_OK, commit("c-claimed", "n1", POINTCARD_FILED_JOINED));
    CHECK_CALL(&till, POINTCARD_OK, commit("c-claimed", "n1", POINTCARD_FILED_JOINED));
    CHECK_EQ(find("c-claimed").standing, POINTCARD_OFFER_COMMITTING);
    CHECK_CALL(&till, POINTCARD_ERR_BAD_STATE, pointcard_redeem_cancel(&till, "c-claimed", 1));
    sync_once();
    CHECK_EQ(find("c-claimed").standing, POINTCARD_OFFER_DONE);
    frozen_and_settled(&offer);
    CHECK_CALL(&till, POINTCARD_OK, commit("c-claimed", "n1", POINTCARD_FILED_JOINED));
    CHECK_CALL(&till, POINTCARD_OK, commit("c-claimed", "n2", POINTCARD_FILED_DEBT));
    close_till();
}

static void test_a_cancelled_offer_gives_the_points_back(void)
{
    pointcard_offer offer;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    open_till(config_on(new_ram()));
    some_points(FIRST + 1);
    CHECK_CALL(&till, POINTCARD_OK, redeem("c-cancelled"));
    offer = find("c-cancelled");
    CHECK_CALL(&till, POINTCARD_OK, pointcard_redeem_cancel(&till, "c-cancelled", 1));
    sync_once();
    CHECK_EQ(find("c-cancelled").standing, POINTCARD_OFFER_CANCELLED);
    frozen_and_settled(&offer);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_query_balance(&till, SHOPPER, NULL, 0, &balance));
    CHECK_EQ(balance.freezed_points, 0);
    CHECK_CALL(&till, POINTCARD_ERR_BAD_STATE, redeem("c-cancelled"));
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND, pointcard_redeem_cancel(&till, "nobody", 1));
    close_till();
}

/* Till and server are one client here: a queue that exports to itself is no owner of its own. */
static void test_a_hand_over_is_signed_and_for_one(void)
{
    size_t len = 0;
    open_till(config_on(new_ram()));
    some_points(FIRST + 2);
    CHECK_CALL(&till, POINTCARD_OK, redeem("c-handed"));
    CHECK_CALL(&till, POINTCARD_ERR_BUFFER_TOO_SMALL,
               pointcard_redeem_export(&till, "c-handed", "server", text, 100, &len));
    CHECK_EQ(len, sizeof text);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_redeem_export(&till, "c-handed", "server", text, sizeof text, &len));
    CHECK_EQ(len, strlen(text));
    CHECK(len <= 784);
    CHECK_CALL(&till, POINTCARD_ERR_CONFLICT,
               pointcard_redeem_export(&till, "c-handed", "other", receipt, sizeof receipt, NULL));
    CHECK_CALL(&till, POINTCARD_ERR_BAD_STATE,
               pointcard_redeem_resume(&till, "c-handed", 0, link_text, sizeof link_text, NULL));
    frozen_and_settled((const pointcard_offer[]){find("c-handed")});
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT,
               pointcard_redeem_import(&till, text, "other", receipt, sizeof receipt, NULL));
    text[20] ^= 1;
    CHECK_CALL(&till, POINTCARD_ERR_SIGNATURE,
               pointcard_redeem_import(&till, text, "server", receipt, sizeof receipt, NULL));
    text[20] ^= 1;
    CHECK_CALL(&till, POINTCARD_ERR_MALFORMED, pointcard_redeem_handed_over(&till, text));
    /* A server of its own, then the till again. */
    {
        static uint8_t kept[sizeof medium];
        pointcard_notification message = coupon("c-handed", "n1");
        close_till();
        memcpy(kept, medium, sizeof kept);
        open_till(config_on(new_ram()));
        CHECK_CALL(&till, POINTCARD_OK, pointcard_redeem_commit(&till, &message, NULL));
        CHECK_EQ(find("c-handed").standing, POINTCARD_OFFER_CLAIM);
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_redeem_import(&till, text, "server", receipt, sizeof receipt, &len));
        sync_once();
        CHECK_EQ(find("c-handed").standing, POINTCARD_OFFER_DONE);
        close_till();
        memcpy(medium, kept, sizeof medium);
        open_till(config_on(same_ram()));
    }
    CHECK_CALL(&till, POINTCARD_OK, pointcard_redeem_handed_over(&till, receipt));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_redeem_resume(&till, "c-handed", 0, link_text, sizeof link_text, NULL));
    CHECK_EQ(find("c-handed").standing, POINTCARD_OFFER_HANDED);
    close_till();
}

static void test_bad_input_is_named(void)
{
    pointcard_redeem_order order = order_of("a b");
    pointcard_notification message = coupon("x", "n");
    pointcard_offer offer = POINTCARD_OFFER_INIT;
    pointcard_cursor cursor;
    memset(&cursor, 0, sizeof cursor);
    open_till(config_on(new_ram()));
    CHECK_CALL(&till, POINTCARD_ERR_ENCODING, redeem("a b"));
    CHECK_CALL(&till, POINTCARD_ERR_NULL,
               pointcard_redeem_start(&till, NULL, 0, link_text, sizeof link_text, NULL));
    order.out_biz_no = "c-bad";
    order.points = 0;
    CHECK_CALL(&till, POINTCARD_ERR_RANGE,
               pointcard_redeem_start(&till, &order, 0, link_text, sizeof link_text, NULL));
    message.kind = POINTCARD_NOTIFY_OTHER;
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT, pointcard_redeem_commit(&till, &message, NULL));
    message = coupon("x", "n");
    strcpy(message.app_id, "2016100900000002");
    CHECK_CALL(&till, POINTCARD_ERR_ARGUMENT, pointcard_redeem_commit(&till, &message, NULL));
    CHECK_CALL(&till, POINTCARD_ERR_NULL, pointcard_redeem_commit(&till, NULL, NULL));
    CHECK_CALL(&till, POINTCARD_ERR_NOT_FOUND,
               pointcard_redeem_resume(&till, "c-bad", 0, link_text, sizeof link_text, NULL));
    CHECK_CALL(&till, POINTCARD_IDLE, pointcard_redeem_list(&till, &cursor, &offer));
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_a_coupon_is_claimed_and_spent);
    RUN(test_a_cancelled_offer_gives_the_points_back);
    RUN(test_a_hand_over_is_signed_and_for_one);
    RUN(test_bad_input_is_named);
    return 0;
}
