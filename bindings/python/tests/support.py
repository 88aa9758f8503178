"""What the tests share: where the repository is, its keys and its foreign messages."""

import json
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
