#!/usr/bin/env python3
"""What the library costs on a Cortex-M: measures, compares with budgets, writes docs/footprint.md.

In: the folder where run.sh and bench.sh left images and papers, and the cores that ran. Out: the
tables; exit code 1 when a budget is broken, when a stack was deeper than its bound says it can be,
or when docs/footprint.md says something else (more than TOLERANCE off). `--write` writes it.
"""
import re
import subprocess
import sys
from pathlib import Path

import stack

DOC = Path(__file__).resolve().parents[2] / "docs" / "footprint.md"
TOLERANCE = 0.03
# Called when a till starts, on whatever thread has the room.
ONCE = ["pointcard_init_abi", "pointcard_check_abi"]
FEATURES = ["gbk", "aes", "certificates", "qr", "seal"]

# What is measured, its goal, and the budget that is enforced: the goal, or where it is missed
# today, the value of today and a little more, so that it cannot grow unseen.
BUDGETS = [
    ("whole library, flash", 40960, 250600),
    ("the sale path, flash", None, 153800),
    ("whole library, static RAM", 2048, 2048),
    ("pointcard_init_abi, stack", 4096, 4560),
    ("pointcard_check_abi, stack", 4096, 9810),
    ("every other function, stack", 4096, 8570),
    ("gbk, flash over the core", None, 149700),
    ("RSA-2048 sign, size build, instructions", None, 22_500_000),
    ("RSA-2048 sign, speed build, instructions", 22_000_000, 22_000_000),
    ("RSA-2048 sign, stack", 1229, 1229),
    ("RSA-2048 sign, memory lent (key, scratch)", 5120, 5120),
    ("RSA and SHA-256 without key reading, size build, flash", 7680, 7680),
]
# The same for Cortex-A, in instructions of one signature.
CORTEX_A = {"a7": ("Cortex-A7", 20_000_000, 20_000_000), "a53": ("Cortex-A53", 9_500_000, 10_200_000)}
BESIDE = "## Beside mbedTLS and BearSSL"
RSA = r"crypto::(limbs|rows|rsa|blind|pkcs1|private|public)|kernel_sign|sha2::"
READING = r"::load|::read|Numbers|prepare|r_squared|clear|wipe|consistent"


def tool(name, *args):
    return subprocess.run(["arm-none-eabi-" + name, *args], capture_output=True, text=True,
                          check=True).stdout


def loaded(elf):
    sizes = dict(re.findall(r"^\.(\S+)\s+(\d+)", tool("size", "-A", str(elf)), re.M))
    return sum(int(sizes.get(name, 0)) for name in ("text", "ARM.exidx", "data"))


def symbols(elf):
    rows = re.findall(r"^\S+ (\S+) (\S) (.*)$", tool("nm", "-S", "-C", str(elf)), re.M)
    return [(name, kind, int(size, 16)) for size, kind, name in rows]


def static_ram(elf):
    return sum(size for name, kind, size in symbols(elf)
               if kind in "bBdD" and re.search(r"pointcard::|core::|sha2::", name))


def rsa_flash(elf):
    return sum(size for name, kind, size in symbols(elf)
               if kind in "tTrR" and re.search(RSA, name) and not re.search(READING, name))


def client_bytes(elf):
    return next(size for name, _, size in symbols(elf) if name == "till")


def painted(out, core):
    text = (out / f"day-{core}.txt").read_text()
    return {name: int(size) for name, size in re.findall(r"^stack (\w+) (\d+)$", text, re.M)}


def kernels(out):
    text = (out / "kernel.txt").read_text()
    pattern = (r"kernel (\w+) (\w) (\w+) flash (\d+) lent (\d+) stack (\d+) load-stack (\d+) "
               r"instructions (\d+)")
    return [(c, b, k, *map(int, numbers)) for c, b, k, *numbers in re.findall(pattern, text)]


def peers(out):
    """Rows of the peers and, per Cortex-A core, the instructions of each; and their versions."""
    text = (out / "kernel.txt").read_text()
    versions = dict(re.findall(r"^version (\w+) (\S+)$", text, re.M))
    rows = re.findall(r"^peer (\w+) (\w+) (\w) flash (\d+) lent (\d+) stack (\d+) instructions (\d+)$",
                      text, re.M)
    cortex_a = {(core, name): int(count) for name, core, count in
                re.findall(r"^cortex-a (\w+) (\w+) instructions (\d+)$", text, re.M)}
    return versions, rows, cortex_a


def beside(out, kernel_rows):
    """The section about others; None when one of the tools or the sources was not there."""
    versions, rows, cortex_a = peers(out)
    if len(versions) < 2 or len(cortex_a) < 3 * len(CORTEX_A):
        return None
    ours = [("pointcard", c, b, flash, lent, stack_, count)
            for c, b, _, flash, lent, stack_, _, count in kernel_rows]
    order = {core: at for at, core in enumerate(["m4", "m3", "m33", "m0"])}
    both = sorted(ours + [tuple(row) for row in rows], key=lambda row: (order[row[1]], row[0] != "pointcard"))
    cores = table(["", "core", "build", "flash", "lent or heap", "stack", "instructions"], both)
    hosts = table(["one signature", "pointcard", "goal", "", "mbedTLS", "BearSSL"], [
        (title, cortex_a[core, "pointcard"], goal, verdict(cortex_a[core, "pointcard"], goal),
         cortex_a[core, "mbedtls"], cortex_a[core, "bearssl"])
        for core, (title, goal, _) in CORTEX_A.items()])
    return BESIDE_TEXT.format(title=BESIDE, cores=cores, hosts=hosts, **versions)


BESIDE_TEXT = """{title}

mbedTLS {mbedtls} and BearSSL {bearssl}, Debian's source packages, built by the same compiler in the same run and signing
the same message with the same keys; openssl accepts what each of them signs.

{cores}

Build `s` is for size (theirs `-Os`, ours as `examples/firmware/size.toml` says), `2` is `-O2`, `3` is Rust's `opt-level = 3`. Flash is the image less an empty one: ours reads keys as text (PEM,
base64, DER), theirs are given the numbers. mbedTLS blinds and checks as we do, and its lent memory is its heap;
BearSSL does neither (its key is lent as pointers, and it works on the stack). BearSSL is built for `i15` on M0, `i31` elsewhere.

On Cortex-A, built for speed, instructions under qemu-user:

{hosts}
"""


def kept():
    """The section as the document has it; nothing, when it has none yet."""
    before, title, section = DOC.read_text().partition(BESIDE)
    return title + section


def measure(out, rows, bounds):
    flash = loaded(out / "image-core.elf") - loaded(out / "image-empty.elf")
    size = next(row for row in rows if row[:2] == ("m4", "s"))
    speed = next(row for row in rows if row[:2] == ("m4", "3"))
    rest = max(value for name, value in bounds.items() if name not in ONCE)
    return {
        "whole library, flash": flash,
        "the sale path, flash": loaded(out / "image-sale.elf") - loaded(out / "image-empty.elf"),
        "whole library, static RAM": static_ram(out / "image-core.elf"),
        "pointcard_init_abi, stack": bounds["pointcard_init_abi"],
        "pointcard_check_abi, stack": bounds["pointcard_check_abi"],
        "every other function, stack": rest,
        "gbk, flash over the core": loaded(out / "image-gbk.elf") - loaded(out / "image-core.elf"),
        "RSA-2048 sign, size build, instructions": size[7],
        "RSA-2048 sign, speed build, instructions": speed[7],
        "RSA-2048 sign, stack": max(size[5], speed[5]),
        "RSA-2048 sign, memory lent (key, scratch)": size[4],
        "RSA and SHA-256 without key reading, size build, flash":
            rsa_flash(out / "kernel-m4-s.elf"),
    }


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def verdict(value, goal):
    return "" if goal is None else "met" if value <= goal else "**missed**"


def feature_row(out, title, name, flash, more):
    """Static RAM, the caller's memory and the deepest function of the image with this feature."""
    elf = out / f"image-{name}.elf"
    deepest = max(size for export, (size, _) in stack.bounds(elf).items() if export not in ONCE)
    return title, flash, more, static_ram(elf), client_bytes(elf), deepest


def document(out, cores, values, rows, full):
    budgets = table(["Cortex-M4", "measured", "goal", "", "budget enforced"],
                    [(name, values[name], goal or "", verdict(values[name], goal), budget)
                     for name, goal, budget in BUDGETS])
    core = loaded(out / "image-core.elf") - loaded(out / "image-empty.elf")
    features = [feature_row(out, "core: queue, accrue, sync, redemption, signatures", "core", core, "")]
    for name in FEATURES:
        more = loaded(out / f"image-{name}.elf") - loaded(out / "image-core.elf")
        features.append(feature_row(out, name, name, "", more))
    feature_table = table(["feature", "flash", "more flash", "static RAM", "pointcard_client", "deepest stack"], features)
    exports = table(["function", "bound, bytes"], sorted(full.items(), key=lambda row: -row[1]))
    stacks = table(["core", "function", "painted", "bound"], [
        (name, export, depth, stacks_of(out, name)[export])
        for name in cores for export, depth in sorted(painted(out, name).items())])
    kernel_table = table(
        ["core", "build", "multiplication", "flash with key reading", "lent", "stack", "key load, stack", "instructions"], rows)
    return TEXT.format(budgets=budgets, features=feature_table, exports=exports, stacks=stacks,
                       kernels=kernel_table, client=client_bytes(out / "image-core.elf")
                       ) + "\n" + (beside(out, rows) or kept())


TEXT = """# What the library costs on a Cortex-M

Written by `make firmware FOOTPRINT=--write`; `make firmware` fails when it is more than 3 % off, or when a budget is
broken. Bytes, unless it says otherwise. Built for size (`examples/firmware/size.toml`, LTO, SHA-256 not unrolled), keys up to
2048 bits, linked with GCC and newlib's `memcpy`; instructions are counted in an emulator and are not cycles.

## Goals and budgets

{budgets}

- The caller's memory stands beside it: one `pointcard_client`, {client} bytes, which holds keys, scratch and the buffers of an
  exchange for 4096-bit keys as well; its size is part of the ABI. No heap.
- The whole library is every function of the header. The sale path is what a linker keeps (`--gc-sections`) for a till that opens,
  accrues, syncs, walks, maintains and asks a balance, blocking or by steps: `tests/firmware/main.c`. Both have that program and
  its keys in them. The goal of flash and the goals of stack are missed by far: a queue that survives power cuts, answers that are
  verified before they are read, and redemption do not fit 40 KiB as they are written.
- The RSA flash row counts the functions that sign, check, blind and hash, by their names in the image; reading key text (PEM,
  base64, DER) and SHA-1 are not in it. The table of kernels has all of it.

## By feature (Cortex-M4)

{features}

The deepest stack is that of any function but the two that start a till (below).

## Stack: the worst case, from the disassembly (Cortex-M4)

{exports}

`tests/firmware/stack.py` adds up frames along the call graph. There is no recursion: it fails when it finds a cycle. Calls
through pointers (ports, closures) are resolved by the list at its top, which is checked against the image's relocations: a call
the list does not know fails, and so does a function whose address is taken and that the list says nobody calls. Your callbacks'
own stack comes on top, and an interrupt's frame.

## Stack: painted in one run, beside the bound

{stacks}

Painted: the deepest of a day with power cuts in the emulator, its callbacks (flash driver, modem) included, in the bound as well.
A painted depth above its bound is a failure.

## One RSA-2048 signature: blinded, checked, 512-byte message

{kernels}

Build `s` is for size, `3` for speed. Every row's signatures are checked by openssl; its arithmetic is compared with a plain one on
the core itself; and two keys took the same way, instruction by instruction and address by address. That is all an
emulator can say: **Cortex-M3's long multiplication ends early for small numbers**, so that its time depends on the key, and
nothing here says what a core's power line shows. On M3, give the entropy port (blinding) or a secure element.
"""

_bounds = {}


def stacks_of(out, core):
    if core not in _bounds:
        _bounds[core] = {name: size for name, (size, _) in stack.bounds(out / f"till-{core}.elf", whole=True).items()}
    return _bounds[core]


def drift(text):
    if not DOC.exists():
        return "docs/footprint.md is missing"
    number = r"\d+"
    # What is painted depends on where the power was cut that day; it is held to its bound instead.
    painted_row = re.compile(r"^(\| m\w+ \| pointcard_\w+ \| )\d+", re.M)
    old, new = painted_row.sub(r"\1-", DOC.read_text()), painted_row.sub(r"\1-", text)
    if re.sub(number, "#", old) != re.sub(number, "#", new):
        return "docs/footprint.md has other rows or words"
    for was, now in zip(re.findall(number, old), re.findall(number, new)):
        if abs(int(was) - int(now)) > TOLERANCE * int(was) + 16:
            return f"docs/footprint.md says {was} where {now} is measured"
    return None


def broken(values, out, cores):
    for name, _, budget in BUDGETS:
        if values[name] > budget:
            yield f"{name} is {values[name]}, its budget {budget}"
    for (core, name), count in peers(out)[2].items():
        title, _, budget = CORTEX_A[core]
        if name == "pointcard" and count > budget:
            yield f"a signature on {title} takes {count} instructions, its budget is {budget}"
    for core in cores:
        for export, depth in painted(out, core).items():
            if depth > stacks_of(out, core)[export]:
                yield f"{core}: {export} used {depth} bytes of stack, more than its bound"


def main():
    write = "--write" in sys.argv
    out, *cores = [Path(sys.argv[1])] + [a for a in sys.argv[2:] if not a.startswith("--")]
    full = {name: size for name, (size, _) in stack.bounds(out / "image-core.elf").items()}
    rows = kernels(out)
    values = measure(out, rows, full)
    text = document(out, cores, values, rows, full)
    if write:
        DOC.write_text(text)
    print(text.split("\n## ")[1])
    problems = list(broken(values, out, cores)) + list(filter(None, [drift(text)]))
    for problem in problems:
        print("firmware: BROKEN,", problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    try:
        main()
    except stack.Unreadable as error:
        sys.exit(f"firmware: BROKEN, {error}")
