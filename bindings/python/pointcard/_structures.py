"""The structures of pointcard.h, member by member.

tests/test_header.py compares names, order and types with the header itself. One that begins with
struct_size may lack the header's newest members: the library takes them for zero.
"""

from __future__ import annotations

import ctypes

u8, u16, u32, u64 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64
i32, size, text, pointer = ctypes.c_int32, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p


def chars(length):
    return ctypes.c_char * length


class Versioned(ctypes.Structure):
    """A structure that begins with struct_size."""

    @classmethod
    def new(cls, **members):
        return cls(struct_size=ctypes.sizeof(cls), **members)


class Client(ctypes.Structure):
    _fields_ = [("opaque", u64 * 5120)]


class File(ctypes.Structure):
    _fields_ = [("opaque", u64 * 32)]


class Key(ctypes.Structure):
    _fields_ = [("opaque", u64 * 2048)]


class Detail(Versioned):
    _fields_ = [
        ("struct_size", u32), ("status", i32), ("what", chars(48)), ("at", u32), ("port", i32),
        ("http_status", u16), ("authenticated", u8), ("reserved", u8), ("code", chars(17)),
        ("sub_code", chars(129)), ("text", chars(160)), ("words", chars(161)),
    ]


class Fault(Versioned):
    _fields_ = [
        ("struct_size", u32), ("status", i32), ("at", u32), ("what", chars(81)),
        ("text", chars(160)),
    ]


class Storage(ctypes.Structure):
    _fields_ = [
        ("status", i32), ("port", i32), ("ctx", pointer), ("sector_size", u32),
        ("sector_count", u32), ("prog_size", u32), ("align", u32), ("read", pointer),
        ("prog", pointer), ("erase", pointer), ("sync", pointer), ("reassert", pointer),
        ("close", pointer),
    ]


class Clock(ctypes.Structure):
    _fields_ = [("ctx", pointer), ("monotonic_ms", pointer), ("unix_time", pointer)]


class Entropy(ctypes.Structure):
    _fields_ = [("ctx", pointer), ("fill", pointer)]


class Signer(ctypes.Structure):
    _fields_ = [("ctx", pointer), ("sign", pointer)]


class Transport(ctypes.Structure):
    _fields_ = [("ctx", pointer), ("exchange", pointer)]


class Lock(ctypes.Structure):
    _fields_ = [("ctx", pointer), ("acquire", pointer), ("release", pointer)]


class Seal(ctypes.Structure):
    _fields_ = [
        ("keys", pointer), ("key_count", u32), ("newest", u32), ("ctx", pointer),
        ("get", pointer),
    ]


class Outcome(Versioned):
    _fields_ = [
        ("struct_size", u32), ("verdict", i32), ("status", i32), ("attempts", u32), ("seq", u64),
        ("points", u32), ("retry_in_ms", u32), ("available_points", u64),
        ("freezed_points", u64), ("total_points", u64), ("req_id", chars(33)),
        ("point_log_no", chars(65)),
    ]


OutcomeFn = ctypes.CFUNCTYPE(None, pointer, ctypes.POINTER(Outcome))


class Merchant(ctypes.Structure):
    _fields_ = [
        ("merchant", text), ("app_auth_token", text), ("activity_account", text), ("shop_id", text),
    ]


class Config(Versioned):
    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("gateway", text), ("app_id", text),
        ("merchant", text), ("app_auth_token", text), ("private_key", text),
        ("app_public_key", text), ("alipay_public_key", text), ("activity_account", text),
        ("shop_id", text), ("sign_type", i32), ("max_points", u32), ("storage", Storage),
        ("clock", Clock), ("entropy", Entropy), ("signer", Signer), ("transport", Transport),
        ("lock", Lock), ("on_outcome", OutcomeFn), ("on_outcome_ctx", pointer), ("ca_pem", text),
        ("proxy", text), ("charset", i32), ("text_charset", i32), ("content_key", text),
        ("app_cert", text), ("alipay_cert", text), ("alipay_cert_next", text),
        ("alipay_root_cert", text), ("alipay_public_key_next", text),
        ("merchants", ctypes.POINTER(Merchant)),
        ("merchant_count", u32), ("first_delay_ms", u32), ("limits", pointer),
        ("on_event", pointer), ("on_event_ctx", pointer), ("seal", Seal),
    ]


class Bonus(ctypes.Structure):
    _fields_ = [
        ("weekdays", u8), ("from_hour", u8), ("to_hour", u8), ("reserved", u8), ("percent", u32),
    ]


class Rule(Versioned):
    _fields_ = [
        ("struct_size", u32), ("rounding", i32), ("points", u32), ("per_fen", u32),
        ("min_fen", u64), ("sale_cap", u32), ("day_cap", u32), ("bonuses", Bonus * 8),
    ]


class Earned(Versioned):
    _fields_ = [("struct_size", u32), ("points", u32), ("percent", u32), ("cap", u32)]


class Sale(Versioned):
    _fields_ = [
        ("struct_size", u32), ("points", u32), ("user_id", text), ("biz_no", text),
        ("memo", text), ("ext_info", text), ("shop_id", text), ("activity_account", text),
        ("req_id", text), ("part", text), ("merchant", text), ("flags", u32), ("reserved", u32),
        ("rule", ctypes.POINTER(Rule)),
        ("amount_fen", u64),
    ]


class Ticket(Versioned):
    _fields_ = [
        ("struct_size", u32), ("duplicate", u32), ("seq", u64), ("req_id", chars(33)),
        ("voided", u32), ("points", u32),
    ]


class RefundOrder(Versioned):
    _fields_ = [
        ("struct_size", u32), ("points", u32), ("biz_no", text), ("refund_no", text),
        ("memo", text), ("activity_account", text), ("part", text), ("req_id", text),
        ("merchant", text), ("user_id", text), ("points_left", u32), ("flags", u32),
    ]


class Report(Versioned):
    _fields_ = [
        ("struct_size", u32), ("sent", u32), ("accepted", u32), ("rejected", u32),
        ("uncertain", u32), ("unknown", u32), ("deferred", u32), ("waiting", u32),
        ("retry_in_ms", u32), ("clock_wrong", u32), ("held", u32), ("paused", u32),
        ("next_key_used", u32), ("paused_merchant", chars(65)),
    ]


class Balance(Versioned):
    _fields_ = [
        ("struct_size", u32), ("waiting_entries", u32), ("waiting_points", u64),
        ("available_points", u64), ("freezed_points", u64), ("total_points", u64),
    ]


class QueueInfo(Versioned):
    _fields_ = [
        ("struct_size", u32), ("waiting", u32), ("sent_unknown", u32), ("parked", u32),
        ("dead", u32), ("room", u32), ("points", u64), ("oldest", u64), ("next_seq", u64),
        ("sealed", u32), ("repaired", u32), ("lost", u32),
    ]


class Prize(Versioned):
    _fields_ = [("struct_size", u32), ("req_id", text), ("prize_id", text), ("user_id", text)]


class PrizeToken(Versioned):
    _fields_ = [("struct_size", u32), ("token", chars(65))]


class Cursor(ctypes.Structure):
    _fields_ = [("opaque", u64 * 8)]


class RedeemOrder(Versioned):
    _fields_ = [
        ("struct_size", u32), ("points", u32), ("out_biz_no", text), ("user_id", text),
        ("prize_id", text), ("link_base", text), ("shop_id", text), ("activity_account", text),
        ("merchant", text), ("claim_life_s", u32), ("reserved", u32),
    ]


class Offer(Versioned):
    _fields_ = [
        ("struct_size", u32), ("standing", i32), ("seq", u64), ("created", u64), ("since", u64),
        ("points", u32), ("attempts", u32), ("uncertain", u32), ("code", chars(9)),
        ("sub_code", chars(65)), ("req_id", chars(33)), ("point_log_no", chars(65)),
        ("out_biz_no", chars(129)), ("user_id", chars(129)),
    ]


class NotificationIn(Versioned):
    _fields_ = [
        ("struct_size", u32), ("sign_type", i32), ("charset", i32), ("reserved", u32),
        ("alipay_key", ctypes.POINTER(Key)), ("app_id", text), ("auth_app_id", text),
        ("raw", text), ("raw_len", size),
    ]


#: The texts of a notification, in the header's order.
NOTIFICATION_TEXTS = (
    "notify_id", "notify_time", "notify_type", "event_code", "app_id", "auth_app_id", "buyer_id",
    "merchant_uid", "isv_out_biz_id", "id", "order_id", "order_type", "order_status",
    "order_process_time", "status",
)


class Notification(Versioned):
    _fields_ = [
        ("struct_size", u32), ("kind", i32), ("variant", i32), ("charset", i32),
        *((name, chars(129)) for name in NOTIFICATION_TEXTS),
        ("field_count", u32), ("signed_fields", u32), ("fields", pointer),
        ("field_ends", u32 * 64),
    ]


class SeenId(ctypes.Structure):
    _fields_ = [("opaque", u8 * 16)]


class Seen(ctypes.Structure):
    _fields_ = [("ids", ctypes.POINTER(SeenId)), ("count", u32), ("next", u32)]


class Claim(Versioned):
    _fields_ = [
        ("struct_size", u32), ("reserved", u32), ("base", text), ("token", text),
        ("out_biz_no", text), ("buyer_id", text), ("shop_id", text), ("kind", text),
    ]


class Qr(Versioned):
    _fields_ = [
        ("struct_size", u32), ("flags", u32), ("level", u32), ("scale", u32), ("max_side", u32),
        ("quiet", u32), ("min_version", u32), ("max_version", u32), ("band", u32),
        ("reserved", u32), ("scratch", pointer), ("scratch_cap", size), ("out", pointer),
        ("out_cap", size), ("stride", size), ("write", pointer), ("ctx", pointer),
        ("version", u32), ("modules", u32), ("level_used", u32), ("scale_used", u32),
        ("side", u32), ("row_bytes", u32), ("scratch_needed", size), ("bits_needed", size),
        ("escpos_needed", size), ("text_needed", size), ("out_len", size),
    ]
