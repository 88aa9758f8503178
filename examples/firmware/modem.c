/* A modem that speaks HTTPS, on a serial line, as GPRS and Wi-Fi modules do.
 *
 * To the modem:    POST <bytes of URL> <bytes of content type> <bytes of body> <timeout in ms>\n
 *                  then the three, one after the other.
 * From the modem:  <result> <HTTP status> <Retry-After in s> <Date, seconds since 1970> <bytes>\n
 *                  then the body. Result: 0 an answer, 1 nothing was sent, else in doubt.
 *
 * The modem keeps the timeout; a line that is gone altogether is "in doubt". */
#include "modem.h"
#include "board.h"

enum { LINE_GONE = 2, NONSENSE = 3, TOO_LONG = 4 };

static int send(const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len > 0; at++, len--)
        if (board_modem_out(*at) != 0)
            return -1;
    return 0;
}

static int send_number(uint32_t number, char end)
{
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = end;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return send(digits + at, sizeof digits - at);
}

/* A decimal number and the character after it. */
static int receive_number(uint64_t *number, char end)
{
    *number = 0;
    for (;;) {
        const int byte = board_modem_in();
        if (byte == end)
            return 0;
        if (byte < '0' || byte > '9' || *number > UINT32_MAX * 100ull)
            return -1;
        *number = *number * 10 + (uint64_t)(byte - '0');
    }
}

static int send_request(const pointcard_request *request, uint32_t timeout_ms)
{
    size_t type_len = 0;
    while (request->content_type[type_len] != '\0')
        type_len++;
    return send("POST ", 5) || send_number((uint32_t)request->url_len, ' ') ||
           send_number((uint32_t)type_len, ' ') ||
           send_number((uint32_t)request->body_len, ' ') || send_number(timeout_ms, '\n') ||
           send(request->url, request->url_len) || send(request->content_type, type_len) ||
           send(request->body, request->body_len);
}

static int32_t receive_body(pointcard_response *response, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        const int byte = board_modem_in();
        if (byte < 0)
            return LINE_GONE;
        if (i < response->body_cap)
            response->body[i] = (uint8_t)byte;
    }
    if (len > response->body_cap)
        return TOO_LONG;
    response->body_len = (size_t)len;
    return 0;
}

static int32_t exchange(void *ctx, const pointcard_request *request, pointcard_response *response,
                        uint32_t timeout_ms)
{
    uint64_t result, status, retry_after, date, len;
    (void)ctx;
    if (send_request(request, timeout_ms) != 0)
        return LINE_GONE;
    if (receive_number(&result, ' ') || receive_number(&status, ' ') ||
        receive_number(&retry_after, ' ') || receive_number(&date, ' ') ||
        receive_number(&len, '\n'))
        return NONSENSE;
    if (result != 0)
        return result == 1 ? POINTCARD_NOT_SENT : LINE_GONE;
    response->http_status = (uint16_t)status;
    response->retry_after_s = (uint32_t)retry_after;
    response->date = date;
    return receive_body(response, len);
}

pointcard_transport modem_line(void)
{
    pointcard_transport port = { 0 };
    port.exchange = exchange;
    return port;
}
