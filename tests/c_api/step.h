/* step.h - one step after the other, over a socket of the integrator's own. */
#ifndef STEP_H
#define STEP_H

#include "till.h"
#include "wire.h"

static uint8_t buf[POINTCARD_REQUEST_MAX];
static struct answer answer;
static struct clock now = {1000, 1790000000};

static inline pointcard_config stepping(pointcard_storage storage)
{
    pointcard_config config = config_on(storage);
    config.clock = clock_of(&now);
    return config;
}

static inline pointcard_request next_request(void)
{
    pointcard_request request;
    CHECK_CALL(&till, POINTCARD_OK, pointcard_next_request(&till, buf, sizeof buf, &request, NULL));
    CHECK(request.url == (const char *)buf && request.url[request.url_len] == '\0');
    CHECK(request.body > buf && request.body + request.body_len <= buf + sizeof buf);
    CHECK_STR(request.content_type, "application/x-www-form-urlencoded;charset=utf-8");
    return request;
}

static inline pointcard_response post(const pointcard_request *request)
{
    pointcard_response response;
    memset(&response, 0, sizeof response);
    CHECK_EQ(http_post(request->url, request->content_type, request->body, request->body_len, 5000,
                       &answer), 0);
    response.body = (uint8_t *)answer.body;
    response.body_len = answer.len;
    response.http_status = (uint16_t)answer.status;
    response.retry_after_s = answer.retry_after;
    return response;
}

/* An answer that is just this text. */
static inline pointcard_response saying(const char *text)
{
    pointcard_response response;
    memset(&response, 0, sizeof response);
    snprintf(answer.body, sizeof answer.body, "%s", text);
    response.body = (uint8_t *)answer.body;
    response.body_len = strlen(text);
    response.http_status = 200;
    return response;
}

/* Nothing is due for a while, then all of it is. */
static inline void let_time_pass(void)
{
    now.ms += 3600 * 1000;
}

#endif
