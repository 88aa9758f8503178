"""What the tests share: where the repository is, its keys and its foreign messages."""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

KEYS = ROOT / "tests" / "vectors" / "keys"


def key(name):
    return (KEYS / name).read_text()


def notifications():
    """Messages signed by another implementation."""
    rows = (ROOT / "tests" / "vectors" / "verify_notify.jsonl").read_text().splitlines()
    return [json.loads(row) for row in rows]


def raw(case):
    """The bytes of one of them."""
    row = next(row for row in notifications() if row["case"] == f"open/notify/{case}")
    return bytes.fromhex(row["raw_hex"])


APP_ID = "2016090501239018"
#: Where one listens, a gateway that knows the till's app; and a port where nobody does.
GATEWAY = os.environ.get("POINTCARD_TEST_GATEWAY")
NOBODY = "http://127.0.0.1:9/gateway.do"


def till(queue, **more):
    """The configuration of a till, for pointcard.Client."""
    given = {
        "app_id": "2016100900000001", "queue": queue, "gateway": NOBODY,
        "private_key": key("app2048.pkcs8.pem"),
        "alipay_public_key": os.environ.get("POINTCARD_TEST_ALIPAY_KEY", key("alipay2048.pub.pem")),
        "activity_account": "39201608190015500100016011040139",
        "shop_id": "2016041200077000000003277104",
    }
    return {**given, **more}
