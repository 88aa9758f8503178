/* checkout.c - one sale at a till: record the points, show the receipt line, try to send.
 *
 *   checkout KEYS QUEUE GATEWAY USER_ID BIZ_NO POINTS
 *
 * KEYS is a folder with app_private_key.txt (yours) and alipay_public_key.txt (from the console).
 * Works without a network: the sale is recorded, and sent by a later run. `make checkout` runs it
 * against the sandbox. Exit code: 0 recorded, 1 not recorded, 2 wrong use.
 */
#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>

static pointcard_client till; /* the caller owns all memory; nothing is freed */
static pointcard_file store;
static char app_key[8192], alipay_key[8192];

static int explain(const char *doing)
{
    pointcard_detail detail = POINTCARD_DETAIL_INIT;
    if (pointcard_last_detail(&till, &detail) == POINTCARD_OK) {
        fprintf(stderr, "%s: %s\n", doing, detail.text);
    }
    return 1;
}

static int read_text(const char *folder, const char *name, char *text, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 0;
    }
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "use: checkout KEYS QUEUE GATEWAY USER_ID BIZ_NO POINTS\n");
        return 2;
    }
    if (!read_text(argv[1], "app_private_key.txt", app_key, sizeof app_key) ||
        !read_text(argv[1], "alipay_public_key.txt", alipay_key, sizeof alipay_key)) {
        return 2;
    }

    /* Once, when the till starts. */
    pointcard_config config = POINTCARD_CONFIG_INIT;
    config.gateway = argv[3];
    config.app_id = "2016100900000001";
    config.private_key = app_key;
    config.alipay_public_key = alipay_key;
    config.activity_account = "39201608190015500100016011040139";
    config.shop_id = "2016041200077000000003277104";
    config.storage = pointcard_file_storage(&store, argv[2], 1u << 20);
    if (pointcard_init(&till, &config) != POINTCARD_OK) {
        return explain("init");
    }

    /* The shopper has paid. */
    pointcard_sale sale = POINTCARD_SALE_INIT;
    sale.user_id = argv[4];
    sale.biz_no = argv[5];
    sale.points = (uint32_t)strtoul(argv[6], NULL, 10);
    sale.memo = "消费集点";
    pointcard_ticket ticket = POINTCARD_TICKET_INIT;
    pointcard_status status = pointcard_accrue(&till, &sale, &ticket);
    if (status != POINTCARD_OK) {
        explain("accrue");
        pointcard_close(&till);
        return 1;
    }
    printf("%u points, receipt %s%s\n", (unsigned)sale.points, ticket.req_id,
           ticket.duplicate ? " (recorded before)" : "");

    /* When the line is idle. */
    pointcard_report report = POINTCARD_REPORT_INIT;
    if (pointcard_sync(&till, 2000, &report) != POINTCARD_OK) {
        explain("sync");
    } else if (report.waiting != 0) {
        printf("%u sales wait for the line\n", (unsigned)report.waiting);
        explain("the line");
    } else {
        printf("sent: %u accepted, %u refused\n", (unsigned)report.accepted,
               (unsigned)(report.rejected + report.uncertain));
    }

    /* What the shopper has now. */
    pointcard_balance balance = POINTCARD_BALANCE_INIT;
    if (pointcard_query_balance(&till, argv[4], NULL, 3000, &balance) == POINTCARD_OK) {
        printf("balance %llu, and %llu on their way\n",
               (unsigned long long)balance.available_points,
               (unsigned long long)balance.waiting_points);
    }
    pointcard_close(&till);
    return 0;
}
