#!/bin/sh
# Builds the till for one core: build.sh CORE IMAGE.elf
#
# Two steps an integrator's own build repeats: the library as an archive for the core, and a link
# with the C program, newlib's memcpy and friends, and no start code but ours.
# FIRMWARE_OPT=3 builds the library for speed instead of size; FIRMWARE_FEATURES adds features.
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
core "$1"
image=$2
here=examples/firmware
out=${CARGO_TARGET_DIR:-target}/firmware/rust-${FIRMWARE_OPT:-s}

# SHA-256 not unrolled: 6.7 KB of flash for 14,000 of 25 million instructions.
export CARGO_PROFILE_RELEASE_OPT_LEVEL="${FIRMWARE_OPT:-s}"
export RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend_soft=\"compact\""
cargo rustc --quiet --release --lib --crate-type staticlib --no-default-features \
    --features "capi,panic-handler,${FIRMWARE_FEATURES:-}" --target "$rust" --target-dir "$out"

# shellcheck disable=SC2086 # flags are words
"${CROSS:-arm-none-eabi-}gcc" -std=c99 $flags -mthumb -Os -Wall -Wextra -Werror \
    -ffunction-sections -fdata-sections -Iinclude \
    -DBOARD_HZ="$hz" -DBOARD_UART="$uart" -DBOARD_UART_AT="$uart_at" \
    $here/till.c $here/nor.c $here/modem.c $here/board_metal.c \
    "$out/$rust/release/libpointcard.a" \
    -nostartfiles -nostdlib -Wl,--start-group -lc -lgcc -Wl,--end-group \
    -Wl,--gc-sections -Wl,-z,noexecstack -Wl,--no-warn-execstack \
    -Wl,--defsym=FLASH_AT="$flash" -Wl,--defsym=RAM_AT="$ram" -T $here/link.ld -o "$image"
