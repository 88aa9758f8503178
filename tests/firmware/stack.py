#!/usr/bin/env python3
"""Worst-case stack of every exported function, from the disassembly of a linked image.

In: an ELF image for Cortex-M with its symbols. Out: for each pointcard_ function the bytes of
stack below its caller, on the deepest path of the call graph. A frame is the sum of everything the
function ever takes off the stack pointer, so it is a bound, not an estimate.

Calls through pointers are resolved by INDIRECT, the stated list; the integrator's own callbacks
are not in the image's bound and must be added. Fails, naming the place, on a cycle (recursion), on
a change of the stack pointer it cannot read, and on a call through a pointer that no line of the
list speaks of.
"""
import re
import subprocess
import sys

CROSS = "arm-none-eabi-"

# A function that calls through a pointer -> what it may reach: functions of the image by name, or
# nothing but the integrator's callback (None). The first line that fits counts.
INDIRECT = [
    # The library's own port objects: each hands on to one callback of the C program.
    (r"as pointcard::port::\w+>::", None),
    (r"pointcard::ffi::lock::", None),
    # core::fmt: what is formatted here are numbers, texts and one type of ours.
    (r"core::fmt::write$", r"core::fmt::(Display|Debug|LowerHex|UpperHex)( for \w+)?>::fmt$|as core::fmt::\w+>::fmt$"
     r"|as core::fmt::Write>::"),
    (r"core::fmt::", r"as core::fmt::Write>::"),
    (r"as core::fmt::Display>::fmt$", r"as core::fmt::Write>::"),
    # Everything else of ours: a port object, or a callback called directly.
    (r"^pointcard|pointcard::", r"as pointcard::port::\w+>::"),
    # C: the example's own tables of functions.
    (r".", None),
]
# core::fmt::write formats our Error, and the bytes of a letter's export as digits (queue::letters::Hex,
# which serde hands on by reference: &T). Their own fmt writes their parts with core::fmt::write: two
# levels, no more, because the parts are numbers and texts. The inner level is a separate node.
NESTED = ("core::fmt::write", r"<(pointcard::status::Error|&T) as core::fmt::Display>::fmt$")


class Unreadable(Exception):
    """Something in the disassembly that a bound cannot be made of."""


class Function:
    def __init__(self, name):
        self.name, self.frame, self.calls, self.indirect = name, 0, set(), False


def listing(elf):
    command = [CROSS + "objdump", "-d", "-C", "--no-show-raw-insn", elf]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def registers(text):
    return len([part for part in text.strip("{}").split(",") if part.strip()])


def taken(op, args, name):
    """Bytes an instruction takes off the stack; 0 when it takes none."""
    if op.startswith("push"):
        return 4 * registers(args[args.index("{"):])
    if op.startswith("vpush"):
        first, last = re.findall(r"[ds](\d+)", args)[0], re.findall(r"[ds](\d+)", args)[-1]
        return (8 if "d" in args else 4) * (int(last) - int(first) + 1)
    if op.startswith("stmdb") and args.startswith("sp!"):
        return 4 * registers(args[args.index("{"):])
    down = re.search(r"\[sp, #-(\d+)\]!", args)
    if down:
        return int(down.group(1))
    if re.match(r"subw?(\.w)?$|subs(\.w)?$", op) and re.match(r"sp,", args):
        size = re.search(r"#(\d+)", args)
        if not size:
            raise Unreadable(f"{name}: {op} {args}")
        return int(size.group(1))
    return 0


def changes_sp_unreadably(op, args):
    if re.match(r"(add|adds|addw|add\.w)$", op) and re.match(r"sp,", args):
        return "#" not in args  # freeing by a constant is fine
    return bool(re.match(r"(mov|mov\.w|ldr|ldr\.w|bic|bic\.w|and|and\.w|msr)$", op)
                and re.match(r"(sp|msp|psp),", args)) and not args.startswith("sp, r7")


def literal(words, line):
    at = re.search(r"\((0x)?([0-9a-f]+) <", line)
    return words.get(int(at.group(2), 16)) if at else None


def parse(text):
    functions, current, loaded = {}, None, {}
    words = {int(a, 16): int(w, 16) for a, w in
             re.findall(r"^\s*([0-9a-f]+):\s+\.word\s+0x([0-9a-f]+)", text, re.M)}
    for line in text.splitlines():
        head = re.match(r"^([0-9a-f]+) <(.*)>:$", line)
        if head:
            current = functions[int(head.group(1), 16)] = Function(head.group(2))
            loaded = {}
            continue
        insn = re.match(r"^\s*[0-9a-f]+:\s+(\S+)\s*(.*)$", line)
        if not insn or current is None:
            continue
        op, args = insn.group(1), insn.group(2)
        current.frame += taken(op, args, current.name)
        # Cortex-M0 takes large frames with a constant from beside the code.
        place = re.match(r"(r\d+), \[pc", args)
        if op.startswith("ldr") and place:
            loaded[place.group(1)] = literal(words, line)
        # ... or with a small one that is shifted.
        small = re.match(r"(r\d+), #(\d+)", args)
        if op == "movs" and small:
            loaded[small.group(1)] = int(small.group(2))
        shift = re.match(r"(r\d+), (r\d+), #(\d+)", args)
        if op == "lsls" and shift and loaded.get(shift.group(2)) is not None:
            loaded[shift.group(1)] = loaded[shift.group(2)] << int(shift.group(3)) & 0xFFFFFFFF
        large = re.match(r"add$", op) and re.match(r"sp, (r\d+)$", args)
        if large and loaded.get(large.group(1)) is not None:
            change = loaded[large.group(1)]
            current.frame += (1 << 32) - change if change >> 31 else 0
        elif changes_sp_unreadably(op, args):
            # Leaving through the frame pointer gives back what was taken.
            if not re.match(r"sp, r(4|6|7|11)$|sp, fp$", args):
                raise Unreadable(f"{current.name}: {op} {args}")
        note_call(current, op, args)
    return functions


def note_call(function, op, args):
    target = re.search(r"([0-9a-f]+) <(.*?)(\+0x[0-9a-f]+)?>$", args)
    if re.match(r"(bl|b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?)(x)?(\.[nw])?$", op) and target:
        if not target.group(3) and (op.startswith("bl") or target.group(2) != function.name):
            function.calls.add(int(target.group(1), 16))
    elif re.match(r"blx$|bx$", op) and args.strip() not in ("lr",):
        function.indirect = True


def resolve(functions):
    """Adds the edges of INDIRECT; says which lines were used."""
    for function in [f for f in functions.values() if f.indirect]:
        for who, reaches in INDIRECT:
            if re.search(who, function.name):
                if reaches:
                    function.calls |= {at for at, f in functions.items()
                                       if re.search(reaches, f.name) and f is not function}
                break
        else:
            raise Unreadable(f"{function.name} calls through a pointer; INDIRECT is silent")
    nest(functions)


def nest(functions):
    outer_name, inner_user = NESTED
    for at, outer in list(functions.items()):
        if outer.name != outer_name:
            continue
        inner = Function(outer.name + " (inner)")
        users = {a for a, f in functions.items() if re.search(inner_user, f.name)}
        inner.frame, inner.calls = outer.frame, outer.calls - users - {at}
        functions[-at] = inner
        for user in users:
            functions[user].calls = {-at if call == at else call for call in functions[user].calls}


def deepest(functions, at, memo, path=()):
    if at in path:
        names = [functions[p].name for p in path[path.index(at):] + (at,)]
        raise Unreadable("recursion: " + " -> ".join(names))
    if at not in memo:
        function = functions[at]
        below = [deepest(functions, call, memo, path + (at,))
                 for call in sorted(function.calls) if call in functions]
        depth, way = max(below, default=(0, []))
        memo[at] = (function.frame + depth, [function.name] + way)
    return memo[at]


def bounds(elf):
    """{export: (bytes, the deepest path)}"""
    functions = parse(listing(elf))
    resolve(functions)
    memo = {}
    return {f.name: deepest(functions, at, memo) for at, f in functions.items()
            if re.match(r"(pointcard|kernel)_\w+$", f.name)}


if __name__ == "__main__":
    try:
        for export, (size, way) in sorted(bounds(sys.argv[1]).items()):
            print(f"{export} {size}")
            if "-v" in sys.argv:
                print("    " + " > ".join(way))
    except Unreadable as error:
        sys.exit(f"stack.py: {error}")
