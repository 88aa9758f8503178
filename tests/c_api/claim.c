/* claim.c - the claim link: what goes in, what is kept, what is refused. */
#include "fault.h"

#define PAGE "https://render.alipay.com/p/z/pointset/index.html"
#define ITEM "itemId=2016102020076000000009510377"
#define TOKEN "5b78189e931a415f8c9b9df248a597a9"

static char out[POINTCARD_CLAIM_LINK_MAX];

static pointcard_claim claim_of(const char *base)
{
    pointcard_claim claim = POINTCARD_CLAIM_INIT;
    claim.base = base;
    claim.token = TOKEN;
    claim.out_biz_no = "prize1476966783310";
    return claim;
}

static pointcard_status link_of(const pointcard_claim *claim)
{
    return pointcard_claim_link(claim, out, sizeof out, NULL, &fault);
}

static void test_a_url_and_json_around_it_are_the_same(void)
{
    static const char wanted[] =
        PAGE "?" ITEM "&type=pointcard&token=" TOKEN "&outBizNo=prize1476966783310";
    pointcard_claim claim = claim_of(PAGE "?" ITEM);
    size_t len = 0;
    CHECK_EQ(link_of(&claim), POINTCARD_OK);
    CHECK_STR(out, wanted);
    claim = claim_of("{\"URL_WITH_TOKEN\":\"https:\\/\\/render.alipay.com/p/z/pointset/index.html"
                     "?itemId=2016102020076000000009510377\"}");
    CHECK_EQ(link_of(&claim), POINTCARD_OK);
    CHECK_STR(out, wanted);
    FAULTS(POINTCARD_ERR_BUFFER_TOO_SMALL, "out",
           pointcard_claim_link(&claim, out, strlen(wanted), &len, &fault));
    CHECK_EQ(len, strlen(wanted) + 1);
    CHECK_STR(out, "");
    CHECK_EQ(pointcard_claim_link(&claim, out, len, &len, &fault), POINTCARD_OK);
    CHECK_EQ(len, strlen(wanted));
}

static void test_everything_optional_is_in_it(void)
{
    pointcard_claim claim = claim_of(PAGE "?" ITEM "&token=old&chInfo=isv#/home");
    claim.buyer_id = "2088102164186692";
    claim.shop_id = "2016090800077000000018171999";
    claim.kind = "membercard";
    CHECK_EQ(link_of(&claim), POINTCARD_OK);
    CHECK_STR(out, PAGE "?" ITEM "&chInfo=isv&type=membercard&token=" TOKEN
              "&outBizNo=prize1476966783310&buyerId=2088102164186692"
              "&shopId=2016090800077000000018171999#/home");
}

static void test_the_longest_link_fits_the_room(void)
{
    static char base[1025], token[257], number[257], id[129];
    pointcard_claim claim = claim_of(base);
    size_t at;
    strcpy(base, "https://x/?itemId=1&a=");
    for (at = strlen(base); at < 1024; at++) {
        base[at] = '<'; /* becomes three bytes */
    }
    for (at = 0; at < 64; at++) {
        memcpy(token + 4 * at, "\xf0\x9f\x98\x80", 4);
        memcpy(number + 4 * at, "\xf0\x9f\x98\x80", 4);
        memcpy(id + 4 * (at % 32), "\xf0\x9f\x98\x80", 4);
    }
    claim.token = token, claim.out_biz_no = number;
    claim.buyer_id = claim.shop_id = claim.kind = id;
    CHECK_EQ(link_of(&claim), POINTCARD_OK);
    CHECK(strlen(out) > 5500);
}

static void test_bad_parts_are_named(void)
{
    pointcard_claim claim = claim_of(PAGE "?" ITEM);
    claim.token = NULL;
    FAULTS(POINTCARD_ERR_MISSING, "token", link_of(&claim));
    claim = claim_of(PAGE);
    FAULTS(POINTCARD_ERR_MISSING, "itemId", link_of(&claim));
    claim = claim_of(PAGE "?" ITEM "&item_id=2");
    FAULTS(POINTCARD_ERR_DUPLICATE, "itemId", link_of(&claim));
    claim = claim_of("javascript:alert(1)");
    FAULTS(POINTCARD_ERR_ARGUMENT, "base", link_of(&claim));
    claim = claim_of("{\"a\":");
    FAULTS(POINTCARD_ERR_MALFORMED, "base", link_of(&claim));
    claim = claim_of(NULL);
    FAULTS(POINTCARD_ERR_MISSING, "base", link_of(&claim));
    claim = claim_of(PAGE "?" ITEM);
    claim.out_biz_no = "a\nb";
    FAULTS(POINTCARD_ERR_ENCODING, "outBizNo", link_of(&claim));
    CHECK_EQ(fault.at, 1);
    claim.out_biz_no = TOKEN TOKEN "x";
    FAULTS(POINTCARD_ERR_TOO_LONG, "outBizNo", link_of(&claim));
    CHECK_EQ(fault.at, 64);
    FAULTS(POINTCARD_ERR_NULL, "claim", link_of(NULL));
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_a_url_and_json_around_it_are_the_same);
    RUN(test_everything_optional_is_in_it);
    RUN(test_the_longest_link_fits_the_room);
    RUN(test_bad_parts_are_named);
    return 0;
}
