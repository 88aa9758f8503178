#!/usr/bin/env python3
"""What in the machine code of a signature could take its time from the key, in the disassembly.

In: an ELF image for Cortex-M with symbols. Out: one line of what was looked at; exit code 1 and the
place of each finding. A finding, in a function that handles the key's numbers, is
- a division, by instruction or by the compiler's routine: its cycles depend on what is divided;
- a jump through a table or to a computed place;
- a multiplication under a condition (IT): it takes other cycles when it is passed over.
Those of lengths, which are no secret, are listed below with the reason.

Branches, and calls and loads under a condition, are not looked at here: bench.sh compares the way two keys
take, block by block and address by address, which says more than their mere presence.

`--self-test` shows that each kind is found.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CROSS = "arm-none-eabi-"
# The functions the key's numbers go through.
KERNEL = r"crypto::(limbs|rows|rsa|blind)::|PrivateKey::sign"
# What divides or jumps by a length: (function, kind) -> why that is no secret.
PUBLIC = {
    ("rsa::power", "division"): "the table's length by an entry's",
    ("limbs::square", "table"): "what is left of the number's length behind its chunks",
    ("rows::Rows::add", "table"): "the same",
    ("limbs::add_product", "table"): "the same",
}
DIVISION = r"[us]div(\.w)?$"
ROUTINE = r"<(__aeabi_[ul]*i?div(mod)?|__aeabi_u?ldivmod|__u?div(mod)?[sd]i\d|compiler_builtins::.*div)"
TABLE = r"tb[bh](\.w)?$"
MULTIPLICATION = r"(u|s)?(mul|mla|mls|mull|mlal|maal)"
CONDITION = r"(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\.[nw])?$"


def kind_of(op, args, conditional):
    """The finding an instruction is, if any."""
    if re.match(DIVISION, op) or op.startswith("bl") and re.search(ROUTINE, args):
        return "division"
    if re.match(TABLE, op) or re.match(r"(add|mov|ldr)\S*$", op) and re.match(r"pc,", args):
        return "table"
    if re.match(r"bx$", op) and args.strip() != "lr":
        return "table"
    if conditional:
        plain = re.sub(CONDITION, "", op)
        if re.match(MULTIPLICATION, plain):
            return "condition"
    return None


def look(elf):
    """(functions, instructions, [(function, kind, line)]) of the kernel in an image."""
    text = subprocess.run([CROSS + "objdump", "-d", "-C", "--no-show-raw-insn", elf],
                          capture_output=True, text=True, check=True).stdout
    functions, count, found, name, under = set(), 0, [], None, 0
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            name = head.group(1) if re.search(KERNEL, head.group(1)) else None
            under = 0
            continue
        insn = re.match(r"^\s*[0-9a-f]+:\s+(\S+)\s*(.*)$", line)
        if name is None or not insn or insn.group(1).startswith("."):
            continue
        functions.add(name)
        count += 1
        op, args = insn.groups()
        then = re.match(r"it([te]{0,3})$", op)
        if then:
            under = len(then.group(1)) + 1
            continue
        kind = kind_of(op, args, under > 0)
        under = max(under - 1, 0)
        if kind:
            found.append((name, kind, line.strip()))
    return functions, count, found


def allowed(name, kind):
    return any(name.endswith(function) and kind == of for function, of in PUBLIC)


def check(elf):
    functions, count, found = look(elf)
    secret = [one for one in found if not allowed(one[0], one[1])]
    for name, kind, line in secret:
        print(f"timing: {elf}: {kind} in {name}: {line}")
    if not any(name.endswith("limbs::add_product") or name.endswith("rsa::power") for name in functions):
        print(f"timing: {elf}: the kernel is not in it")
        return 1
    if not secret:
        print(f"timing: {len(functions)} functions, {count} instructions: {len(found)} divide or jump by lengths")
    return 1 if secret else 0


PLANTED = """
    .syntax unified
    .cpu cortex-m4
    .thumb
    .text
    .globl "pointcard::crypto::limbs::planted"
    .type "pointcard::crypto::limbs::planted", %function
"pointcard::crypto::limbs::planted":
    {}
    bx lr
"""
LEAKS = {"division": "udiv r0, r0, r1", "table": "tbb [pc, r0]", "condition": "it eq\n    muleq r0, r1, r0"}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        for want, code in list(LEAKS.items()) + [(None, "it eq\n    moveq r0, r1\n    umull r0, r1, r2, r3")]:
            source, built = Path(folder) / "leak.s", Path(folder) / "leak.o"
            source.write_text(PLANTED.format(code))
            subprocess.run([CROSS + "as", str(source), "-o", str(built)], check=True)
            kinds = [kind for _, kind, _ in look(str(built))[2]]
            if kinds != [want] * bool(want):
                print(f"timing: the self-test wanted {want} and found {kinds}")
                return 1
    print("timing: self-test passed, each kind is seen")
    return 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else max(check(elf) for elf in sys.argv[1:]))
