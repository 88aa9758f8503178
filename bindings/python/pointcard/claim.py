"""The claim link, and the link as a QR code.

In: what the activity says of its page, a token; a text. Out: a URL; pictures, a printer's bytes,
lines for a terminal.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Optional

from . import _structures as c
from ._library import lib
from ._values import check, fault, number, text
from .errors import BY_NAME, Error

_LINK_MAX = 6144
_LEVELS = {"L": 1, "M": 2, "Q": 3, "H": 4}
_NO_QUIET, _LIGHT_IS_ONE, _LSB_FIRST, _NATIVE, _DARK_TEXT, _LIGHT_TEXT = 1, 2, 4, 8, 16, 32
_PAINTS = {"colour": 0, "dark": _DARK_TEXT, "light": _LIGHT_TEXT}


def claim_link(
    base: str,
    token: str,
    out_biz_no: str,
    *,
    buyer_id: Optional[str] = None,
    shop_id: Optional[str] = None,
    kind: Optional[str] = None,
) -> str:
    """The link to show the shopper. base: what activity.query said, a URL or JSON that holds one."""
    given = c.Claim.new(
        base=text(base, "base"), token=text(token, "token"),
        out_biz_no=text(out_biz_no, "outBizNo"), buyer_id=text(buyer_id, "buyerId"),
        shop_id=text(shop_id, "shopId"), kind=text(kind, "type"),
    )
    room, wrong = ctypes.create_string_buffer(_LINK_MAX), fault()
    status = lib().pointcard_claim_link(
        ctypes.byref(given), room, len(room), None, ctypes.byref(wrong)
    )
    check(status, wrong)
    return room.value.decode()


@dataclass(frozen=True)
class QrSize:
    """How large a code becomes."""

    version: int  #: 1 to 40
    modules: int  #: a side, without quiet zone
    level: str  #: the error correction it gets: L, M, Q or H
    scale: int  #: pixels per module
    side: int  #: pixels, with quiet zone


@dataclass(frozen=True)
class Bitmap:
    """Rows of one bit per pixel, first pixel in the highest bit, 1 = dark."""

    side: int
    row_bytes: int
    bits: bytes

    def pbm(self) -> bytes:
        """As a portable bitmap file (P4)."""
        return b"P4\n%d %d\n" % (self.side, self.side) + self.bits


class _Qr:
    """One code: measured, then made in memory of exactly that size."""

    def __init__(self, link, level, quiet, flags, **numbers):
        if level not in _LEVELS:
            raise Error(BY_NAME["ERR_RANGE"], "level", 4, "level: one of L, M, Q, H")
        self.link = link.encode("utf-8", "surrogatepass") if isinstance(link, str) else link
        numbers = {name: number(value, name) for name, value in numbers.items()}
        quiet = number(quiet, "quiet")
        flags |= _NO_QUIET if quiet == 0 else 0
        self.qr = c.Qr.new(level=_LEVELS[level], quiet=quiet, flags=flags, **numbers)
        self.call("pointcard_qr_measure")

    def call(self, function):
        wrong = fault()
        status = getattr(lib(), function)(
            self.link, len(self.link), ctypes.byref(self.qr), ctypes.byref(wrong)
        )
        check(status, wrong)

    def make(self, function, room):
        scratch = ctypes.create_string_buffer(self.qr.scratch_needed)
        out = ctypes.create_string_buffer(room)
        self.qr.scratch, self.qr.scratch_cap = ctypes.addressof(scratch), len(scratch)
        self.qr.out, self.qr.out_cap = ctypes.addressof(out), len(out)
        self.call(function)
        return out.raw[: self.qr.out_len]


def qr_measure(link: str, *, level: str = "M", scale: int = 0, max_side: int = 0, quiet: int = 4) -> QrSize:
    """How large the code of a text becomes. scale 0: the most at which max_side holds, or 4."""
    qr = _Qr(link, level, quiet, 0, scale=scale, max_side=max_side).qr
    level = next(name for name, value in _LEVELS.items() if value == qr.level_used)
    return QrSize(qr.version, qr.modules, level, qr.scale_used, qr.side)


def qr_bitmap(
    link: str, *, level: str = "M", scale: int = 0, max_side: int = 0, quiet: int = 4,
    light_is_one: bool = False, lsb_first: bool = False,
) -> Bitmap:
    """The code as pixels, quiet zone included."""
    flags = (_LIGHT_IS_ONE if light_is_one else 0) | (_LSB_FIRST if lsb_first else 0)
    code = _Qr(link, level, quiet, flags, scale=scale, max_side=max_side)
    bits = code.make("pointcard_qr_draw", code.qr.bits_needed)
    return Bitmap(code.qr.side, code.qr.row_bytes, bits)


def qr_escpos(
    link: str, *, level: str = "M", scale: int = 0, max_side: int = 384, quiet: int = 4,
    band: int = 0, native: bool = False,
) -> bytes:
    """The bytes for a receipt printer: a picture, or with native its own command.

    max_side: dots on the paper, 384 for 58 mm, 576 for 80 mm.
    """
    flags = _NATIVE if native else 0
    code = _Qr(link, level, quiet, flags, scale=scale, max_side=max_side, band=band)
    return code.make("pointcard_qr_escpos", code.qr.escpos_needed)


def qr_text(link: str, *, level: str = "M", quiet: int = 4, paint: str = "colour") -> str:
    """The code as lines for a terminal. paint: "colour" (black on white by escape sequences), or
    without them "dark" (printed modules are dark) or "light"."""
    if paint not in _PAINTS:
        raise Error(BY_NAME["ERR_ARGUMENT"], "paint", 0, "paint: one of colour, dark, light")
    code = _Qr(link, level, quiet, _PAINTS[paint])
    return code.make("pointcard_qr_text", code.qr.text_needed).decode()
