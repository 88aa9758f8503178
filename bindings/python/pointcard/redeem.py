"""Points become a coupon: what a till and a server do with an offer.

In: what the shopper wants, Koubei's message, the texts that pass between till and server. Out: the
link to show, and how every offer stands. docs/redemption.md says who acts in which state.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import List, Optional

from . import _structures as c
from ._library import lib
from ._values import fill, number, order, text
from .claim import _LINK_MAX
from .errors import BY_NAME
from .notification import Notification

_TEXT_MAX = 1153
#: Offer.state: POINTCARD_OFFER_... in small letters.
STATES = {
    1: "freezing", 2: "frozen", 3: "authorised", 4: "exported", 5: "handed", 6: "committing",
    7: "cancelling", 8: "consuming", 9: "done", 10: "cancelled", 11: "claim", 12: "owed",
    13: "uncertain", 14: "stuck",
}
#: What redeem_commit returns: POINTCARD_FILED_... in small letters.
FILED = {1: "joined", 2: "stored", 3: "debt"}


@dataclass(frozen=True)
class Offer:
    """An offer, or a claim without one; the members of pointcard_offer."""

    state: str  #: one of STATES; "owed", "uncertain" and "stuck" are for a person
    out_biz_no: str
    user_id: str  #: the shopper; of a claim, who took the coupon
    points: int  #: 0 for a claim
    seq: int  #: number of the queue entry
    created: int  #: seconds since 1970; 0 = the clock was unknown
    since: int  #: since when it stands there, likewise
    attempts: int  #: how often the request that is due was sent
    uncertain: int  #: 1 when the refusal may have met a repeat of what was executed
    code: str  #: the gateway's code, or "CLAIM": a coupon nobody froze for
    sub_code: str
    req_id: str
    point_log_no: str


class Redemption:
    """The calls of a Client about offers."""

    def redeem_start(
        self,
        *,
        out_biz_no: str,
        user_id: str,
        points: int,
        prize_id: str,
        link_base: str,
        claim_life_s: int = 0,
        timeout_ms: int = 0,
        **texts: Optional[str],
    ) -> str:
        """Freezes points, asks for the token, returns the link to show; waits for the network.

        out_biz_no: your number of the offer, never used again. link_base: what activity.query said
        of the claim page. claim_life_s: how long a token can be used, 0 = a day. More texts: shop_id,
        activity_account, merchant. When it fails, call it again with the same order.
        """
        given = order(c.RedeemOrder, "redeem", {
            "out_biz_no": out_biz_no, "user_id": user_id, "prize_id": prize_id,
            "link_base": link_base, **texts,
        })
        given.points = number(points, "redeem.points")
        given.claim_life_s = number(claim_life_s, "redeem.claim_life_s")
        return self._link("pointcard_redeem_start", ctypes.byref(given), timeout_ms)

    def redeem_resume(self, out_biz_no: str, *, timeout_ms: int = 0) -> str:
        """Takes a started offer on from wherever it stands; returns its link (again)."""
        return self._link("pointcard_redeem_resume", text(out_biz_no, "out_biz_no"), timeout_ms)

    def _link(self, function, what, timeout_ms):
        return self._written(function, _LINK_MAX, what, number(timeout_ms, "timeout_ms"))

    def _written(self, function, most, *arguments):
        room = ctypes.create_string_buffer(most)
        self._call(function, *arguments, room, len(room), None)
        return room.value.decode()

    def redeem_commit(self, notification: Notification) -> str:
        """Files the message that a coupon was taken; sync spends the points. Works offline.

        Durable when it returns: then reply REPLY. "joined": its offer is here; "stored": it is not,
        yet; "debt": nobody froze for it, a person has to see it. The same again changes nothing.
        """
        filed = ctypes.c_int32()
        self._call("pointcard_redeem_commit", ctypes.byref(notification._raw), ctypes.byref(filed))
        return FILED[filed.value]

    def redeem_cancel(self, out_biz_no: str, *, word: bool = False) -> None:
        """Gives an offer up; sync releases its points. Works offline.

        word: you vouch that the shopper cannot claim any more; needed once the link is out, and to
        forget what waits for a person.
        """
        self._call("pointcard_redeem_cancel", text(out_biz_no, "out_biz_no"), 1 if word else 0)

    def redeem_list(self) -> List[Offer]:
        """Every offer, and every claim without one, that is kept."""
        offers, cursor = [], c.Cursor()
        while True:
            raw = c.Offer.new()
            status = lib().pointcard_redeem_list(
                ctypes.byref(self._memory), ctypes.byref(cursor), ctypes.byref(raw)
            )
            if status == BY_NAME["IDLE"]:
                return offers
            self._check(status)
            offers.append(fill(Offer, raw, state=STATES.get(raw.standing, str(raw.standing))))

    def redeem_export(self, out_biz_no: str, to: str) -> str:
        """The signed text that hands an offer to the queue named `to`; again gives the same.

        Before the link is shown. It names the shopper: send it over a line you trust.
        """
        return self._written(
            "pointcard_redeem_export", _TEXT_MAX, text(out_biz_no, "out_biz_no"), text(to, "to")
        )

    def redeem_import(self, offer: str, me: str) -> str:
        """Takes over an offer that a till exported to `me`; returns the receipt for the till."""
        return self._written(
            "pointcard_redeem_import", _TEXT_MAX, text(offer, "text"), text(me, "me")
        )

    def redeem_handed_over(self, receipt: str) -> None:
        """The other queue has the offer: from now on redeem_resume gives its link."""
        self._call("pointcard_redeem_handed_over", text(receipt, "receipt"))
