/* activity.c - the samples of the quick-start guide, and what is wrong with them. */
#include "fault.h"

static pointcard_status check(const char *json)
{
    return pointcard_activity_check((const uint8_t *)json, strlen(json),
                                    POINTCARD_ACTIVITY_CREATE, &fault);
}

#define COLLECT(end_time) \
    "{\"out_biz_no\":\"adfasasdfexfesadsaxxd\",\"name\":\"n\",\"desc\":\"d\"," \
    "\"start_time\":\"2016-08-02 00:00:00\",\"end_time\":\"" end_time "\"," \
    "\"type\":\"POINT_SEND\",\"constraint_info\":{\"suit_shops\":[\"2015121600077000000002388200\"]}," \
    "\"promo_tools\":[{\"point_card\":{\"name\":\"c\",\"desc\":\"r\"," \
    "\"start_time\":\"2016-08-01 00:00:00\",\"end_time\":\"2016-12-01 00:00:00\",\"logo\":\"1T8\"}}]}"

static void test_the_impossible_day_is_named(void)
{
    static const char printed[] = COLLECT("2016-09-31 00:00:00");
    FAULTS(POINTCARD_ERR_RANGE, "end_time", check(printed));
    CHECK_EQ(fault.at, strstr(printed, "\"2016-09-31") - printed);
    CHECK_EQ(check(COLLECT("2016-09-30 00:00:00")), POINTCARD_OK);
}

static void test_faults_carry_the_path(void)
{
    static const char twice[] =
        "{\"promo_tools\":[{\"voucher\":{\"start_time\":\"2016-05-01 00:00:00\","
        "\"start_time\":\"2016-05-01 00:00:00\"}}]}";
    static const char wrapped[] = "{\"biz_content\":{}}";
    FAULTS(POINTCARD_ERR_DUPLICATE, "promo_tools[0].voucher.start_time", check(twice));
    FAULTS(POINTCARD_ERR_ARGUMENT, "biz_content", check(wrapped));
    FAULTS(POINTCARD_ERR_MISSING, "out_biz_no", check("{}"));
    FAULTS(POINTCARD_ERR_MALFORMED, "biz_content", check("{"));
    FAULTS(POINTCARD_ERR_MALFORMED, "biz_content", check(""));
    FAULTS(POINTCARD_ERR_MISSING, "camp_id",
           pointcard_activity_check((const uint8_t *)"{}", 2, POINTCARD_ACTIVITY_MODIFY, &fault));
    FAULTS(POINTCARD_ERR_ARGUMENT, "kind",
           pointcard_activity_check((const uint8_t *)"{}", 2, 0, &fault));
    FAULTS(POINTCARD_ERR_NULL, "json", pointcard_activity_check(NULL, 2, 1, &fault));
    CHECK_EQ(pointcard_activity_check(NULL, 2, 1, NULL), POINTCARD_ERR_NULL);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_the_impossible_day_is_named);
    RUN(test_faults_carry_the_path);
    return 0;
}
