"""What a failed call raises.

In: a status, and the detail or fault the library filled. Out: one exception class.
"""

from __future__ import annotations

#: Names of the numbers, as in pointcard.h without POINTCARD_. A test compares.
NAMES = {
    0: "OK", 1: "IDLE",
    -1: "ERR_ARGUMENT", -2: "ERR_BUFFER_TOO_SMALL", -3: "ERR_BAD_STATE", -4: "ERR_BUSY",
    -5: "ERR_ABI", -6: "ERR_NULL", -7: "ERR_ENCODING", -8: "ERR_TOO_LONG", -9: "ERR_INTERNAL",
    -10: "ERR_RANGE", -11: "ERR_STRUCT_SIZE", -12: "ERR_MISSING", -13: "ERR_NOT_FOUND",
    -14: "ERR_UNSUPPORTED", -15: "ERR_OUTPUT",
    -101: "ERR_KEY_FORMAT", -102: "ERR_KEY_UNSUPPORTED", -103: "ERR_KEY_MISMATCH",
    -104: "ERR_SIGNATURE", -105: "ERR_SIGNER", -106: "ERR_ENTROPY",
    -201: "ERR_MALFORMED", -202: "ERR_TOO_DEEP", -203: "ERR_DUPLICATE", -204: "ERR_UNSIGNED",
    -301: "ERR_QUEUE_FULL", -302: "ERR_MEDIA_CORRUPT", -303: "ERR_STORAGE", -304: "ERR_LOCKED",
    -305: "ERR_MEDIA_VERSION", -306: "ERR_CONFLICT", -307: "ERR_GEOMETRY",
    -308: "ERR_FORGED",
    -401: "ERR_UNKNOWN", -402: "ERR_REJECTED", -403: "ERR_UNCERTAIN", -404: "ERR_TRANSPORT",
    -405: "ERR_INSECURE", -406: "ERR_TOKEN", -407: "ERR_THROTTLED", -408: "ERR_REFUSED",
}


class Error(Exception):
    """A call did not do its work. Holds no key, token or user id.

    status    the number, as in pointcard.h
    name      its name: "ERR_QUEUE_FULL"
    what      what it is about: "sale.points", "private_key"; "" when nothing more is known
    at        byte offset in it, or the length or limit the status speaks of; 0 = none
    port      the port's own code (errno of a file), or 0
    code      the gateway's code, sub_code what it adds; "" when it is not the gateway's word
    """

    def __init__(self, status, what="", at=0, text="", port=0, code="", sub_code=""):
        self.status = status
        self.name = NAMES.get(status, str(status))
        self.what = what
        self.at = at
        self.port = port
        self.code = code
        self.sub_code = sub_code
        super().__init__(f"{text or what or 'pointcard'} [{self.name}]")


BY_NAME = {name: number for number, name in NAMES.items()}
