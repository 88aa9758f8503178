/* check.h - what every C test needs of a test framework: say where, and fail the process. */
#ifndef CHECK_H
#define CHECK_H

#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *check_running = "main";

#define CHECK_FAIL(...) \
    do { \
        fflush(stdout); \
        fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, check_running); \
        fprintf(stderr, __VA_ARGS__); \
        fputc('\n', stderr); \
        exit(1); \
    } while (0)

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            CHECK_FAIL("%s", #condition); \
        } \
    } while (0)

#define CHECK_EQ(found, wanted) \
    do { \
        long long check_found = (long long)(found), check_wanted = (long long)(wanted); \
        if (check_found != check_wanted) { \
            CHECK_FAIL("%s is %lld, not %lld", #found, check_found, check_wanted); \
        } \
    } while (0)

#define CHECK_STR(found, wanted) \
    do { \
        const char *check_found = (found), *check_wanted = (wanted); \
        if (strcmp(check_found, check_wanted) != 0) { \
            CHECK_FAIL("%s is \"%s\", not \"%s\"", #found, check_found, check_wanted); \
        } \
    } while (0)

/* The call returns `wanted`; a surprise is told with the client's own words. */
#define CHECK_CALL(client, wanted, call) check_call(__FILE__, __LINE__, client, wanted, call, #call)

/* The call returns `wanted`, and the detail says so of `what`. */
#define CHECK_SAYS(client, wanted, what_, call) \
    do { \
        pointcard_detail check_detail = POINTCARD_DETAIL_INIT; \
        CHECK_CALL(client, wanted, call); \
        CHECK_EQ(pointcard_last_detail(client, &check_detail), POINTCARD_OK); \
        CHECK_EQ(check_detail.status, wanted); \
        CHECK_STR(check_detail.what, what_); \
        CHECK(strncmp(check_detail.text, what_, strlen(what_)) == 0); \
    } while (0)

#define RUN(test) \
    do { \
        check_running = #test; \
        test(); \
        printf("ok %s\n", #test); \
        fflush(stdout); \
    } while (0)

static inline void check_call(const char *file, int line, pointcard_client *client,
                              pointcard_status wanted, pointcard_status found, const char *call)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    if (found == wanted) {
        return;
    }
    if (client == NULL || pointcard_last_detail(client, &detail) != POINTCARD_OK) {
        strcpy(detail.text, "(no detail)");
    }
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s: %s is %d (%s), not %d (%s); detail: %s\n", file, line,
            check_running, call, (int)found, pointcard_status_text(found), (int)wanted,
            pointcard_status_text(wanted), detail.text);
    exit(1);
}

#endif
