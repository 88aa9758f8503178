/* file.c - a queue in a file: locked while it is open, by nobody once its process is dead. */
#include "till.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[1024];
static pointcard_file file, second_file;
static pointcard_client second;

static pointcard_config on_file(pointcard_file *memory)
{
    return config_on(pointcard_file_storage(memory, path, 1u << 20));
}

static void test_file_open_elsewhere_in_the_process_is_locked_at_once(void)
{
    pointcard_config config;
    path_of(path, sizeof path, "points.queue");
    open_till(on_file(&file));
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 100));
    config = on_file(&second_file);
    CHECK_EQ(config.storage.status, POINTCARD_ERR_LOCKED);
    CHECK_SAYS(&second, POINTCARD_ERR_LOCKED, "config.storage", pointcard_init(&second, &config));
    CHECK_EQ(queue_of(&till).waiting, 1); /* the first is not disturbed */
    close_till();
    config = on_file(&second_file);
    CHECK_CALL(&second, POINTCARD_OK, pointcard_init(&second, &config));
    CHECK_EQ(queue_of(&second).waiting, 1);
    CHECK_CALL(&second, POINTCARD_OK, pointcard_close(&second));
}

static void test_file_of_a_failed_init_is_not_locked(void)
{
    pointcard_config config = on_file(&file);
    config.app_id = NULL;
    CHECK_SAYS(&till, POINTCARD_ERR_MISSING, "config.app_id", pointcard_init(&till, &config));
    config = on_file(&file);
    config.flags = 1u << 30;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "config.flags", pointcard_init(&till, &config));
    open_till(on_file(&file));
    close_till();
}

/* A second process opens the file, sells, says so, and waits to be killed. */
static pid_t start_holder(int number)
{
    int pipe_ends[2];
    char ready = 0;
    pid_t child;
    CHECK_EQ(pipe(pipe_ends), 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(pipe_ends[0]);
        open_till(on_file(&file));
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, number));
        CHECK_EQ(write(pipe_ends[1], "r", 1), 1);
        for (;;) {
            pause();
        }
    }
    close(pipe_ends[1]);
    CHECK_EQ(read(pipe_ends[0], &ready, 1), 1);
    close(pipe_ends[0]);
    return child;
}

static void test_file_open_in_another_process_is_locked_until_that_is_killed(void)
{
    pointcard_config config;
    int how;
    pid_t holder = start_holder(101);
    config = on_file(&file);
    CHECK_EQ(config.storage.status, POINTCARD_ERR_LOCKED);
    CHECK_SAYS(&till, POINTCARD_ERR_LOCKED, "config.storage", pointcard_init(&till, &config));
    CHECK_EQ(kill(holder, SIGKILL), 0);
    CHECK_EQ(waitpid(holder, &how, 0), holder);
    open_till(on_file(&file)); /* a lock of the dead holds nobody up */
    CHECK_EQ(queue_of(&till).waiting, 2);
    drain(&till);
    sold(100);
    sold(101);
    close_till();
}

static void test_file_that_cannot_be_made_says_why(void)
{
    pointcard_config config = config_on(pointcard_file_storage(&file, "/nowhere/at/all", 1u << 20));
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    CHECK_EQ(config.storage.status, POINTCARD_ERR_STORAGE);
    CHECK_EQ(config.storage.port, 2); /* ENOENT */
    CHECK_SAYS(&till, POINTCARD_ERR_STORAGE, "config.storage", pointcard_init(&till, &config));
    CHECK_EQ(pointcard_last_detail(&till, &detail), POINTCARD_OK);
    CHECK_EQ(detail.port, 2);
    config = config_on(pointcard_file_storage(NULL, path, 1u << 20));
    CHECK_EQ(config.storage.status, POINTCARD_ERR_NULL);
    config = config_on(pointcard_file_storage(&file, NULL, 1u << 20));
    CHECK_EQ(config.storage.status, POINTCARD_ERR_NULL);
    config = config_on(pointcard_file_storage(&file, "bad\xff", 1u << 20));
    CHECK_EQ(config.storage.status, POINTCARD_ERR_ENCODING);
}

static void test_file_smaller_than_a_store_is_refused(void)
{
    static const uint32_t sizes[] = {0, 1, 511, 4096, 98303};
    char small[1024];
    size_t at;
    path_of(small, sizeof small, "small.queue");
    for (at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        pointcard_config config = config_on(pointcard_file_storage(&file, small, sizes[at]));
        pointcard_status status = pointcard_init(&till, &config);
        CHECK(status == POINTCARD_ERR_GEOMETRY || status == POINTCARD_ERR_RANGE);
        remove(small);
    }
    {
        pointcard_config config = config_on(pointcard_file_storage(&file, small, 131072));
        open_till(config); /* the least the header promises */
        CHECK_CALL(&till, POINTCARD_OK, sell(&till, 110));
        drain(&till);
        sold(110);
        close_till();
    }
}

static void test_file_of_a_power_safe_medium_holds_more(void)
{
    char safe[1024];
    uint32_t room, careful;
    path_of(safe, sizeof safe, "safe.queue");
    open_till(config_on(pointcard_file_storage_power_safe(&second_file, safe, 1u << 20)));
    room = queue_of(&till).room;
    close_till();
    open_till(on_file(&file));
    careful = queue_of(&till).room;
    close_till();
    CHECK(careful >= 140 && room >= 1800 && room > 8 * careful); /* what surely fits, unpacked */
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_file_open_elsewhere_in_the_process_is_locked_at_once);
    RUN(test_file_of_a_failed_init_is_not_locked);
    RUN(test_file_open_in_another_process_is_locked_until_that_is_killed);
    RUN(test_file_that_cannot_be_made_says_why);
    RUN(test_file_of_a_power_safe_medium_holds_more);
    RUN(test_file_smaller_than_a_store_is_refused);
    return 0;
}
