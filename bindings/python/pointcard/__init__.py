"""Koubei point cards (会员集点) at the till and on the server: libpointcard through ctypes."""

from ._library import abi_version, version
from .claim import Bitmap, QrSize, claim_link, qr_bitmap, qr_escpos, qr_measure, qr_text
from .client import Balance, Client, Outcome, QueueStatus, Report, Ticket
from .earn import Bonus, Earned, Rule, points_for
from .errors import Error
from .merchants import Merchant
from .notification import REPLY, REPLY_FAIL, Notification, Receiver, Seen
from .redeem import Offer

__all__ = [
    "Balance", "Bitmap", "Bonus", "Client", "Earned", "Error", "Merchant", "Notification",
    "Offer", "Outcome", "QrSize", "QueueStatus", "REPLY", "REPLY_FAIL", "Receiver", "Report", "Rule", "Seen",
    "Ticket", "abi_version", "claim_link", "points_for", "qr_bitmap", "qr_escpos", "qr_measure",
    "qr_text", "version",
]
