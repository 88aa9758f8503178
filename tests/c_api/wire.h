/* wire.h - HTTP/1.1 by hand over POSIX sockets: the transport an integrator would write. */
#ifndef WIRE_H
#define WIRE_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct answer {
    int status;
    uint32_t retry_after;
    size_t len;
    char body[8192];
};

/* 0 = an answer came, 1 = nothing was sent, 2 = in doubt. */
static inline int http_post(const char *url, const char *type, const void *body, size_t len,
                            uint32_t timeout_ms, struct answer *answer)
{
    static const char *const format = "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: %s\r\n"
                                      "Content-Length: %u\r\nConnection: close\r\n\r\n";
    char host[64], head[8192], all[12288];
    const char *path, *colon, *end;
    size_t have = 0;
    struct sockaddr_in to;
    struct timeval patience;
    int port, line, wrote, fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && strncmp(url, "http://", 7) == 0);
    path = strchr(url + 7, '/');
    colon = strchr(url + 7, ':');
    CHECK(path != NULL && colon != NULL && colon < path);
    snprintf(host, sizeof host, "%.*s", (int)(colon - url - 7), url + 7);
    port = atoi(colon + 1);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)port);
    CHECK_EQ(inet_pton(AF_INET, host, &to.sin_addr), 1);
    patience.tv_sec = timeout_ms / 1000;
    patience.tv_usec = (timeout_ms % 1000) * 1000;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return 1;
    }
    wrote = snprintf(head, sizeof head, format, path, host, port, type, (unsigned)len);
    CHECK(wrote > 0 && (size_t)wrote < sizeof head);
    if (send(fd, head, (size_t)wrote, MSG_NOSIGNAL) != wrote ||
        (len != 0 && send(fd, body, len, MSG_NOSIGNAL) != (ssize_t)len)) {
        close(fd);
        return 2;
    }
    for (;;) {
        ssize_t more = recv(fd, all + have, sizeof all - 1 - have, 0);
        if (more < 0) {
            close(fd);
            return 2;
        }
        if (more == 0) {
            break;
        }
        have += (size_t)more;
    }
    close(fd);
    all[have] = '\0';
    end = strstr(all, "\r\n\r\n");
    if (end == NULL || sscanf(all, "HTTP/1.1 %d", &line) != 1) {
        return 2;
    }
    answer->status = line;
    answer->retry_after = 0;
    {
        char *found = strstr(all, "\r\nretry-after: ");
        if (found != NULL && found < end) {
            answer->retry_after = (uint32_t)strtoul(found + 15, NULL, 10);
        }
        found = strstr(all, "\r\ncontent-length: ");
        answer->len = have - (size_t)(end + 4 - all);
        if (found != NULL && strtoul(found + 18, NULL, 10) > answer->len) {
            return 2; /* it broke off */
        }
    }
    CHECK(answer->len < sizeof answer->body);
    memcpy(answer->body, end + 4, answer->len);
    answer->body[answer->len] = '\0';
    return 0;
}

/* A transport over it. `ctx` counts the exchanges, or is NULL. */
static inline int32_t http_exchange(void *ctx, const pointcard_request *request,
                                    pointcard_response *response, uint32_t timeout_ms)
{
    static struct answer answer; /* one exchange at a time */
    int failed;
    CHECK(request->url[request->url_len] == '\0' && strlen(request->url) == request->url_len);
    CHECK_EQ(request->exchange, 0);
    if (ctx != NULL) {
        ++*(int *)ctx;
    }
    failed = http_post(request->url, request->content_type, request->body, request->body_len,
                       timeout_ms, &answer);
    if (failed != 0) {
        return failed == 1 ? POINTCARD_NOT_SENT : -7;
    }
    CHECK(answer.len <= response->body_cap);
    memcpy(response->body, answer.body, answer.len);
    response->body_len = answer.len;
    response->http_status = (uint16_t)answer.status;
    response->retry_after_s = answer.retry_after;
    return 0;
}

/* Tells the sandbox what goes wrong with the next request: "fault?kind=drop&booked=true". */
static inline void tell_sandbox(const char *admin_url, const char *wish)
{
    char url[512];
    struct answer answer;
    snprintf(url, sizeof url, "%s/%s", admin_url, wish);
    CHECK_EQ(http_post(url, "text/plain", "", 0, 5000, &answer), 0);
    CHECK_EQ(answer.status, 200);
}

#endif
