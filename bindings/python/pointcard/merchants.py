"""More merchants of one till: in what Python has, out what pointcard_init reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from . import _structures as c
from ._values import text


@dataclass(frozen=True)
class Merchant:
    """One of Client's merchants; the members of pointcard_merchant."""

    merchant: str  #: any stable id, at most 64 bytes; accrue(merchant=...) names it
    app_auth_token: Optional[str] = None  #: None: its entries wait for set_token
    activity_account: Optional[str] = None  #: of its sales unless they say otherwise
    shop_id: Optional[str] = None  #: of its sales unless they say otherwise

    def __repr__(self):
        return f"Merchant({self.merchant!r})"  # The token is nobody's business.


def array(merchants: Sequence[Merchant]):
    """The C table; the library borrows its texts until close, so keep it."""
    names = [name for name, _ in c.Merchant._fields_]
    rows = [
        c.Merchant(**{name: text(getattr(one, name), f"config.merchants.{name}") for name in names})
        for one in merchants
    ]
    return (c.Merchant * len(rows))(*rows)
