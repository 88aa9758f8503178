/* answers.c - answers that are none: one entry meets them all, and is never settled by them. */
#include "step.h"

/* Hostile answers to one entry: never settled, never refused, always repeated. */
static void test_answers_that_are_hostile_are_unknown(void)
{
    static const char *const texts[] = {
        "", "{", "}", "null", "[]", "{}", "0", "\"x\"", "\xff\xfe\xfd",
        "{\"koubei_marketing_tool_points_update_response\":{\"code\":\"10000\"}}",
        "{\"koubei_marketing_tool_points_update_response\":{\"code\":\"10000\"},\"sign\":\"AAAA\"}",
        "{\"koubei_marketing_tool_points_update_response\":{},"
        "\"koubei_marketing_tool_points_update_response\":{},\"sign\":\"\"}",
        "{\"koubei_marketing_tool_points_update_response\":\"secret\",\"sign\":\"AAAA\"}",
        "{\"error_response\":{\"code\":\"40002\",\"sub_code\":\"isv.invalid-app-id\"}}",
        "<html>please log in</html>",
    };
    size_t at;
    for (at = 0; at < sizeof texts / sizeof *texts; at++) {
        pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
        pointcard_request request = next_request();
        pointcard_response response = saying(texts[at]);
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_response(&till, request.exchange, &response, &outcome));
        CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
        CHECK(outcome.status < 0 && outcome.point_log_no[0] == '\0');
        CHECK_EQ(queue_of(&till).sent_unknown, 1);
        let_time_pass();
    }
}

static void test_answers_nested_long_and_garbage_are_unknown(void)
{
    static char deep[POINTCARD_ANSWER_MAX + 2];
    uint32_t seed = 1;
    int round, rounds = quick ? 20 : 400;
    for (round = 0; round < rounds; round++) {
        pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
        pointcard_request request = next_request();
        pointcard_response response = saying("");
        size_t at;
        for (at = 0; at < sizeof deep; at++) {
            seed = seed * 1664525u + 1013904223u;
            deep[at] = round == 0 ? '[' : round == 1 ? '{' : "{}[]\":,\\u0a1e\xe6"[seed >> 28];
        }
        response.body = (uint8_t *)deep;
        response.body_len = round == 2 ? 0 : POINTCARD_ANSWER_MAX - (size_t)(seed >> 22);
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_response(&till, request.exchange, &response, &outcome));
        CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
        let_time_pass();
    }
}

/* The right answer, padded with white space beyond the limit: a longer one is no answer, and a
 * length that cannot be is not believed. */
static void test_answers_longer_than_the_limit_are_none(void)
{
    static const size_t lengths[] = {POINTCARD_ANSWER_MAX + 1, SIZE_MAX / 2, SIZE_MAX};
    size_t at;
    for (at = 0; at < 3; at++) {
        pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
        pointcard_request request = next_request();
        pointcard_response response = post(&request);
        memset(answer.body + answer.len, ' ', sizeof answer.body - answer.len);
        response.body_len = lengths[at];
        CHECK_CALL(&till, POINTCARD_OK,
                   pointcard_on_response(&till, request.exchange, &response, &outcome));
        CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
        let_time_pass();
    }
    sold(1); /* the gateway has booked it at the first of them */
}

static void test_answers_with_a_length_and_no_body_are_refused(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request = next_request();
    pointcard_response response = saying("");
    response.body = NULL;
    response.body_len = 12;
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "response",
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    response.body_len = 0; /* no body is an answer without one */
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_UNKNOWN);
    let_time_pass();
}

/* An entry with attempts of unknown end is refused: nobody can tell, and a person must look. */
static void test_answers_that_refuse_after_doubt_are_uncertain(void)
{
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_request request = next_request();
    pointcard_response response;
    tell_sandbox(admin, "fault?kind=reject&sub_code=isv.test");
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_UNCERTAIN);
    CHECK_EQ(outcome.status, POINTCARD_ERR_UNCERTAIN);
    CHECK(outcome.attempts > 1);
    CHECK_EQ(queue_of(&till).dead, 1);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    open_till(stepping(new_ram()));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 1));
    RUN(test_answers_that_are_hostile_are_unknown);
    RUN(test_answers_nested_long_and_garbage_are_unknown);
    RUN(test_answers_longer_than_the_limit_are_none);
    RUN(test_answers_with_a_length_and_no_body_are_refused);
    RUN(test_answers_that_refuse_after_doubt_are_uncertain);
    close_till();
    return 0;
}
