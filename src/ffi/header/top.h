/* pointcard.h - Koubei point cards (member point cards of the Alipay open platform) at the till
 *
 * A shopper pays; the till records points; they reach the gateway exactly once, now or when the
 * line is back. Generated from the Rust sources by build.rs: do not edit, `make header` refreshes
 * it. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The smallest complete till:
 *
 *     static pointcard_client till;
 *     static pointcard_file store;
 *
 *     pointcard_config cfg = POINTCARD_CONFIG_INIT;
 *     cfg.app_id = "2016100900000001";
 *     cfg.private_key = APP_KEY;
 *     cfg.alipay_public_key = ALIPAY_KEY;
 *     cfg.activity_account = "39201608190015500100016011040139";
 *     cfg.storage = pointcard_file_storage(&store, "points.queue", 1u << 20);
 *     if (pointcard_init(&till, &cfg) != POINTCARD_OK) ...pointcard_last_detail says why
 *
 *     pointcard_sale sale = POINTCARD_SALE_INIT;
 *     sale.user_id = "2088123412341234";
 *     sale.biz_no = "2016082221001004150200139999";
 *     sale.points = 10;
 *     if (pointcard_accrue(&till, &sale, NULL) == POINTCARD_OK) ...print "10 points"
 *
 *     pointcard_sync(&till, 2000, NULL);   when the line is idle, on any thread
 *
 * Conventions
 *
 * Memory     The caller owns all of it. Nothing here allocates that must be freed. Objects are
 *            opaque, of fixed size; do not copy them.
 * Structures begin with struct_size; start from their _INIT macro. Zero means default. Members are
 *            only ever added at the end: an old program runs with a new library.
 * Text       is NUL-terminated UTF-8. NULL and "" both mean "not given". Text in the configuration
 *            is borrowed until pointcard_close, all other text during the call.
 * Status     Every call returns POINTCARD_OK (0), POINTCARD_IDLE (1), or a negative
 *            POINTCARD_ERR_. Outputs are written only with POINTCARD_OK (pointcard_next_request's
 *            wait_ms also with POINTCARD_IDLE, a length also with POINTCARD_ERR_BUFFER_TOO_SMALL,
 *            a pointcard_answer whenever an answer was waited for). pointcard_last_detail says
 *            what and where; calls without a client say it in a pointcard_fault.
 * Threads    Different clients are independent. One client may be used by several threads: calls
 *            wait for each other, but none waits for the network. One exchange (sync, query, call,
 *            step) at a time: a second one is ERR_BUSY. Callbacks made under the lock (storage, clock,
 *            entropy, signer, on_event) must not call the same client: ERR_BUSY.
 * Interrupts No function may be called from an interrupt handler.
 * Panics     Never cross this border: a bug in the library is ERR_INTERNAL, and the client refuses
 *            work until it is initialised again.
 * ABI        pointcard_init checks header against library. POINTCARD_ABI_VERSION is the SONAME.
 *
 * The promise, when pointcard_accrue returns POINTCARD_OK the shopper gets those points exactly
 * once, rests on one thing outside this library: that the gateway treats a repeated req_id as the
 * same request. Alipay documents req_id as the idempotency key.
 */
#ifndef POINTCARD_H
#define POINTCARD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define POINTCARD_NODISCARD __attribute__((warn_unused_result))
#else
#define POINTCARD_NODISCARD
#endif

#if defined(_WIN32) && defined(POINTCARD_DLL)
#define POINTCARD_API __declspec(dllimport)
#else
#define POINTCARD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif
