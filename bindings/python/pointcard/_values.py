"""Python's values to C's and back.

In: str, int. Out: bytes without a NUL, numbers in their range, whole structures, or an Error that
names the member; and C's structures as dataclasses.
"""

from __future__ import annotations

from dataclasses import fields

from . import _structures as c
from ._library import lib
from .errors import BY_NAME, Error


def text(value, what):
    """UTF-8 for a NUL-terminated text; None and "" are "not given"."""
    if value is None or value == "":
        return None
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{what} is a text, not {type(value).__name__}")
    if isinstance(value, str):
        try:
            value = value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Error(BY_NAME["ERR_ENCODING"], what, error.start, f"{what}: not text") from None
    # C would take the NUL for the end and lose what follows.
    if b"\0" in value:
        raise Error(BY_NAME["ERR_ENCODING"], what, value.index(b"\0"), f"{what}: holds a NUL")
    return value


def number(value, what, bits=32):
    """A whole number that fits; ctypes would cut it silently."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is a whole number, not {type(value).__name__}")
    if not 0 <= value < 1 << bits:
        raise Error(BY_NAME["ERR_RANGE"], what, 0, f"{what}: {value} is outside its limits")
    return value


def check(status, fault):
    """Raises what a call without a client found wrong."""
    if status == 0:
        return
    if fault.status == status:
        raise Error(status, fault.what.decode(), fault.at, fault.text.decode("utf-8", "replace"))
    raise Error(status, text=status_text(status))


def status_text(status):
    return lib().pointcard_status_text(status).decode()


def fault():
    return c.Fault.new()


def fill(kind, value, **known):
    """A dataclass from the members of the same names, and what the caller knows better."""
    def plain(member):
        return member.decode() if isinstance(member, bytes) else member

    names = (part.name for part in fields(kind) if part.name not in known)
    return kind(**known, **{name: plain(getattr(value, name)) for name in names})


def order(kind, name, texts):
    """A structure of texts; `name` is what the library calls it in errors."""
    known = {member for member, type_ in kind._fields_ if type_ is c.text}
    unknown = set(texts) - known
    if unknown:
        raise TypeError(f"a {name} has no {sorted(unknown)[0]}")
    return kind.new(**{member: text(value, f"{name}.{member}") for member, value in texts.items()})
