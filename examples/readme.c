#include <pointcard.h>
#include <stdio.h>
#include <stdlib.h>
static pointcard_client till; /* the caller owns all memory; nothing is freed */
static pointcard_file store;

int main(void)
{
    pointcard_config cfg = POINTCARD_CONFIG_INIT;
    cfg.gateway = getenv("GATEWAY");                      /* unset: production */
    cfg.app_id = "2016100900000001";
    cfg.private_key = getenv("APP_PRIVATE_KEY");          /* PEM or one line of base64 */
    cfg.alipay_public_key = getenv("ALIPAY_PUBLIC_KEY");  /* from the console */
    cfg.activity_account = "39201608190015500100016011040139";
    cfg.storage = pointcard_file_storage(&store, "points.queue", 1u << 20);
    if (pointcard_init(&till, &cfg) != POINTCARD_OK) return 1;

    /* The shopper has paid. Works offline; durable when this returns. */
    pointcard_sale sale = POINTCARD_SALE_INIT;
    sale.user_id = "2088123412341234";
    sale.biz_no = "2016082221001004150200139999";
    sale.points = 10;
    if (pointcard_accrue(&till, &sale, NULL) != POINTCARD_OK) return 1;

    /* When the line is idle, on any thread. */
    pointcard_report report = POINTCARD_REPORT_INIT;
    if (pointcard_sync(&till, 2000, &report) != POINTCARD_OK) return 1;
    printf("%u credited, %u waiting\n", (unsigned)report.accepted, (unsigned)report.waiting);
    return pointcard_close(&till);
}
