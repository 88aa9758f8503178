"""Koubei's notifications: the bytes of a request become a message to believe.

In: a query string or form body. Out: a verified Notification, or an Error that says why not.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Optional

from . import _structures as c
from ._library import lib
from ._values import check, fault, text
from .errors import BY_NAME, Error

#: The whole answer to a message that is stored, with HTTP 200. Anything else comes again.
REPLY = b"success"
#: The answer to one that is not stored.
REPLY_FAIL = b"fail"

_KINDS = {1: "coupon", 2: "activity", 3: "other"}
_PUBLIC = 2


class Notification:
    """A verified message. Its texts are attributes: notify_id, buyer_id, isv_out_biz_id, ...

    kind: "coupon" (a shopper has taken the prize), "activity" or "other" (answer it all the same).
    What a message does not carry is "".
    """

    notify_id: str
    buyer_id: str
    isv_out_biz_id: str
    order_id: str

    def __init__(self, raw, room):
        # `raw` points into `room`.
        self._raw, self._room = raw, room
        self.kind = _KINDS.get(raw.kind, "other")
        for name in c.NOTIFICATION_TEXTS:
            setattr(self, name, getattr(raw, name).decode())

    def field(self, name: str) -> Optional[str]:
        """Any signed field by its name; None when it is not there, or not signed."""
        needed, named = ctypes.c_size_t(), text(name, "name")
        room = ctypes.create_string_buffer(512)
        while True:
            status = lib().pointcard_notification_field(
                ctypes.byref(self._raw), named, room, len(room), ctypes.byref(needed)
            )
            if status != BY_NAME["ERR_BUFFER_TOO_SMALL"] or needed.value <= len(room):
                break
            room = ctypes.create_string_buffer(needed.value)
        if status == BY_NAME["ERR_NOT_FOUND"]:
            return None
        if status != 0:
            raise Error(status, name)
        return room.raw[: needed.value].decode()


class Receiver:
    """Verifies messages for one app with Alipay's public key (not the app's own).

    auth_app_id: the merchant's app a coupon has to be about; None = any. sign_type and charset are
    for messages that do not say; with RSA2 a message that says RSA (SHA-1) is refused. May be used
    by several threads.
    """

    def __init__(
        self,
        *,
        app_id: str,
        alipay_public_key: str,
        auth_app_id: Optional[str] = None,
        sign_type: str = "RSA2",
        charset: str = "UTF-8",
    ):
        self._key, self._lock = c.Key(), threading.Lock()
        self._app_id, self._auth_app_id = text(app_id, "app_id"), text(auth_app_id, "auth_app_id")
        self._sign_type = {"RSA2": 0, "RSA": 1}[sign_type]
        self._charset = {"UTF-8": 0, "GBK": 1}[charset]
        wrong = fault()
        status = lib().pointcard_key_load(
            ctypes.byref(self._key), text(alipay_public_key, "alipay_public_key"), _PUBLIC,
            ctypes.byref(wrong),
        )
        check(status, wrong)

    def read(self, raw: bytes) -> Notification:
        """Reads a request's body (POST), or its query, path or URL (GET). Raises what is wrong."""
        room = ctypes.create_string_buffer(max(len(raw), 1))
        given = c.NotificationIn.new(
            sign_type=self._sign_type, charset=self._charset, alipay_key=ctypes.pointer(self._key),
            app_id=self._app_id, auth_app_id=self._auth_app_id, raw=raw, raw_len=len(raw),
        )
        found, wrong = c.Notification.new(), fault()
        with self._lock:  # The key has scratch memory of its own.
            status = lib().pointcard_notification_read(
                ctypes.byref(given), room, len(room), ctypes.byref(found), ctypes.byref(wrong)
            )
        check(status, wrong)
        return Notification(found, room)


class Seen:
    """The latest messages, in memory: which of them came before. May be used by several threads."""

    def __init__(self, count: int = 1024):
        self._ids = (c.SeenId * count)()
        self._ring = c.Seen(ids=self._ids, count=count, next=0)
        self._lock = threading.Lock()

    def __contains__(self, notification: Notification) -> bool:
        with self._lock:
            status = lib().pointcard_seen_check(
                ctypes.byref(self._ring), ctypes.byref(notification._raw)
            )
        if status not in (0, BY_NAME["ERR_DUPLICATE"]):
            raise Error(status, "notify_id")
        return status != 0

    def keep(self, notification: Notification) -> None:
        """Call it once the message is stored, before the reply."""
        with self._lock:
            status = lib().pointcard_seen_keep(
                ctypes.byref(self._ring), ctypes.byref(notification._raw)
            )
        if status != 0:
            raise Error(status, "notify_id")
