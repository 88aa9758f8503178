/* Stub: the line to the gateway. Copy, and put your HTTPS client where board_https_post stands.
 *
 * Called without the client's lock, on the thread that syncs or asks for a balance; it may block up
 * to timeout_ms and no longer. TLS with a verified certificate is yours to do: an answer that came
 * another way settles nothing for sure.
 *
 * Returns 0 for any HTTP answer, whatever its status; POINTCARD_NOT_SENT only when certainly no
 * byte of the request left; any other number when in doubt. When unsure, be in doubt: "not sent"
 * makes a later refusal final. */
#include "ports.h"

enum { IN_DOUBT = 2, TOO_LONG = 3 };

static int32_t post(void *ctx, const pointcard_request *request, pointcard_response *response,
                    uint32_t timeout_ms)
{
    board_answer answer = { 0 };
    const int connected = board_https_connect(ctx, request->url, timeout_ms);
    if (!connected)
        return POINTCARD_NOT_SENT;
    answer.body = response->body;
    answer.cap = response->body_cap;
    if (board_https_post(ctx, request, &answer, timeout_ms) != 0)
        return IN_DOUBT;
    if (answer.len > response->body_cap)
        return TOO_LONG; /* half an answer is no answer */
    response->body_len = answer.len;
    response->http_status = answer.status;
    response->retry_after_s = answer.retry_after_s; /* the header in seconds; 0 = none */
    response->date = answer.date;                   /* the Date header; 0 = none */
    return 0;
}

pointcard_transport port_transport(void *modem)
{
    pointcard_transport port = { 0 };
    port.ctx = modem;
    port.exchange = post;
    return port;
}
