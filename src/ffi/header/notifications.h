/** The whole answer to a notification that is stored: HTTP 200, these 7 bytes, nothing around them.
 * Anything else is delivered again, up to 8 times in 25 hours. (Alipay's page on asynchronous
 * notifications.) */
#define POINTCARD_NOTIFY_REPLY "success"
/** The answer to one that is not stored: it will come again. */
#define POINTCARD_NOTIFY_REPLY_FAIL "fail"

#define POINTCARD_NOTIFICATION_IN_INIT POINTCARD_INIT_(pointcard_notification_in)
#define POINTCARD_NOTIFICATION_INIT POINTCARD_INIT_(pointcard_notification)
