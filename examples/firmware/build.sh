#!/bin/sh
# Builds the till for one core: build.sh CORE IMAGE.elf
#
# Two steps an integrator's own build repeats: the library as an archive for the core, and a link
# with the C program, newlib's memcpy and friends, and no start code but ours.
#
# FIRMWARE_OPT=3         the library for speed instead of size
# FIRMWARE_FEATURES=gbk  more of the library
# FIRMWARE_SOURCES       another program than the till; FIRMWARE_CFLAGS: what its compiler needs
# FIRMWARE_ARCHIVE       another archive, already built
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
core "$1"
image=$2
here=examples/firmware
out=${CARGO_TARGET_DIR:-target}/firmware/rust-${FIRMWARE_OPT:-size}
sources=${FIRMWARE_SOURCES:-$here/till.c $here/nor.c $here/modem.c}
archive=${FIRMWARE_ARCHIVE:-}

if [ -z "$archive" ]; then
    # SHA-256 not unrolled: 6.7 KB of flash for 14,000 of 25 million instructions.
    optimise=$(optimised)
    export RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend_soft=\"compact\" $rustflags"
    # shellcheck disable=SC2086 # options are words
    cargo rustc --quiet $optimise --release --lib --crate-type staticlib --no-default-features \
        --features "capi,panic-handler,$features,${FIRMWARE_FEATURES:-}" --target "$rust" --target-dir "$out"
    archive=$out/$rust/release/libpointcard.a
fi

# shellcheck disable=SC2086 # flags and sources are words
"${CROSS:-arm-none-eabi-}gcc" -std=c99 $flags -mthumb -Os -Wall -Wextra -Werror \
    -ffunction-sections -fdata-sections -Iinclude -I$here ${FIRMWARE_CFLAGS:-} \
    -DBOARD_HZ="$hz" -DBOARD_UART="$uart" -DBOARD_UART_AT="$uart_at" \
    $here/board_metal.c $sources "$archive" \
    -nostartfiles -nostdlib -Wl,--start-group -lc -lgcc -Wl,--end-group \
    -Wl,--gc-sections -Wl,--emit-relocs -Wl,-z,noexecstack -Wl,--no-warn-execstack -Wl,-Map="$image.map" \
    -Wl,--defsym=FLASH_AT="$flash" -Wl,--defsym=FLASH_SIZE="$flash_size" -Wl,--defsym=RAM_AT="$ram" -T $here/link.ld -o "$image"
