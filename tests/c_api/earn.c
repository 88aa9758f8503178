/* earn.c - the earning rule: points for an amount, alone and as part of a sale. */
#include "fault.h"

enum { FIRST = 4700 };

/* 2024-08-19 15:43:42 in Beijing, a Monday. */
static const uint64_t MONDAY_AFTERNOON = 1724053422;

static struct clock now = {1000, 0};

/* A point for 10 yuan, three on Monday afternoons. */
static pointcard_rule rule_of(void)
{
    pointcard_rule rule = POINTCARD_RULE_INIT;
    rule.points = 1;
    rule.per_fen = 1000;
    rule.bonuses[0].weekdays = POINTCARD_MONDAY;
    rule.bonuses[0].from_hour = 12;
    rule.bonuses[0].to_hour = 18;
    rule.bonuses[0].percent = 300;
    return rule;
}

static void earns(const pointcard_rule *rule, uint64_t fen, uint64_t when, uint32_t points,
                  uint32_t cap)
{
    pointcard_earned earned = POINTCARD_EARNED_INIT;
    CHECK_EQ(pointcard_points_for(rule, fen, when, 0, &earned, &fault), POINTCARD_OK);
    CHECK_EQ(earned.points, points);
    CHECK_EQ(earned.percent, when == MONDAY_AFTERNOON ? 300 : 100);
    CHECK_EQ(earned.cap, cap);
}

static void test_points_follow_the_rule(void)
{
    pointcard_rule rule = rule_of();
    pointcard_earned earned = POINTCARD_EARNED_INIT;
    earns(&rule, 25999, 0, 25, POINTCARD_CAP_NONE);
    earns(&rule, 25999, MONDAY_AFTERNOON, 77, POINTCARD_CAP_NONE);
    rule.rounding = POINTCARD_ROUND_HALF_UP;
    earns(&rule, 25500, 0, 26, POINTCARD_CAP_NONE);
    rule.rounding = POINTCARD_ROUND_UP;
    earns(&rule, 25001, 0, 26, POINTCARD_CAP_NONE);
    rule.sale_cap = 20;
    earns(&rule, UINT64_MAX, 0, 20, POINTCARD_CAP_SALE);
    rule.day_cap = 15;
    earns(&rule, UINT64_MAX, MONDAY_AFTERNOON, 15, POINTCARD_CAP_DAY);
    CHECK_EQ(pointcard_points_for(&rule, 9000, 0, 10, &earned, NULL), POINTCARD_OK);
    CHECK_EQ(earned.points, 5);
    rule.min_fen = 25002;
    earns(&rule, 25001, 0, 0, POINTCARD_CAP_NONE);
}

static void refused(pointcard_rule rule, pointcard_status status, const char *what, uint32_t at)
{
    pointcard_earned earned = POINTCARD_EARNED_INIT;
    FAULTS(status, what, pointcard_points_for(&rule, UINT64_MAX, 0, 0, &earned, &fault));
    CHECK_EQ(fault.at, at);
    CHECK_EQ(earned.points, 0);
}

static void test_rules_that_cannot_be_are_named(void)
{
    pointcard_rule rule = rule_of(), good = rule;
    refused(good, POINTCARD_ERR_RANGE, "amount_fen", UINT32_MAX);
    rule.points = 0;
    refused(rule, POINTCARD_ERR_MISSING, "rule.points", 0);
    rule = good, rule.points = 1000001;
    refused(rule, POINTCARD_ERR_RANGE, "rule.points", 1000000);
    rule = good, rule.per_fen = 0;
    refused(rule, POINTCARD_ERR_MISSING, "rule.per_fen", 0);
    rule = good, rule.rounding = 3;
    refused(rule, POINTCARD_ERR_ARGUMENT, "rule.rounding", 0);
    rule = good, rule.bonuses[5].percent = 10001;
    refused(rule, POINTCARD_ERR_RANGE, "rule.bonuses", 5);
    rule = good, rule.bonuses[7].reserved = 1;
    refused(rule, POINTCARD_ERR_ARGUMENT, "rule.bonuses", 7);
    rule = good, rule.struct_size = 8;
    refused(rule, POINTCARD_ERR_STRUCT_SIZE, "rule", 8);
    FAULTS(POINTCARD_ERR_NULL, "earned", pointcard_points_for(&good, 1, 0, 0, NULL, &fault));
}

static void open_at(uint64_t when)
{
    pointcard_config config = config_on(new_ram());
    now.unix_time = when;
    config.clock = clock_of(&now);
    open_till(config);
}

static pointcard_ticket pay(const pointcard_rule *rule, int number, uint64_t fen)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    sale.points = 0;
    sale.amount_fen = fen;
    sale.rule = rule;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    return ticket;
}

static void credited(int number, uint32_t points)
{
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, number);
    printf("sold %s %u\n", sale.biz_no, (unsigned)points);
}

static void test_a_sale_by_amount_gets_its_points(void)
{
    pointcard_rule rule = rule_of();
    pointcard_ticket first, again;
    open_at(MONDAY_AFTERNOON);
    first = pay(&rule, FIRST, 4000);
    CHECK_EQ(first.points, 12);
    CHECK_EQ(first.duplicate, 0);
    /* An hour later the bonus is over; the sale was recorded with it. */
    now.unix_time += 3 * 3600;
    again = pay(&rule, FIRST, 4000);
    CHECK_EQ(again.duplicate, 1);
    CHECK_EQ(again.points, 12);
    CHECK_EQ(again.seq, first.seq);
    CHECK_STR(again.req_id, first.req_id);
    CHECK_EQ(pay(&rule, FIRST + 1, 4000).points, 4);
    drain(&till);
    credited(FIRST, 12);
    credited(FIRST + 1, 4);
    close_till();
}

static void test_the_day_s_cap_holds_and_a_repeat_is_not_counted(void)
{
    pointcard_rule rule = rule_of();
    pointcard_ticket ticket;
    rule.day_cap = 10;
    open_at(0); /* the clock is unknown: no bonus, one long day */
    CHECK_EQ(pay(&rule, FIRST + 10, 7000).points, 7);
    CHECK_EQ(pay(&rule, FIRST + 10, 7000).points, 7);
    CHECK_EQ(pay(&rule, FIRST + 11, 7000).points, 3);
    /* Nothing is left: a repeat gets what it had, a new sale gets nothing and leaves no record. */
    CHECK_EQ(pay(&rule, FIRST + 11, 7000).points, 3);
    ticket = pay(&rule, FIRST + 12, 7000);
    CHECK_EQ(ticket.points, 0);
    CHECK_EQ(ticket.seq, 0);
    CHECK_STR(ticket.req_id, "");
    CHECK_EQ(queue_of(&till).waiting, 2);
    now.unix_time = MONDAY_AFTERNOON; /* the clock is set: another day, and the bonus */
    CHECK_EQ(pay(&rule, FIRST + 13, 1000).points, 3);
    drain(&till);
    credited(FIRST + 10, 7);
    credited(FIRST + 11, 3);
    credited(FIRST + 13, 3);
    close_till();
}

static void test_points_and_amount_exclude_each_other(void)
{
    char biz_no[33];
    pointcard_rule rule = rule_of();
    pointcard_sale sale = sale_of(biz_no, FIRST + 20);
    open_at(MONDAY_AFTERNOON);
    sale.amount_fen = 1000;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "sale.amount_fen",
               pointcard_accrue(&till, &sale, NULL));
    sale.rule = &rule;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "sale.amount_fen",
               pointcard_accrue(&till, &sale, NULL));
    sale.amount_fen = 0;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "sale.amount_fen",
               pointcard_accrue(&till, &sale, NULL));
    sale.points = 0, sale.rule = NULL, sale.amount_fen = 1000;
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "sale.rule", pointcard_accrue(&till, &sale, NULL));
    sale.rule = &rule, sale.amount_fen = 1000001000ull;
    CHECK_SAYS(&till, POINTCARD_ERR_RANGE, "sale.amount_fen",
               pointcard_accrue(&till, &sale, NULL));
    rule.per_fen = 0;
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "rule.per_fen", pointcard_accrue(&till, &sale, NULL));
    CHECK_EQ(queue_of(&till).waiting, 0);
    close_till();
}

static void test_a_repeat_with_other_texts_is_still_a_conflict(void)
{
    char biz_no[33];
    pointcard_rule rule = rule_of();
    pointcard_sale sale = sale_of(biz_no, FIRST + 30);
    open_at(MONDAY_AFTERNOON);
    CHECK_EQ(pay(&rule, FIRST + 30, 4000).points, 12);
    sale.points = 0, sale.amount_fen = 4000, sale.rule = &rule;
    sale.user_id = "2088000000000000";
    CHECK_CALL(&till, POINTCARD_ERR_CONFLICT, pointcard_accrue(&till, &sale, NULL));
    drain(&till);
    credited(FIRST + 30, 12);
    close_till();
}

static void test_a_batch_wants_points(void)
{
    static uint8_t room[POINTCARD_BATCH_ROOM];
    char biz_no[33];
    pointcard_rule rule = rule_of();
    pointcard_sale sale = sale_of(biz_no, FIRST + 40);
    open_at(MONDAY_AFTERNOON);
    sale.points = 0, sale.amount_fen = 4000, sale.rule = &rule;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "sale.rule",
               pointcard_accrue_batch(&till, &sale, 1, NULL, room, sizeof room));
    CHECK_EQ(queue_of(&till).waiting, 0);
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_points_follow_the_rule);
    RUN(test_rules_that_cannot_be_are_named);
    RUN(test_a_sale_by_amount_gets_its_points);
    RUN(test_the_day_s_cap_holds_and_a_repeat_is_not_counted);
    RUN(test_points_and_amount_exclude_each_other);
    RUN(test_a_repeat_with_other_texts_is_still_a_conflict);
    RUN(test_a_batch_wants_points);
    return 0;
}
