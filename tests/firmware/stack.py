#!/usr/bin/env python3
"""Worst-case stack of every exported function, from the disassembly of a linked image.

In: an ELF image for Cortex-M with its symbols and relocations (ld --emit-relocs). Out: for each
pointcard_ function the bytes of stack below its caller, on the deepest path of the call graph. A
frame is the sum of everything the function ever takes off the stack pointer, so it is a bound, not
an estimate.

A call through a pointer may reach what EDGES says, and every function whose address its own code
holds. The relocations say whose address is taken at all: of those, each of Rust's has to be reached
by one of the two, or the list is not whole. The integrator's own callbacks are not in the
bound and must be added, unless the image is asked for as a whole program. Fails, naming the place,
on a cycle (recursion), on a change of the stack pointer it cannot read, on a call through a pointer
that no line speaks of, and on a function whose address is taken and that nobody is said to call.
"""
import bisect
import re
import struct
import subprocess
import sys

CROSS = "arm-none-eabi-"

PORT = r"as pointcard::port::[\w:]+>::"
# These call functions of the C program and nothing else (the first of our own media: see EDGES).
CALLBACKS = PORT + r"|pointcard::ffi::lock::|^(?!pointcard_)\w+$"
# A function that calls through a pointer -> what it may reach, by name. All lines that fit count.
EDGES = [
    # Ports: objects behind `dyn`, anywhere in ours; media of our own behind C's table of functions.
    (r"^(?!.*" + PORT + r").*pointcard", PORT),
    (r"CMedium " + PORT, r"pointcard::ffi::media::"),
    # The queue: what a walk hands its records to, and what looks for an entry.
    (r"ring::Ring::scan_head$", r"queue::mount::.*\{\{closure\}\}$"),
    (r"walk::.*::any_copy$", r"walk::.*::superseded::\{\{closure\}\}$"),
    (r"walk::.*::do_find$", r"Queue::find::\{\{closure\}\}$|client::refund::ripen::\{\{closure\}\}$"
     r"|Books::(debt|claim|find|keep|file)::\{\{closure\}\}$"),
    (r"Books::(debt|claim)::\{\{closure\}\}$|redeem_books::is_claim$",
     r"cancel_offer::\{\{closure\}\}$|Books::file::\{\{closure\}\}$"),
    (r"queue::limits::", r"queue::limits::Level::(near|over)$"),
    # Requests: what writes a content, what takes the canonical string, what signs.
    (r"gateway::(request|explain)::", r"gateway::request::Written>::write$"),
    (r"gateway::canonical::canonical$", r"Hasher::update$|gateway::(request|explain)::\w+::\{\{closure\}\}$"
     r"|pointcard_canonical(::\{\{closure\}\})+$"),
    (r"gateway::request::", r"(start_call|adopt)::\{\{closure\}\}$"),
    # Texts, letter by letter; the keys that are wrong.
    (r"json::(text::shown|Value::each_char)$", r"client::verdict::\w+::\{\{closure\}\}$"),
    (r"client::keys::Vault::load_each$", r"(check_keys|Vault::load)::\{\{closure\}\}$"),
    # Calls: perform asks for the content, which goes back to it; then the answer is read.
    (r"ffi::call::perform$", r"ffi::methods::asking::\{\{closure\}\}$|pointcard_call::\{\{closure\}\}$"),
    (r"ffi::methods::asking::\{\{closure\}\}$|pointcard_call::\{\{closure\}\}$",
     r"ffi::call::perform(::\{\{closure\}\})+$"),
    (r"ffi::call::perform(::\{\{closure\}\})+$", r"ffi::methods::reading::\{\{closure\}\}$"
     r"|ffi::call::nothing$|core::ops::function::FnMut::call_mut$"),
    # core::fmt: what is formatted here are numbers, texts and one type of ours.
    (r"core::fmt::write$", r"core::fmt::(Display|Debug|LowerHex|UpperHex)( for \w+)?>::fmt$|as core::fmt::\w+>::fmt$"),
    (r"core::fmt::|as core::fmt::Display>::fmt$", r"core::fmt::Write(>)?::(write_str|write_char)$"),
]
# Addresses that are taken and never called through them: what drops (nothing of ours is boxed), and
# write_fmt, which core's Formatter has in its table of functions and goes around with core::fmt::write.
NEVER = r"core::ptr::drop_in_place|core::fmt::Write::write_fmt$"
# core::fmt::write formats our Error, and the bytes of a letter's export as digits (queue::letters::Hex,
# which serde hands on by reference: &T). Their own fmt writes their parts with core::fmt::write: two
# levels, no more, because the parts are numbers and texts. The inner level is a separate node.
NESTED = ("core::fmt::write", r"<(pointcard::status::Error|&T) as core::fmt::Display>::fmt$")


class Unreadable(Exception):
    """Something in the disassembly that a bound cannot be made of."""


class Function:
    def __init__(self, name):
        self.name, self.frame, self.calls, self.indirect = name, 0, set(), False
        self.end = 0
        self.holds = set()  # functions whose addresses stand among its constants


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
        insn = re.match(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line)
        if not insn or current is None:
            continue
        op, args = insn.group(2), insn.group(3)
        current.end = int(insn.group(1), 16) + 4
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
            # Leaving through the frame pointer, or a register made of it, gives back what was taken.
            if not re.match(r"sp, r([4-7]|11)$|sp, fp$", args):
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


def words(elf, section):
    """The address and the bytes of a section."""
    table = subprocess.run([CROSS + "readelf", "-SW", elf], capture_output=True, text=True, check=True)
    row = re.search(r"\] " + re.escape(section) + r"\s+PROGBITS\s+(\w+) (\w+) (\w+)", table.stdout)
    at, offset, size = (int(part, 16) for part in row.groups())
    with open(elf, "rb") as file:
        file.seek(offset)
        return at, file.read(size)


def code_addresses(elf):
    """Where functions begin; objdump reads the constants between them as code, too."""
    listed = subprocess.run([CROSS + "readelf", "-sW", elf], capture_output=True, text=True, check=True)
    rows = re.findall(r"^\s*\d+: ([0-9a-f]{8})\s+\w+ FUNC ", listed.stdout, re.M)
    return {int(value, 16) & ~1 for value in rows}


def taken_addresses(elf, functions):
    """{where it stands: the function}, of every function's address in code and constants."""
    listed = subprocess.run([CROSS + "readelf", "-rW", elf], capture_output=True, text=True, check=True)
    found, known = {}, False
    for part in listed.stdout.split("Relocation section ")[1:]:
        section = re.match(r"'\.rel(\S+)'", part).group(1)
        if section not in (".text", ".data"):
            continue
        known = True
        start, content = words(elf, section)
        for at, kind in re.findall(r"^([0-9a-f]{8})\s+\w+ (R_ARM_(?!THM_CALL|THM_JUMP|PREL31|NONE)\w+)",
                                   part, re.M):
            at = int(at, 16)
            if kind in ("R_ARM_ABS32", "R_ARM_TARGET1"):
                (value,) = struct.unpack_from("<I", content, at - start)
            else:
                value = half(part, at, kind)
            if value & 1 and value - 1 in functions:
                found[at] = value - 1
    if not known:
        raise Unreadable("no relocations: link with --emit-relocs")
    return found


def half(part, at, kind):
    """The address of which an instruction makes a half."""
    symbol = re.search(f"^{at:08x}\\s+\\w+ {kind}\\s+([0-9a-f]+)", part, re.M)
    return int(symbol.group(1), 16) if symbol else 0


def hold(functions, taken, code):
    """Gives each function the addresses among its own constants; returns what else is taken."""
    starts = sorted(at for at in functions)
    elsewhere = set()
    for at, target in taken.items():
        owner = starts[max(bisect.bisect_right(starts, at) - 1, 0)]
        if owner in code and owner <= at < functions[owner].end:
            functions[owner].holds.add(target)
        # A vtable: what a box would call stands before what is called.
        elif at + 4 not in taken or "{{vtable.shim}}" not in functions[target].name:
            elsewhere.add(target)
    return elsewhere


def lift(functions):
    """What the compiler moved out of several functions calls in their name."""
    moved = {at for at, f in functions.items() if f.indirect and f.name.startswith("OUTLINED_FUNCTION")}
    while moved:
        users = [f for f in functions.values() if f.calls & moved and not f.indirect]
        for at in moved:
            functions[at].indirect = False
        for user in users:
            user.indirect = True
        moved = {at for at, f in functions.items() if f.indirect and f.name.startswith("OUTLINED_FUNCTION")}


def reaches_an_export(functions, at, seen):
    if at in seen or at not in functions:
        return False
    seen.add(at)
    return functions[at].name.startswith("pointcard_") or any(
        reaches_an_export(functions, call, seen) for call in functions[at].calls)


def callbacks_of(functions, taken):
    """What the C program hands to the library: its functions whose address is taken, but those that
    begin a run (and so call the library)."""
    return {at for at in set(taken.values())
            if re.match(r"(?!pointcard_)\w+$", functions[at].name) and not reaches_an_export(functions, at, set())}


def resolve(functions, taken, code, whole=False):
    """Adds the edges of calls through pointers; fails where nobody has said what they are. `whole`:
    the ports call what the C program of this image hands them."""
    program = callbacks_of(functions, taken) if whole else set()
    elsewhere = hold(functions, taken, code)
    everything = elsewhere | {target for f in functions.values() for target in f.holds}
    lift(functions)
    reached = set()
    for function in [f for f in functions.values() if f.indirect]:
        lines = [reaches for who, reaches in EDGES if re.search(who, function.name)]
        if not lines and not function.holds and not re.search(CALLBACKS, function.name):
            raise Unreadable(f"{function.name} calls through a pointer; EDGES is silent")
        edges = {at for at in everything if any(re.search(line, functions[at].name) for line in lines)}
        if "::" in function.name and re.search(CALLBACKS, function.name):
            edges |= program
        reached |= edges | function.holds
        function.calls |= {at for at in edges | function.holds if functions[at] is not function}
    for at in everything - reached:
        if "::" in functions[at].name and not re.search(NEVER, functions[at].name):
            raise Unreadable(f"the address of {functions[at].name} is taken; EDGES says nobody calls it")
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


def bounds(elf, whole=False):
    """{export: (bytes, the deepest path)}; of a `whole` program, its callbacks included."""
    functions = parse(listing(elf))
    resolve(functions, taken_addresses(elf, functions), code_addresses(elf), whole)
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
