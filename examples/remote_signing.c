/* remote_signing.c - the key stays in the software house, and the till holds none.
 *
 *   remote_signing house KEY_FILE APP_ID
 *       the house's server: signs what comes over a socket of this machine, if it is its own
 *   remote_signing till APP_PUBLIC_KEY ALIPAY_PUBLIC_KEY APP_ID GATEWAY PORT USER_ID BIZ_NO POINTS
 *       a till: records one sale, has it signed by the house at PORT, sends it
 *
 * A stolen till gives away no key: what it can do, it can do only while the house signs for it. In
 * earnest the two talk over TLS, and the house knows which till asks. The house signs with the
 * openssl command here; a server of yours will use its HSM.
 */
#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRING_MAX POINTCARD_REQUEST_MAX

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 1;
}

/* ---- Both -------------------------------------------------------------------------------- */

static struct sockaddr_in here(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int dial(int port)
{
    struct sockaddr_in to = here(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int send_all(int fd, const void *bytes, size_t len)
{
    const char *rest = (const char *)bytes;
    while (len > 0) {
        ssize_t sent = send(fd, rest, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return -1;
        }
        rest += sent;
        len -= (size_t)sent;
    }
    return 0;
}

/* Everything the other side says before it stops; -1 when it breaks off or says too much. */
static long receive_all(int fd, char *to, size_t cap)
{
    size_t have = 0;
    for (;;) {
        ssize_t more = recv(fd, to + have, cap - have, 0);
        if (more == 0) {
            return (long)have;
        }
        if (more < 0 || (size_t)more == cap - have) {
            return -1;
        }
        have += (size_t)more;
    }
}

static int read_file(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    text[fread(text, 1, cap - 1, file)] = '\0';
    fclose(file);
    return 0;
}

/* ---- The house --------------------------------------------------------------------------- */

/* Whether a till of ours may have this string signed. Values stand raw in it, so it is read from
 * its two ends, where nothing a till writes can stand: sorted by name, the parameters before
 * biz_content are ours, those behind it are fixed but for the time. (Longer ones, with a token or
 * an address, a house of many merchants will check the same way.) */
static int is_ours(const char *string, size_t len, const char *app_id)
{
    static const char *const methods[] = {"koubei.marketing.tool.points.update",
                                          "koubei.marketing.tool.points.query"};
    static const char version[] = "&version=1.0";
    char head[128], tail[256];
    size_t head_len, tail_len, at;
    head_len = (size_t)snprintf(head, sizeof head, "app_id=%s&biz_content={", app_id);
    for (at = 0; at < sizeof methods / sizeof *methods; at++) {
        const char *end, *time;
        tail_len = (size_t)snprintf(tail, sizeof tail,
                                    "}&charset=utf-8&format=JSON&method=%s&sign_type=RSA2"
                                    "&timestamp=", methods[at]);
        if (len < head_len + tail_len + 19 + sizeof version - 1) {
            continue;
        }
        end = string + len - (sizeof version - 1);
        time = end - 19;
        if (memcmp(string, head, head_len) == 0 && memcmp(time - tail_len, tail, tail_len) == 0 &&
            memcmp(end, version, sizeof version - 1) == 0 &&
            strspn(time, "0123456789-: ") >= 19) {
            return 1;
        }
    }
    return 0;
}

/* Base64 of the signature into `out`; its length, or -1. */
static long sign(const char *key_file, const char *string, size_t len, char *out, size_t cap)
{
    char path[] = "/tmp/to-sign-XXXXXX", command[2048];
    FILE *pipe;
    long got = -1;
    int fd = mkstemp(path);
    if (fd < 0) {
        return -1;
    }
    snprintf(command, sizeof command,
             "openssl dgst -sha256 -sign '%s' '%s' | openssl base64 -A", key_file, path);
    if (write(fd, string, len) == (ssize_t)len && (pipe = popen(command, "r")) != NULL) {
        got = (long)fread(out, 1, cap, pipe);
        if (pclose(pipe) != 0 || got == 0) {
            got = -1;
        }
    }
    close(fd);
    unlink(path);
    return got;
}

static void serve_one(int fd, const char *key_file, const char *app_id)
{
    static char string[STRING_MAX];
    char signature[1024];
    long len = receive_all(fd, string, sizeof string - 1), signed_len = -1;
    if (len >= 0) {
        string[len] = '\0';
        if (is_ours(string, (size_t)len, app_id)) {
            signed_len = sign(key_file, string, (size_t)len, signature, sizeof signature);
        }
    }
    /* No words for a refusal: the till learns nothing but that there is no signature. */
    if (signed_len > 0 && send_all(fd, signature, (size_t)signed_len) != 0) {
        fprintf(stderr, "a till hung up\n");
    }
}

static int house(const char *key_file, const char *app_id)
{
    struct sockaddr_in address = here(0);
    socklen_t size = sizeof address;
    int door = socket(AF_INET, SOCK_STREAM, 0);
    if (door < 0 || bind(door, (struct sockaddr *)&address, size) != 0 || listen(door, 8) != 0 ||
        getsockname(door, (struct sockaddr *)&address, &size) != 0) {
        return fail("no socket to listen on");
    }
    printf("listening on %d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(door, NULL, NULL);
        if (fd >= 0) {
            serve_one(fd, key_file, app_id);
            close(fd);
        }
    }
}

/* ---- The till ---------------------------------------------------------------------------- */

static pointcard_client client;
static pointcard_ram ram;
static uint8_t medium[8 * 4096]; /* a real till gives it a file or flash */
static uint8_t buf[POINTCARD_REQUEST_MAX];

static void complain(const char *what)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    if (pointcard_last_detail(&client, &detail) == POINTCARD_OK) {
        fprintf(stderr, "%s: %s\n", what, detail.text);
    }
}

/* The house's signature of the string, or an empty text. */
static void ask_house(int port, const pointcard_to_sign *to_sign, char *signature, size_t cap)
{
    int fd = dial(port);
    long len = -1;
    if (fd >= 0) {
        if (send_all(fd, to_sign->bytes, to_sign->len) == 0 && shutdown(fd, SHUT_WR) == 0) {
            len = receive_all(fd, signature, cap - 1);
        }
        close(fd);
    }
    signature[len > 0 ? len : 0] = '\0';
}

/* Your modem or HTTPS client goes here. This one speaks plain HTTP, with a sandbox on this
 * machine. 0 = an answer came. */
static int post(const pointcard_request *request, pointcard_response *response)
{
    static char all[2 * POINTCARD_ANSWER_MAX];
    char head[POINTCARD_REQUEST_MAX];
    const char *colon = strchr(request->url + 7, ':'), *path, *body;
    int fd, len, status;
    long got = -1;
    if (strncmp(request->url, "http://127.0.0.1:", 17) != 0 || colon == NULL ||
        (path = strchr(colon, '/')) == NULL || (fd = dial(atoi(colon + 1))) < 0) {
        return -1;
    }
    len = snprintf(head, sizeof head,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n"
                   "Content-Length: %u\r\nConnection: close\r\n\r\n",
                   path, request->content_type, (unsigned)request->body_len);
    if (len > 0 && (size_t)len < sizeof head && send_all(fd, head, (size_t)len) == 0 &&
        send_all(fd, request->body, request->body_len) == 0) {
        got = receive_all(fd, all, sizeof all - 1);
    }
    close(fd);
    if (got < 0) {
        return -1;
    }
    all[got] = '\0';
    body = strstr(all, "\r\n\r\n");
    if (body == NULL || sscanf(all, "HTTP/1.1 %d", &status) != 1) {
        return -1;
    }
    memset(response, 0, sizeof *response);
    response->body = (uint8_t *)body + 4;
    response->body_len = (size_t)(all + got - body) - 4;
    response->http_status = (uint16_t)status;
    return 0;
}

/* Sends the entry whose string the house has signed. */
static int deliver(uint32_t exchange, const char *signature, unsigned points)
{
    pointcard_request request;
    pointcard_response response;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    pointcard_status status;
    if (pointcard_next_signed(&client, exchange, signature, buf, sizeof buf, &request) !=
        POINTCARD_OK) {
        /* Nothing was sent. The entry waits, and is asked for again later. */
        complain("the house's signature");
        if (pointcard_on_transport_error(&client, exchange, 1, 0, NULL) != POINTCARD_OK) {
            complain("giving up");
        }
        printf("not signed; 1 sale waits\n");
        return 1;
    }
    if (post(&request, &response) == 0) {
        status = pointcard_on_response(&client, request.exchange, &response, &outcome);
    } else {
        /* Some of it may have left: the entry is repeated with the same req_id. */
        status = pointcard_on_transport_error(&client, request.exchange, 0, 0, &outcome);
    }
    if (status != POINTCARD_OK || outcome.verdict != POINTCARD_ACCEPTED) {
        complain("sending");
        return 1;
    }
    printf("%u points credited, flow number %s\n", points, outcome.point_log_no);
    return 0;
}

static int till(char **argv)
{
    static char app_public[2048], alipay_public[2048];
    char signature[1024];
    pointcard_config config = POINTCARD_CONFIG_INIT;
    pointcard_sale sale = POINTCARD_SALE_INIT;
    pointcard_to_sign to_sign;
    if (read_file(argv[0], app_public, sizeof app_public) != 0 ||
        read_file(argv[1], alipay_public, sizeof alipay_public) != 0) {
        return fail("no key files");
    }
    memset(medium, 0xFF, sizeof medium);
    config.flags = POINTCARD_F_SIGN_ELSEWHERE;
    config.app_public_key = app_public; /* to check what the house returns */
    config.alipay_public_key = alipay_public;
    config.app_id = argv[2];
    config.gateway = argv[3];
    config.activity_account = "39201608190015500100016011040139";
    config.storage = pointcard_ram_storage(&ram, medium, sizeof medium, 4096);
    if (pointcard_init(&client, &config) != POINTCARD_OK) {
        complain("init");
        return 1;
    }
    sale.user_id = argv[5];
    sale.biz_no = argv[6];
    sale.points = (uint32_t)strtoul(argv[7], NULL, 10);
    if (pointcard_accrue(&client, &sale, NULL) != POINTCARD_OK ||
        pointcard_next_to_sign(&client, buf, sizeof buf, &to_sign, NULL) != POINTCARD_OK) {
        complain("sale");
        return 1;
    }
    ask_house(atoi(argv[4]), &to_sign, signature, sizeof signature);
    return deliver(to_sign.exchange, signature, (unsigned)sale.points);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "house") == 0) {
        return house(argv[2], argv[3]);
    }
    if (argc == 10 && strcmp(argv[1], "till") == 0) {
        return till(argv + 2);
    }
    return fail("use: remote_signing house KEY_FILE APP_ID\n"
                "     remote_signing till APP_PUBLIC_KEY ALIPAY_PUBLIC_KEY APP_ID GATEWAY PORT "
                "USER_ID BIZ_NO POINTS");
}
