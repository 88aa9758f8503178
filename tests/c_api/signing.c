/* signing.c - a client that holds no key: strings go out, signatures come back. The openssl command
 * is whoever holds the key. */
#include "step.h"

static pointcard_config keyless(void)
{
    pointcard_config config = stepping(new_ram());
    config.flags = POINTCARD_F_SIGN_ELSEWHERE;
    config.private_key = NULL;
    config.app_public_key = app_public;
    now.unix_time = (uint64_t)time(NULL);
    return config;
}

/* Base64 as the command prints it, in lines: what comes back is joined here. */
static const char *signature_of(const pointcard_to_sign *to_sign, const char *key)
{
    static char signature[1024];
    char path[1024], command[4096];
    FILE *file;
    path_of(path, sizeof path, "string.bin");
    file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(to_sign->bytes, 1, to_sign->len, file), to_sign->len);
    fclose(file);
    CHECK_EQ(to_sign->sign_type, POINTCARD_RSA2);
    snprintf(command, sizeof command,
             "openssl dgst -sha256 -sign '%s/%s' '%s' | openssl base64 -A", folder, key, path);
    file = popen(command, "r");
    CHECK(file != NULL);
    signature[fread(signature, 1, sizeof signature - 1, file)] = '\0';
    CHECK_EQ(pclose(file), 0);
    CHECK_EQ(strlen(signature), 344);
    return signature;
}

static pointcard_to_sign next_to_sign(void)
{
    pointcard_to_sign to_sign;
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_next_to_sign(&till, buf, sizeof buf, &to_sign, NULL));
    CHECK(to_sign.bytes >= buf && to_sign.bytes + to_sign.len <= buf + sizeof buf);
    CHECK(memcmp(to_sign.bytes, "app_id=" APP_ID "&biz_content={", 37) == 0);
    return to_sign;
}

static void test_signing_elsewhere_credits_a_sale(void)
{
    pointcard_to_sign to_sign;
    pointcard_request request;
    pointcard_response response;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    uint32_t wait = 77;
    const char *signature;
    open_till(keyless());
    CHECK_CALL(&till, POINTCARD_IDLE,
               pointcard_next_to_sign(&till, buf, sizeof buf, &to_sign, &wait));
    CHECK_EQ(wait, 0);
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 5000));
    to_sign = next_to_sign();
    CHECK_EQ(queue_of(&till).waiting, 1); /* nothing is sent yet */
    signature = signature_of(&to_sign, "app_private_key.txt");
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_next_signed(&till, to_sign.exchange, signature, buf, sizeof buf,
                                     &request));
    CHECK_EQ(request.exchange, to_sign.exchange);
    CHECK_EQ(queue_of(&till).sent_unknown, 1);
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_response(&till, request.exchange, &response, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_ACCEPTED);
    CHECK_EQ(outcome.attempts, 1);
    sold(5000);
    close_till();
}

static void test_signing_with_the_wrong_signature_sends_nothing(void)
{
    pointcard_to_sign to_sign;
    pointcard_request request, same;
    pointcard_outcome outcome = POINTCARD_OUTCOME_INIT;
    const char *signature;
    memset(&request, 0xA5, sizeof request);
    memcpy(&same, &request, sizeof same);
    open_till(keyless());
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 5001));
    to_sign = next_to_sign();
    signature = signature_of(&to_sign, "other_private_key.txt");
#define SIGNED(exchange, signature, cap) \
    pointcard_next_signed(&till, exchange, signature, buf, cap, &request)
    CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "signature",
               SIGNED(to_sign.exchange, signature, sizeof buf));
    CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "signature",
               SIGNED(to_sign.exchange, NULL, sizeof buf));
    CHECK_SAYS(&till, POINTCARD_ERR_MALFORMED, "signature",
               SIGNED(to_sign.exchange, "no base64", sizeof buf));
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "exchange",
               SIGNED(to_sign.exchange + 1, signature, sizeof buf));
    CHECK_SAYS(&till, POINTCARD_ERR_BUFFER_TOO_SMALL, "request",
               SIGNED(to_sign.exchange, signature, 100));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "buf",
               pointcard_next_signed(&till, to_sign.exchange, signature, NULL, 9, &request));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "request",
               pointcard_next_signed(&till, to_sign.exchange, signature, buf, sizeof buf, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_BUSY, "exchange",
               pointcard_next_to_sign(&till, buf, sizeof buf, &to_sign, NULL));
    CHECK(memcmp(&request, &same, sizeof same) == 0);
    CHECK_EQ(queue_of(&till).waiting, 1);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_on_transport_error(&till, to_sign.exchange, 1, 0, &outcome));
    CHECK_EQ(outcome.verdict, POINTCARD_DEFERRED);
    CHECK_EQ(outcome.attempts, 0);
    CHECK_EQ(queue_of(&till).waiting, 1);
    close_till();
}

static void test_signing_elsewhere_means_nothing_signs_here(void)
{
    pointcard_config config = keyless();
    pointcard_request request;
    pointcard_to_sign to_sign;
    config.transport.exchange = http_exchange;
    open_till(config);
    CHECK_CALL(&till, POINTCARD_OK, pointcard_sync(&till, 1000, NULL)); /* nothing to sign */
    CHECK_CALL(&till, POINTCARD_OK, sell(&till, 5002));
    CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "config.sign_elsewhere",
               pointcard_sync(&till, 1000, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_SIGNER, "config.sign_elsewhere",
               pointcard_next_request(&till, buf, sizeof buf, &request, NULL));
    CHECK_EQ(queue_of(&till).waiting, 1);
    close_till();
    config = keyless();
    config.private_key = app_key;
    CHECK_SAYS(&till, POINTCARD_ERR_ARGUMENT, "config.sign_elsewhere",
               pointcard_init(&till, &config));
    config = keyless();
    config.app_public_key = NULL;
    CHECK_CALL(&till, POINTCARD_ERR_MISSING, pointcard_init(&till, &config));
    open_till(stepping(new_ram()));
    CHECK_SAYS(&till, POINTCARD_ERR_UNSUPPORTED, "config.sign_elsewhere",
               pointcard_next_to_sign(&till, buf, sizeof buf, &to_sign, NULL));
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "to_sign",
               pointcard_next_to_sign(&till, buf, sizeof buf, NULL, NULL));
    close_till();
}

static void test_signing_elsewhere_serves_calls_too(void)
{
    static const char *const method = "koubei.marketing.tool.points.query";
    static const char *const json =
        "{\"user_id\":\"" SHOPPER "\",\"activity_account\":\"" ACCOUNT "\"}";
    pointcard_to_sign to_sign;
    pointcard_request request;
    pointcard_response response;
    pointcard_answer said = POINTCARD_ANSWER_INIT;
    const char *signature;
    char text[32];
    open_till(keyless());
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_to_sign(&till, method, json, NULL, buf, sizeof buf, &to_sign));
    signature = signature_of(&to_sign, "app_private_key.txt");
    CHECK_SAYS(&till, POINTCARD_ERR_CONFLICT, "exchange",
               pointcard_call_signed(&till, to_sign.exchange, method, "{}", NULL, signature, buf,
                                     sizeof buf, &request));
    CHECK_SAYS(&till, POINTCARD_ERR_CONFLICT, "method",
               pointcard_call_signed(&till, to_sign.exchange, "alipay.trade.query", json, NULL,
                                     signature, buf, sizeof buf, &request));
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_signed(&till, to_sign.exchange, method, json, NULL, signature, buf,
                                     sizeof buf, &request));
    response = post(&request);
    CHECK_CALL(&till, POINTCARD_OK,
               pointcard_call_answer(&till, request.exchange, &response, NULL, 0, &said));
    CHECK_EQ(said.status, POINTCARD_OK);
    CHECK_EQ(pointcard_answer_text(&said, "total_points", text, sizeof text, NULL), POINTCARD_OK);
    CHECK_STR(text, "10");
    CHECK_SAYS(&till, POINTCARD_ERR_NULL, "to_sign",
               pointcard_call_to_sign(&till, method, json, NULL, buf, sizeof buf, NULL));
    close_till();
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(test_signing_elsewhere_credits_a_sale);
    RUN(test_signing_with_the_wrong_signature_sends_nothing);
    RUN(test_signing_elsewhere_means_nothing_signs_here);
    RUN(test_signing_elsewhere_serves_calls_too);
    return 0;
}
