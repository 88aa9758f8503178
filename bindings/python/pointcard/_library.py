"""Finds libpointcard and tells ctypes what its functions take.

In: the environment. Out: `lib()`, loaded once, of the ABI these bindings were written for.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import threading
from pathlib import Path

from . import _structures as c

#: POINTCARD_ABI_VERSION of the header these structures follow.
ABI = 1

_lock = threading.Lock()
_loaded = None

_P = ctypes.POINTER
_TEXT = ctypes.c_char_p
_SIZE = ctypes.c_size_t
_U32 = ctypes.c_uint32
_STATUS = ctypes.c_int32

#: Name -> what it returns, what it takes.
FUNCTIONS = {
    "pointcard_version": (_TEXT, []),
    "pointcard_abi_version": (_U32, []),
    "pointcard_client_size": (_SIZE, []),
    "pointcard_status_text": (_TEXT, [_STATUS]),
    "pointcard_last_detail": (_STATUS, [ctypes.c_void_p, _P(c.Detail)]),
    "pointcard_file_storage": (c.Storage, [_P(c.File), _TEXT, _U32]),
    "pointcard_file_storage_power_safe": (c.Storage, [_P(c.File), _TEXT, _U32]),
    "pointcard_init_abi": (_STATUS, [ctypes.c_void_p, _SIZE, _U32, _P(c.Config)]),
    "pointcard_close": (_STATUS, [ctypes.c_void_p]),
    "pointcard_set_token": (_STATUS, [ctypes.c_void_p, _TEXT, _TEXT]),
    "pointcard_accrue": (_STATUS, [ctypes.c_void_p, _P(c.Sale), _P(c.Ticket)]),
    "pointcard_refund": (_STATUS, [ctypes.c_void_p, _P(c.RefundOrder), _P(c.Ticket)]),
    "pointcard_sync": (_STATUS, [ctypes.c_void_p, _U32, _P(c.Report)]),
    "pointcard_query_balance": (_STATUS, [ctypes.c_void_p, _TEXT, _TEXT, _U32, _P(c.Balance)]),
    "pointcard_prize_authorize": (
        _STATUS,
        [ctypes.c_void_p, _P(c.Prize), ctypes.c_void_p, _P(c.PrizeToken), ctypes.c_void_p],
    ),
    "pointcard_queue_status": (_STATUS, [ctypes.c_void_p, _P(c.QueueInfo)]),
    "pointcard_maintain": (_STATUS, [ctypes.c_void_p]),
    "pointcard_points_for": (
        _STATUS,
        [_P(c.Rule), ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, _P(c.Earned), _P(c.Fault)],
    ),
    "pointcard_key_load": (_STATUS, [_P(c.Key), _TEXT, ctypes.c_int32, _P(c.Fault)]),
    "pointcard_key_clear": (_STATUS, [_P(c.Key)]),
    "pointcard_notification_read": (
        _STATUS,
        [_P(c.NotificationIn), ctypes.c_void_p, _SIZE, _P(c.Notification), _P(c.Fault)],
    ),
    "pointcard_notification_field": (
        _STATUS,
        [_P(c.Notification), _TEXT, ctypes.c_void_p, _SIZE, _P(_SIZE)],
    ),
    "pointcard_seen_check": (_STATUS, [_P(c.Seen), _P(c.Notification)]),
    "pointcard_seen_keep": (_STATUS, [_P(c.Seen), _P(c.Notification)]),
    "pointcard_claim_link": (
        _STATUS,
        [_P(c.Claim), ctypes.c_void_p, _SIZE, _P(_SIZE), _P(c.Fault)],
    ),
    "pointcard_redeem_start": (
        _STATUS,
        [ctypes.c_void_p, _P(c.RedeemOrder), _U32, ctypes.c_void_p, _SIZE, _P(_SIZE)],
    ),
    "pointcard_redeem_resume": (
        _STATUS,
        [ctypes.c_void_p, _TEXT, _U32, ctypes.c_void_p, _SIZE, _P(_SIZE)],
    ),
    "pointcard_redeem_commit": (
        _STATUS,
        [ctypes.c_void_p, _P(c.Notification), _P(ctypes.c_int32)],
    ),
    "pointcard_redeem_cancel": (_STATUS, [ctypes.c_void_p, _TEXT, _U32]),
    "pointcard_redeem_list": (_STATUS, [ctypes.c_void_p, _P(c.Cursor), _P(c.Offer)]),
    "pointcard_redeem_export": (
        _STATUS,
        [ctypes.c_void_p, _TEXT, _TEXT, ctypes.c_void_p, _SIZE, _P(_SIZE)],
    ),
    "pointcard_redeem_import": (
        _STATUS,
        [ctypes.c_void_p, _TEXT, _TEXT, ctypes.c_void_p, _SIZE, _P(_SIZE)],
    ),
    "pointcard_redeem_handed_over": (_STATUS, [ctypes.c_void_p, _TEXT]),
    "pointcard_qr_measure": (_STATUS, [_TEXT, _SIZE, _P(c.Qr), _P(c.Fault)]),
    "pointcard_qr_draw": (_STATUS, [_TEXT, _SIZE, _P(c.Qr), _P(c.Fault)]),
    "pointcard_qr_escpos": (_STATUS, [_TEXT, _SIZE, _P(c.Qr), _P(c.Fault)]),
    "pointcard_qr_text": (_STATUS, [_TEXT, _SIZE, _P(c.Qr), _P(c.Fault)]),
}


def _candidates():
    told = os.environ.get("POINTCARD_LIBRARY")
    if told:
        return [told]
    names = {"win32": ["pointcard.dll"], "darwin": ["libpointcard.1.dylib", "libpointcard.dylib"]}
    names = names.get(sys.platform, ["libpointcard.so.1", "libpointcard.so"])
    beside = [str(Path(__file__).parent / name) for name in names]
    found = ctypes.util.find_library("pointcard")
    return [path for path in beside if os.path.exists(path)] + ([found] if found else []) + names


def _load():
    tried = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            tried.append(f"{path}: {error}")
            continue
        library.pointcard_abi_version.restype = _U32
        found = library.pointcard_abi_version()
        if found != ABI:
            raise ImportError(f"{path} has ABI {found}, these bindings are for {ABI}")
        for name, (returns, takes) in FUNCTIONS.items():
            function = getattr(library, name, None)
            if function is None:
                raise ImportError(f"{path} is older than these bindings: it has no {name}")
            function.restype, function.argtypes = returns, takes
        return library
    raise ImportError(
        "no libpointcard: make it (`make lib`) and name it in POINTCARD_LIBRARY; tried " + "; ".join(tried)
    )


def lib():
    """The library."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _load()
        return _loaded


def version() -> str:
    """Version of the library, as text."""
    return lib().pointcard_version().decode()


def abi_version() -> int:
    """POINTCARD_ABI_VERSION of the library."""
    return lib().pointcard_abi_version()
