"""One till: a durable queue, and the gateway when there is a line.

In: sales. Out: tickets, and reports of what was sent. The client's memory, its file's and every
text the library borrows belong to the object and live as long as it does.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

from . import _structures as c
from ._library import ABI, lib
from ._values import fill, number, order, status_text, text
from .earn import Rule
from .errors import BY_NAME, Error
from .merchants import Merchant, array
from .redeem import Redemption

_PLAIN_HTTP, _SERVER_TIME = 1, 2
_MANAGER = 32
_SIGN_TYPES = {"RSA2": 0, "RSA": 1}
_CHARSETS = {"UTF-8": 0, "GBK": 1}
_VERDICTS = {1: "accepted", 2: "rejected", 3: "uncertain", 4: "unknown", 5: "deferred"}
#: Read during pointcard_init only, and not kept after it.
_SECRETS = (
    "app_auth_token", "private_key", "app_public_key", "alipay_public_key",
    "alipay_public_key_next", "app_cert", "alipay_cert", "alipay_cert_next", "alipay_root_cert",
    "content_key", "ca_pem", "proxy",
)


@dataclass(frozen=True)
class Ticket:
    """Where a sale or refund went."""

    seq: int  #: number of the queue entry
    req_id: str  #: the idempotency key, the same on every resend
    duplicate: bool  #: recorded before; this is the first record
    voided: bool  #: a refund whose sale was never sent: both are settled
    points: int  #: recorded by this call or the first one; 0 = the amount earns none


@dataclass(frozen=True)
class Report:
    """What a sync did; the members of pointcard_report."""

    sent: int
    accepted: int
    rejected: int
    uncertain: int
    unknown: int
    deferred: int
    waiting: int
    retry_in_ms: int
    clock_wrong: int
    held: int
    paused: int
    next_key_used: int
    paused_merchant: str


@dataclass(frozen=True)
class Outcome:
    """What became of one request of a sync."""

    verdict: str  #: "accepted", "rejected", "unknown", "uncertain" or "deferred"
    status: int
    attempts: int
    seq: int
    points: int
    retry_in_ms: int
    req_id: str
    point_log_no: str


@dataclass(frozen=True)
class Balance:
    """A shopper's points; beside them what waits on this till."""

    available_points: int
    freezed_points: int
    total_points: int
    waiting_entries: int
    waiting_points: int


@dataclass(frozen=True)
class QueueStatus:
    """How the queue stands; the members of pointcard_queue_info."""

    waiting: int
    sent_unknown: int
    parked: int
    dead: int
    room: int
    points: int
    oldest: int
    next_seq: int
    sealed: int
    repaired: int
    lost: int


class Client(Redemption):
    """An open client. Use it as a context manager, or call close().

    queue          path of the queue's file, made when it is not there; queue_size bytes, for good
    power_safe     the disk keeps old bytes intact when a write is cut: records are packed
    gateway        default: production; https, or http to this machine
    merchants      more merchants than the client's own (an app that acts for several)
    on_outcome     called with each Outcome of a sync, on the thread of the sync; what it raises,
                   sync raises when it is over
    The other arguments are members of pointcard_config.
    """

    def __init__(
        self,
        *,
        app_id: str,
        queue: "str | os.PathLike[str]",
        queue_size: int = 1 << 20,
        power_safe: bool = False,
        sign_type: str = "RSA2",
        charset: str = "UTF-8",
        max_points: int = 0,
        plain_http: bool = False,
        server_time: bool = False,
        first_delay_ms: int = 0,
        merchants: Sequence[Merchant] = (),
        on_outcome: Optional[Callable[[Outcome], None]] = None,
        **texts: Optional[str],
    ):
        self._open = False
        self._memory = c.Client()
        self._file = c.File()
        self._told = on_outcome
        self._raised: Optional[BaseException] = None
        self._callback = c.OutcomeFn(self._hear) if on_outcome else c.OutcomeFn()
        unknown = set(texts) - {name for name, kind in c.Config._fields_ if kind is c.text}
        if unknown:
            raise TypeError(f"Client has no argument {sorted(unknown)[0]}")
        if ctypes.sizeof(self._memory) < lib().pointcard_client_size():
            raise Error(BY_NAME["ERR_ABI"], "client", lib().pointcard_client_size())
        # The library borrows the texts until close: the structures keep them.
        self._merchants = array(merchants)
        self._config = c.Config.new(
            app_id=text(app_id, "config.app_id"),
            sign_type=_choice(_SIGN_TYPES, sign_type, "sign_type"),
            charset=_choice(_CHARSETS, charset, "charset"),
            max_points=number(max_points, "config.max_points"),
            first_delay_ms=number(first_delay_ms, "config.first_delay_ms"),
            flags=(_PLAIN_HTTP if plain_http else 0) | (_SERVER_TIME if server_time else 0),
            merchants=self._merchants, merchant_count=len(self._merchants),
            on_outcome=self._callback,
            **{name: text(value, f"config.{name}") for name, value in texts.items()},
        )
        self._start(queue, queue_size, power_safe)

    def _start(self, queue, queue_size, power_safe):
        self._path = text(os.fspath(queue), "queue")
        make = lib().pointcard_file_storage_power_safe if power_safe else lib().pointcard_file_storage
        size = number(queue_size, "queue_size")
        self._config.storage = make(ctypes.byref(self._file), self._path, size)
        status = lib().pointcard_init_abi(
            ctypes.byref(self._memory), ctypes.sizeof(self._memory), ABI, ctypes.byref(self._config)
        )
        for name in _SECRETS:
            setattr(self._config, name, None)
        for merchant in self._merchants:
            merchant.app_auth_token = None
        self._check(status)
        self._open = True

    def _hear(self, _ctx, outcome):
        try:
            value = outcome.contents
            self._told(Outcome(
                _VERDICTS.get(value.verdict, str(value.verdict)), value.status, value.attempts,
                value.seq, value.points, value.retry_in_ms, value.req_id.decode(),
                value.point_log_no.decode(),
            ))
        except BaseException as error:  # pylint: disable=broad-except
            # It must not cross C; the first one is raised by sync.
            self._raised = self._raised or error

    def _check(self, status):
        if status == 0:
            return
        detail = c.Detail.new()
        known = lib().pointcard_last_detail(ctypes.byref(self._memory), ctypes.byref(detail))
        if known == 0 and detail.status == status:
            raise Error(
                status, detail.what.decode(), detail.at, detail.text.decode("utf-8", "replace"),
                detail.port, detail.code.decode(), detail.sub_code.decode(),
            )
        raise Error(status, text=status_text(status))

    def _call(self, function, *arguments):
        self._check(getattr(lib(), function)(ctypes.byref(self._memory), *arguments))

    def accrue(
        self,
        *,
        user_id: str,
        biz_no: str,
        points: int = 0,
        amount_fen: int = 0,
        rule: Optional[Rule] = None,
        manager: bool = False,
        **texts: Optional[str],
    ) -> Ticket:
        """Records points for a paid sale; durable when it returns, network or not.

        Either points, or amount_fen and a rule. A manager waives the queue's limits. More texts: memo, ext_info, shop_id,
        activity_account, req_id, part, merchant. Call it again with the same sale when unsure.
        """
        sale = order(c.Sale, "sale", {"user_id": user_id, "biz_no": biz_no, **texts})
        sale.points = number(points, "sale.points")
        sale.flags = _MANAGER if manager else 0
        sale.amount_fen = number(amount_fen, "sale.amount_fen", 64)
        if rule is not None:
            sale.rule = ctypes.pointer(rule._c())
        return self._ticket("pointcard_accrue", sale)

    def refund(
        self,
        *,
        biz_no: str,
        refund_no: str,
        points: int,
        points_left: int = 0,
        manager: bool = False,
        **texts: Optional[str],
    ) -> Ticket:
        """Takes points back for a refunded sale; durable when it returns.

        More texts: memo, activity_account, part, req_id, merchant, user_id.
        """
        given = order(c.RefundOrder, "refund", {"biz_no": biz_no, "refund_no": refund_no, **texts})
        given.points = number(points, "refund.points")
        given.flags = _MANAGER if manager else 0
        given.points_left = number(points_left, "refund.points_left")
        return self._ticket("pointcard_refund", given)

    def _ticket(self, function, given):
        ticket = c.Ticket.new()
        self._call(function, ctypes.byref(given), ctypes.byref(ticket))
        return Ticket(
            ticket.seq, ticket.req_id.decode(), bool(ticket.duplicate), bool(ticket.voided),
            ticket.points,
        )

    def sync(self, budget_ms: int = 2000) -> Report:
        """Sends what waits, for about budget_ms. One at a time: a second one is ERR_BUSY."""
        report, self._raised = c.Report.new(), None
        self._call("pointcard_sync", number(budget_ms, "budget_ms"), ctypes.byref(report))
        if self._raised is not None:
            raise self._raised
        return fill(Report, report)

    def status(self) -> QueueStatus:
        """Counts of the queue. Never waits for the network."""
        info = c.QueueInfo.new()
        self._call("pointcard_queue_status", ctypes.byref(info))
        return fill(QueueStatus, info)

    def query_balance(
        self, user_id: str, activity_account: Optional[str] = None, timeout_ms: int = 5000
    ) -> Balance:
        """Asks the gateway for a shopper's points and waits for the answer."""
        balance = c.Balance.new()
        self._call(
            "pointcard_query_balance", text(user_id, "user_id"),
            text(activity_account, "activity_account"), number(timeout_ms, "timeout_ms"),
            ctypes.byref(balance),
        )
        return fill(Balance, balance)

    def authorize_prize(self, *, req_id: str, prize_id: str, user_id: str) -> str:
        """Asks for the token that lets a shopper claim a prize, for claim_link; waits for the answer.

        The same req_id when it is asked again: a lost answer must not become a second token.
        """
        prize, token = order(c.Prize, "prize", {
            "req_id": req_id, "prize_id": prize_id, "user_id": user_id,
        }), c.PrizeToken.new()
        self._call("pointcard_prize_authorize", ctypes.byref(prize), None, ctypes.byref(token), None)
        return token.token.decode()

    def set_token(self, token: str, merchant: Optional[str] = None) -> None:
        """Gives a merchant another app_auth_token."""
        self._call("pointcard_set_token", text(merchant, "merchant"), text(token, "token"))

    def maintain(self) -> None:
        """Prepares storage in idle time."""
        self._call("pointcard_maintain")

    def close(self) -> None:
        """Wipes the keys and closes the file; what is recorded stays. Twice does no harm."""
        if self._open:
            self._call("pointcard_close")
            self._open = False

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self):
        if getattr(self, "_open", False):
            # Nobody refers to it any more, so that no call is under way.
            lib().pointcard_close(ctypes.byref(self._memory))


def _choice(choices, value, what):
    if value not in choices:
        raise Error(BY_NAME["ERR_ARGUMENT"], f"config.{what}", 0, f"config.{what}: one of {', '.join(choices)}")
    return choices[value]
