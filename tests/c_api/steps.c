/* steps.c - the step calls with a transport of the integrator's own: POSIX sockets, HTTP by hand. */
#include "step.h"

static void test_steps_nothing_waits_at_first(void)
{
    pointcard_request request, same;
    uint32_t wait = 77;
    memset(&request, 0xA5, sizeof request);
    memcpy(&same, &request, sizeof request);
    CHECK_CALL(&till, POINTCARD_IDLE,
               pointcard_next_request(&till, buf, sizeof buf, &request, &wait));
    CHECK_EQ(wait, 0);
    CHECK(memcmp(&request, &same, sizeof request) == 0);
}

static void test_steps_a_sale_is_credited(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request;
    pointcard_response response;
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    char biz_no[33];
    pointcard_sale sale = sale_of(biz_no, 1);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_accrue(&till, &sale, &ticket));
    request = next_request();
    CHECK_EQ(queue_of(&till).sent_unknown, 1); /* "sent" is durable before a byte leaves */
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(outcome.status, POINTCARD_OK);
    CHECK_EQ(outcome.attempts, 1);
    CHECK_EQ(outcome.points, 10);
    CHECK_EQ(outcome.seq, ticket.seq);
    CHECK_STR(outcome.req_id, ticket.req_id);
    CHECK(outcome.point_log_no[0] != '\0');
    CHECK_EQ(queue_of(&till).points, 0);
    sold(1);
}

static void test_steps_one_exchange_at_a_time(void)
{
    pointcard_request request, second;
    pointcard_report report = POINTCARD_REPORT_INIT;
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    pointcard_response response;
    static uint8_t other[POINTCARD_REQUEST_MAX];
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 2));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 3));
    request = next_request();
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_next_request(&till, other, sizeof other, &second, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_query_request(&till, SHOPPER, NULL, other, sizeof other, &second));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange", pointcard_sync(&till, 1000, &report));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_query_balance(&till, SHOPPER, NULL, 1000, &balance));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 4)); /* selling goes on */
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, NULL));
    sold(2);
}

static void test_steps_only_the_exchange_under_way_can_be_ended(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT, same = outcome;
    pointcard_response response;
    pointcard_request request = next_request();
    response = post(&request);
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_response(&till, request.exchange + 1, &response, &outcome));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_response(&till, request.exchange - 1, &response, &outcome));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_response(&till, 0, &response, &outcome));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_transport_error(&till, 0, 0, 0, &outcome));
    CHECK(memcmp(&outcome, &same, sizeof outcome) == 0);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange", /* twice */
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    sold(3);
}

static void test_steps_an_answer_after_a_transport_error_is_too_late(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_response response;
    pointcard_request request = next_request();
    uint32_t wait = 0;
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_transport_error(&till, request.exchange, 0, 110, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
    CHECK_EQ(outcome.status, POINTCARD_ERR_UNKNOWN);
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_STR(detail.what, "transport");
    CHECK_EQ(detail.port, 110);
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(queue_of(&till).sent_unknown, 1);
    if (outcome.retry_in_ms > 1000) { /* the line waits */
        CHECK_CALL(&till, POINTCARD_IDLE,
                   pointcard_next_request(&till, buf, sizeof buf, &request, &wait));
        CHECK(wait > 0 && wait <= outcome.retry_in_ms);
    }
    let_time_pass();
    request = next_request(); /* again, with the same req_id: the gateway answers as before */
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(outcome.attempts, 2);
    sold(4);
}

static void test_steps_what_was_not_sent_leaves_no_doubt(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 5));
    request = next_request();
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_transport_error(&till, request.exchange, 1, 0, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_DEFERRED);
    CHECK_EQ(outcome.status, POINTCARD_ERR_TRANSPORT);
    CHECK_EQ(queue_of(&till).sent_unknown, 0);
    CHECK_EQ(queue_of(&till).waiting, 1);
    let_time_pass();
    request = next_request();
    {
        pointcard_response response = post(&request);
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_response(&till, request.exchange, &response, &outcome));
    }
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(outcome.attempts, 1); /* what did not leave was no attempt */
    sold(5);
}

static void test_steps_a_signed_refusal_is_a_dead_letter(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    pointcard_cursor cursor = {{0}};
    pointcard_entry entry = POINTCARD_ENTRY_INIT;
    pointcard_request request;
    pointcard_response response;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 6));
    request = next_request();
    tell_sandbox(admin, "fault?kind=reject&sub_code=isv.test");
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_REJECTED);
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_STR(detail.code, "40004");
    CHECK_STR(detail.sub_code, "isv.test");
    CHECK_EQ(detail.authenticated, 1);
    CHECK_EQ(detail.http_status, 200);
    CHECK_EQ(queue_of(&till).dead, 1);
    while (pointcard_walk(&till, &cursor, &entry) == POINTCARD_OK && entry.seq != outcome.seq) {
    }
    CHECK_EQ(entry.state, POINTCARD_DEAD);
    CHECK_EQ(entry.uncertain, 0);
    CHECK_STR(entry.code, "40004");
    CHECK_STR(entry.sub_code, "isv.test");
    CHECK_STR(entry.user_id, SHOPPER);
    CHECK_STR(entry.shop_id, SHOP);
    CHECK_STR(entry.activity_account, ACCOUNT);
    CHECK_EQ(entry.created, now.unix_time);
}

static void test_steps_a_balance_is_asked_for(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request;
    pointcard_response response;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_query_request(&till, SHOPPER, NULL, buf, sizeof buf,
                                                            &request));
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(outcome.available_points, 50); /* sales 1 to 5 */
    CHECK_EQ(outcome.total_points, 50);
    CHECK_EQ(outcome.seq, 0);
    CHECK_STR(outcome.req_id, "");
}

static void test_steps_retry_after_is_kept(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request;
    pointcard_response response;
    uint32_t wait = 0;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 7));
    request = next_request();
    tell_sandbox(admin, "fault?kind=http_5xx&status=503&retry_after=30");
    response = post(&request);
    CHECK_EQ(response.retry_after_s, 30);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
    CHECK(outcome.retry_in_ms >= 30000 && outcome.retry_in_ms <= 39000);
    CHECK_CALL(&till, POINTCARD_IDLE, pointcard_next_request(&till, buf, sizeof buf, &request, &wait));
    CHECK(wait > 29000 && wait <= outcome.retry_in_ms);
    now.ms += wait;
    request = next_request();
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    sold(7);
}

/* The till dies between request and answer: the exchange is forgotten, the entry is not. */
static void test_steps_an_exchange_does_not_outlive_its_client(void)
{
    pointcard_request request;
    pointcard_response response;
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 8));
    request = next_request();
    response = post(&request);
    close_till();
    open_till(stepping(same_ram()));
    CHECK_EQ(queue_of(&till).sent_unknown, 1);
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               pointcard_on_response(&till, request.exchange, &response, NULL));
    request = next_request();
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, NULL));
    CHECK_EQ(queue_of(&till).points, 0);
    sold(8);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    open_till(stepping(new_ram()));
    RUN(test_steps_nothing_waits_at_first);
    RUN(test_steps_a_sale_is_credited);
    RUN(test_steps_one_exchange_at_a_time);
    RUN(test_steps_only_the_exchange_under_way_can_be_ended);
    RUN(test_steps_an_answer_after_a_transport_error_is_too_late);
    RUN(test_steps_what_was_not_sent_leaves_no_doubt);
    RUN(test_steps_a_signed_refusal_is_a_dead_letter);
    RUN(test_steps_a_balance_is_asked_for);
    RUN(test_steps_retry_after_is_kept);
    RUN(test_steps_an_exchange_does_not_outlive_its_client);
    close_till();
    return 0;
}
