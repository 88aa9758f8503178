#!/bin/sh
# `make firmware`: the till on five Cortex-M cores, in an emulator, against the sandbox.
#
# Out: for every core a day with power cuts, its signatures checked by openssl; what a signature
# costs; the budgets. Last line "firmware: N images ran, all budgets kept". Fails when a sale is lost
# or doubled, a signature is refused, a budget is broken, or docs/footprint.md is out of date
# (FOOTPRINT=--write writes it).
#
# FIRMWARE_RUST=debian takes Rust's targets from Debian's packages, as where rustup has none.
# FIRMWARE_CORES="m4 m0" runs some. FIRMWARE_CUTS=N cuts the power N times in sales and syncs.
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
out=${CARGO_TARGET_DIR:-target}/firmware
cores=${FIRMWARE_CORES:-$CORES}

need() { # COMMAND, how to get it
    command -v "$1" >/dev/null && return
    echo "SKIPPED TOOL $1: would have tested the firmware images in an emulator; $2"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ] || exit 1
    missing=1
}

# Rust's targets: by rustup if it can, else from Debian's packages in a folder of their own ($other).
targets() {
    all="" lacking=""
    for name in $cores; do
        core "$name"
        all="$all $rust"
        if [ "${FIRMWARE_RUST:-}" = debian ] || {
            [ ! -d "$(rustc --print sysroot)/lib/rustlib/$rust" ] && ! rustup target add "$rust"
        }; then
            lacking="$lacking $rust"
        fi
    done
    [ -n "$lacking" ] || return 0
    # shellcheck disable=SC2086 # targets are words
    if command -v apt-get >/dev/null && sh tests/firmware/rust.sh "$out/rust" $all; then
        other=$(cd "$out/rust" && pwd)/rustc
    else
        need "Rust for$lacking" "rustup target add$lacking; tests/firmware/rust.sh shows a way without rustup"
    fi
}

day() {
    core "$1"
    cuts=4
    [ "$1" != m4 ] || cuts=12
    # shellcheck disable=SC2086 # the machine is words
    "$host" "$1" "$out/day-$1" "${FIRMWARE_CUTS:-$cuts}" qemu-system-arm $machine -display none \
        -monitor none -semihosting-config "enable=on,target=native,arg={words}" \
        -chardev socket,id=modem,path=modem -serial chardev:modem \
        -kernel "$PWD/$out/till-$1.elf" >"$out/day-$1.txt" || {
        cat "$out/day-$1.txt"
        return 1
    }
    grep '^firmware:' "$out/day-$1.txt"
}

missing=0 other=
need arm-none-eabi-gcc "Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi"
need qemu-system-arm "Debian: qemu-system-arm"
need openssl "Debian: openssl"
need python3 "Debian: python3"
mkdir -p "$out"
targets
[ "$missing" = 0 ] || exit 0

case $out in /*) PWD= ;; esac
cargo build --quiet --release --example firmware
host=${CARGO_TARGET_DIR:-target}/release/examples/firmware
[ -z "$other" ] || export RUSTC="$other"
images=0
for name in $cores; do
    sh examples/firmware/build.sh "$name" "$out/till-$name.elf"
    day "$name"
    images=$((images + 1))
done
[ "$cores" = "$CORES" ] || {
    echo "firmware: $images images ran; footprint and budgets need all of them"
    exit 0
}
[ -z "$other" ] || {
    echo "firmware: $images images ran; footprint and budgets are those of rustup's compiler"
    exit 0
}

# The whole library, every function of the header in it, by feature.
. tests/firmware/exports.sh
export FIRMWARE_SOURCES=tests/firmware/main.c FIRMWARE_CFLAGS="-I$out $(echo $exports)"
key() { # NAME FILE
    printf 'static const char %s[] =\n%s;\n' "$1" "$(sed 's/.*/    "&\\n"/' "tests/vectors/keys/$2")"
}
{
    echo "/* Test keys, known to everybody. */"
    key APP_KEY app2048.pkcs8.pem
    key ALIPAY_KEY alipay2048.pub.pem
} >"$out/keys.h"
for feature in gbk aes certificates qr seal ""; do
    FIRMWARE_FEATURES=$feature sh examples/firmware/build.sh m4 "$out/image-${feature:-core}.elf"
done
# The same program with what it calls alone.
FIRMWARE_CFLAGS=-I$out sh examples/firmware/build.sh m4 "$out/image-sale.elf"
FIRMWARE_SOURCES=tests/firmware/empty.c FIRMWARE_CFLAGS= \
    sh examples/firmware/build.sh m4 "$out/image-empty.elf"
unset FIRMWARE_SOURCES FIRMWARE_CFLAGS

sh tests/firmware/bench.sh | tee "$out/kernel.txt"
grep -q '^bench-firmware: done' "$out/kernel.txt"
# shellcheck disable=SC2086 # cores and options are words
python3 tests/firmware/footprint.py "$out" $cores ${FOOTPRINT:-}
echo "firmware: $images images ran, all budgets kept"
