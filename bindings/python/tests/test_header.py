"""The bindings' structures and numbers are those of include/pointcard.h."""

import ctypes
import re
import unittest

from support import ROOT
from pointcard import _library, _structures as c, claim, client, earn, errors, notification, redeem

HEADER = re.sub(r"/\*.*?\*/", "", (ROOT / "include" / "pointcard.h").read_text(), flags=re.S)
PLAIN = {
    "uint8_t": c.u8, "uint16_t": c.u16, "uint32_t": c.u32, "uint64_t": c.u64, "int32_t": c.i32,
    "size_t": c.size, "char": ctypes.c_char,
}


def c_name(name):
    return "pointcard_" + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


STRUCTS = {
    c_name(name): kind
    for name, kind in vars(c).items()
    if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and hasattr(kind, "_fields_")
}


def constant(name):
    found = re.search(rf"(?:#define )?{name}(?: =)? (\"?[-\w]+\"?)", HEADER)
    return found.group(1)


def members(name):
    """Name and ctypes type of each member in the header; "pointer" for whatever points."""
    body = re.search(rf"struct {name} \{{(.*?)\n\}}", HEADER, re.S).group(1)
    for statement in filter(None, (part.strip() for part in body.split(";"))):
        function = re.search(r"\(\*(\w+)\)", statement)
        if function or re.search(r"_fn \w+$", statement) or "*" in statement:
            yield (function.group(1) if function else re.findall(r"\w+", statement)[-1]), "pointer"
            continue
        kind, member, length = re.match(
            r"(?:const )?(?:struct )?(\w+) (\w+)(?:\[(\w+)\])?$", statement
        ).groups()
        kind = PLAIN.get(kind) or STRUCTS[kind]
        if length:
            kind = kind * int(length if length.isdigit() else constant(length))
        yield member, kind


def is_pointer(kind):
    return kind in (ctypes.c_void_p, ctypes.c_char_p) or issubclass(
        kind, (ctypes._Pointer, ctypes._CFuncPtr)
    )


class Header(unittest.TestCase):
    def test_every_structure_is_the_header_s(self):
        self.assertGreater(len(STRUCTS), 25)
        for name, kind in STRUCTS.items():
            found = [
                (member, "pointer" if is_pointer(type_) else type_) for member, type_ in kind._fields_
            ]
            declared = list(members(name))
            if issubclass(kind, c.Versioned):
                declared = declared[: len(found)]
            self.assertEqual(found, declared, name)

    def test_every_status_is_the_header_s(self):
        numbers = re.findall(r"POINTCARD_(OK|IDLE|ERR_\w+) = (-?\d+)", HEADER)
        self.assertEqual({int(number): name for name, number in numbers}, errors.NAMES)

    def test_numbers_are_the_header_s(self):
        def value(name):
            return int(constant(f"POINTCARD_{name}"))

        self.assertEqual(_library.ABI, value("ABI_VERSION"))
        self.assertEqual(ctypes.sizeof(c.Client), value("CLIENT_SIZE"))
        self.assertEqual(ctypes.sizeof(c.Key), value("KEY_SIZE"))
        self.assertEqual(claim._LINK_MAX, value("CLAIM_LINK_MAX"))
        self.assertEqual(earn._BONUSES, value("BONUS_MAX"))
        self.assertEqual(redeem._TEXT_MAX, value("REDEEM_TEXT_MAX"))
        for prefix, names in {"OFFER": redeem.STATES, "FILED": redeem.FILED}.items():
            found = re.findall(rf"#define POINTCARD_{prefix}_(\w+) (\d+)", HEADER)
            self.assertEqual({int(number): name.lower() for name, number in found}, names)
        for name, number in {"MONDAY": earn.MONDAY, "SUNDAY": earn.SUNDAY, "ROUND_UP": earn.ROUND_UP}.items():
            self.assertEqual(number, value(name), name)
        for number, name in client._VERDICTS.items():
            self.assertEqual(number, value(name.upper()), name)
        for number, name in notification._KINDS.items():
            self.assertEqual(number, value(f"NOTIFY_{name.upper()}"), name)
        for number, name in earn._CAPS.items():
            self.assertEqual(number, value(f"CAP_{(name or 'none').upper()}"), name)
        for flag in ("NO_QUIET", "LIGHT_IS_ONE", "LSB_FIRST", "NATIVE", "DARK_TEXT", "LIGHT_TEXT"):
            self.assertEqual(getattr(claim, f"_{flag}"), value(f"QR_{flag}"), flag)
        levels = {"L": "LOW", "M": "MEDIUM", "Q": "QUARTILE", "H": "HIGH"}
        for letter, number in claim._LEVELS.items():
            self.assertEqual(number, value(f"QR_{levels[letter]}"), letter)
        for flag in ("PLAIN_HTTP", "SERVER_TIME", "MANAGER"):
            self.assertEqual(getattr(client, f"_{flag}"), value(f"F_{flag}"), flag)
        self.assertEqual(notification._PUBLIC, value("KEY_PUBLIC"))
        self.assertEqual(notification.REPLY, constant("POINTCARD_NOTIFY_REPLY").strip('"').encode())

    def test_every_function_takes_as_many_arguments_as_in_the_header(self):
        for name, (_, takes) in _library.FUNCTIONS.items():
            declared = re.search(rf"[ *\n]{name}\(([^)]*)\);", HEADER).group(1)
            count = 0 if declared.strip() == "void" else declared.count(",") + 1
            self.assertEqual(len(takes), count, name)


if __name__ == "__main__":
    unittest.main()
