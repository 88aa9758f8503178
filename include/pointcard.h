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

/* ---- Versions ------------------------------------------------------------------------------ */

/** Number of the binary interface. Rises when a program built with an older header would break. */
#define POINTCARD_ABI_VERSION 1

/** Number of the queue's format on the medium. Stores of every earlier number can be read. */
#define POINTCARD_MEDIA_VERSION 1

/** The library's version, such as "0.1.0". Never NULL; lives as long as the program. */
POINTCARD_API const char *pointcard_version(void);

/** POINTCARD_ABI_VERSION of the library that is linked. */
POINTCARD_API uint32_t pointcard_abi_version(void);

/* Types that are mentioned before their section comes. */
typedef struct pointcard_client pointcard_client;
typedef struct pointcard_outcome pointcard_outcome;
typedef struct pointcard_limits pointcard_limits;
typedef struct pointcard_event pointcard_event;

/* Structures that begin with struct_size start as { sizeof, zeroes }. */
#ifdef __cplusplus
} /* extern "C" */
template <typename T> inline T pointcard_init_struct()
{
    T value = T();
    value.struct_size = static_cast<uint32_t>(sizeof(T));
    return value;
}
extern "C" {
#define POINTCARD_INIT_(type) pointcard_init_struct<type>()
#else
#define POINTCARD_INIT_(type) { .struct_size = (uint32_t)sizeof(type) }
#endif

/* ---- Status -------------------------------------------------------------------------------- */

/**
 * Why a call did not do its work.
 *
 * The numbers are ABI: append, never reuse. Blocks: -1 the caller, -1xx keys and signatures,
 * -2xx bytes from outside, -3xx storage and queue, -4xx gateway and transport.
 */
typedef int32_t pointcard_status;
enum {
    /** Done. */
    POINTCARD_OK = 0,
    /** Nothing to do now; not an error. `next_request` says so when no entry is due. */
    POINTCARD_IDLE = 1,
    /** An argument makes no sense and no narrower status fits. Nothing changed. */
    POINTCARD_ERR_ARGUMENT = -1,
    /** The caller's buffer is too small; the length written back is the capacity needed. */
    POINTCARD_ERR_BUFFER_TOO_SMALL = -2,
    /** The object is not open (never initialised, closed, or init failed). */
    POINTCARD_ERR_BAD_STATE = -3,
    /** The object is in use by this very call chain, or one exchange is already under way. */
    POINTCARD_ERR_BUSY = -4,
    /** Header and library do not belong together: ABI version or object size differ. */
    POINTCARD_ERR_ABI = -5,
    /** A required pointer is NULL. */
    POINTCARD_ERR_NULL = -6,
    /** Text is not UTF-8, or holds a control character. */
    POINTCARD_ERR_ENCODING = -7,
    /** Text or data is longer than its limit. */
    POINTCARD_ERR_TOO_LONG = -8,
    /** A bug in this library. The object refuses work until it is initialised again. */
    POINTCARD_ERR_INTERNAL = -9,
    /** A number is outside its limits (points 0 or above the limit, a size that cannot be). */
    POINTCARD_ERR_RANGE = -10,
    /** A struct_size is none this library knows. */
    POINTCARD_ERR_STRUCT_SIZE = -11,
    /** A required member is empty or absent. */
    POINTCARD_ERR_MISSING = -12,
    /** Nothing is recorded under that name or number. */
    POINTCARD_ERR_NOT_FOUND = -13,
    /** Understood, but not built into this library or not offered by this port. */
    POINTCARD_ERR_UNSUPPORTED = -14,
    /** A callback that takes output failed; `at` is how many bytes it had taken before. */
    POINTCARD_ERR_OUTPUT = -15,
    /** Key text is in no known form, or its numbers contradict each other. */
    POINTCARD_ERR_KEY_FORMAT = -101,
    /** A key of a size or kind this build does not use. */
    POINTCARD_ERR_KEY_UNSUPPORTED = -102,
    /** A key in the wrong place: a public key as private key, the app's own as Alipay's. */
    POINTCARD_ERR_KEY_MISMATCH = -103,
    /** A signature does not belong to the bytes. */
    POINTCARD_ERR_SIGNATURE = -104,
    /** Signing failed: the signer port refused, or its result did not verify. */
    POINTCARD_ERR_SIGNER = -105,
    /** The entropy port failed. */
    POINTCARD_ERR_ENTROPY = -106,
    /** Bytes from outside are not what they must be (JSON, answer, record). */
    POINTCARD_ERR_MALFORMED = -201,
    /** JSON nested deeper than the limit. */
    POINTCARD_ERR_TOO_DEEP = -202,
    /** A name occurs twice where one is allowed. */
    POINTCARD_ERR_DUPLICATE = -203,
    /** Well formed, but carries no signature. */
    POINTCARD_ERR_UNSIGNED = -204,
    /** No room for another entry. Nothing was recorded; acknowledgements still fit. */
    POINTCARD_ERR_QUEUE_FULL = -301,
    /** The medium holds damage that cannot be repaired. */
    POINTCARD_ERR_MEDIA_CORRUPT = -302,
    /** The storage port failed. Whether the entry is recorded is unknown: call again. */
    POINTCARD_ERR_STORAGE = -303,
    /** Another process or handle has the store open. */
    POINTCARD_ERR_LOCKED = -304,
    /** The store was written by a version this one does not know. */
    POINTCARD_ERR_MEDIA_VERSION = -305,
    /** The same biz_no is already recorded with other content. */
    POINTCARD_ERR_CONFLICT = -306,
    /** The medium's geometry (sectors, sizes) cannot hold a store. */
    POINTCARD_ERR_GEOMETRY = -307,
    /** A sealed store was altered by somebody without its key, beyond what can be passed over. */
    POINTCARD_ERR_FORGED = -308,
    /**
     * Sent, but no verified answer: the outcome is unknown and the entry will be repeated. Source:
     * code 20000 of Alipay's table of common errors, and every answer that proves nothing.
     */
    POINTCARD_ERR_UNKNOWN = -401,
    /** The gateway refused, signed. Source: code 40004 of the same table. */
    POINTCARD_ERR_REJECTED = -402,
    /** A signed refusal after an attempt whose outcome was unknown. */
    POINTCARD_ERR_UNCERTAIN = -403,
    /** The transport failed before anything was sent. */
    POINTCARD_ERR_TRANSPORT = -404,
    /** Settling needs TLS; the gateway URL is plain HTTP and not on loopback. */
    POINTCARD_ERR_INSECURE = -405,
    /**
     * The gateway refuses the token; entries wait for a new one. Source: code 20001 of Alipay's
     * table of common errors.
     */
    POINTCARD_ERR_TOKEN = -406,
    /** The gateway asks for fewer calls; entries wait. Source: code 40005 of the same table. */
    POINTCARD_ERR_THROTTLED = -407,
    /**
     * The gateway refuses the application, key, time or permission; entries wait for a correction.
     * Source: codes 40001 to 40003 and 40006 of the same table.
     */
    POINTCARD_ERR_REFUSED = -408,
};

/** What is known about the latest failure of a client. Holds no key, token or user id. */
typedef struct pointcard_detail {
    /** Set by POINTCARD_DETAIL_INIT. */
    uint32_t struct_size;
    /** The status (a pointcard_status). */
    int32_t status;
    /** What it is about: "sale.points", "config.private_key", "answer". */
    char what[48];
    /** Byte offset in it, or the length or limit the status speaks of; 0 = none. */
    uint32_t at;
    /** The port's own error code (errno for the built-in file port); 0 = none. */
    int32_t port;
    /** HTTP status of the answer; 0 = no answer. */
    uint16_t http_status;
    /** 1 when the answer's signature was verified; else code and sub_code are hearsay. */
    uint8_t authenticated;
    /** Zero. */
    uint8_t reserved;
    /** The gateway's code, such as "40004"; may be empty. Source: Alipay's table of common errors. */
    char code[17];
    /** The gateway's sub_code, such as "isv.invalid-signature"; may be empty. Source: the same table. */
    char sub_code[129];
    /** All of the above as one English line. */
    char text[160];
    /**
     * The gateway's words for it (sub_msg, else msg), mostly Chinese, always UTF-8; may be cut.
     * What quotes a request ends at its first "="; long numbers show four digits.
     */
    char words[161];
} pointcard_detail;

/**
 * One English sentence for a status, such as "the queue is full". Never NULL, also for numbers
 * that are no status; lives as long as the program.
 */
POINTCARD_API const char *pointcard_status_text(int32_t status);

/**
 * Fetches what is known about the latest failure, also after a failed pointcard_init.
 *
 * @param client  a client that pointcard_init was called for
 * @param detail  receives it; begin with POINTCARD_DETAIL_INIT
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (never initialised), ERR_BUSY.
 */
POINTCARD_API
pointcard_status pointcard_last_detail(pointcard_client *client,
                                       struct pointcard_detail *detail);

/** What a call without a client found wrong. Holds no key, token or user id. */
typedef struct pointcard_fault {
    /** Set by POINTCARD_FAULT_INIT. */
    uint32_t struct_size;
    /** The status (a pointcard_status). */
    int32_t status;
    /** Byte offset in what it is about, or the length or limit the status speaks of; 0 = none. */
    uint32_t at;
    /** What it is about: "private_key", "itemId", or a path, `promo_tools[0].voucher.end_time`. */
    char what[81];
    /** All of the above as one English line. */
    char text[160];
} pointcard_fault;

#define POINTCARD_DETAIL_INIT POINTCARD_INIT_(pointcard_detail)
#define POINTCARD_FAULT_INIT POINTCARD_INIT_(pointcard_fault)

/* ---- Ports --------------------------------------------------------------------------------- */

/** Returned by a transport that could not connect. */
#define POINTCARD_NOT_SENT 1

/**
 * From `prog` and `erase` of pointcard_storage (195911367): this one sector can no longer be
 * programmed or erased. The queue goes on in the next one and tries this one again on its next way
 * round. Every other number but 0 is a failure of the whole medium.
 */
#define POINTCARD_BAD_SECTOR 195911367

/**
 * The queue's medium. pointcard_file_storage and pointcard_ram_storage make one; over a flash
 * driver the integrator fills it. Frozen: it will not grow.
 *
 * All functions return 0, or a code of the driver's own that comes back in pointcard_detail.port.
 * They are called with the client's lock held, may block, and must not call this client.
 */
typedef struct pointcard_storage {
    /** POINTCARD_OK, or why this storage could not be made; pointcard_init then fails with it. */
    int32_t status;
    /** The system's error code for it (errno), or 0. */
    int32_t port;
    /** First argument of every function. */
    void *ctx;
    /** Bytes per erase unit; a power of two, 512 to 1048576. */
    uint32_t sector_size;
    /** Number of erase units; at least 8. */
    uint32_t sector_count;
    /** Smallest unit that can be programmed; a power of two, 1 to 32. */
    uint32_t prog_size;
    /**
     * After a sync the next record starts at a multiple of this (a power of two, prog_size to
     * sector_size / 4). NOR flash: prog_size. A medium whose blocks can be damaged while they are
     * rewritten (files on SD, eMMC): 512 or 4096.
     */
    uint32_t align;
    /** Reads `len` bytes at byte offset `at`. */
    int32_t (*read)(void *ctx, uint32_t at, uint8_t *to, size_t len);
    /**
     * Programs `len` bytes at `at`: both multiples of prog_size, erased before, in one sector.
     * POINTCARD_BAD_SECTOR: the sector no longer takes them; what it took before stays readable.
     */
    int32_t (*prog)(void *ctx, uint32_t at, const uint8_t *from, size_t len);
    /**
     * Erases sector number `sector`: all its bytes read 0xFF. POINTCARD_BAD_SECTOR: it can no longer
     * be erased, and may hold anything.
     */
    int32_t (*erase)(void *ctx, uint32_t sector);
    /** Returns when everything programmed and erased before is durable. */
    int32_t (*sync)(void *ctx);
    /**
     * Writes the `len` bytes from `at` again as they read now; the next sync makes them durable.
     * For media behind a cache that forgets what a failed sync has left in it (files); NULL for
     * flash and RAM. Where a block can be damaged while it is written, blocks that are durable
     * already must be left alone: they may be all there is of an acknowledged sale.
     */
    int32_t (*reassert)(void *ctx, uint32_t at, uint32_t len);
    /** Called once, by pointcard_close or a pointcard_init that fails; may be NULL. */
    void (*close)(void *ctx);
} pointcard_storage;

/**
 * Time. NULL functions: the system's clock on machines with an operating system; without one,
 * monotonic_ms is required and unix_time is "unknown".
 */
typedef struct pointcard_clock {
    /** First argument of both functions. */
    void *ctx;
    /** Milliseconds from any fixed moment, never going back while powered. */
    uint64_t (*monotonic_ms)(void *ctx);
    /** Seconds since 1970-01-01 UTC; 0 = unknown. */
    uint64_t (*unix_time)(void *ctx);
} pointcard_clock;

/**
 * Unpredictable bytes. NULL: the system's on machines with an operating system; else none, and
 * signatures are made without blinding.
 */
typedef struct pointcard_entropy {
    /** First argument. */
    void *ctx;
    /** Fills `len` bytes. Returns 0, or a code of its own. */
    int32_t (*fill)(void *ctx, uint8_t *to, size_t len);
} pointcard_entropy;

/** Replaces the software RSA: a secure element, PSA, an HSM. NULL: config.private_key signs. */
typedef struct pointcard_signer {
    /** First argument. */
    void *ctx;
    /**
     * Signs a digest with PKCS#1 v1.5 (Alipay's page on signing requests). `hash_len` is 32 for
     * SHA-256, 20 for SHA-1. Writes at most
     * `cap` bytes to `out` and their number to `out_len`. Returns 0, or a code of its own. The
     * result is verified with config.app_public_key before it is used.
     */
    int32_t (*sign)(void *ctx,
                    const uint8_t *hash,
                    size_t hash_len,
                    uint8_t *out,
                    size_t cap,
                    size_t *out_len);
} pointcard_signer;

/** One key of a sealed queue. Frozen: it will not grow. */
typedef struct pointcard_seal_key {
    /** Its number, 1 to 255; every sector of the medium says with which one it is sealed. */
    uint32_t id;
    /** 16 (AES-128) or 32 (AES-256). */
    uint32_t key_len;
    /** Unpredictable bytes, borrowed until pointcard_close. */
    const uint8_t *key;
} pointcard_seal_key;

/**
 * Seals the queue: entries are encrypted on the medium, and what is altered, moved, put back or
 * cut off without the key is told in pointcard_queue_info. All zero: a plain queue. Give either
 * `keys` or `get`. Needs the feature seal. Frozen: it will not grow.
 *
 * To change keys, name a new one as the newest and keep giving the old one until everything
 * recorded before is settled; a key that is missing is ERR_MISSING for "config.seal", with its
 * number. A plain queue is not turned into a sealed one: send what it holds and erase it.
 * A sealed medium has sectors of 1024 bytes at least; with smaller ones pointcard_init says
 * ERR_GEOMETRY.
 */
typedef struct pointcard_seal {
    /** The keys, the newest first; borrowed until pointcard_close. */
    const struct pointcard_seal_key *keys;
    /** How many. */
    uint32_t key_count;
    /** With `get`: the number of the key new sectors are sealed with, 1 to 255. */
    uint32_t newest;
    /** First argument of `get`. */
    void *ctx;
    /**
     * Fetches key `id` from a secure element or keystore: writes 16 or 32 bytes to `key` (32 have
     * room) and their number to `key_len`; 0 = no such key. Returns 0, or a code of its own.
     * Called about once in every call that touches the medium, with the client's lock held; the
     * copy is wiped when that call ends.
     */
    int32_t (*get)(void *ctx, uint32_t id, uint8_t *key, size_t *key_len);
} pointcard_seal;

/** One signed request. Valid until the exchange ends. */
typedef struct pointcard_request {
    /** Names the exchange: a step's answer is given back under it. 0 inside a transport. */
    uint32_t exchange;
    /** POST to this absolute URL, `url_len` ASCII bytes, NUL-terminated. */
    const char *url;
    /** Bytes of the URL, without the NUL. */
    size_t url_len;
    /** Value of the Content-Type header, NUL-terminated. */
    const char *content_type;
    /** The body. */
    const uint8_t *body;
    /** Bytes of the body. */
    size_t body_len;
} pointcard_request;

/** What came back. A transport fills it; `body` and `body_cap` are set before. */
typedef struct pointcard_response {
    /** Where the answer's body goes. */
    uint8_t *body;
    /** Room there, in bytes. An answer that does not fit is an error. */
    size_t body_cap;
    /** Bytes of the body. */
    size_t body_len;
    /** HTTP status code. */
    uint16_t http_status;
    /** Zero. */
    uint16_t reserved;
    /** The Retry-After header in seconds; 0 = none. */
    uint32_t retry_after_s;
    /** The Date header as seconds since 1970; 0 = none. */
    uint64_t date;
} pointcard_response;

/**
 * Carries a request to the gateway and the answer back. NULL: HTTPS built in (feature http);
 * without that feature only the step calls are there. Called without the client's lock; may
 * block; may call pointcard_accrue and pointcard_queue_status on this client.
 */
typedef struct pointcard_transport {
    /** First argument. */
    void *ctx;
    /**
     * Gives up after `timeout_ms`. Returns 0 when an answer came; POINTCARD_NOT_SENT when
     * certainly no byte of the request left the machine; any other number in doubt.
     */
    int32_t (*exchange)(void *ctx,
                        const struct pointcard_request *request,
                        struct pointcard_response *response,
                        uint32_t timeout_ms);
} pointcard_transport;

/**
 * Lets several threads use one client; both functions or none. NULL: a mutex of the system's where
 * there is one; without one, calls from a second thread are answered ERR_BUSY.
 */
typedef struct pointcard_lock {
    /** First argument of both functions. */
    void *ctx;
    /**
     * Waits for the lock. Returns 0; or anything else when the calling thread holds it already,
     * or cannot wait (interrupt handlers): the call then returns ERR_BUSY.
     */
    int32_t (*acquire)(void *ctx);
    /** Releases it. */
    void (*release)(void *ctx);
} pointcard_lock;

/** Memory of a queue file that is open. The caller owns it; it must stay until pointcard_close. */
typedef struct pointcard_file {
    uint64_t opaque[32];
} pointcard_file;

/** Memory of a queue in RAM. The caller owns it; it must stay until pointcard_close. */
typedef struct pointcard_ram {
    uint64_t opaque[16];
} pointcard_ram;

/**
 * A queue in a file: created and written full once, then never growing, so that a full disk
 * cannot stop it. Locked while open: a second opening, in this process or another, is ERR_LOCKED.
 * A lock left by a killed process does not block.
 *
 * Needs an operating system; elsewhere the result's status is ERR_UNSUPPORTED.
 *
 * @param file  memory for the open file
 * @param path  NUL-terminated; the folder must exist
 * @param size  bytes of a new file, at least 131072; an existing one keeps its size. One MiB holds
 *              about 1,580 entries of 250 bytes: the newest 160 take a 4096-byte block of their own
 *              each, so that a block that is damaged while it is written never holds an older
 *              entry; what waits longer is packed
 *
 * Returns a table for config.storage. Failures are in its status, and pointcard_init returns them.
 */
POINTCARD_API
pointcard_storage pointcard_file_storage(struct pointcard_file *file,
                                         const char *path,
                                         uint32_t size);

/**
 * The same for a medium that keeps old bytes intact when a write is cut (battery-backed caches,
 * most SSDs with power-loss protection): records are packed, and one MiB holds about 1,880.
 *
 * @param file  memory for the open file
 * @param path  NUL-terminated; the folder must exist
 * @param size  bytes of a new file, at least 32768; an existing one keeps its size
 *
 * Returns as pointcard_file_storage.
 */
POINTCARD_API
pointcard_storage pointcard_file_storage_power_safe(struct pointcard_file *file,
                                                    const char *path,
                                                    uint32_t size);

/**
 * A queue in RAM, for tests and for battery-backed memory. Fill new memory with 0xFF first.
 *
 * @param ram          memory for the port
 * @param memory       the medium, `size` bytes; stays until pointcard_close
 * @param size         a multiple of `sector_size`, at least 8 sectors
 * @param sector_size  a power of two, 512 to 1048576
 *
 * Returns a table for config.storage. Failures are in its status, and pointcard_init returns them.
 */
POINTCARD_API
pointcard_storage pointcard_ram_storage(struct pointcard_ram *ram,
                                        uint8_t *memory,
                                        size_t size,
                                        uint32_t sector_size);

/* ---- Configuration and life ---------------------------------------------------------------- */

/** Bytes of a pointcard_client. */
#define POINTCARD_CLIENT_SIZE 40960

/**
 * sign_type: RSA with SHA-256, the default. Source: the quick-start guide of Koubei point cards
 * (SIGN_TYPE: RSA2 is recommended).
 */
#define POINTCARD_RSA2 0

/**
 * sign_type: RSA with SHA-1, for applications from before 2018. Source: Alipay's page on signature
 * types (new applications use RSA2 since 2018-01-26).
 */
#define POINTCARD_RSA 1

/**
 * charset, text_charset, encoding: UTF-8, the default. Source: Alipay's table of common parameters
 * (charset).
 */
#define POINTCARD_UTF8 0

/**
 * charset, text_charset, encoding: GBK; needs the feature gbk. Source: Alipay's table of common parameters
 * (charset); the guide's samples use it.
 */
#define POINTCARD_GBK 1

/** Most merchants of pointcard_config.merchants. */
#define POINTCARD_PROFILES_MAX 8

/** Flag: allow plain HTTP to a host that is not this machine (a TLS proxy on a trusted wire). */
#define POINTCARD_F_PLAIN_HTTP 1

/**
 * Flag: allow the Date of the gateway's answers to correct a wrong terminal clock. Source:
 * Alipay's error list (isv.invalid-timestamp: a wrong time is refused).
 */
#define POINTCARD_F_SERVER_TIME 2

/**
 * Flag: requests are signed elsewhere (section "Signing elsewhere"). The client holds no private
 * key: private_key and signer must not be given, app_public_key must. Source: Alipay's page on
 * signing: the signature covers the canonical string, wherever it is made.
 */
#define POINTCARD_F_SIGN_ELSEWHERE 16

/**
 * A client. The caller owns the memory; its contents are the library's. Nothing in it needs to
 * be freed. Zero it (static memory is) or leave it as it is before pointcard_init.
 */
struct pointcard_client {
    uint64_t opaque[5120];
};

/**
 * Called for every outcome pointcard_sync gets, on its thread, without the client's lock. The
 * outcome is valid during the call. It may call this client, but not pointcard_sync.
 */
typedef void (*pointcard_outcome_fn)(void *ctx, const pointcard_outcome *outcome);

/**
 * One more merchant a software house acts for on this terminal, under the same application. Texts
 * are NUL-terminated ASCII, borrowed until pointcard_close (the token only during
 * pointcard_init). Frozen: it will not grow.
 *
 * Source: Alipay's guide to third-party authorisation: one app_auth_token for each merchant.
 */
typedef struct pointcard_merchant {
    /** Any stable id, at most 64 bytes; pointcard_sale.merchant names it. Required. */
    const char *merchant;
    /**
     * Token of this merchant's consent, at most 40 bytes. NULL: the merchant's entries wait for
     * pointcard_set_token.
     */
    const char *app_auth_token;
    /** Point account of this merchant's sales unless they say otherwise, at most 32 bytes. */
    const char *activity_account;
    /** Shop of this merchant's sales unless they say otherwise, at most 32 bytes. */
    const char *shop_id;
} pointcard_merchant;

/**
 * Called for what a client does, after it is durable: on the thread of the call that does it (also
 * pointcard_init), under the client's lock. The event is valid during the call. It must be quick
 * and must not call this client: ERR_BUSY. What a power cut swallows is not told again; the counts
 * of pointcard_queue_status say the same.
 */
typedef void (*pointcard_event_fn)(void *ctx, const pointcard_event *event);

/**
 * What a client is told once. Texts are NUL-terminated UTF-8 and borrowed until pointcard_close
 * (keys, certificates and tokens only during pointcard_init); NULL or "" = default.
 */
typedef struct pointcard_config {
    /** Set by POINTCARD_CONFIG_INIT. */
    uint32_t struct_size;
    /** POINTCARD_F_ flags, or 0. */
    uint32_t flags;
    /**
     * Gateway URL, at most 256 bytes; default: production. https, or http to this machine.
     * Source: the quick-start guide (URL: `https://openapi.alipay.com/gateway.do`); the limit is ours.
     */
    const char *gateway;
    /** Application id, at most 32 bytes. Required. Source: Alipay's table of common parameters. */
    const char *app_id;
    /** The merchant an ISV acts for (any stable id, at most 64 bytes); default: itself. */
    const char *merchant;
    /**
     * Token of that merchant's consent (app_auth_token), at most 40 bytes; pointcard_set_token
     * changes it later. Source: Alipay's table of common parameters; the guide's samples set it
     * when an ISV acts for a merchant.
     */
    const char *app_auth_token;
    /**
     * The app's private key: PEM or one line of base64, PKCS#1 or PKCS#8. Required unless
     * `signer` signs, or somebody elsewhere.
     */
    const char *private_key;
    /**
     * The app's public key. Required when `signer` or somebody elsewhere signs, to check what
     * comes back.
     */
    const char *app_public_key;
    /**
     * Alipay's public key, from the console: PEM or one line of base64. It is not the app's own
     * public key; mixing them up is ERR_KEY_MISMATCH. Required unless there are certificates.
     */
    const char *alipay_public_key;
    /**
     * Point account sales go to unless they say otherwise, at most 32 bytes. Source: Alipay's page
     * of koubei.marketing.tool.points.update (activity_account).
     */
    const char *activity_account;
    /**
     * Shop sales are made in unless they say otherwise, at most 32 bytes. Source: the same page
     * (shop_id, for DEPOSIT).
     */
    const char *shop_id;
    /** POINTCARD_RSA2 (default) or POINTCARD_RSA. */
    int32_t sign_type;
    /** Most points one sale may credit; default 1000000. */
    uint32_t max_points;
    /** The queue's medium. Required. */
    pointcard_storage storage;
    /** Default: the system's clock. */
    pointcard_clock clock;
    /** Default: the system's random generator. */
    pointcard_entropy entropy;
    /** Default: software RSA with private_key. */
    pointcard_signer signer;
    /** Default: built-in HTTPS where there is an operating system. */
    pointcard_transport transport;
    /** Default: the system's mutex. */
    pointcard_lock lock;
    /** Hears every outcome of pointcard_sync; default: nobody. */
    pointcard_outcome_fn on_outcome;
    /** First argument of on_outcome. */
    void *on_outcome_ctx;
    /** Built-in HTTPS: trust only the CA certificates in this PEM text; default: Mozilla's. */
    const char *ca_pem;
    /** Built-in HTTPS: proxy, such as "http://10.0.0.1:3128"; default: the environment's. */
    const char *proxy;
    /**
     * Charset of requests: POINTCARD_UTF8 (default) or POINTCARD_GBK. In a GBK session a sale
     * with a character outside GBK is refused: ERR_ENCODING with its offset.
     */
    int32_t charset;
    /**
     * Charset of the texts people read (memo, ext_info, reason, an activity's name) that this
     * program hands in: POINTCARD_UTF8 (default) or POINTCARD_GBK. They are stored as UTF-8; JSON
     * is UTF-8 in any case, and so are the texts that come back from the library.
     */
    int32_t text_charset;
    /**
     * Content key from the console, base64 of 16 bytes: requests and successes are then encrypted
     * (AES); a success in the clear is ERR_MALFORMED and repeated. Needs the feature aes.
     */
    const char *content_key;
    /**
     * Certificate mode: the app's certificate (appCertPublicKey), PEM. It must belong to the
     * private key (ERR_KEY_MISMATCH); with `signer` it may take the place of app_public_key.
     * Needs the feature certificates, and the next two members.
     */
    const char *app_cert;
    /**
     * Certificate mode: Alipay's certificate (alipayCertPublicKey_RSA2), PEM; its key verifies
     * answers. It is trusted as given: it is not checked against the root certificates. With it
     * alipay_public_key stays empty.
     */
    const char *alipay_cert;
    /** Certificate mode: Alipay's next certificate, as alipay_public_key_next. Optional. */
    const char *alipay_cert_next;
    /** Certificate mode: Alipay's root certificates (alipayRootCert), PEM, several in a row. */
    const char *alipay_root_cert;
    /**
     * While Alipay changes its key: the other one. Answers that verify with either are good;
     * pointcard_report.next_key_used says when this one did. Optional.
     */
    const char *alipay_public_key_next;
    /** More merchants, read during pointcard_init; NULL = none. */
    const struct pointcard_merchant *merchants;
    /** How many, at most POINTCARD_PROFILES_MAX. */
    uint32_t merchant_count;
    /**
     * Window of the random delay before the backlog's first request, in milliseconds, at most
     * 3600000: for tills of a fleet that come back together. Tills * 1000 / window is what they
     * ask of the gateway per second at first. 0 = none after pointcard_init, 60000 after
     * pointcard_line_up. Sales made now do not wait for it.
     */
    uint32_t first_delay_ms;
    /** How much may wait, read during pointcard_init; default: no limits but the medium's size. */
    const pointcard_limits *limits;
    /**
     * Hears what the client does (section "Events"), on the thread of the call that does it and
     * under the client's lock; default: nobody.
     */
    pointcard_event_fn on_event;
    /** First argument of on_event. */
    void *on_event_ctx;
    /** Keys that seal the queue; default: it is not sealed. */
    pointcard_seal seal;
} pointcard_config;

/** Bytes of a pointcard_client in this library, for bindings that cannot read the header. */
POINTCARD_API size_t pointcard_client_size(void);

/**
 * Opens a client. Call it through the macro pointcard_init(client, config).
 *
 * Checks header against library, checks the configuration, loads the keys and mounts the queue,
 * formatting a blank medium. When it fails, pointcard_last_detail says which member and why;
 * nothing was recorded, and `client` may be initialised again. The storage is handed over by this
 * call: pointcard_close closes it, or this call when it fails; then make it again for the next
 * try. (Not with ERR_ABI, ERR_NULL or ERR_STRUCT_SIZE of the configuration itself, which is then
 * not looked at.)
 *
 * @param client       memory of the caller's, at least POINTCARD_CLIENT_SIZE bytes
 * @param client_size  sizeof *client
 * @param abi_version  POINTCARD_ABI_VERSION of the caller's header
 * @param config       read during the call; the texts stay borrowed
 *
 * Returns ERR_ABI (other header), ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG,
 * ERR_ENCODING, ERR_ARGUMENT, ERR_RANGE (first_delay_ms, limits), ERR_INSECURE (plain http), ERR_KEY_FORMAT, ERR_KEY_UNSUPPORTED,
 * ERR_KEY_MISMATCH, ERR_DUPLICATE (merchants; `at` in the detail is the index), ERR_UNSUPPORTED (a
 * feature this library was built without), ERR_LOCKED (the store is open elsewhere), ERR_STORAGE, ERR_MEDIA_CORRUPT,
 * ERR_MEDIA_VERSION, ERR_GEOMETRY, ERR_FORGED (a sealed queue), ERR_MISSING and ERR_KEY_MISMATCH
 * ("config.seal": a key the queue needs is not given or is another, or the queue is not sealed),
 * ERR_MALFORMED (ca_pem), ERR_BUSY (the lock port refuses). Not for interrupt handlers.
 */
POINTCARD_API
pointcard_status pointcard_init_abi(struct pointcard_client *client,
                                    size_t client_size,
                                    uint32_t abi_version,
                                    const struct pointcard_config *config);

/**
 * Gives a merchant another token; entries that waited because the gateway refused the one before
 * go out with the next pointcard_sync. May be called while a sync is under way.
 *
 * @param client    an open client
 * @param merchant  one of the configured merchants; NULL or "" = the client's own
 * @param token     app_auth_token of the merchant's consent, ASCII, at most 40 bytes; copied, wiped
 *                  when it is replaced or the client is closed, and not stored: configure it, too
 *
 * Returns ERR_NULL, ERR_NOT_FOUND (no such merchant), ERR_MISSING (no token), ERR_TOO_LONG,
 * ERR_ENCODING, ERR_BAD_STATE, ERR_BUSY.
 *
 * Source: Alipay's error list (20001, aop.invalid-app-auth-token) and page of
 * alipay.open.auth.token.app (a refresh or a new consent ends the token before).
 */
POINTCARD_API
pointcard_status pointcard_set_token(struct pointcard_client *client,
                                     const char *merchant,
                                     const char *token);

/**
 * Closes a client: wipes its keys, closes its storage. Entries stay on the medium.
 *
 * Optional before power-off. No other call may be under way on this client.
 *
 * Returns ERR_NULL, ERR_BAD_STATE (not open), ERR_BUSY (a sync or query is under way).
 */
POINTCARD_API pointcard_status pointcard_close(struct pointcard_client *client);

/** Every member at its default. */
#define POINTCARD_CONFIG_INIT POINTCARD_INIT_(pointcard_config)

/** Opens a client: pointcard_init_abi with the sizes of this header. */
#define pointcard_init(client, config) \
    pointcard_init_abi((client), sizeof *(client), POINTCARD_ABI_VERSION, (config))

/* ---- Earning rule -------------------------------------------------------------------------- */

/** Most bonuses of a rule. */
#define POINTCARD_BONUS_MAX 8

/** rounding: a part of a point is dropped (1.9 are 1). The default. */
#define POINTCARD_ROUND_DOWN 0

/** rounding: half a point or more is one (1.5 are 2). */
#define POINTCARD_ROUND_HALF_UP 1

/** rounding: a part of a point is one (1.1 are 2). */
#define POINTCARD_ROUND_UP 2

/** Monday's bit of pointcard_bonus.weekdays, by Beijing's calendar. */
#define POINTCARD_MONDAY 1

/** Tuesday's bit. */
#define POINTCARD_TUESDAY 2

/** Wednesday's bit. */
#define POINTCARD_WEDNESDAY 4

/** Thursday's bit. */
#define POINTCARD_THURSDAY 8

/** Friday's bit. */
#define POINTCARD_FRIDAY 16

/** Saturday's bit. */
#define POINTCARD_SATURDAY 32

/** Sunday's bit. */
#define POINTCARD_SUNDAY 64

/** cap: nothing cut the points. */
#define POINTCARD_CAP_NONE 0

/** cap: rule.sale_cap did. */
#define POINTCARD_CAP_SALE 1

/** cap: rule.day_cap did. */
#define POINTCARD_CAP_DAY 2

/** Other points at some hours, Beijing time. All zero = no bonus. Frozen: it will not grow. */
typedef struct pointcard_bonus {
    /** On which days: POINTCARD_MONDAY | ...; 0 = every day. */
    uint8_t weekdays;
    /** From this full hour on, 0 to 23. */
    uint8_t from_hour;
    /** Until this full hour, 1 to 24 and after from_hour; 0 = 24. A night is two bonuses. */
    uint8_t to_hour;
    /** Zero. */
    uint8_t reserved;
    /** The multiplier, 1 to 10000: 200 = double points. */
    uint32_t percent;
} pointcard_bonus;

/**
 * How a shop gives points: amount_fen * points / per_fen, times a bonus, rounded, then capped. The
 * gateway takes points and asks for no reason; the rule must say what the activity's page promises.
 */
typedef struct pointcard_rule {
    /** Set by POINTCARD_RULE_INIT. */
    uint32_t struct_size;
    /** POINTCARD_ROUND_DOWN (default), _HALF_UP or _UP. */
    int32_t rounding;
    /** Points for each per_fen, 1 to 1000000. */
    uint32_t points;
    /** Fen for each points, at least 1: points 1, per_fen 1000 is a point for 10 yuan. */
    uint32_t per_fen;
    /** A sale of less earns nothing, in fen. */
    uint64_t min_fen;
    /** Most points of one sale; 0 = no cap. */
    uint32_t sale_cap;
    /**
     * Most points of one terminal in a Beijing day; 0 = no cap. Advisory: a client counts in RAM
     * what it gave by rule since pointcard_init, so that a restart begins anew; other terminals
     * count for themselves.
     */
    uint32_t day_cap;
    /** Of several that hold, the first counts. When the time is unknown, none does. */
    struct pointcard_bonus bonuses[POINTCARD_BONUS_MAX];
} pointcard_rule;

/** What an amount earns. */
typedef struct pointcard_earned {
    /** Set by POINTCARD_EARNED_INIT. */
    uint32_t struct_size;
    /** The points; 0 = nothing to credit. */
    uint32_t points;
    /** The multiplier that was used, in percent. */
    uint32_t percent;
    /** What cut the points: POINTCARD_CAP_... */
    uint32_t cap;
} pointcard_earned;

/**
 * What a sale of `amount_fen` earns, to show it before it is paid. (pointcard_accrue computes it
 * itself when the sale names a rule.) Exact for every amount.
 *
 * @param rule          read during the call; begin with POINTCARD_RULE_INIT
 * @param amount_fen    in fen (1 yuan = 100 fen)
 * @param unix_time     seconds since 1970 UTC; 0 = unknown, no bonus holds
 * @param earned_today  points this terminal gave today, for rule.day_cap
 * @param earned        receives the points
 * @param fault         receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (rule.points, rule.per_fen), ERR_RANGE
 * (rule.points; rule.bonuses, `at` is the index; amount_fen: more than 4294967295 points and no
 * cap), ERR_ARGUMENT (rule.rounding, rule.bonuses: reserved).
 */
POINTCARD_API
pointcard_status pointcard_points_for(const struct pointcard_rule *rule,
                                      uint64_t amount_fen,
                                      uint64_t unix_time,
                                      uint64_t earned_today,
                                      struct pointcard_earned *earned,
                                      pointcard_fault *fault);

#define POINTCARD_RULE_INIT POINTCARD_INIT_(pointcard_rule)
#define POINTCARD_EARNED_INIT POINTCARD_INIT_(pointcard_earned)

/* ---- Accrue -------------------------------------------------------------------------------- */

/**
 * Flag of a sale or refund: a manager waives the limits for it (pointcard_limits; the medium's size
 * cannot be waived).
 */
#define POINTCARD_F_MANAGER 32

/**
 * A paid sale. Texts are NUL-terminated, read during the call; NULL or "" = not given. memo and
 * ext_info come in config.text_charset (UTF-8 unless told otherwise), the others are ASCII.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update for req_id, user_id,
 * activity_account, shop_id (32 characters each), and that trans_amount is a whole number above 0;
 * published integrations for biz_no (32), memo (256) and ext_info (2000).
 */
typedef struct pointcard_sale {
    /** Set by POINTCARD_SALE_INIT. */
    uint32_t struct_size;
    /** Points to credit, 1 to config.max_points; 0 with `rule`. */
    uint32_t points;
    /** The shopper's Alipay user id (2088...), ASCII, at most 32 bytes. Required. */
    const char *user_id;
    /**
     * The payment's trade number, ASCII, at most 32 bytes. Required: one sale, one number.
     * Source: KoubeiMarketingToolPointsUpdateModel (biz_no of a DEPOSIT).
     */
    const char *biz_no;
    /** At most 256 characters. */
    const char *memo;
    /** Opaque to the gateway, at most 2000 characters. */
    const char *ext_info;
    /** Shop; default: the configured one. */
    const char *shop_id;
    /** Point account; default: the configured one. */
    const char *activity_account;
    /**
     * Idempotency key of your own, ASCII, at most 32 bytes. Default, and what a till wants:
     * derived from application, merchant, account and biz_no.
     */
    const char *req_id;
    /** Tells apart two credits for one biz_no (a bonus), ASCII, at most 32 bytes. */
    const char *part;
    /** Whose sale it is, of config.merchants; default: the client's own. */
    const char *merchant;
    /** POINTCARD_F_MANAGER, or 0. */
    uint32_t flags;
    /** Zero. */
    uint32_t reserved;
    /**
     * Instead of `points`: the rule that says what amount_fen is worth (section "Earning rule"),
     * read during the call. ticket.points tells what it gave. A clock before 2020 counts as
     * unknown: no bonus holds. Only for pointcard_accrue.
     */
    const pointcard_rule *rule;
    /** With `rule`: what was paid, in fen (1 yuan = 100 fen). */
    uint64_t amount_fen;
} pointcard_sale;

/** Where a sale went. */
typedef struct pointcard_ticket {
    /** Set by POINTCARD_TICKET_INIT. */
    uint32_t struct_size;
    /** 1: the sale was recorded before, and this is the first record. */
    uint32_t duplicate;
    /** Number of the queue entry. */
    uint64_t seq;
    /** The idempotency key, the same on every resend. Print it on the receipt. */
    char req_id[33];
    /**
     * 1: a refund whose sale was never sent, told by the call that voided it: both are settled
     * now, nothing goes out.
     */
    uint32_t voided;
    /**
     * The points recorded, by this call or the first one with this sale. 0 = sale.amount_fen earns
     * none: nothing was recorded, seq is 0 and req_id is empty.
     */
    uint32_t points;
} pointcard_ticket;

/**
 * A refund of a sale. Texts are NUL-terminated, read during the call; NULL or "" = not given. memo
 * comes in config.text_charset, the others are ASCII.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (CONSUME spends at once; it has no
 * biz_no, so that memo and ext_info name the sale).
 */
typedef struct pointcard_refund_order {
    /** Set by POINTCARD_REFUND_ORDER_INIT. */
    uint32_t struct_size;
    /** Points to take back: at most what earlier refunds have left of the sale's. */
    uint32_t points;
    /** The sale's trade number. Required. */
    const char *biz_no;
    /**
     * The refund's own number (out_request_no): letters, digits, '-', '_', '.', at most 32 bytes.
     * Required: the same number again is the same refund.
     */
    const char *refund_no;
    /** Shown to the shopper, at most 256 characters; default: 退款 and the trade number. */
    const char *memo;
    /** As the sale's. */
    const char *activity_account;
    /** As the sale's. */
    const char *part;
    /** As the sale's, when it had one of its own. */
    const char *req_id;
    /** As the sale's. */
    const char *merchant;
    /** Only for a sale so old that its record is overwritten: the shopper. */
    const char *user_id;
    /**
     * Only for a sale so old that its record is overwritten: what is left of its points, from
     * your own books. 0: such a sale is ERR_NOT_FOUND.
     */
    uint32_t points_left;
    /** POINTCARD_F_MANAGER, or 0. */
    uint32_t flags;
} pointcard_refund_order;

/**
 * Records points for a paid sale (trans_type DEPOSIT). Works offline; never waits for the network.
 *
 * When this returns POINTCARD_OK the entry is on storage and will be sent with the same req_id
 * until the gateway gives a verified answer, across restarts. A sale recorded a moment ago is
 * answered with its first ticket, so a till that is unsure simply calls again with the same sale.
 * With a rule the first ticket's points count, whatever hour it is by then.
 *
 * Source: step 2 of the quick-start guide of Koubei point cards; Alipay's page of
 * koubei.marketing.tool.points.update (req_id controls idempotency).
 *
 * @param client  an open client
 * @param sale    read during the call
 * @param ticket  receives where it went; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING (not text, or not to
 * be said in config.charset; the detail has the member and the offset), ERR_RANGE (points,
 * amount_fen, rule), ERR_ARGUMENT (flags; points beside amount_fen or rule), ERR_NOT_FOUND
 * (merchant), ERR_CONFLICT (same biz_no, other content), ERR_QUEUE_FULL (no room, or a limit that the
 * detail names), ERR_BAD_STATE, ERR_BUSY: nothing was recorded. ERR_STORAGE: unknown whether it was;
 * call again, with the same sale.
 * Not for interrupt handlers.
 */
POINTCARD_API
pointcard_status pointcard_accrue(pointcard_client *client,
                                  const struct pointcard_sale *sale,
                                  struct pointcard_ticket *ticket);

/**
 * Takes points back for a refunded sale. Works offline; never waits for the network.
 *
 * When this returns POINTCARD_OK the refund is on storage and arrives exactly once, like a sale;
 * call it again with the same refund_no when unsure. A sale that was never sent is voided with it
 * if all its points are taken back (ticket.voided); else the points are spent (CONSUME) as soon
 * as the sale is settled. Reads the whole queue.
 *
 * @param client  an open client
 * @param refund  read during the call
 * @param ticket  receives where it went; may be NULL
 *
 * Returns ERR_NOT_FOUND (no record of the sale is left, or no such merchant), ERR_REJECTED (the
 * gateway refused the sale: nothing to take back), ERR_UNCERTAIN (nobody knows whether it was
 * credited: look into the dead letters first), ERR_RANGE (points; the detail's `at` is what is
 * left), ERR_CONFLICT (the same refund_no with other points; another shopper), ERR_NULL,
 * ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_QUEUE_FULL, ERR_BAD_STATE,
 * ERR_BUSY: nothing was recorded. ERR_STORAGE: unknown; call again. Not for interrupt handlers.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (CONSUME).
 */
POINTCARD_API
pointcard_status pointcard_refund(pointcard_client *client,
                                  const struct pointcard_refund_order *refund,
                                  struct pointcard_ticket *ticket);

/** Most sales of one pointcard_accrue_batch; our own limit. */
#define POINTCARD_BATCH_MAX 32

/**
 * Bytes one sale takes in the memory lent to pointcard_accrue_batch, at most. A sale without memo
 * and ext_info takes about 200.
 */
#define POINTCARD_BATCH_ROOM 2932

/**
 * Records several sales in one sync, which costs little more than one sale alone. All of them are
 * durable when this returns POINTCARD_OK; each then is what pointcard_accrue makes it.
 *
 * The limits hold for the batch as a whole; POINTCARD_F_MANAGER waives them if each sale has it.
 *
 * @param client   an open client
 * @param sales    that many, one behind the other, all with the same struct_size; read during the
 *                 call
 * @param count    at most POINTCARD_BATCH_MAX
 * @param tickets  receives where each went; as many, initialised; may be NULL
 * @param buf      memory for the call: POINTCARD_BATCH_ROOM bytes for each sale are enough
 * @param cap      bytes there
 *
 * Returns as pointcard_accrue. Where it is about one sale ("sale.points", "item.req_id"), `at` in
 * the detail is its place, from 0; nothing of the batch was recorded. ERR_TOO_LONG about "sales"
 * (more than POINTCARD_BATCH_MAX), ERR_BUFFER_TOO_SMALL (`at`: what the sales up to the first that
 * does not fit take). ERR_STORAGE: any of them may be recorded; the same call again completes it.
 * Not for interrupt handlers.
 */
POINTCARD_API
pointcard_status pointcard_accrue_batch(pointcard_client *client,
                                        const pointcard_sale *sales,
                                        size_t count,
                                        pointcard_ticket *tickets,
                                        uint8_t *buf,
                                        size_t cap);

#define POINTCARD_SALE_INIT POINTCARD_INIT_(pointcard_sale)
#define POINTCARD_TICKET_INIT POINTCARD_INIT_(pointcard_ticket)
#define POINTCARD_REFUND_ORDER_INIT POINTCARD_INIT_(pointcard_refund_order)

/* ---- Trade --------------------------------------------------------------------------------- */

/** An amount the answer does not tell. */
#define POINTCARD_NO_AMOUNT UINT64_MAX

/**
 * A paid trade.
 *
 * Source: the response models of alipay.trade.pay and alipay.trade.query in Alipay's SDKs.
 */
typedef struct pointcard_trade {
    /** Set by POINTCARD_TRADE_INIT. */
    uint32_t struct_size;
    /** Zero. */
    uint32_t reserved;
    /** total_amount in fen. */
    uint64_t total;
    /** receipt_amount in fen: what the merchant gets. POINTCARD_NO_AMOUNT: not told. */
    uint64_t receipt;
    /** buyer_pay_amount in fen: what the buyer paid himself. POINTCARD_NO_AMOUNT: not told. */
    uint64_t buyer_pay;
    /** buyer_user_id: for pointcard_sale.user_id. */
    char user_id[33];
    /** trade_no: for pointcard_sale.biz_no. */
    char trade_no[33];
    /** out_trade_no: the till's own number of the order; may be empty. */
    char out_trade_no[65];
    /** trade_status of a query (TRADE_SUCCESS, TRADE_FINISHED); empty for pay. */
    char trade_status[33];
} pointcard_trade;

/**
 * Reads a paid trade from the node of a verified answer of alipay.trade.pay or
 * alipay.trade.query: {"code":"10000",...}, UTF-8 or GBK. Nothing here verifies anything: hand in
 * what a verified answer held, and nothing else. Needs no client.
 *
 * Amounts are read strictly: "12" is 1200 fen, "0.1" is 10, "12.345" is ERR_MALFORMED.
 *
 * @param node      the node
 * @param node_len  bytes of it
 * @param trade     receives the trade
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_TOO_LONG, ERR_REJECTED (not paid: another code than
 * 10000, another trade_status than TRADE_SUCCESS or TRADE_FINISHED), ERR_UNSUPPORTED (the buyer
 * is named by open id alone; trans_currency is not CNY), ERR_MISSING, ERR_ENCODING,
 * ERR_MALFORMED, ERR_TOO_DEEP, ERR_DUPLICATE, ERR_RANGE: `trade` is unchanged.
 *
 * Source: Alipay's pages of alipay.trade.pay and alipay.trade.query (amounts in yuan with two
 * decimals; TRADE_SUCCESS, TRADE_FINISHED).
 */
POINTCARD_API
pointcard_status pointcard_trade_read(const char *node,
                                      size_t node_len,
                                      struct pointcard_trade *trade);

/** An amount the answer does not tell. */
#define POINTCARD_NO_AMOUNT UINT64_MAX

#define POINTCARD_TRADE_INIT POINTCARD_INIT_(pointcard_trade)

/* ---- Sync and balance ---------------------------------------------------------------------- */

/** pointcard_report.rest: nothing rests. */
#define POINTCARD_REST_NONE 0

/**
 * pointcard_report.rest: the backlog's next turn has not come (the delay after pointcard_line_up,
 * or the space between two requests). Sales made now go at once.
 */
#define POINTCARD_REST_SPACING 1

/** pointcard_report.rest: the line or the gateway failed; back-off. */
#define POINTCARD_REST_FAILED 2

/**
 * pointcard_report.rest: the gateway asked for it. pointcard_force does not lift it. Source:
 * RFC 9110 section 10.2.3 (Retry-After); Alipay's list of common codes (40005: calls limited).
 */
#define POINTCARD_REST_ASKED 3

/** pointcard_report.rest: only a person or another configuration helps. */
#define POINTCARD_REST_PAUSED 4

/**
 * pointcard_outcome.verdict: credited (or answered). Source: Alipay's list of common codes
 * (10000).
 */
#define POINTCARD_ACCEPTED 1

/**
 * Refused, signed. A dead letter. Source: Alipay's list of common codes (40004, business
 * refusals).
 */
#define POINTCARD_REJECTED 2

/**
 * Refused after an attempt of unknown end. A flagged dead letter: a person must look. Source:
 * Alipay's page of koubei.marketing.tool.points.update (req_id "controls business idempotency";
 * what a repeat is answered is not said).
 */
#define POINTCARD_UNCERTAIN 3

/**
 * No verified answer. Repeated with the same req_id. Source: Alipay's list of common codes (20000:
 * repeat with the same id).
 */
#define POINTCARD_UNKNOWN 4

/**
 * Certainly not executed. Waits. Source: Alipay's list of common codes (20001, 40001 to 40003,
 * 40005, 40006: not executed).
 */
#define POINTCARD_DEFERRED 5

/** What a pointcard_sync did. */
typedef struct pointcard_report {
    /** Set by POINTCARD_REPORT_INIT. */
    uint32_t struct_size;
    /** Requests handed to the transport. */
    uint32_t sent;
    /** Settled: the points are credited. */
    uint32_t accepted;
    /** Refused; now dead letters. */
    uint32_t rejected;
    /** Refused after an attempt of unknown end; now flagged dead letters. */
    uint32_t uncertain;
    /** Without a verified answer; they will be repeated. */
    uint32_t unknown;
    /** Certainly not executed; they wait. */
    uint32_t deferred;
    /** Entries still waiting here. */
    uint32_t waiting;
    /**
     * Milliseconds until it is worth calling again; 0 with entries waiting that are neither held
     * nor paused = at once.
     */
    uint32_t retry_in_ms;
    /** 1: the terminal's clock is unknown or wrong. */
    uint32_t clock_wrong;
    /**
     * Of the waiting entries, those held for a person: another configuration's, or not to be sent
     * by this one.
     */
    uint32_t held;
    /**
     * Of the waiting entries, those of merchants whose token the gateway refuses (or who have
     * none yet): they wait for pointcard_set_token.
     */
    uint32_t paused;
    /**
     * 1: an answer was verified with config.alipay_public_key_next (or alipay_cert_next) since
     * pointcard_init: Alipay has changed its key, and the configuration can follow.
     */
    uint32_t next_key_used;
    /** Whose the oldest paused entry is; empty = the client's own, or there is none. */
    char paused_merchant[65];
    /** Refused entries for which the dead letters had no room; not among `waiting`. */
    uint32_t parked;
    /** POINTCARD_REST_NONE to POINTCARD_REST_PAUSED: who asked for the rest that is taken now. */
    uint32_t rest;
    /** 1: the queue was paused by its caller: nothing goes before it is resumed. */
    uint32_t stopped;
} pointcard_report;

/**
 * Sleeps for `ms`, at most 1000, on the caller's thread, without the client's lock. Returns 0, or
 * anything else to end the drain. It may call this client, but not pointcard_sync.
 */
typedef int32_t (*pointcard_sleep_fn)(void *ctx, uint32_t ms);

/**
 * A shopper's points.
 *
 * Source: KoubeiMarketingToolPointsQueryResponse of Alipay's SDKs (freezed_points is its spelling).
 */
typedef struct pointcard_balance {
    /** Set by POINTCARD_BALANCE_INIT. */
    uint32_t struct_size;
    /** Entries of this shopper still waiting on this till. */
    uint32_t waiting_entries;
    /** Their points, which the gateway does not count yet. */
    uint64_t waiting_points;
    /** At the gateway: points the shopper can spend. */
    uint64_t available_points;
    /** At the gateway: points reserved for a prize. */
    uint64_t freezed_points;
    /** At the gateway: points collected in all. */
    uint64_t total_points;
} pointcard_balance;

/** How one exchange ended. */
struct pointcard_outcome {
    /** Set by POINTCARD_OUTCOME_INIT. */
    uint32_t struct_size;
    /** POINTCARD_ACCEPTED to POINTCARD_DEFERRED. */
    int32_t verdict;
    /** POINTCARD_OK, or the reason in one word (a pointcard_status). */
    int32_t status;
    /** How often the entry was sent, this time included (255 = or more). */
    uint32_t attempts;
    /** Number of the queue entry; 0 for a balance. */
    uint64_t seq;
    /** The entry's points. */
    uint32_t points;
    /** Milliseconds until it is tried again; 0 = at once or never. */
    uint32_t retry_in_ms;
    /** Balance: points the shopper can spend. */
    uint64_t available_points;
    /** Balance: points reserved for a prize. */
    uint64_t freezed_points;
    /** Balance: points collected in all. */
    uint64_t total_points;
    /** The entry's idempotency key. */
    char req_id[33];
    /** The gateway's flow number, when accepted. Source: KoubeiMarketingToolPointsUpdateResponse. */
    char point_log_no[65];
};

/**
 * Sends due entries for about `budget_ms`; a transfer under way is waited for (15 s at most with
 * the built-in transport).
 *
 * Call it when the line is idle, on any thread. Other threads may call pointcard_accrue,
 * pointcard_queue_status and pointcard_walk meanwhile: no lock is held while the transport works.
 * A dead network is not an error: it is counted in the report.
 *
 * @param client     an open client
 * @param budget_ms  time for starting transfers; 0 = none, only the report
 * @param report     receives what was done; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE, ERR_BUSY (a sync, query or step is under
 * way), ERR_UNSUPPORTED (no transport), ERR_STORAGE, ERR_SIGNER, ERR_ENTROPY.
 */
POINTCARD_API
pointcard_status pointcard_sync(pointcard_client *client,
                                uint32_t budget_ms,
                                struct pointcard_report *report);

/**
 * Sends until nothing is left that will go by itself, or about `deadline_ms` have passed: at
 * closing time, before an update. Sleeps while the line rests. Returns early when nothing may go
 * before the deadline. The report adds up what was done and says why what is left is left: held,
 * paused, stopped, resting (rest, retry_in_ms), or there was no time.
 *
 * What waits by this till's own decision does not wait after pointcard_force. Threads as
 * pointcard_sync.
 *
 * @param client       an open client
 * @param deadline_ms  longest time, a transfer under way aside
 * @param sleep        NULL: the system's; without one, the drain ends at the first rest
 * @param sleep_ctx    first argument of `sleep`
 * @param report       receives what was done; may be NULL
 *
 * Returns as pointcard_sync. A dead network is not an error.
 */
POINTCARD_API
pointcard_status pointcard_drain(pointcard_client *client,
                                 uint32_t deadline_ms,
                                 pointcard_sleep_fn sleep,
                                 void *sleep_ctx,
                                 struct pointcard_report *report);

/**
 * Says that the line came up again (network attached, modem registered). What waits now goes out
 * after a random part of config.first_delay_ms, slowly at first, so that ten thousand tills that
 * come back together do not knock the gateway over; sales made from now on go at once. Lifts what
 * failures of the line before had to wait for, but not what the gateway asked for.
 *
 * A single till does not need it: back-off finds the line by itself. May be called while a sync is
 * under way.
 *
 * @param client  an open client
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
 */
POINTCARD_API
pointcard_status pointcard_line_up(pointcard_client *client);

/**
 * A person wants what waits to go now. Lifts every wait this till chose by itself: the first
 * delay, the space between requests, back-off of the line and of single entries, pauses after
 * refused configurations. Does not lift what the gateway asked for (Retry-After, 40005), nor what
 * waits for a token, is held, or was stopped. Sends nothing: call pointcard_sync or
 * pointcard_drain. May be called while a sync is under way.
 *
 * @param client  an open client
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
 */
POINTCARD_API
pointcard_status pointcard_force(pointcard_client *client);

/**
 * Asks the gateway for a shopper's balance and waits for the answer. Beside it: what is still
 * waiting on this till.
 *
 * Source: step 3 of the quick-start guide of Koubei point cards (koubei.marketing.tool.points.query).
 *
 * @param client            an open client
 * @param user_id           the shopper, ASCII, at most 32 bytes
 * @param activity_account  the point account; NULL = the configured one
 * @param timeout_ms        longest wait; 0 = 15000
 * @param balance           receives the points
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_BAD_STATE,
 * ERR_BUSY, ERR_UNSUPPORTED; ERR_TRANSPORT, ERR_UNKNOWN, ERR_SIGNATURE, ERR_UNSIGNED,
 * ERR_MALFORMED, ERR_KEY_MISMATCH (Alipay has another certificate), ERR_REJECTED, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED: no balance; the waiting
 * points are filled in all the same.
 */
POINTCARD_API
pointcard_status pointcard_query_balance(pointcard_client *client,
                                         const char *user_id,
                                         const char *activity_account,
                                         uint32_t timeout_ms,
                                         struct pointcard_balance *balance);

#define POINTCARD_REPORT_INIT POINTCARD_INIT_(pointcard_report)
#define POINTCARD_OUTCOME_INIT POINTCARD_INIT_(pointcard_outcome)
#define POINTCARD_BALANCE_INIT POINTCARD_INIT_(pointcard_balance)

/* ---- Steps --------------------------------------------------------------------------------- */

/** Room pointcard_next_request and pointcard_query_request need for a request, in bytes. */
#define POINTCARD_REQUEST_MAX 10240

/** Room an answer needs; a longer one is no answer. */
#define POINTCARD_ANSWER_MAX 4096

/**
 * The next due entry as a signed request. "Sent" is durable before this returns.
 *
 * One exchange at a time: end it with pointcard_on_response or pointcard_on_transport_error.
 *
 * Source: Alipay's page on calling the gateway: system parameters in the URL (charset has to be
 * there), biz_content in the body, form-encoded.
 *
 * @param client   an open client
 * @param buf      room for the request, yours again when the exchange ends
 * @param cap      bytes there; POINTCARD_REQUEST_MAX is always enough
 * @param request  receives what to POST; points into `buf`
 * @param wait_ms  receives, with POINTCARD_IDLE, how long nothing will be due (0 = nothing
 *                 waits); may be NULL
 *
 * Returns POINTCARD_IDLE (nothing is due); ERR_NULL, ERR_BUFFER_TOO_SMALL (nothing was sent; the
 * detail's `at` is room enough), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_SIGNER,
 * ERR_ENTROPY.
 */
POINTCARD_API
pointcard_status pointcard_next_request(pointcard_client *client,
                                        uint8_t *buf,
                                        size_t cap,
                                        pointcard_request *request,
                                        uint32_t *wait_ms);

/**
 * A signed request for a shopper's balance; the answer goes to pointcard_on_response.
 *
 * @param client            an open client
 * @param user_id           the shopper, ASCII, at most 32 bytes
 * @param activity_account  the point account; NULL = the configured one
 * @param buf               room for the request, yours again when the exchange ends
 * @param cap               bytes there
 * @param request           receives what to POST; points into `buf`
 *
 * Returns ERR_NULL, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_BUFFER_TOO_SMALL, ERR_BAD_STATE,
 * ERR_BUSY, ERR_SIGNER, ERR_ENTROPY.
 *
 * Source: koubei.marketing.tool.points.query, in the models of Alipay's SDKs.
 */
POINTCARD_API
pointcard_status pointcard_query_request(pointcard_client *client,
                                         const char *user_id,
                                         const char *activity_account,
                                         uint8_t *buf,
                                         size_t cap,
                                         pointcard_request *request);

/**
 * Ends an exchange with the answer that came.
 *
 * @param client    an open client
 * @param exchange  pointcard_request.exchange
 * @param response  body, body_len, http_status, and the headers if you have them
 * @param outcome   receives what it came to; may be NULL
 *
 * Returns POINTCARD_OK when the outcome is recorded, whatever it is; ERR_NULL, ERR_STRUCT_SIZE,
 * ERR_ARGUMENT (not the exchange under way), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE (the outcome
 * is not recorded; the entry will be repeated).
 *
 * Source: Alipay's page on synchronous answers (the node's bytes are what is signed).
 */
POINTCARD_API
pointcard_status pointcard_on_response(pointcard_client *client,
                                       uint32_t exchange,
                                       const pointcard_response *response,
                                       pointcard_outcome *outcome);

/**
 * Ends an exchange without an answer.
 *
 * @param client    an open client
 * @param exchange  pointcard_request.exchange
 * @param not_sent  1 only when certainly no byte of the request left the machine; else 0
 * @param code      the transport's own code, for the detail
 * @param outcome   receives what it came to; may be NULL
 *
 * Returns as pointcard_on_response.
 */
POINTCARD_API
pointcard_status pointcard_on_transport_error(pointcard_client *client,
                                              uint32_t exchange,
                                              int32_t not_sent,
                                              int32_t code,
                                              pointcard_outcome *outcome);

/* ---- Calls --------------------------------------------------------------------------------- */

/**
 * options.flags: send the call without app_auth_token, whatever the configuration says. Source:
 * Alipay's page of alipay.open.auth.token.app (sent without app_auth_token).
 */
#define POINTCARD_CALL_WITHOUT_TOKEN 1

/** Longest `biz_content` that is looked at, in bytes. */
#define POINTCARD_CONTENT_MAX 1048576

/**
 * What may be said beside the content of a call. NULL instead of it: all defaults.
 *
 * Source: Alipay's table of common parameters.
 */
typedef struct pointcard_options {
    /** Set by POINTCARD_OPTIONS_INIT. */
    uint32_t struct_size;
    /** Longest wait for the answer, in milliseconds; 0 = 15000. */
    uint32_t timeout_ms;
    /** The merchant to act for, one of the configuration's; default: the client's own. */
    const char *merchant;
    /**
     * Another token than that merchant's, at most 40 bytes. Source: Alipay's table of common
     * parameters, as the next.
     */
    const char *app_auth_token;
    /**
     * Where messages of this call go, at most 256 bytes of ASCII. Best without a query: its
     * parameters would come back among the message's, unsigned.
     */
    const char *notify_url;
    /**
     * Room for the request and then the answer: POINTCARD_REQUEST_MAX + POINTCARD_ANSWER_MAX
     * bytes are enough for points and prizes; lists of activities may need more. NULL = the
     * client's own room of that size, and no node is handed out.
     */
    uint8_t *buf;
    /** Bytes there. An answer may be as long as what the request leaves. */
    size_t cap;
    /** POINTCARD_CALL_ flags, or 0. */
    uint32_t flags;
} pointcard_options;

/** What the gateway answered to a call. */
typedef struct pointcard_answer {
    /** Set by POINTCARD_ANSWER_INIT. */
    uint32_t struct_size;
    /** POINTCARD_ACCEPTED, _REJECTED, _UNKNOWN or _DEFERRED. */
    int32_t verdict;
    /** POINTCARD_OK, or the reason in one word (a pointcard_status). */
    int32_t status;
    /**
     * How the node's texts are encoded: POINTCARD_UTF8 or POINTCARD_GBK. (Error texts come in GBK
     * in UTF-8 sessions as well, users of Alipay's SDKs report.)
     */
    int32_t encoding;
    /**
     * The verified node exactly as received, from `{` to `}` (decrypted, if it came encrypted);
     * not NUL-terminated. NULL when its signature does not hold, or without a buffer of the
     * caller's. It lives in that buffer until the caller uses it otherwise.
     */
    const uint8_t *node;
    /** Bytes of the node. */
    size_t node_len;
    /** HTTP status of the answer; 0 = no answer. */
    uint16_t http_status;
    /** 1 when the answer's signature was verified; else the texts below are hearsay. */
    uint8_t authenticated;
    /** Zero. */
    uint8_t reserved;
    /** The gateway's code, such as "40004"; may be empty. */
    char code[17];
    /** The gateway's sub_code, such as "isv.invalid-parameter"; may be empty. */
    char sub_code[129];
    /**
     * The beginning of the gateway's words for it, UTF-8 whatever they came in, control characters
     * replaced by `?`; cut at the first "=", where they quote a request and its token; may be empty.
     */
    char sub_msg[257];
} pointcard_answer;

/**
 * Calls any method and waits for its answer. No lock is held while the transport works; a sync,
 * query or another call meanwhile is ERR_BUSY.
 *
 * The content is checked before it is signed: one JSON object, no name twice. A call books nothing
 * here and is not repeated: a sale belongs into pointcard_accrue.
 *
 * @param client       an open client
 * @param method       such as "alipay.trade.query", at most 128 bytes
 * @param biz_content  one JSON object as UTF-8 text, at most POINTCARD_CONTENT_MAX bytes
 * @param options      must lend a buffer; the answer's node is left there
 * @param answer       receives the answer whenever one was waited for, also with an error status
 *
 * Returns POINTCARD_OK when the gateway answered 10000, signed. Nothing was sent: ERR_NULL,
 * ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_ARGUMENT, ERR_MALFORMED,
 * ERR_TOO_DEEP, ERR_DUPLICATE (the detail's what is "biz_content", its `at` the byte offset),
 * ERR_BUFFER_TOO_SMALL (`at` is room to try with), ERR_BAD_STATE, ERR_BUSY, ERR_UNSUPPORTED (no
 * transport), ERR_SIGNER, ERR_ENTROPY; the answer is then untouched. Certainly not executed:
 * ERR_REJECTED, ERR_TRANSPORT, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED. Perhaps executed:
 * everything else, such as ERR_UNKNOWN, ERR_SIGNATURE, ERR_UNSIGNED, ERR_MALFORMED of "json" or
 * "answer"; answer.verdict tells which of the three it is.
 *
 * Source: Alipay's pages on common parameters, signing and synchronous answers.
 */
POINTCARD_API
pointcard_status pointcard_call(pointcard_client *client,
                                const char *method,
                                const char *biz_content,
                                const struct pointcard_options *options,
                                struct pointcard_answer *answer);

/**
 * The signed request of any method, for those without a blocking transport. The answer goes to
 * pointcard_call_answer; without one, pointcard_on_transport_error ends the exchange.
 *
 * @param client       an open client
 * @param method       as pointcard_call
 * @param biz_content  as pointcard_call
 * @param options      token and address of the call; NULL = defaults. Its buf, cap and timeout_ms
 *                     are not used
 * @param buf          room for the request, yours again when the exchange ends
 * @param cap          bytes there
 * @param request      receives what to POST; points into `buf`
 *
 * Returns as pointcard_call where nothing is sent. Takes the client's lock for a moment.
 *
 * Source: Alipay's pages on common parameters and signing.
 */
POINTCARD_API
pointcard_status pointcard_call_request(pointcard_client *client,
                                        const char *method,
                                        const char *biz_content,
                                        const struct pointcard_options *options,
                                        uint8_t *buf,
                                        size_t cap,
                                        pointcard_request *request);

/**
 * Ends a call's exchange with the answer that came.
 *
 * @param client    an open client
 * @param exchange  pointcard_request.exchange
 * @param response  body, body_len, http_status, and the headers if you have them
 * @param room      where an encrypted answer is decrypted; NULL where none are
 * @param cap       bytes there; body_len is enough. Not the memory of the body itself
 * @param answer    receives what the gateway said; its node points into the response's body, or
 *                  into `room`
 *
 * Returns POINTCARD_OK when the exchange ended, whatever the answer says: that is answer.status.
 * ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (not the exchange under way, or an entry's),
 * ERR_BAD_STATE (its signature has not come), ERR_BUSY. Takes the client's lock for a moment.
 *
 * Source: Alipay's page on synchronous answers.
 */
POINTCARD_API
pointcard_status pointcard_call_answer(pointcard_client *client,
                                       uint32_t exchange,
                                       const pointcard_response *response,
                                       uint8_t *room,
                                       size_t cap,
                                       struct pointcard_answer *answer);

/**
 * Reads one member of an answer's node as text. Needs no client and no lock.
 *
 * @param answer  an answer with a node; the bytes it points at still stand
 * @param path    names, and numbers of list elements (from 0), joined by points:
 *                "camp_detail.promo_tools.0.voucher.name"; at most 256 bytes
 * @param buf     receives UTF-8, NUL-terminated; on failure, if there is room, an empty text
 * @param cap     bytes there
 * @param len     receives the text's bytes without the NUL, or, with ERR_BUFFER_TOO_SMALL, the
 *                room needed; may be NULL
 *
 * A number or truth value is given as it stands. Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE
 * (no node), ERR_TOO_LONG, ERR_ENCODING (of the path, or GBK that is none), ERR_NOT_FOUND (nothing
 * there, or null), ERR_ARGUMENT (an object or a list), ERR_UNSUPPORTED (GBK text in a library
 * without its table), ERR_BUFFER_TOO_SMALL, ERR_MALFORMED (the bytes are no longer the node).
 */
POINTCARD_API
pointcard_status pointcard_answer_text(const pointcard_answer *answer,
                                       const char *path,
                                       char *buf,
                                       size_t cap,
                                       size_t *len);

#define POINTCARD_OPTIONS_INIT POINTCARD_INIT_(pointcard_options)
#define POINTCARD_ANSWER_INIT POINTCARD_INIT_(pointcard_answer)

/* ---- Methods ------------------------------------------------------------------------------- */

/**
 * update.trans_type: credits points for a payment. Source: Alipay's page of
 * koubei.marketing.tool.points.update (trans_type), as the next four.
 */
#define POINTCARD_DEPOSIT 1

/**
 * update.trans_type: reserves points. Source: Alipay's page of
 * koubei.marketing.tool.points.update.
 */
#define POINTCARD_FREEZE 2

/**
 * update.trans_type: spends a reserve. Source: Alipay's page of
 * koubei.marketing.tool.points.update.
 */
#define POINTCARD_COMMIT 3

/**
 * update.trans_type: releases a reserve. Source: Alipay's page of
 * koubei.marketing.tool.points.update.
 */
#define POINTCARD_CANCEL 4

/**
 * update.trans_type: spends without a reserve. Source: Alipay's page of
 * koubei.marketing.tool.points.update.
 */
#define POINTCARD_CONSUME 5

/**
 * Moves points at once. Lengths are in characters. Source: Alipay's page of
 * koubei.marketing.tool.points.update; the lengths of biz_no, memo and ext_info are integrators'.
 */
typedef struct pointcard_update {
    /** Set by POINTCARD_UPDATE_INIT. */
    uint32_t struct_size;
    /** POINTCARD_DEPOSIT to POINTCARD_CONSUME. Required. */
    int32_t trans_type;
    /** How many points, 1 to 9999999999999999. COMMIT and CANCEL: the amount that was frozen. */
    uint64_t points;
    /** The idempotency key, at most 32: the same in every repeat of this update. Required. */
    const char *req_id;
    /** The shopper's Alipay user id (2088...), at most 32. Required. */
    const char *user_id;
    /** Point account, at most 32; default: the configured one of the merchant (options.merchant). */
    const char *activity_account;
    /**
     * The payment's trade number for DEPOSIT, the FREEZE's point_log_no for COMMIT and CANCEL, at
     * most 32. FREEZE and CONSUME must not have one.
     */
    const char *biz_no;
    /** Shop, at most 32; only DEPOSIT may have one. */
    const char *shop_id;
    /** At most 256. */
    const char *memo;
    /** Opaque to the gateway, at most 2000. */
    const char *ext_info;
} pointcard_update;

/**
 * Where an update was booked.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (point_log_no).
 */
typedef struct pointcard_booking {
    /** Set by POINTCARD_BOOKING_INIT. */
    uint32_t struct_size;
    /**
     * The gateway's flow number. That of a FREEZE is what COMMIT and CANCEL need: keep it on
     * storage, nothing else can release those points.
     */
    char point_log_no[65];
} pointcard_booking;

/**
 * The right to one prize. Source: Alipay's quick-start of the point card and the models
 * integrators publish of koubei.marketing.tool.prizesend.auth.
 */
typedef struct pointcard_prize {
    /** Set by POINTCARD_PRIZE_INIT. */
    uint32_t struct_size;
    /** The idempotency key, at most 32. Required. */
    const char *req_id;
    /**
     * What is given, at most 32. Samples look like the exchange activity's camp_id; no page says
     * so. Required.
     */
    const char *prize_id;
    /** The shopper's Alipay user id, at most 32. Required. */
    const char *user_id;
} pointcard_prize;

/**
 * What a claim link carries.
 *
 * Source: koubei.marketing.tool.prizesend.auth, in the models integrators publish (token).
 */
typedef struct pointcard_prize_token {
    /** Set by POINTCARD_PRIZE_TOKEN_INIT. */
    uint32_t struct_size;
    /** The token. How long it lives is not documented; nothing can take it back. */
    char token[65];
} pointcard_prize_token;

/**
 * Moves points and waits for the gateway: FREEZE, COMMIT, CANCEL, CONSUME, or a DEPOSIT.
 *
 * Nothing is stored here: with ERR_UNKNOWN and its like the points may have moved, and the caller
 * repeats the update with the same req_id, after a restart too. A refusal of such a repeat says
 * nothing of the attempt before it. Points for a sale are safe with pointcard_accrue, which does
 * all that by itself.
 *
 * @param client   an open client
 * @param update   read during the call
 * @param options  NULL = defaults, no buffer needed
 * @param booking  receives the flow number
 * @param answer   receives what the gateway said, whenever it was waited for; may be NULL
 *
 * Returns as pointcard_call. ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_RANGE and ERR_ARGUMENT
 * (a biz_no or shop_id this trans_type must not have) name the member. ERR_DUPLICATE: answered
 * with the flow number of another request of a moment ago, so the end is unknown. Threads and lock
 * as pointcard_call.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update.
 */
POINTCARD_API
pointcard_status pointcard_points_update(pointcard_client *client,
                                         const struct pointcard_update *update,
                                         const pointcard_options *options,
                                         struct pointcard_booking *booking,
                                         pointcard_answer *answer);

/**
 * Asks for the token that lets a shopper claim a prize.
 *
 * @param client   an open client
 * @param prize    read during the call
 * @param options  NULL = defaults, no buffer needed
 * @param token    receives the token
 * @param answer   as pointcard_points_update; may be NULL
 *
 * Returns as pointcard_call; threads and lock as there. With ERR_UNKNOWN and its like repeat it
 * with the same req_id.
 *
 * Source: koubei.marketing.tool.prizesend.auth, in Alipay's quick-start of the point card.
 */
POINTCARD_API
pointcard_status pointcard_prize_authorize(pointcard_client *client,
                                           const struct pointcard_prize *prize,
                                           const pointcard_options *options,
                                           struct pointcard_prize_token *token,
                                           pointcard_answer *answer);

/**
 * operator_type: the merchant, the gateway's default. Source: the activity models of Alipay's SDKs
 * (operator_type), as the next three.
 */
#define POINTCARD_OPERATOR_MER 1

/** operator_type: a merchant's employee. Source: the activity models of Alipay's SDKs. */
#define POINTCARD_OPERATOR_MER_OPERATOR 2

/** operator_type: a software house. Source: the activity models of Alipay's SDKs. */
#define POINTCARD_OPERATOR_PROVIDER 3

/** operator_type: a software house's employee. Source: the activity models of Alipay's SDKs. */
#define POINTCARD_OPERATOR_PROVIDER_STAFF 4

/**
 * What create, modify and offline tell. Starting takes a while: wait for the notification or
 * query.
 *
 * Source: the responses of koubei.marketing.campaign.activity.create, .modify and .offline in
 * Alipay's SDKs.
 */
typedef struct pointcard_activity {
    /** Set by POINTCARD_ACTIVITY_INIT. */
    uint32_t struct_size;
    /** The activity; only create tells it. */
    char camp_id[65];
    /** "STARTING", "STARTED"...; may be empty. */
    char camp_status[65];
    /** "AUDITING", "REJECT"; empty when nobody has to approve. */
    char audit_status[65];
} pointcard_activity;

/** Ends an activity. Source: Alipay's page of koubei.marketing.campaign.activity.offline. */
typedef struct pointcard_offline {
    /** Set by POINTCARD_OFFLINE_INIT. */
    uint32_t struct_size;
    /** POINTCARD_OPERATOR_; with operator_id or 0. */
    int32_t operator_type;
    /** The idempotency key, at most 32: another one for every other call. Required. */
    const char *out_biz_no;
    /** The activity, at most 32. Required. */
    const char *camp_id;
    /** Why, at most 1024 characters. */
    const char *reason;
    /** Who acts, at most 32; default: the merchant. */
    const char *operator_id;
} pointcard_offline;

/**
 * An activity, and who asks for it.
 *
 * Source: koubei.marketing.campaign.activity.query, in the models of Alipay's SDKs.
 */
typedef struct pointcard_activity_id {
    /** Set by POINTCARD_ACTIVITY_ID_INIT. */
    uint32_t struct_size;
    /** POINTCARD_OPERATOR_; with operator_id or 0. */
    int32_t operator_type;
    /** The activity, at most 32. Required. */
    const char *camp_id;
    /** Who acts, at most 32; default: the merchant. */
    const char *operator_id;
} pointcard_activity_id;

/**
 * What query tells; everything else is in the answer's node, under "camp_detail".
 *
 * Source: koubei.marketing.campaign.activity.query; where the claim page's address stands is told
 * differently by the guide (config) and by integrators' code (ext_info): both are looked at.
 */
typedef struct pointcard_activity_detail {
    /** Set by POINTCARD_ACTIVITY_DETAIL_INIT. */
    uint32_t struct_size;
    /** "CREATED", "ENABLED", "DISABLED", "STARTED", "CLOSED", "FINISHED". */
    char camp_status[65];
    /**
     * What a claim link is made of: the text of the URL_WITH_TOKEN channel's ext_info or config,
     * whichever holds a URL; empty when there is none.
     */
    char claim_base[1025];
} pointcard_activity_detail;

/**
 * Which activities to list; what is not given does not matter.
 *
 * Source: koubei.marketing.campaign.activity.batchquery, in the models of Alipay's SDKs.
 */
typedef struct pointcard_page {
    /** Set by POINTCARD_PAGE_INIT. */
    uint32_t struct_size;
    /** POINTCARD_OPERATOR_; with operator_id or 0. */
    int32_t operator_type;
    /** Which page, from 1; 0 = 1. */
    uint32_t page_number;
    /** Activities of a page; 0 = 20, the gateway's default. */
    uint32_t page_size;
    /** Who acts, at most 32; default: the merchant. */
    const char *operator_id;
    /** The activity's name, at most 256 characters. */
    const char *name;
    /** When it begins, "yyyy-MM-dd HH:mm:ss", Beijing time. */
    const char *start_time;
    /** When it ends. */
    const char *end_time;
    /**
     * What it is, one or more of STARTED, STARTING, MODIFYING, CLOSED, CLOSING, DISABLED, joined
     * by `|`.
     */
    const char *statuses;
} pointcard_page;

/**
 * What a list tells; the activities themselves are in the answer's node, under "camp_sets".
 *
 * Source: the same (total_number).
 */
typedef struct pointcard_page_total {
    /** Set by POINTCARD_PAGE_TOTAL_INIT. */
    uint32_t struct_size;
    /** Zero. */
    uint32_t reserved;
    /** How many there are on all pages. */
    uint64_t total;
} pointcard_page_total;

/**
 * Creates an activity. Its messages go to options.notify_url.
 *
 * @param client       an open client
 * @param biz_content  its JSON, UTF-8, checked before it is sent: kinds of known members, required
 *                     members, dates that exist, no name twice at any depth, the tool that belongs
 *                     to the type
 * @param options      NULL = defaults
 * @param activity     receives its id
 * @param answer       as pointcard_points_update; may be NULL
 *
 * Returns as pointcard_call; threads and lock as there. ERR_MISSING, ERR_RANGE (no such date, or
 * an end before its start), ERR_ARGUMENT, ERR_MALFORMED, ERR_DUPLICATE: the detail's what is the
 * member or "biz_content", its `at` the byte offset.
 *
 * Source: Alipay's page of koubei.marketing.campaign.activity.create.
 */
POINTCARD_API
pointcard_status pointcard_activity_create(pointcard_client *client,
                                           const char *biz_content,
                                           const pointcard_options *options,
                                           struct pointcard_activity *activity,
                                           pointcard_answer *answer);

/**
 * Changes an activity. name, desc, start_time and type repeat what they are; end_time can only
 * grow; out_biz_no is another one for every change.
 *
 * Arguments and results as pointcard_activity_create; camp_id stays empty. Source: Alipay's page
 * of koubei.marketing.campaign.activity.modify.
 */
POINTCARD_API
pointcard_status pointcard_activity_modify(pointcard_client *client,
                                           const char *biz_content,
                                           const pointcard_options *options,
                                           struct pointcard_activity *activity,
                                           pointcard_answer *answer);

/**
 * Ends an activity.
 *
 * @param client    an open client
 * @param offline   read during the call
 * @param options   NULL = defaults
 * @param activity  receives its state; camp_id stays empty
 * @param answer    as pointcard_points_update; may be NULL
 *
 * Returns as pointcard_call; threads and lock as there. ERR_MISSING of "operator_id" or
 * "operator_type": only together.
 *
 * Source: Alipay's page of koubei.marketing.campaign.activity.offline.
 */
POINTCARD_API
pointcard_status pointcard_activity_offline(pointcard_client *client,
                                            const struct pointcard_offline *offline,
                                            const pointcard_options *options,
                                            struct pointcard_activity *activity,
                                            pointcard_answer *answer);

/**
 * Asks for all about one activity that was created through this interface.
 *
 * @param client    an open client
 * @param activity  read during the call
 * @param options   must lend a buffer; the answer's node is left there
 * @param detail    receives status and claim page
 * @param answer    receives the answer and its node, for pointcard_answer_text; required
 *
 * Returns as pointcard_call; threads and lock as there. Where the activity's point account stands
 * in the node no page tells.
 *
 * Source: Alipay's page of koubei.marketing.campaign.activity.query.
 */
POINTCARD_API
pointcard_status pointcard_activity_query(pointcard_client *client,
                                          const struct pointcard_activity_id *activity,
                                          const pointcard_options *options,
                                          struct pointcard_activity_detail *detail,
                                          pointcard_answer *answer);

/**
 * Lists activities.
 *
 * @param client   an open client
 * @param page     read during the call
 * @param options  must lend a buffer; the answer's node is left there
 * @param total    receives how many there are
 * @param answer   receives the answer and its node, for pointcard_answer_text; required
 *
 * Returns as pointcard_call; threads and lock as there. ERR_ARGUMENT names a time that is none.
 *
 * Source: Alipay's page of koubei.marketing.campaign.activity.batchquery.
 */
POINTCARD_API
pointcard_status pointcard_activity_batchquery(pointcard_client *client,
                                               const struct pointcard_page *page,
                                               const pointcard_options *options,
                                               struct pointcard_page_total *total,
                                               pointcard_answer *answer);

/**
 * What a merchant's consent is exchanged for tokens with: one of the two. Source: Alipay's page of
 * alipay.open.auth.token.app.
 */
typedef struct pointcard_grant {
    /** Set by POINTCARD_GRANT_INIT. */
    uint32_t struct_size;
    /** The app_auth_code of a consent, at most 40: good once, for 24 hours. */
    const char *code;
    /** Or the app_refresh_token of the last pair, at most 40. If the answer is lost, repeat it once. */
    const char *refresh_token;
} pointcard_grant;

/**
 * A pair of tokens. Store both before either is used: the old pair dies.
 *
 * Source: Alipay's page of alipay.open.auth.token.app.
 */
typedef struct pointcard_tokens {
    /** Set by POINTCARD_TOKENS_INIT. */
    uint32_t struct_size;
    /** Zero. */
    uint32_t reserved;
    /** Seconds the token lives from now on; 0 = not told. */
    uint64_t expires_in;
    /** Seconds the refresh token lives from now on; 0 = not told. */
    uint64_t re_expires_in;
    /** What the merchant's calls carry. */
    char app_auth_token[65];
    /** For the next exchange. */
    char app_refresh_token[65];
    /** The merchant's Alipay user id; may be empty. */
    char user_id[33];
    /** The merchant's application, which notifications name; may be empty. */
    char auth_app_id[33];
} pointcard_tokens;

/**
 * What a token is worth.
 *
 * Source: alipay.open.auth.token.app.query, in the models of Alipay's SDKs.
 */
typedef struct pointcard_token_state {
    /** Set by POINTCARD_TOKEN_STATE_INIT. */
    uint32_t struct_size;
    /** 1 for a status of "valid". */
    uint32_t is_valid;
    /** Seconds it still lives; 0 = not told. */
    uint64_t expires_in;
    /** The merchant's Alipay user id; may be empty. */
    char user_id[33];
    /** The merchant's application; may be empty. */
    char auth_app_id[33];
    /** Since when, "yyyy-MM-dd HH:mm:ss"; may be empty. */
    char auth_start[33];
    /** Until when; may be empty. */
    char auth_end[33];
} pointcard_token_state;

/**
 * Exchanges a merchant's consent, or a refresh token, for a pair of tokens. Sent without
 * app_auth_token: options may not name one.
 *
 * @param client   an open client
 * @param grant    read during the call
 * @param options  NULL = defaults
 * @param tokens   receives the pair
 * @param answer   as pointcard_points_update; may be NULL
 *
 * Returns as pointcard_call; threads and lock as there. ERR_ARGUMENT of "refresh_token": not both.
 *
 * Source: Alipay's page of alipay.open.auth.token.app.
 */
POINTCARD_API
pointcard_status pointcard_token_exchange(pointcard_client *client,
                                          const struct pointcard_grant *grant,
                                          const pointcard_options *options,
                                          struct pointcard_tokens *tokens,
                                          pointcard_answer *answer);

/**
 * Asks what a token is worth. Sent without app_auth_token: options may not name one.
 *
 * @param client          an open client
 * @param app_auth_token  the token that is asked about, at most 40 bytes
 * @param options         NULL = defaults
 * @param state           receives its state
 * @param answer          as pointcard_points_update; may be NULL
 *
 * Returns as pointcard_call; threads and lock as there.
 *
 * Source: Alipay's page of alipay.open.auth.token.app.query.
 */
POINTCARD_API
pointcard_status pointcard_token_query(pointcard_client *client,
                                       const char *app_auth_token,
                                       const pointcard_options *options,
                                       struct pointcard_token_state *state,
                                       pointcard_answer *answer);

#define POINTCARD_UPDATE_INIT POINTCARD_INIT_(pointcard_update)
#define POINTCARD_BOOKING_INIT POINTCARD_INIT_(pointcard_booking)
#define POINTCARD_PRIZE_INIT POINTCARD_INIT_(pointcard_prize)
#define POINTCARD_PRIZE_TOKEN_INIT POINTCARD_INIT_(pointcard_prize_token)
#define POINTCARD_ACTIVITY_INIT POINTCARD_INIT_(pointcard_activity)
#define POINTCARD_ACTIVITY_ID_INIT POINTCARD_INIT_(pointcard_activity_id)
#define POINTCARD_ACTIVITY_DETAIL_INIT POINTCARD_INIT_(pointcard_activity_detail)
#define POINTCARD_OFFLINE_INIT POINTCARD_INIT_(pointcard_offline)
#define POINTCARD_PAGE_INIT POINTCARD_INIT_(pointcard_page)
#define POINTCARD_PAGE_TOTAL_INIT POINTCARD_INIT_(pointcard_page_total)
#define POINTCARD_GRANT_INIT POINTCARD_INIT_(pointcard_grant)
#define POINTCARD_TOKENS_INIT POINTCARD_INIT_(pointcard_tokens)
#define POINTCARD_TOKEN_STATE_INIT POINTCARD_INIT_(pointcard_token_state)

/* ---- Signing elsewhere --------------------------------------------------------------------- */

/**
 * A string that somebody else signs.
 *
 * Source: Alipay's page on signing.
 */
typedef struct pointcard_to_sign {
    /** Names the exchange: its signature is given back under it. */
    uint32_t exchange;
    /** POINTCARD_RSA2 or POINTCARD_RSA: PKCS#1 v1.5 with SHA-256 or SHA-1. */
    int32_t sign_type;
    /**
     * The canonical string, not NUL-terminated. It holds a shopper's id and perhaps a token: send
     * it to the key over a line that is trusted.
     */
    const uint8_t *bytes;
    /** Bytes of it. */
    size_t len;
} pointcard_to_sign;

/**
 * The next due entry as the string to sign, for a client with POINTCARD_F_SIGN_ELSEWHERE. Nothing
 * is recorded yet, and nothing is sent.
 *
 * The exchange goes on with pointcard_next_signed. Or it is given up with
 * pointcard_on_transport_error: the entry then waits as one whose line is down. Be quick: the
 * request's time is that of this call.
 *
 * @param client   an open client
 * @param buf      room for the string
 * @param cap      bytes there; POINTCARD_REQUEST_MAX is always enough
 * @param to_sign  receives what to sign; points into `buf`
 * @param wait_ms  receives, with POINTCARD_IDLE, how long nothing will be due (0 = nothing
 *                 waits); may be NULL
 *
 * Returns as pointcard_next_request; ERR_UNSUPPORTED for a client that signs itself. Takes the
 * client's lock for a moment. Source: Alipay's page on signing, which says what is signed.
 */
POINTCARD_API
pointcard_status pointcard_next_to_sign(pointcard_client *client,
                                        uint8_t *buf,
                                        size_t cap,
                                        struct pointcard_to_sign *to_sign,
                                        uint32_t *wait_ms);

/**
 * The request whose string was signed. "Sent" is durable before this returns; then POST it, and
 * end the exchange with pointcard_on_response or pointcard_on_transport_error.
 *
 * @param client     an open client
 * @param exchange   pointcard_to_sign.exchange
 * @param signature  base64 with padding, as Alipay's parameter `sign`
 * @param buf        room for the request, yours again when the exchange ends; may be the buffer
 *                   the string was in
 * @param cap        bytes there
 * @param request    receives what to POST; points into `buf`
 *
 * Returns ERR_SIGNER (the signature is not one of this string by the key of
 * config.app_public_key), ERR_MALFORMED (no base64), ERR_CONFLICT (the entry or the configuration
 * is no longer what was handed out), ERR_ARGUMENT (another exchange), ERR_NULL,
 * ERR_BUFFER_TOO_SMALL, ERR_STORAGE, ERR_BAD_STATE, ERR_BUSY, ERR_UNSUPPORTED: nothing may be
 * sent, and the same exchange may be tried again. Takes the client's lock for a moment.
 *
 * Source: Alipay's page on signing.
 */
POINTCARD_API
pointcard_status pointcard_next_signed(pointcard_client *client,
                                       uint32_t exchange,
                                       const char *signature,
                                       uint8_t *buf,
                                       size_t cap,
                                       pointcard_request *request);

/**
 * The string to sign of a call of any method. Goes on with pointcard_call_signed.
 *
 * @param client       an open client with POINTCARD_F_SIGN_ELSEWHERE
 * @param method       as pointcard_call
 * @param biz_content  as pointcard_call
 * @param options      as pointcard_call_request; may be NULL
 * @param buf          room for the string
 * @param cap          bytes there
 * @param to_sign      receives what to sign; points into `buf`
 *
 * Returns as pointcard_call_request; ERR_UNSUPPORTED for a client that signs itself. Takes the
 * client's lock for a moment.
 *
 * Source: Alipay's page on signing.
 */
POINTCARD_API
pointcard_status pointcard_call_to_sign(pointcard_client *client,
                                        const char *method,
                                        const char *biz_content,
                                        const pointcard_options *options,
                                        uint8_t *buf,
                                        size_t cap,
                                        struct pointcard_to_sign *to_sign);

/**
 * The request of the call whose string was signed; the answer goes to pointcard_call_answer.
 *
 * @param client       an open client
 * @param exchange     pointcard_to_sign.exchange
 * @param method       the same again
 * @param biz_content  the same again
 * @param options      the same again
 * @param signature    base64 with padding
 * @param buf          room for the request; may be the buffer the string was in
 * @param cap          bytes there
 * @param request      receives what to POST; points into `buf`
 *
 * Returns as pointcard_next_signed; ERR_CONFLICT when method, content or options are not those
 * the string was made of. Takes the client's lock for a moment.
 *
 * Source: Alipay's page on signing.
 */
POINTCARD_API
pointcard_status pointcard_call_signed(pointcard_client *client,
                                       uint32_t exchange,
                                       const char *method,
                                       const char *biz_content,
                                       const pointcard_options *options,
                                       const char *signature,
                                       uint8_t *buf,
                                       size_t cap,
                                       pointcard_request *request);

/* ---- Queue --------------------------------------------------------------------------------- */

/** pointcard_queue_info.health: nothing unusual. */
#define POINTCARD_HEALTH_SOUND 0

/** Damage was mended, or a write had been cut; nothing is missing. */
#define POINTCARD_HEALTH_REPAIRED 1

/** Entries known to have existed cannot be read (`lost`). */
#define POINTCARD_HEALTH_LOST 2

/** The storage failed. The next call that writes looks at it again. */
#define POINTCARD_HEALTH_FAILED 3

/** A sealed queue was altered by somebody without its key (`forged`). */
#define POINTCARD_HEALTH_FORGED 4

/** The storage called sectors bad and they were left out (`bad`); nothing is missing. */
#define POINTCARD_HEALTH_BAD_SECTORS 5

/** pointcard_queue_info.forged_what: an entry was altered, or brought from elsewhere. */
#define POINTCARD_FORGED_RECORD 1

/** A sector's header was altered. */
#define POINTCARD_FORGED_HEADER 2

/** A sector is an older copy, or one from elsewhere. */
#define POINTCARD_FORGED_MOVED 3

/** Entries or sectors were erased. (A storage that forgets what it said was durable looks the same.) */
#define POINTCARD_FORGED_REMOVED 4

/** pointcard_entry.state: never sent. */
#define POINTCARD_WAITING 1

/** Sent at least once, no verified answer. */
#define POINTCARD_SENT 2

/** Credited; the record has not been overwritten yet. */
#define POINTCARD_SETTLED 3

/** Refused: a dead letter. */
#define POINTCARD_DEAD 4

/** Refused, in place because the dead letters are full. */
#define POINTCARD_PARKED 5

/**
 * pointcard_entry.kind: points credited for a sale. Source: Alipay's page of
 * koubei.marketing.tool.points.update (DEPOSIT).
 */
#define POINTCARD_KIND_DEPOSIT 1

/**
 * pointcard_entry.kind: points taken back for a refunded sale. Source: Alipay's page of
 * koubei.marketing.tool.points.update (CONSUME).
 */
#define POINTCARD_KIND_REFUND 2

/**
 * pointcard_entry.kind: an offer; biz_no is its number. See pointcard_redeem_list. Source: Alipay's
 * page of koubei.marketing.tool.points.update (FREEZE, COMMIT, CANCEL).
 */
#define POINTCARD_KIND_OFFER 3

/**
 * pointcard_entry.kind: a coupon whose offer is not here; user_id took it. Source: the notification
 * of the quick-start guide of Koubei point cards.
 */
#define POINTCARD_KIND_CLAIM 4

/** How the queue stands. */
typedef struct pointcard_queue_info {
    /** Set by POINTCARD_QUEUE_INFO_INIT. */
    uint32_t struct_size;
    /** Entries never sent. */
    uint32_t waiting;
    /** Entries sent at least once without a verified answer. */
    uint32_t sent_unknown;
    /** Refused entries that stay in place because the dead letters are full. */
    uint32_t parked;
    /** Dead letters. */
    uint32_t dead;
    /** Entries of usual size (250 bytes) that still fit, at least. */
    uint32_t room;
    /** Sum of the points of all entries neither settled nor dead, those to be taken back included. */
    uint64_t points;
    /** When the oldest of them was recorded, seconds since 1970; 0 = none, or clock unknown. */
    uint64_t oldest;
    /** Number the next entry will get. */
    uint64_t next_seq;
    /** Sectors closed early because a write was cut. */
    uint32_t sealed;
    /** Damaged bits repaired since init. */
    uint32_t repaired;
    /** Entries lost to damage since init. Not zero = look at the medium. */
    uint32_t lost;
    /** POINTCARD_HEALTH_SOUND to POINTCARD_HEALTH_BAD_SECTORS. */
    int32_t health;
    /**
     * Seconds since the oldest of the entries not settled was recorded; 0 = none, or a time is
     * unknown.
     */
    uint64_t age_s;
    /** What `room` is when nothing waits. */
    uint32_t capacity;
    /** 1: pointcard_pause holds back what waits. */
    uint32_t paused;
    /**
     * Sealed queue: places met since init that were altered without the key. What stands there is
     * never sent; sound entries still are. The members below tell the first one.
     */
    uint32_t forged;
    /** POINTCARD_FORGED_ what was done there; 0 = nothing. */
    uint32_t forged_what;
    /**
     * Its lane: 0 = what is settled, 1 = entries, 2 = dead letters, 3 = entries
     * that made way for others.
     */
    uint32_t forged_lane;
    /** Its sector, counted from the medium's beginning. */
    uint32_t forged_sector;
    /** Bytes from the sector's beginning. */
    uint32_t forged_offset;
    /** How often the storage answered POINTCARD_BAD_SECTOR since init; see there. */
    uint32_t bad;
} pointcard_queue_info;

/** Where a walk stands. Zero it to begin. */
typedef struct pointcard_cursor {
    uint64_t opaque[8];
} pointcard_cursor;

/** One entry. */
typedef struct pointcard_entry {
    /** Set by POINTCARD_ENTRY_INIT. */
    uint32_t struct_size;
    /** POINTCARD_WAITING to POINTCARD_PARKED. */
    int32_t state;
    /** Its number. */
    uint64_t seq;
    /** When it was recorded, seconds since 1970; 0 = the clock was unknown. */
    uint64_t created;
    /** Points. */
    uint32_t points;
    /** How often it was sent; not kept for settled entries (0). */
    uint32_t attempts;
    /** Dead or parked: 1 when an earlier attempt may have credited the points. */
    uint32_t uncertain;
    /** Dead or parked: the gateway's code. */
    char code[9];
    /** Dead or parked: the gateway's sub_code. */
    char sub_code[65];
    /** Idempotency key. */
    char req_id[33];
    /** Shopper. */
    char user_id[33];
    /** Trade number. */
    char biz_no[33];
    /** Shop. */
    char shop_id[33];
    /** Point account. */
    char activity_account[33];
    /** Memo, UTF-8; at most 256 characters (published integrations). */
    char memo[1025];
    /**
     * POINTCARD_KIND_DEPOSIT, or POINTCARD_KIND_REFUND: points to be taken back; biz_no then is
     * the sale's.
     */
    uint32_t kind;
    /** Dead or parked: when it was refused, seconds since 1970; 0 = the clock was unknown. */
    uint64_t refused_at;
} pointcard_entry;

/**
 * How the queue stands. Takes the same time whatever waits: no I/O.
 *
 * @param client  an open client
 * @param info    receives it
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE, ERR_BUSY.
 */
POINTCARD_API
pointcard_status pointcard_queue_status(pointcard_client *client,
                                        struct pointcard_queue_info *info);

/**
 * The next entry, oldest first: waiting, sent and still readable settled ones, then dead letters.
 * Entries may come and go between two calls.
 *
 * @param client  an open client
 * @param cursor  where the walk stands; begin with a zeroed one
 * @param entry   receives the entry
 *
 * Returns POINTCARD_IDLE at the end; ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (the cursor was never
 * zeroed), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_MALFORMED.
 */
POINTCARD_API
pointcard_status pointcard_walk(pointcard_client *client,
                                struct pointcard_cursor *cursor,
                                struct pointcard_entry *entry);

/**
 * Prepares storage in idle time, so that no sale waits for a flash erase. Costs at most one
 * erase; call it when the till is idle.
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
 */
POINTCARD_API pointcard_status pointcard_maintain(pointcard_client *client);

#define POINTCARD_QUEUE_INFO_INIT POINTCARD_INIT_(pointcard_queue_info)
#define POINTCARD_ENTRY_INIT POINTCARD_INIT_(pointcard_entry)

/* ---- Dead letters -------------------------------------------------------------------------- */

/** Bytes that are enough for any pointcard_export, its NUL included. */
#define POINTCARD_EXPORT_MAX 7169

/**
 * Flag of pointcard_requeue: a person accepts that points which may have been credited already may
 * be credited once more.
 */
#define POINTCARD_F_ACCEPT_DOUBLE 64

/**
 * The next refused entry: those in place because the dead letters were full, then the dead
 * letters. Otherwise as pointcard_walk. Reads the whole queue.
 *
 * @param client  an open client
 * @param cursor  where the list stands; begin with a zeroed one
 * @param entry   receives the entry
 *
 * Returns as pointcard_walk.
 */
POINTCARD_API
pointcard_status pointcard_letters(pointcard_client *client,
                                   pointcard_cursor *cursor,
                                   pointcard_entry *entry);

/**
 * One entry that is not settled, pending or dead, by its number or by the req_id on a receipt.
 *
 * @param client  an open client
 * @param seq     its number (ticket.seq, entry.seq); 0 = look for `req_id`
 * @param req_id  its idempotency key, ASCII, at most 32 bytes; not read when `seq` is not 0
 * @param entry   receives it
 *
 * Returns ERR_NOT_FOUND (there is none, or it is settled), ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING
 * (neither is given), ERR_TOO_LONG, ERR_ENCODING, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE,
 * ERR_MALFORMED. By req_id it reads everything that is not settled.
 */
POINTCARD_API
pointcard_status pointcard_get(pointcard_client *client,
                               uint64_t seq,
                               const char *req_id,
                               pointcard_entry *entry);

/**
 * One entry that is not settled as a line of JSON, for a support desk: its number, state, keys,
 * why it was refused, and the record's body in hexadecimal (docs/format.md). It names the shopper.
 *
 * @param client   an open client
 * @param seq      its number
 * @param out      receives the line, NUL-terminated
 * @param cap      bytes there; POINTCARD_EXPORT_MAX are enough
 * @param out_len  receives its length without the NUL; with ERR_BUFFER_TOO_SMALL a capacity that
 *                 is enough; may be NULL
 *
 * Returns ERR_NOT_FOUND, ERR_NULL, ERR_BUFFER_TOO_SMALL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
 */
POINTCARD_API
pointcard_status pointcard_export(pointcard_client *client,
                                  uint64_t seq,
                                  char *out,
                                  size_t cap,
                                  size_t *out_len);

/**
 * Puts a refused entry back among those to be sent, as it is, under its own req_id. Durable when
 * it returns.
 *
 * @param client  an open client
 * @param seq     its number
 * @param flags   POINTCARD_F_ACCEPT_DOUBLE, or 0
 *
 * Returns ERR_UNCERTAIN (entry.uncertain: look first whether the shopper has the points, and say
 * POINTCARD_F_ACCEPT_DOUBLE; a gateway that has forgotten the req_id credits once more),
 * ERR_NOT_FOUND (not refused, or not there), ERR_CONFLICT (an entry with that req_id waits),
 * ERR_QUEUE_FULL, ERR_RANGE (not among the 64 oldest letters), ERR_NULL, ERR_ARGUMENT (flags),
 * ERR_BAD_STATE, ERR_BUSY: nothing changed. ERR_STORAGE: unknown; look again.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (req_id controls idempotency; for
 * how long is not said).
 */
POINTCARD_API
pointcard_status pointcard_requeue(pointcard_client *client,
                                   uint64_t seq,
                                   uint32_t flags);

/**
 * Replaces a refused sale by a corrected one, which waits under a new number. Durable when it
 * returns, and either done or not after a power cut.
 *
 * With the same biz_no it has the same req_id, so that a gateway that did credit it only says so
 * again; set sale.part if the gateway should see another request.
 *
 * @param client  an open client
 * @param seq     the refused sale's number
 * @param sale    the corrected one, whole; checked as by pointcard_accrue, read during the call
 * @param flags   POINTCARD_F_ACCEPT_DOUBLE, or 0
 * @param ticket  receives where it went; may be NULL
 *
 * Returns ERR_UNSUPPORTED (the entry is a refund: record another one), ERR_BAD_STATE (also: refused
 * in place, which can only be put back as it is), else as pointcard_requeue and, about the sale, as
 * pointcard_accrue. The limits do not hold for it.
 */
POINTCARD_API
pointcard_status pointcard_requeue_edited(pointcard_client *client,
                                          uint64_t seq,
                                          const pointcard_sale *sale,
                                          uint32_t flags,
                                          pointcard_ticket *ticket);

/**
 * Removes a refused entry for good. From then on it counts as settled: pointcard_refund of the sale
 * takes points back as if it had been credited.
 *
 * @param client  an open client
 * @param seq     its number
 *
 * Returns ERR_NOT_FOUND, ERR_RANGE (not among the 64 oldest letters: discard older ones first),
 * ERR_NULL, ERR_BAD_STATE (also: it was not refused), ERR_BUSY, ERR_STORAGE.
 */
POINTCARD_API
pointcard_status pointcard_discard(pointcard_client *client,
                                   uint64_t seq);

/**
 * Removes all dead letters for good, with one write. Entries refused in place stay. Debts and points
 * that could not be released are among them: look at pointcard_redeem_list first.
 *
 * @param client  an open client
 * @param count   receives how many; may be NULL
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
 */
POINTCARD_API
pointcard_status pointcard_discard_all(pointcard_client *client,
                                       uint32_t *count);

/**
 * Takes back a sale that certainly never left this till. Works offline; durable when it returns.
 *
 * It is a refund of all its points, which the ticket is of: ticket.voided = 1 says that both are
 * settled and nothing goes out. 0: the sale lies too far behind the oldest one and goes out after
 * all, with its refund behind it, which comes to the same. The limits do not hold for it. The same
 * sale recorded again soon after is answered with its old ticket (ticket.duplicate); sell it again
 * under another sale.part. Reads the whole queue.
 *
 * @param client  an open client
 * @param seq     the sale's number
 * @param ticket  receives where its refund went; may be NULL
 *
 * Returns ERR_UNKNOWN (it was sent: pointcard_refund takes the points back), ERR_NOT_FOUND (no such
 * entry waits, or its merchant is not configured), ERR_UNSUPPORTED (it is a refund), ERR_NULL,
 * ERR_STRUCT_SIZE, ERR_BAD_STATE (also: it was refused; discard it), ERR_BUSY, else as
 * pointcard_refund.
 */
POINTCARD_API
pointcard_status pointcard_void(pointcard_client *client,
                                uint64_t seq,
                                pointcard_ticket *ticket);

/**
 * Holds back what waits: nothing is sent until pointcard_resume (a report's retry_in_ms is
 * UINT32_MAX meanwhile). Sales, the answer under way and everything else go on. Not stored: a
 * restart ends it.
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
 */
POINTCARD_API pointcard_status pointcard_pause(pointcard_client *client);

/**
 * Ends a pointcard_pause.
 *
 * Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
 */
POINTCARD_API pointcard_status pointcard_resume(pointcard_client *client);

/* ---- Limits -------------------------------------------------------------------------------- */

/** pointcard_event.near, over: limits.count. */
#define POINTCARD_LIMIT_COUNT 1

/** limits.bytes. */
#define POINTCARD_LIMIT_BYTES 2

/** limits.points_each. */
#define POINTCARD_LIMIT_POINTS_EACH 4

/** limits.points_total. */
#define POINTCARD_LIMIT_POINTS_TOTAL 8

/** limits.age_s. */
#define POINTCARD_LIMIT_AGE 16

/**
 * Two levels of one measure, each as it would be after the sale; 0 = none. Frozen: it will not
 * grow.
 */
typedef struct pointcard_level {
    /** From this value on a sale is told as POINTCARD_EVENT_NEAR_FULL. */
    uint32_t warn;
    /** Above this value a sale is refused, unless it has POINTCARD_F_MANAGER. Not below `warn`. */
    uint32_t refuse;
} pointcard_level;

/**
 * How much may wait on this till. Zero = no limits but the medium's size. Offers (redemption) count
 * as long as they are kept, up to two days after they ended; a message about a coupon is never refused
 * by a limit.
 */
struct pointcard_limits {
    /** Set by POINTCARD_LIMITS_INIT. */
    uint32_t struct_size;
    /** Entries not settled, dead letters not counted. Refused: ERR_QUEUE_FULL, "limit.count". */
    struct pointcard_level count;
    /**
     * Bytes of the medium from the oldest sector in use to the newest entry. ERR_QUEUE_FULL,
     * "limit.bytes".
     */
    struct pointcard_level bytes;
    /** Points of one sale. ERR_RANGE, "limit.points_each". */
    struct pointcard_level points_each;
    /** Points not settled, dead letters not counted. ERR_QUEUE_FULL, "limit.points_total". */
    struct pointcard_level points_total;
    /**
     * Seconds since the oldest entry not settled was recorded; not looked at when a time is
     * unknown. ERR_QUEUE_FULL, "limit.age_s".
     */
    struct pointcard_level age_s;
};

/**
 * Sets how much may wait, from the next sale on, in place of config.limits. Entries that are there
 * stay. Not stored: a restart begins with the configuration's.
 *
 * @param client  an open client
 * @param limits  read during the call; NULL = none
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_RANGE (a level that warns after it has refused; the detail
 * has the member), ERR_BAD_STATE, ERR_BUSY: the limits before stay.
 */
POINTCARD_API
pointcard_status pointcard_set_limits(pointcard_client *client,
                                      const struct pointcard_limits *limits);

#define POINTCARD_LIMITS_INIT POINTCARD_INIT_(pointcard_limits)

/* ---- Events -------------------------------------------------------------------------------- */

/**
 * pointcard_event.kind: a sale or refund is on storage, or a dead letter waits again. Not told for
 * duplicates. seq, req_id, points.
 */
#define POINTCARD_EVENT_STORED 1

/** A request is about to leave: told before its first byte does. seq, req_id, points, attempts. */
#define POINTCARD_EVENT_SENT 2

/** A verified answer: credited, or taken back. seq, req_id, points. */
#define POINTCARD_EVENT_SETTLED 3

/** Refused: a dead letter. seq, req_id, points, uncertain, code, sub_code. */
#define POINTCARD_EVENT_REJECTED 4

/**
 * Nothing goes out and nothing is owed: a voided sale, and its refund; a refund whose sale was not
 * credited. seq, req_id, points.
 */
#define POINTCARD_EVENT_VOIDED 5

/**
 * A sale reached a warning level that the one before had not (points_each: every one that reaches
 * it), or passed a refusing level on a manager's word. near, over.
 */
#define POINTCARD_EVENT_NEAR_FULL 6

/** Damage on the medium was mended; nothing is missing. count, sectors. */
#define POINTCARD_EVENT_REPAIRED 7

/**
 * Entries that are known to have existed cannot be read: count of them, from seq to last. Gaps
 * among the newest entries are told by every pointcard_init as long as their place is not used
 * again. When so many are found at once that they are told as one, count is less than the numbers
 * from seq to last.
 */
#define POINTCARD_EVENT_LOST 8

/**
 * The terminal's clock went another way than its monotonic clock, by more than 300 seconds. It was
 * set; or the machine slept and its monotonic clock stood still. seconds.
 */
#define POINTCARD_EVENT_CLOCK 9

/** Something happened, and is durable already. Members an event is not about are zero. */
struct pointcard_event {
    /** Bytes of this structure in the library. */
    uint32_t struct_size;
    /** POINTCARD_EVENT_STORED to POINTCARD_EVENT_CLOCK; ignore others. */
    int32_t kind;
    /** Number of the entry; LOST: the lowest one missing. */
    uint64_t seq;
    /** LOST: the highest number missing. */
    uint64_t last;
    /** CLOCK: by how much it jumped; negative = back. */
    int64_t seconds;
    /** The entry's points. */
    uint32_t points;
    /** SENT: how often that makes it (255 = or more). */
    uint32_t attempts;
    /** REJECTED: 1 when an earlier attempt may have credited the points: a person must look. */
    uint32_t uncertain;
    /** LOST: entries missing. REPAIRED: bits put right since the last such event. */
    uint32_t count;
    /** REPAIRED: sectors closed early since the last such event, because a write was cut. */
    uint32_t sectors;
    /** NEAR_FULL: sum of POINTCARD_LIMIT_ numbers at or above their warning level. */
    uint32_t near;
    /** NEAR_FULL: those above their refusing level. */
    uint32_t over;
    /** The entry's idempotency key. */
    char req_id[33];
    /** REJECTED: the gateway's code. */
    char code[9];
    /** REJECTED: the gateway's sub_code. */
    char sub_code[65];
};

/* ---- Keys and signatures ------------------------------------------------------------------- */

/** Bytes of a pointcard_key. */
#define POINTCARD_KEY_SIZE 16384

/**
 * pointcard_key_load: the app's private key, for signing. Source: Alipay's key tool (PKCS#1 and
 * PKCS#8).
 */
#define POINTCARD_KEY_PRIVATE 1

/**
 * pointcard_key_load: a public key or certificate, for verifying. Source: Alipay's console (X.509
 * SubjectPublicKeyInfo).
 */
#define POINTCARD_KEY_PUBLIC 2

/** Room for any signature as text, NUL included: base64 of 512 bytes. */
#define POINTCARD_SIGNATURE_MAX 685

/** Most parameters of pointcard_canonical. Requests of this product have at most 13. */
#define POINTCARD_PARAMS_MAX 64

/**
 * Room for the number of one certificate, NUL included: 32 hex digits. Source: Alipay's page on
 * certificates (MD5 in hexadecimal).
 */
#define POINTCARD_CERT_NUMBER_SIZE 33

/**
 * A key and the memory to work with it. The caller owns it; its contents are the library's. One
 * thread at a time may use it. pointcard_key_clear wipes it.
 */
typedef struct pointcard_key {
    uint64_t opaque[2048];
} pointcard_key;

/**
 * One parameter of a canonical string. Both are NUL-terminated and read during the call.
 *
 * Source: Alipay's page on signing.
 */
typedef struct pointcard_param {
    /** The name, UTF-8. Required. */
    const char *name;
    /**
     * The value as it is signed: raw bytes of the session's charset, neither percent-encoded nor
     * quoted. NULL or "" = not sent and not signed.
     */
    const char *value;
} pointcard_param;

/**
 * Loads a key: PEM or base64 with or without line breaks; private: PKCS#1 or PKCS#8; public:
 * SubjectPublicKeyInfo (what Alipay's console shows), PKCS#1, or an X.509 certificate. Which it is
 * is found out; PEM labels are not believed. 1024 to 4096 bits. A private key makes one signature
 * here, to see that its numbers belong together.
 *
 * Source: Alipay's page of its key tool (one line of base64: PKCS#8 for Java, PKCS#1 for others;
 * 2048 bits, RSA2); its SDKs, which take one form each.
 *
 * @param key    receives the key; need not be initialised
 * @param text   NUL-terminated, read during the call
 * @param kind   POINTCARD_KEY_PRIVATE or POINTCARD_KEY_PUBLIC
 * @param fault  receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (kind), ERR_MISSING, ERR_KEY_FORMAT,
 * ERR_KEY_UNSUPPORTED, ERR_KEY_MISMATCH (a public key as private one, or the other way): then
 * there is no key.
 */
POINTCARD_API
pointcard_status pointcard_key_load(struct pointcard_key *key,
                                    const char *text,
                                    int32_t kind,
                                    pointcard_fault *fault);

/**
 * Wipes a key. It may be loaded again.
 *
 * Returns ERR_NULL.
 */
POINTCARD_API pointcard_status pointcard_key_clear(struct pointcard_key *key);

/**
 * Signs bytes with a private key: PKCS#1 v1.5, result checked before it is handed out; blinded
 * where there is an operating system to bring random bytes.
 *
 * Source: Alipay's page on signing requests (RSA2 = SHA256WithRSA, RSA = SHA1WithRSA, base64).
 *
 * @param key        a private key
 * @param sign_type  POINTCARD_RSA2 or POINTCARD_RSA
 * @param data       what is signed, as a rule a canonical string
 * @param data_len   bytes there
 * @param out        receives the signature as base64, NUL-terminated
 * @param cap        bytes there; POINTCARD_SIGNATURE_MAX is always enough
 * @param out_len    receives the length without the NUL; may be NULL
 * @param fault      receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (no key), ERR_KEY_MISMATCH (a public key),
 * ERR_ARGUMENT (sign_type), ERR_BUFFER_TOO_SMALL (out_len: the capacity needed), ERR_ENTROPY,
 * ERR_SIGNER.
 */
POINTCARD_API
pointcard_status pointcard_key_sign(struct pointcard_key *key,
                                    int32_t sign_type,
                                    const uint8_t *data,
                                    size_t data_len,
                                    char *out,
                                    size_t cap,
                                    size_t *out_len,
                                    pointcard_fault *fault);

/**
 * Verifies a signature with a public key. The whole padded block is rebuilt and compared.
 *
 * @param key        a public key, as a rule Alipay's
 * @param sign_type  POINTCARD_RSA2 or POINTCARD_RSA
 * @param data       what was signed
 * @param data_len   bytes there
 * @param signature  standard base64 with padding, NUL-terminated
 * @param fault      receives what is wrong; may be NULL
 *
 * Returns POINTCARD_OK when it holds; ERR_SIGNATURE when it does not; ERR_NULL, ERR_STRUCT_SIZE,
 * ERR_BAD_STATE (no key), ERR_KEY_MISMATCH (a private key), ERR_ARGUMENT (sign_type).
 *
 * Source: Alipay's page on signing.
 */
POINTCARD_API
pointcard_status pointcard_key_verify(struct pointcard_key *key,
                                      int32_t sign_type,
                                      const uint8_t *data,
                                      size_t data_len,
                                      const char *signature,
                                      pointcard_fault *fault);

/**
 * Tells whether two keys have the same modulus: whether a public key is the other half of a
 * private one, or two public keys are the same. Alipay's public key never matches the app's own.
 *
 * Returns POINTCARD_OK when they do; ERR_KEY_MISMATCH when not; ERR_NULL, ERR_BAD_STATE (no key),
 * ERR_ARGUMENT (both private).
 */
POINTCARD_API
pointcard_status pointcard_key_matches(struct pointcard_key *key,
                                       struct pointcard_key *other);

/**
 * The canonical string of parameters: sorted by name in byte order, `sign` and empty values left
 * out, `name=value` joined by `&`, values raw.
 *
 * Source: Alipay's page on signing requests; what its SDKs for Java, Python, Node, PHP and .NET
 * compute. (They differ over empty values: the gateway leaves them out.)
 *
 * @param params   the parameters, in any order
 * @param count    how many, at most POINTCARD_PARAMS_MAX
 * @param out      receives the string, NUL-terminated
 * @param cap      bytes there
 * @param out_len  receives the length without the NUL; may be NULL
 * @param fault    receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (a name), ERR_ENCODING (a name), ERR_TOO_LONG
 * (count), ERR_DUPLICATE (a name twice), ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
 */
POINTCARD_API
pointcard_status pointcard_canonical(const struct pointcard_param *params,
                                     size_t count,
                                     char *out,
                                     size_t cap,
                                     size_t *out_len,
                                     pointcard_fault *fault);

/**
 * The number of a certificate, as app_cert_sn wants it: 32 hex digits. Of a file with a chain the
 * first certificate counts.
 *
 * Source: AntCertificationUtil of Alipay's SDKs: MD5 over issuer name and serial number.
 *
 * @param pem    the certificate, PEM, NUL-terminated
 * @param out    receives the number, NUL-terminated; POINTCARD_CERT_NUMBER_SIZE bytes
 * @param fault  receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (no certificate), ERR_KEY_FORMAT (at: where),
 * ERR_KEY_UNSUPPORTED, ERR_UNSUPPORTED (built without the feature certificates).
 */
POINTCARD_API
pointcard_status pointcard_cert_number(const char *pem,
                                       char *out,
                                       pointcard_fault *fault);

/**
 * The numbers of a bundle of root certificates, as alipay_root_cert_sn wants them: those signed
 * with RSA, in the order they stand, joined by `_`; "" when none is.
 *
 * Source: getRootCertSN of AntCertificationUtil in Alipay's SDKs.
 *
 * @param pem      the bundle, PEM, NUL-terminated; text between certificates is skipped
 * @param out      receives the numbers, NUL-terminated
 * @param cap      bytes there
 * @param out_len  receives the length without the NUL; may be NULL
 * @param fault    receives what is wrong; may be NULL
 *
 * Returns as pointcard_cert_number; ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
 */
POINTCARD_API
pointcard_status pointcard_root_cert_number(const char *pem,
                                            char *out,
                                            size_t cap,
                                            size_t *out_len,
                                            pointcard_fault *fault);

/**
 * Encrypts content as encrypt_type=AES wants it: AES-128, CBC, an initial vector of zeros, PKCS#7
 * padding, base64. The same content gives the same ciphertext; nothing in it shows a forgery, the
 * signature over it does.
 *
 * Source: Alipay's page on content encryption; AlipayEncrypt of its SDKs.
 *
 * @param key       base64 of 16 bytes, from the console, NUL-terminated
 * @param content   plain bytes in the session's charset
 * @param len       bytes there
 * @param out       receives base64, NUL-terminated
 * @param cap       bytes there
 * @param out_len   receives the length without the NUL; may be NULL
 * @param fault     receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_KEY_FORMAT, ERR_BUFFER_TOO_SMALL (out_len:
 * the capacity needed), ERR_UNSUPPORTED (built without the feature aes).
 */
POINTCARD_API
pointcard_status pointcard_content_encrypt(const char *key,
                                           const uint8_t *content,
                                           size_t len,
                                           char *out,
                                           size_t cap,
                                           size_t *out_len,
                                           pointcard_fault *fault);

/**
 * Decrypts what pointcard_content_encrypt or the gateway encrypted. Verify the signature over the
 * ciphertext first.
 *
 * @param key      base64 of 16 bytes, from the console, NUL-terminated
 * @param text     base64, as it came
 * @param len      bytes there
 * @param out      receives the plain bytes, and a NUL behind them
 * @param cap      bytes there; `len` + 1 is always enough
 * @param out_len  receives their number without the NUL; may be NULL
 * @param fault    receives what is wrong; may be NULL
 *
 * Returns as pointcard_content_encrypt; ERR_MALFORMED (wrong key, or not what was encrypted).
 *
 * Source: Alipay's page on content encryption.
 */
POINTCARD_API
pointcard_status pointcard_content_decrypt(const char *key,
                                           const uint8_t *text,
                                           size_t len,
                                           char *out,
                                           size_t cap,
                                           size_t *out_len,
                                           pointcard_fault *fault);

/* ---- Notifications ------------------------------------------------------------------------- */

/**
 * pointcard_notification.kind: a shopper has the coupon (领券成功). Source: the quick-start guide of
 * Koubei point cards (EC-promocore-prize-notice).
 */
#define POINTCARD_NOTIFY_COUPON 1

/**
 * An activity changed its state. Source: messages that integrators publish
 * (EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH).
 */
#define POINTCARD_NOTIFY_ACTIVITY 2

/** Something else; answer it, or it comes again. */
#define POINTCARD_NOTIFY_OTHER 3

/**
 * pointcard_notification.variant: signed without sign_type and empty fields. Source: Alipay's page
 * on asynchronous messages (all but sign and sign_type).
 */
#define POINTCARD_NOTIFY_V1 1

/** Signed without sign_type, empty fields included. Source: Alipay's pages disagree about empty values. */
#define POINTCARD_NOTIFY_V1_EMPTY 2

/** Signed with sign_type, without empty fields. Source: Alipay's Java SDK (rsaCheckV2). */
#define POINTCARD_NOTIFY_V2 3

/**
 * Signed with sign_type and empty fields. Source: the same, and its pages disagree about empty
 * values.
 */
#define POINTCARD_NOTIFY_V2_EMPTY 4

/**
 * A notification as it came, and who it should be for. Read during the call.
 *
 * Source: Alipay's page on asynchronous messages.
 */
typedef struct pointcard_notification_in {
    /** Set by POINTCARD_NOTIFICATION_IN_INIT. */
    uint32_t struct_size;
    /**
     * POINTCARD_RSA2 (default) or POINTCARD_RSA: how a message is signed that does not say (that of
     * an activity does not), and the least that is believed: RSA2 refuses a message that says RSA.
     */
    int32_t sign_type;
    /** POINTCARD_UTF8 (default) or POINTCARD_GBK: the charset of a message that does not say. */
    int32_t charset;
    /** Zero. */
    uint32_t reserved;
    /** Alipay's public key, loaded with POINTCARD_KEY_PUBLIC. Required. */
    pointcard_key *alipay_key;
    /**
     * The app it has to be for. Required: Alipay signs every app's messages. (An activity's
     * message names no app and is not compared.)
     */
    const char *app_id;
    /** The merchant's app it has to be about; NULL = any. */
    const char *auth_app_id;
    /** POST: the body. GET: the query, or the URL or path with it. */
    const uint8_t *raw;
    /** Bytes there. */
    size_t raw_len;
} pointcard_notification_in;

/**
 * A verified message. What it does not carry is "". All texts are UTF-8.
 *
 * Source: the notification of the quick-start guide of Koubei point cards (coupon: its table and
 * example); a published integration (activity; Alipay documents none of its fields).
 */
typedef struct pointcard_notification {
    /** Set by POINTCARD_NOTIFICATION_INIT. */
    uint32_t struct_size;
    /** POINTCARD_NOTIFY_COUPON, POINTCARD_NOTIFY_ACTIVITY or POINTCARD_NOTIFY_OTHER. */
    int32_t kind;
    /** POINTCARD_NOTIFY_V1 to POINTCARD_NOTIFY_V2_EMPTY: over which string the signature holds. */
    int32_t variant;
    /** POINTCARD_UTF8 or POINTCARD_GBK: what it came in. */
    int32_t charset;
    /** Names the message; the same in every delivery. */
    char notify_id[129];
    /** When it was sent, yyyy-MM-dd HH:mm:ss in Beijing. */
    char notify_time[129];
    /** koubei_receive_coupon_notify for a coupon. */
    char notify_type[129];
    /** EC-promocore-prize-notice for a coupon. */
    char event_code[129];
    /** The app it is for. */
    char app_id[129];
    /** The merchant's app that authorised it. */
    char auth_app_id[129];
    /** Coupon: who took it (2088...). */
    char buyer_id[129];
    /** Coupon: the merchant that gave it. */
    char merchant_uid[129];
    /** Coupon: outBizNo of the claim link. It finds the frozen points: no field names them. */
    char isv_out_biz_id[129];
    /** The activity; absent from some coupon messages. */
    char id[129];
    /** Activity: names the change; the same in every delivery. */
    char order_id[129];
    /** Activity: CREATE, ENABLE... */
    char order_type[129];
    /** Activity: SUCCESS... */
    char order_status[129];
    /** Activity: when it was done, yyyy-MM-dd HH:mm:ss in Beijing. */
    char order_process_time[129];
    /** Activity: what it is now: STARTING, STARTED... */
    char status[129];
    /** The library's: how many fields there are, and which of them are signed. */
    uint32_t field_count;
    /** The library's. */
    uint32_t signed_fields;
    /** The library's: where the decoded fields are. */
    const uint8_t *fields;
    /** The library's: where each name and each value ends there. */
    uint32_t field_ends[64];
} pointcard_notification;

/** Room for one id in a ring of ids seen. Zero it. */
typedef struct pointcard_seen_id {
    uint8_t opaque[16];
} pointcard_seen_id;

/**
 * The latest messages, so that repeats are told: by notify_id, or an activity's order_id. One
 * thread at a time. In memory only: after a restart it knows nothing.
 *
 * Source: Alipay's page on asynchronous messages (notify_id stays the same when one is repeated).
 */
typedef struct pointcard_seen {
    /** Places for ids, zeroed; the caller's, kept as long as the ring is used. */
    struct pointcard_seen_id *ids;
    /** How many. Eight deliveries of each message in 25 hours: as many as messages in a day. */
    uint32_t count;
    /** Zero to begin; the library's. */
    uint32_t next;
} pointcard_seen;

/**
 * Reads a notification and verifies it. POST bodies and GET queries alike; fields are decoded once
 * and verified as bytes; where a sender forgot to escape a `+`, it is put back in `sign` only.
 *
 * Reply POINTCARD_NOTIFY_REPLY once the message is stored. A message counts only when its ids are
 * known here: match isv_out_biz_id with an offer that is open.
 *
 * Source: Alipay's page on asynchronous notifications; for the four strings a signature may be
 * made over, what its SDKs do.
 *
 * @param in            the request; begin with POINTCARD_NOTIFICATION_IN_INIT
 * @param room          keeps the decoded fields as long as `notification` is used
 * @param cap           bytes there; raw_len are enough
 * @param notification  receives the message; begin with POINTCARD_NOTIFICATION_INIT
 * @param fault         receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE and ERR_KEY_MISMATCH (the key), ERR_MISSING (a
 * required field; app_id), ERR_ARGUMENT (for another app: fault.what is "app_id"), ERR_SIGNATURE,
 * ERR_UNSIGNED, ERR_DUPLICATE (a name twice), ERR_MALFORMED (fault.what "damage.not": a web page
 * read &not as HTML, so that notify_id became ¬ify_id; fault.at: where), ERR_TOO_LONG (more than
 * 32 fields, an id above 128 bytes), ERR_ENCODING, ERR_UNSUPPORTED (charset; a sign_type
 * that is unknown, or weaker than the one in `in`),
 * ERR_BUFFER_TOO_SMALL (fault.at: the room needed): do not believe it.
 */
POINTCARD_API
pointcard_status pointcard_notification_read(const struct pointcard_notification_in *in,
                                             uint8_t *room,
                                             size_t cap,
                                             struct pointcard_notification *notification,
                                             pointcard_fault *fault);

/**
 * A signed field of a message by its name: business_order, name, memo, whatever the sender chose.
 *
 * @param notification  read with pointcard_notification_read; its room is unchanged since
 * @param name          the field, NUL-terminated
 * @param out           receives the text as UTF-8, NUL-terminated
 * @param cap           bytes there
 * @param out_len       receives the length without the NUL; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (nothing was read), ERR_MISSING (the name),
 * ERR_NOT_FOUND (not there, or not signed), ERR_ENCODING, ERR_UNSUPPORTED (GBK, built without it),
 * ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
 */
POINTCARD_API
pointcard_status pointcard_notification_field(const struct pointcard_notification *notification,
                                              const char *name,
                                              char *out,
                                              size_t cap,
                                              size_t *out_len);

/**
 * Tells whether a message was kept before. A repeat is answered POINTCARD_NOTIFY_REPLY and not
 * worked on again.
 *
 * Returns POINTCARD_OK (new); ERR_DUPLICATE (kept before); ERR_NULL, ERR_STRUCT_SIZE,
 * ERR_NOT_FOUND (it carries neither notify_id nor order_id).
 */
POINTCARD_API
pointcard_status pointcard_seen_check(const struct pointcard_seen *seen,
                                      const struct pointcard_notification *notification);

/**
 * Keeps a message's id. Call it once the message is stored, before the reply: in this order a
 * power cut loses nothing.
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_NOT_FOUND (it carries neither notify_id nor order_id).
 */
POINTCARD_API
pointcard_status pointcard_seen_keep(struct pointcard_seen *seen,
                                     const struct pointcard_notification *notification);

/** The whole answer to a notification that is stored: HTTP 200, these 7 bytes, nothing around them.
 * Anything else is delivered again, up to 8 times in 25 hours. (Alipay's page on asynchronous
 * notifications.) */
#define POINTCARD_NOTIFY_REPLY "success"
/** The answer to one that is not stored: it will come again. */
#define POINTCARD_NOTIFY_REPLY_FAIL "fail"

#define POINTCARD_NOTIFICATION_IN_INIT POINTCARD_INIT_(pointcard_notification_in)
#define POINTCARD_NOTIFICATION_INIT POINTCARD_INIT_(pointcard_notification)

/* ---- Claim link ---------------------------------------------------------------------------- */

/**
 * Room for any claim link, NUL included: a base of 1024 bytes and parts at their limits, every
 * byte percent-encoded.
 */
#define POINTCARD_CLAIM_LINK_MAX 6144

/**
 * What a claim link is made of. Texts are NUL-terminated UTF-8, read during the call.
 *
 * Source: the table of the claim page's parameters in the quick-start guide of Koubei point cards.
 */
typedef struct pointcard_claim {
    /** Set by POINTCARD_CLAIM_INIT. */
    uint32_t struct_size;
    /** Zero. */
    uint32_t reserved;
    /**
     * The `config` or `ext_info` of the activity's URL_WITH_TOKEN channel, as activity.query
     * returned it: a URL, or a JSON object that holds one. At most 1024 bytes. Required. (The
     * guide names `config`; integrators find it in `ext_info`.)
     */
    const char *base;
    /** The token of prizesend.auth, at most 64 characters. Required. */
    const char *token;
    /**
     * Your number of this offer; the notification brings it back as isv_out_biz_id. Keep to 32 of
     * A-Za-z0-9_-; at most 64. Required.
     */
    const char *out_biz_no;
    /** The shopper (2088...), at most 32 characters; NULL = not said. */
    const char *buyer_id;
    /** The nearest shop where the coupon is good, at most 32 characters; NULL = not said. */
    const char *shop_id;
    /** The page's `type`, at most 32 characters; default: "pointcard". */
    const char *kind;
} pointcard_claim;

/**
 * The link to show the shopper, as a QR code as a rule. What the base holds besides is kept; what
 * it says for token, outBizNo, type, buyerId and shopId is replaced.
 *
 * @param claim    read during the call; begin with POINTCARD_CLAIM_INIT
 * @param out      receives the link, NUL-terminated ASCII
 * @param cap      bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
 * @param out_len  receives the length without the NUL; may be NULL
 * @param fault    receives what is wrong; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING (fault.what: token,
 * outBizNo, type, buyerId, shopId, base), ERR_ARGUMENT (base: no http(s) URL), ERR_MALFORMED
 * (base: broken JSON or escape), ERR_DUPLICATE (base: several URLs; itemId: two different ones),
 * ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
 *
 * Source: the quick-start guide of Koubei point cards, its claim page (token, outBizNo, type).
 */
POINTCARD_API
pointcard_status pointcard_claim_link(const struct pointcard_claim *claim,
                                      char *out,
                                      size_t cap,
                                      size_t *out_len,
                                      pointcard_fault *fault);

#define POINTCARD_CLAIM_INIT POINTCARD_INIT_(pointcard_claim)

/* ---- QR code ------------------------------------------------------------------------------- */

/**
 * Bytes of qr.scratch for any code; POINTCARD_QR_SCRATCH(version) for those up to a version. A
 * claim link of 250 characters is version 11 with level M: 934 bytes.
 */
#define POINTCARD_QR_SCRATCH_MAX 7836

/** Longest text in bytes: version 40, level L. */
#define POINTCARD_QR_TEXT_MAX 2953

/** level: about 7 % of the code may be dirty or torn. */
#define POINTCARD_QR_LOW 1

/** level: about 15 %; the default. */
#define POINTCARD_QR_MEDIUM 2

/** level: about 25 %. */
#define POINTCARD_QR_QUARTILE 3

/** level: about 30 %. */
#define POINTCARD_QR_HIGH 4

/** Flag: no quiet zone. Only where the surroundings are light and wide enough. */
#define POINTCARD_QR_NO_QUIET 1

/** Flag of pointcard_qr_draw: 1 is light (a display whose set pixels shine); else 1 is dark. */
#define POINTCARD_QR_LIGHT_IS_ONE 2

/** Flag of pointcard_qr_draw: the first pixel is in the lowest bit; else in the highest. */
#define POINTCARD_QR_LSB_FIRST 4

/**
 * Flag of pointcard_qr_escpos: the printer's own encoder (GS ( k) instead of a picture (GS v 0).
 * Few bytes; it needs a printer that has one, and draws no quiet zone.
 */
#define POINTCARD_QR_NATIVE 8

/** Flag of pointcard_qr_text: dark modules are printed, without colours (dark on light ground). */
#define POINTCARD_QR_DARK_TEXT 16

/** Flag of pointcard_qr_text: light modules are printed, without colours (light on dark ground). */
#define POINTCARD_QR_LIGHT_TEXT 32

/** Takes output; 0 = taken, anything else ends the call with ERR_OUTPUT. */
typedef int32_t (*pointcard_write_fn)(void *ctx, const uint8_t *bytes, size_t len);

/**
 * How a QR code is made, where it goes, and what it came to. The library keeps nothing of it: lend
 * the memory, call, use `out`. scratch and out must not overlap.
 *
 * Source: ISO/IEC 18004 for versions, levels and the quiet zone; Epson's ESC/POS command reference
 * for GS v 0 and GS ( k.
 */
typedef struct pointcard_qr {
    /** Set by POINTCARD_QR_INIT. */
    uint32_t struct_size;
    /** POINTCARD_QR_ flags, or 0. */
    uint32_t flags;
    /**
     * The least error correction, POINTCARD_QR_LOW to _HIGH; default: _MEDIUM. A code that has
     * room for more of it gets more.
     */
    uint32_t level;
    /** Pixels (printer: dots) per module, 1 to 16; default: the most at which max_side holds, or 4. */
    uint32_t scale;
    /** Most pixels a side, quiet zone included; 0 = no limit. (384 dots are a 58 mm receipt.) */
    uint32_t max_side;
    /** Quiet zone in modules, up to 16; default: 4, as readers want it. */
    uint32_t quiet;
    /** Lowest version, 1 to 40, for codes of one size; default: 1. */
    uint32_t min_version;
    /** Highest version, 1 to 40; default: 40. */
    uint32_t max_version;
    /**
     * pointcard_qr_escpos: rows of dots per command, up to 65535; 0 = all. A printer with little
     * memory may want 24.
     */
    uint32_t band;
    /** Zero. */
    uint32_t reserved;
    /** Memory for the encoder; not for pointcard_qr_measure and POINTCARD_QR_NATIVE. */
    uint8_t *scratch;
    /** Bytes there. */
    size_t scratch_cap;
    /**
     * Receives the rows, the printer's bytes or the text; with `write` it is the buffer they go
     * through.
     */
    uint8_t *out;
    /** Bytes there. */
    size_t out_cap;
    /** pointcard_qr_draw: bytes from row to row; 0 = row_bytes. What lies between rows stays. */
    size_t stride;
    /** pointcard_qr_escpos: takes the bytes, out_cap at a time; NULL = all of them go to `out`. */
    pointcard_write_fn write;
    /** First argument of `write`. */
    void *ctx;
    /** Told: the version, 1 to 40. */
    uint32_t version;
    /** Told: modules a side, without quiet zone. */
    uint32_t modules;
    /** Told: the error correction it got. */
    uint32_t level_used;
    /** Told: the pixels per module it got. */
    uint32_t scale_used;
    /** Told: pixels a side, with quiet zone. */
    uint32_t side;
    /** Told: bytes of a row of pixels. */
    uint32_t row_bytes;
    /** Told: bytes scratch needs. */
    size_t scratch_needed;
    /** Told: bytes `out` needs for pointcard_qr_draw. */
    size_t bits_needed;
    /** Told: bytes `out` needs for pointcard_qr_escpos without `write`: all that go to the printer. */
    size_t escpos_needed;
    /** Told: bytes that are enough for pointcard_qr_text, NUL included. */
    size_t text_needed;
    /** Told: bytes written to `out` (or `write`); a text's without its NUL. */
    size_t out_len;
} pointcard_qr;

/**
 * Tells how large the code of a text becomes, before there is memory for it: fills the members of
 * `qr` that are told. (The other calls fill them, too, as soon as they are known, even when the
 * call then fails.)
 *
 * @param text   the link, UTF-8 without control characters; need not end with a NUL
 * @param len    bytes there, at most POINTCARD_QR_TEXT_MAX
 * @param qr     begin with POINTCARD_QR_INIT
 * @param fault  receives what is wrong and, in `at`, the limit; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_ENCODING, ERR_TOO_LONG (text; `at`: bytes that
 * max_version takes), ERR_RANGE (level, scale, quiet, band, min_version, max_version; max_side: the
 * code is wider, `at`: what it needs), ERR_ARGUMENT (flags, reserved), ERR_UNSUPPORTED (built
 * without the feature qr).
 */
POINTCARD_API
pointcard_status pointcard_qr_measure(const char *text,
                                      size_t len,
                                      struct pointcard_qr *qr,
                                      pointcard_fault *fault);

/**
 * Draws the code into `out`: a bit per pixel, 1 = dark, first pixel in the highest bit, quiet zone
 * included. A row takes row_bytes; what its last byte has beyond the code is light.
 *
 * As pointcard_qr_measure; ERR_BUFFER_TOO_SMALL (scratch, out; `at`: the bytes needed), ERR_RANGE
 * (stride, shorter than a row; `at`: row_bytes). Then nothing was written to `out`.
 */
POINTCARD_API
pointcard_status pointcard_qr_draw(const char *text,
                                   size_t len,
                                   struct pointcard_qr *qr,
                                   pointcard_fault *fault);

/**
 * Makes the bytes that print the code on a receipt printer (ESC/POS): a picture, which any printer
 * with graphics prints, or with POINTCARD_QR_NATIVE the printer's own command. Nothing else: no
 * reset, no alignment, no paper feed.
 *
 * As pointcard_qr_draw; with `write` any out_cap from 1 on will do, and ERR_OUTPUT (write; `at`: the
 * bytes it had taken) is its word. Without, ERR_BUFFER_TOO_SMALL leaves `out` with a part of them.
 */
POINTCARD_API
pointcard_status pointcard_qr_escpos(const char *text,
                                     size_t len,
                                     struct pointcard_qr *qr,
                                     pointcard_fault *fault);

/**
 * Makes the code as lines of UTF-8 in `out`, NUL-terminated: half blocks, two rows of modules in a
 * line, black on white by escape sequences, so that it is right on dark and on light terminals.
 * POINTCARD_QR_DARK_TEXT and _LIGHT_TEXT do without the sequences. `scale` does not matter.
 *
 * As pointcard_qr_draw; ERR_BUFFER_TOO_SMALL leaves `out` empty.
 */
POINTCARD_API
pointcard_status pointcard_qr_text(const char *text,
                                   size_t len,
                                   struct pointcard_qr *qr,
                                   pointcard_fault *fault);

/** Bytes of qr.scratch for codes up to a version, 1 to 40. */
#define POINTCARD_QR_SCRATCH(version) \
    (2u * (1u + ((17u + 4u * (version)) * (17u + 4u * (version)) + 7u) / 8u))

#define POINTCARD_QR_INIT POINTCARD_INIT_(pointcard_qr)

/* ---- Redeem -------------------------------------------------------------------------------- */

/** Room for what pointcard_redeem_export and pointcard_redeem_import write, NUL included. */
#define POINTCARD_REDEEM_TEXT_MAX 1153

/**
 * pointcard_offer.standing: points.update FREEZE was not sent, or nobody knows its end. (For all
 * of these: the documentation's docs/redemption.md says who acts in which, and what happens next.)
 */
#define POINTCARD_OFFER_FREEZING 1

/** Frozen; there is no token yet. */
#define POINTCARD_OFFER_FROZEN 2

/** The link may be shown. */
#define POINTCARD_OFFER_AUTHORISED 3

/** Handed to another queue; its receipt is awaited. */
#define POINTCARD_OFFER_EXPORTED 4

/** The other queue has it; the link may be shown here. */
#define POINTCARD_OFFER_HANDED 5

/** Claimed; to be spent by pointcard_sync. */
#define POINTCARD_OFFER_COMMITTING 6

/** To be released by pointcard_sync. */
#define POINTCARD_OFFER_CANCELLING 7

/** Claimed although it was released; to be spent by pointcard_sync without a freeze. */
#define POINTCARD_OFFER_CONSUMING 8

/** Spent. */
#define POINTCARD_OFFER_DONE 9

/** Released. */
#define POINTCARD_OFFER_CANCELLED 10

/** A coupon whose offer is not here. */
#define POINTCARD_OFFER_CLAIM 11

/** A coupon is out and its points were refused: a debt, for a person. */
#define POINTCARD_OFFER_OWED 12

/**
 * FREEZE was refused after an attempt of unknown end: points may be frozen under a number nobody
 * knows. For a person.
 */
#define POINTCARD_OFFER_UNCERTAIN 13

/** CANCEL was refused. For a person. */
#define POINTCARD_OFFER_STUCK 14

/** pointcard_redeem_commit: its offer is here and will be spent (or was). */
#define POINTCARD_FILED_JOINED 1

/** Its offer is not here, or was handed over: stored, and joined when the offer comes. */
#define POINTCARD_FILED_STORED 2

/** A coupon nobody froze for: a dead letter, for a person. */
#define POINTCARD_FILED_DEBT 3

/**
 * A coupon for points. Texts are NUL-terminated ASCII, read during the call; NULL or "" = not
 * given.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (FREEZE); published integrations
 * for koubei.marketing.tool.prizesend.auth; the quick-start guide of Koubei point cards (the order
 * of the steps, and the claim page).
 */
typedef struct pointcard_redeem_order {
    /** Set by POINTCARD_REDEEM_ORDER_INIT. */
    uint32_t struct_size;
    /** Points the coupon costs, 1 to config.max_points. */
    uint32_t points;
    /**
     * Your number of this offer: letters, digits, '-', '_', at most 32. Required. It names the
     * offer in every other call and comes back in the notification. Never use it again.
     */
    const char *out_biz_no;
    /** The shopper's Alipay user id (2088...), at most 32 bytes. Required. */
    const char *user_id;
    /** What prizesend.auth wants as prize_id, at most 32 bytes. Required. */
    const char *prize_id;
    /**
     * The claim page: `config` or `ext_info` of the activity's URL_WITH_TOKEN channel. The URL in
     * it has at most 256 bytes. Required.
     */
    const char *link_base;
    /** The nearest shop where the coupon is good, for the link; default: none. */
    const char *shop_id;
    /** Point account; default: the configured one. */
    const char *activity_account;
    /** Whose offer it is, of config.merchants; default: the client's own. */
    const char *merchant;
    /** How long a token can be used, in seconds; default: a day. Alipay does not say how long. */
    uint32_t claim_life_s;
    /** Zero. */
    uint32_t reserved;
} pointcard_redeem_order;

/** An offer, or a claim without one, as pointcard_redeem_list tells it. */
typedef struct pointcard_offer {
    /** Set by POINTCARD_OFFER_INIT. */
    uint32_t struct_size;
    /** POINTCARD_OFFER_FREEZING to POINTCARD_OFFER_STUCK. */
    int32_t standing;
    /** Number of the queue entry. */
    uint64_t seq;
    /** When it was started (or the message came), seconds since 1970; 0 = the clock was unknown. */
    uint64_t created;
    /** Since when it stands there, likewise. */
    uint64_t since;
    /** Points; 0 for a claim. */
    uint32_t points;
    /** How often the request that is due was sent. */
    uint32_t attempts;
    /** For a person: 1 when the refusal may have met a repeat of what was executed before. */
    uint32_t uncertain;
    /** For a person: the gateway's code, or CLAIM: a coupon nobody froze for. */
    char code[9];
    /** For a person: the gateway's sub_code. */
    char sub_code[65];
    /** The FREEZE's idempotency key. */
    char req_id[33];
    /** What FREEZE answered. Source: KoubeiMarketingToolPointsUpdateResponse. */
    char point_log_no[65];
    /** Your number of the offer. */
    char out_biz_no[129];
    /** The shopper; of a claim, who took the coupon. */
    char user_id[129];
} pointcard_offer;

/**
 * Freezes points, asks for the token, and gives the link to show (as a QR code as a rule). It needs
 * the network: at most two requests, each waited for.
 *
 * The offer is durable before anything is sent, and every step before the next. When this fails,
 * nothing is lost: call it again with the same order (or pointcard_redeem_resume), also after a
 * power cut. What is never taken on is given up by pointcard_sync, and its points are released.
 *
 * Source: steps of the quick-start guide of Koubei point cards (集点兑换优惠券).
 *
 * @param client      an open client
 * @param order       read during the call; begin with POINTCARD_REDEEM_ORDER_INIT
 * @param timeout_ms  longest wait for each request; 0 = 15000
 * @param link        receives the link, NUL-terminated ASCII
 * @param cap         bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
 * @param link_len    receives the length without the NUL; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_RANGE, and for
 * redeem.link_base what pointcard_claim_link returns; ERR_NOT_FOUND (merchant), ERR_CONFLICT (the
 * number is another offer's), ERR_BAD_STATE (the offer has gone another way, or is over),
 * ERR_QUEUE_FULL, ERR_BUSY (a sync is under way; more than 64 older entries wait), ERR_UNSUPPORTED
 * (no transport), ERR_SIGNER (also: requests are signed elsewhere), ERR_ENTROPY, ERR_STORAGE;
 * ERR_TRANSPORT (offline), ERR_UNKNOWN, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED, ERR_UNSIGNED,
 * ERR_SIGNATURE, ERR_MALFORMED: call again; ERR_REJECTED: the gateway refused, the offer is over;
 * ERR_UNCERTAIN: refused after an attempt of unknown end, it is listed; ERR_BUFFER_TOO_SMALL
 * (link_len: the capacity needed; the offer stands).
 */
POINTCARD_API
pointcard_status pointcard_redeem_start(pointcard_client *client,
                                        const struct pointcard_redeem_order *order,
                                        uint32_t timeout_ms,
                                        char *link,
                                        size_t cap,
                                        size_t *link_len);

/**
 * Takes a started offer on from wherever it stands, and gives its link (again).
 *
 * @param client      an open client
 * @param out_biz_no  the offer's number
 * @param timeout_ms  longest wait for each request; 0 = 15000
 * @param link        receives the link, NUL-terminated ASCII
 * @param cap         bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
 * @param link_len    receives the length without the NUL; may be NULL
 *
 * Returns ERR_NOT_FOUND, and as pointcard_redeem_start. ERR_BAD_STATE also for an offer that was
 * handed over and whose receipt has not come.
 *
 * Source: the quick-start guide of Koubei point cards, its claim page.
 */
POINTCARD_API
pointcard_status pointcard_redeem_resume(pointcard_client *client,
                                         const char *out_biz_no,
                                         uint32_t timeout_ms,
                                         char *link,
                                         size_t cap,
                                         size_t *link_len);

/**
 * Files the message that a coupon was taken. Works offline; pointcard_sync spends the points.
 *
 * When it returns POINTCARD_OK the message is durable: reply POINTCARD_NOTIFY_REPLY. For any other
 * status reply something else, and it is delivered again. The same again changes nothing.
 *
 * Source: the notification of the quick-start guide of Koubei point cards.
 *
 * @param client        an open client
 * @param notification  as pointcard_notification_read filled it, POINTCARD_NOTIFY_COUPON
 * @param filed         receives POINTCARD_FILED_JOINED, _STORED or _DEBT; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (another kind of message; another app's),
 * ERR_MISSING, ERR_BAD_STATE, ERR_BUSY, ERR_QUEUE_FULL, ERR_STORAGE: not filed.
 */
POINTCARD_API
pointcard_status pointcard_redeem_commit(pointcard_client *client,
                                         const pointcard_notification *notification,
                                         int32_t *filed);

/**
 * Gives an offer up. Works offline; points that may be frozen are released by pointcard_sync.
 *
 * A token cannot be revoked. So an offer whose link was given out is not given up before its time
 * is over (claim_life_s, and 25 hours for late notifications), unless `word` is 1: then you vouch
 * that the shopper cannot claim any more. A claim that comes all the same is settled by CONSUME.
 * For an entry that waits for a person (and a claim without an offer) 1 says that a person has
 * dealt with it: it is forgotten. A debt under this number is meant first, an offer by the next call.
 *
 * @param client      an open client
 * @param out_biz_no  the offer's number
 * @param word        1 = your word; else 0
 *
 * Returns ERR_NULL, ERR_NOT_FOUND, ERR_BAD_STATE (the link may be out, it was claimed, or it is
 * another queue's), ERR_BUSY, ERR_QUEUE_FULL, ERR_STORAGE.
 *
 * Source: Alipay's page of koubei.marketing.tool.points.update (CANCEL, CONSUME) and its page on
 * asynchronous notifications (eight deliveries in 25 hours).
 */
POINTCARD_API
pointcard_status pointcard_redeem_cancel(pointcard_client *client,
                                         const char *out_biz_no,
                                         uint32_t word);

/**
 * The next offer, or claim without one: those somebody may have to do something about, and those
 * that are over and still kept to know a late message.
 *
 * @param client  an open client
 * @param cursor  where the list stands; begin with a zeroed one
 * @param offer   receives it; begin with POINTCARD_OFFER_INIT
 *
 * Returns POINTCARD_IDLE at the end; ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (the cursor was never
 * zeroed), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_MALFORMED.
 */
POINTCARD_API
pointcard_status pointcard_redeem_list(pointcard_client *client,
                                       pointcard_cursor *cursor,
                                       struct pointcard_offer *offer);

/**
 * Hands an offer to another queue (the server where the notification arrives): a signed text for
 * pointcard_redeem_import there. Do it before the link is shown: pointcard_redeem_resume gives it
 * once pointcard_redeem_handed_over has taken the receipt. Works offline.
 *
 * Durable before it returns; again gives the same text. It names the shopper: send it over a line
 * you trust.
 *
 * @param client      an open client
 * @param out_biz_no  the offer's number
 * @param to          the other queue's name, ASCII, at most 32 bytes
 * @param text        receives the text, NUL-terminated, URL-safe
 * @param cap         bytes there, at least POINTCARD_REDEEM_TEXT_MAX
 * @param text_len    receives the length without the NUL; may be NULL
 *
 * Returns ERR_NULL, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_NOT_FOUND, ERR_CONFLICT (handed to
 * another), ERR_BAD_STATE (there is no link yet, or it has gone another way), ERR_SIGNER (also:
 * requests are signed elsewhere), ERR_ENTROPY, ERR_BUFFER_TOO_SMALL, ERR_BUSY, ERR_QUEUE_FULL,
 * ERR_STORAGE.
 *
 * Source: none of Alipay's; our own text, signed like a request.
 */
POINTCARD_API
pointcard_status pointcard_redeem_export(pointcard_client *client,
                                         const char *out_biz_no,
                                         const char *to,
                                         char *text,
                                         size_t cap,
                                         size_t *text_len);

/**
 * Takes an offer over from a till. Works offline.
 *
 * Durable before it returns; again gives the same receipt, which goes back to the till. From now
 * on this queue spends or releases its points.
 *
 * @param client       an open client
 * @param text         what pointcard_redeem_export wrote
 * @param me           this queue's name, as the till was told
 * @param receipt      receives the receipt, NUL-terminated, URL-safe
 * @param cap          bytes there, at least POINTCARD_REDEEM_TEXT_MAX
 * @param receipt_len  receives the length without the NUL; may be NULL
 *
 * Returns ERR_NULL, ERR_MALFORMED, ERR_SIGNATURE (not of this application's key, or changed),
 * ERR_ARGUMENT (text.to: for another queue), ERR_NOT_FOUND (text.merchant), ERR_RANGE (text.at: its
 * time is over), ERR_CONFLICT (another offer has its number), ERR_BAD_STATE (it was given up here),
 * and as pointcard_redeem_export.
 *
 * Source: none of Alipay's.
 */
POINTCARD_API
pointcard_status pointcard_redeem_import(pointcard_client *client,
                                         const char *text,
                                         const char *me,
                                         char *receipt,
                                         size_t cap,
                                         size_t *receipt_len);

/**
 * The other queue has the offer: from now on pointcard_redeem_resume gives its link. Works offline;
 * again is fine.
 *
 * @param client   an open client
 * @param receipt  what pointcard_redeem_import wrote
 *
 * Returns ERR_NULL, ERR_MALFORMED, ERR_SIGNATURE, ERR_ARGUMENT (a receipt for another hand-over),
 * ERR_NOT_FOUND, ERR_BAD_STATE (the offer was given up meanwhile: show no link), ERR_BUSY,
 * ERR_QUEUE_FULL, ERR_STORAGE.
 *
 * Source: none of Alipay's.
 */
POINTCARD_API
pointcard_status pointcard_redeem_handed_over(pointcard_client *client,
                                              const char *receipt);

#define POINTCARD_REDEEM_ORDER_INIT POINTCARD_INIT_(pointcard_redeem_order)
#define POINTCARD_OFFER_INIT POINTCARD_INIT_(pointcard_offer)

/* ---- Activities ---------------------------------------------------------------------------- */

/** pointcard_activity_check: the content of koubei.marketing.campaign.activity.create. */
#define POINTCARD_ACTIVITY_CREATE 1

/** The content of koubei.marketing.campaign.activity.modify. */
#define POINTCARD_ACTIVITY_MODIFY 2

/**
 * Checks the biz_content of an activity: what is surely wrong is found here and not by the
 * gateway. Required members; kinds of known members; a name twice, at any depth; dates that do not
 * exist (2016-09-31), ends that are not after their start; a point_card outside POINT_SEND, a
 * voucher inside; a "biz_content" around it, which is the parameter's name. Members nobody has
 * heard of pass.
 *
 * Source: the samples of the quick-start guide of Koubei point cards, step 3;
 * KoubeiMarketingCampaignActivityCreateModel of Alipay's SDKs.
 *
 * @param json   UTF-8; need not end with a NUL
 * @param len    bytes there
 * @param kind   POINTCARD_ACTIVITY_CREATE or POINTCARD_ACTIVITY_MODIFY
 * @param fault  receives the member's path in `what`, its offset in `at`; may be NULL
 *
 * Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT, ERR_MISSING, ERR_MALFORMED, ERR_DUPLICATE,
 * ERR_RANGE (dates), ERR_TOO_DEEP (12 levels), ERR_TOO_LONG.
 */
POINTCARD_API
pointcard_status pointcard_activity_check(const uint8_t *json,
                                          size_t len,
                                          int32_t kind,
                                          pointcard_fault *fault);

/* ---- Check --------------------------------------------------------------------------------- */

/**
 * Flag of pointcard_check: ask the gateway, too, with one harmless signed query. Source:
 * koubei.marketing.tool.points.query changes nothing.
 */
#define POINTCARD_CHECK_ONLINE 1

/** One thing that is wrong. */
typedef struct pointcard_finding {
    /** A pointcard_status. */
    int32_t status;
    /** Byte offset, length or limit the status speaks of; 0 = none. */
    uint32_t at;
    /** The port's own error code; 0 = none. */
    int32_t port;
    /** What it is about: "config.alipay_public_key", "clock", "gateway". */
    char what[48];
    /** The status in words, and what to do about it: one English line. */
    char text[240];
} pointcard_finding;

/** What pointcard_check found. */
typedef struct pointcard_checkup {
    /** Set by POINTCARD_CHECKUP_INIT. */
    uint32_t struct_size;
    /** How many findings; 0 = all is well. */
    uint32_t count;
    /** They, in the order they were found: configuration, keys, storage, clock, line, tables. */
    struct pointcard_finding findings[16];
} pointcard_checkup;

/**
 * Checks a configuration before the first sale: gateway URL, ids, keys (form, size, the app's own
 * public key where Alipay's belongs, a private_key that does not fit app_public_key), a trial
 * signature, storage (shape, readable, writable, locked by another), clock (unknown, before 2020,
 * standing still), transport. With POINTCARD_CHECK_ONLINE also the gateway's side: a clock apart
 * from its, a signature it refuses, answers that are not signed or signed by another key. Call it
 * through the macro pointcard_check(client, config, flags, user_id, checkup).
 *
 * It goes through all of it, whatever it finds. The client is left closed; the storage was handed
 * over as by pointcard_init and is closed: make it again for pointcard_init. Nothing recorded is
 * changed; a blank medium becomes a store.
 *
 * @param client       memory of the caller's, at least POINTCARD_CLIENT_SIZE bytes, not in use
 * @param client_size  sizeof *client
 * @param abi_version  POINTCARD_ABI_VERSION of the caller's header
 * @param config       read during the call
 * @param flags        POINTCARD_CHECK_ONLINE, or 0
 * @param user_id      online: whose balance is asked for, a test user of yours; any signed answer
 *                     will do
 * @param checkup      receives the findings; begin with POINTCARD_CHECKUP_INIT
 *
 * Returns POINTCARD_OK when nothing was found, else the status of the first finding; ERR_ABI,
 * ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (flags): nothing was checked. Not for interrupt
 * handlers.
 */
POINTCARD_API
pointcard_status pointcard_check_abi(pointcard_client *client,
                                     size_t client_size,
                                     uint32_t abi_version,
                                     const pointcard_config *config,
                                     uint32_t flags,
                                     const char *user_id,
                                     struct pointcard_checkup *checkup);

#define POINTCARD_CHECKUP_INIT POINTCARD_INIT_(pointcard_checkup)

/** Checks a configuration: pointcard_check_abi with the sizes of this header. */
#define pointcard_check(client, config, flags, user_id, checkup) \
    pointcard_check_abi((client), sizeof *(client), POINTCARD_ABI_VERSION, (config), (flags), \
                        (user_id), (checkup))

/* ---- Explain ------------------------------------------------------------------------------- */

/** Room for any explanation, NUL included. */
#define POINTCARD_EXPLAIN_MAX 16384

/**
 * What was signed: the exact canonical string of the latest request the gateway refused for its
 * signature, else of the latest request, else of the next due entry, with user ids and tokens
 * masked (first four characters and length). After an isv.invalid-signature answer a last line
 * names the first difference between it and the string the gateway quotes, and what such a
 * difference usually comes from: charset, a second encoding, order, a parameter lost or added, or,
 * when both are the same, the key. Nothing is sent, nothing is changed.
 *
 * The string is built again from the entry, so that of an entry that is settled or a dead letter,
 * or of a balance query, cannot be had. Of the gateway's string 1024 bytes are kept until
 * pointcard_close.
 *
 * Source: the sub_msg of isv.invalid-signature, as the comments of Alipay's Node SDK describe it.
 *
 * @param client   an open client
 * @param out      receives the text, NUL-terminated UTF-8
 * @param cap      bytes there; POINTCARD_EXPLAIN_MAX is always enough
 * @param out_len  receives the length without the NUL; may be NULL
 *
 * Returns ERR_NULL, ERR_NOT_FOUND (no request to explain), ERR_BUFFER_TOO_SMALL (out_len: the
 * capacity needed), ERR_BAD_STATE, ERR_BUSY (a sync, query or step is under way), ERR_STORAGE.
 */
POINTCARD_API
pointcard_status pointcard_explain(pointcard_client *client,
                                   char *out,
                                   size_t cap,
                                   size_t *out_len);

#ifdef __cplusplus
}
#endif

#endif /* POINTCARD_H */

