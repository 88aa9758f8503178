#!/bin/sh
# Links the library into a Cortex-M4 image without heap, operating system or libc start code.
#
# Out: sizes; what core and the dependencies keep of panics, by origin. Fails when the image has
# an allocator, or a panic of our own. A panic carries the name of its source file; the image for
# that check has a panic handler that uses it (tests/firmware/panics), so a file of ours that can
# panic leaves its name there. Every run first shows that both checks catch what they must.
#
# Needs arm-none-eabi-gcc with newlib's headers and Rust's target thumbv7em-none-eabihf.
# FIRMWARE_OPT=3 builds for speed instead of size.
set -eu
cd "$(dirname "$0")/../.."

. examples/firmware/cores.sh
core m4
target=$rust
what="the no_std library linked without a heap, own panics, flash and RAM"
out=${CARGO_TARGET_DIR:-target}/firmware
cross=${CROSS:-arm-none-eabi-}

skip() {
    echo "SKIPPED TOOL $1: would have tested $what; $2"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
    exit
}
command -v "${cross}gcc" >/dev/null ||
    skip "${cross}gcc" "Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi"
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] ||
    skip "rustup target $target" "rustup target add $target"

mkdir -p "$out"

# As a terminal would build it: for size, SHA-256 not unrolled.
optimise=$(optimised)
export RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend_soft=\"compact\""

library() {
    # shellcheck disable=SC2086 # options are words
    cargo rustc --quiet $optimise --release --lib --crate-type staticlib --no-default-features \
        --features capi,panic-handler --target "$target" --target-dir "$out/rust"
    cp "$out/rust/$target/release/libpointcard.a" "$out/"
}

# The same code with a panic handler that looks: $1 is the archive's name, then cargo's options.
panics() {
    name=$1
    shift
    # shellcheck disable=SC2086 # options are words
    cargo build --quiet $optimise --release --locked --manifest-path tests/firmware/panics/Cargo.toml \
        --target "$target" --target-dir "$out/rust" "$@"
    cp "$out/rust/$target/release/libpanics.a" "$out/$name"
}

c_string() {
    tr -d '\r' <"$1" | sed 's/.*/    "&\\n"/'
}

keys() {
    echo "/* Test keys, known to everybody. */"
    printf 'static const char APP_KEY[] =\n%s;\n' "$(c_string tests/vectors/keys/app2048.pkcs8.pem)"
    printf 'static const char ALIPAY_KEY[] =\n%s;\n' \
        "$(c_string tests/vectors/keys/alipay2048.pub.pem)"
}

# Links $1 of the archive $2 and the C files after it, on the board of examples/firmware. $more:
# what else the compiler is told.
more=
link() {
    to=$1 lib=$2
    shift 2
    FIRMWARE_ARCHIVE=$lib FIRMWARE_SOURCES=$* FIRMWARE_CFLAGS="-I$out $(echo $more)" \
        sh examples/firmware/build.sh m4 "$to"
}

# The names of Rust source files in what is loaded (not in debug information).
places() {
    "${cross}objcopy" -O binary "$1" "$1.bin"
    grep -aoE '[A-Za-z0-9_./+-]*[A-Za-z0-9_]\.rs' "$1.bin" | sort -u || true
}

# Of those, ours: not in cargo's registry, not core's. (Strings stand close together, without an
# end mark; foreign paths are taken out first, wherever they begin.)
ours() {
    places "$1" | sed -E \
        -e 's#/[^ ]*/registry/src/[^/]+/[^/]+/[A-Za-z0-9_/-]+\.rs##g' \
        -e 's#(/rustc/[0-9a-f]+/|/[^ ]*/lib/rustlib/src/rust/)?library/[A-Za-z0-9_/.-]+\.rs##g' |
        grep -E '\.rs' || true
}

no_heap() {
    if "${cross}nm" "$1" | grep -E ' (__rust_alloc|__rust_realloc|__rdl_alloc|__rg_alloc|_?malloc|_malloc_r|_?sbrk|_sbrk_r|free|realloc|calloc)$'; then
        echo "firmware: FAILED, $1 has an allocator"
        return 1
    fi
}

no_own_panic() {
    found=$(ours "$1")
    if [ -n "$found" ]; then
        echo "firmware: FAILED, panics of our own are in $1:"
        echo "$found" | sed 's/^/  /'
        return 1
    fi
}

# Both checks must catch an image that has what they forbid.
self_test() {
    cat >"$out/bad.c" <<'C'
#include <stdlib.h>
unsigned char pointcard_status_text_bad(size_t at);
void *_sbrk(int more);
void *_sbrk(int more) { (void)more; return 0; }
static volatile size_t at = 7;
int main(void) { return pointcard_status_text_bad(at) + (malloc(at) != 0); }
C
    panics libbad.a --features bad
    link "$out/bad.elf" "$out/libbad.a" "$out/bad.c" tests/firmware/panicked.c
    if no_heap "$out/bad.elf" >/dev/null || no_own_panic "$out/bad.elf" >/dev/null; then
        echo "firmware: FAILED, the self-test's allocator or panic was not seen"
        return 1
    fi
    echo "firmware: self-test passed, an allocator and a panic are both seen"
}

size_of() { # section names are a pattern
    "${cross}size" -A "$1" | awk -v want="^($2)\$" '$1 ~ want { sum += $2 } END { print sum + 0 }'
}

symbol_size() {
    hex=$("${cross}nm" -S "$1" | awk -v name="$2" '$4 == name { print $2 }')
    echo $((0x$hex))
}

. tests/firmware/exports.sh
self_test
[ "${1:-}" != --self-test ] || exit 0

keys >"$out/keys.h"
library
panics libpanics.a
elf=$out/pointcard.elf
more=$exports # called by main.c or not
link "$elf" "$out/libpointcard.a" tests/firmware/main.c
link "$out/panics.elf" "$out/libpanics.a" tests/firmware/main.c tests/firmware/panicked.c
more=
link "$out/empty.elf" "$out/libpointcard.a" tests/firmware/empty.c

# What core and the dependencies keep of panics, and docs/porting.md says why each cannot happen:
# one that is not named there is a finding.
echo "firmware: panics left by core and dependencies, by source file:"
places "$out/panics.elf" | grep -oE '(library/|[a-z0-9_-]+-[0-9.]+/src/).*' |
    sed -E 's/-[0-9.]+\/src/\/src/' | sort -u >"$out/foreign"
sed 's/^/  /' "$out/foreign"
while read -r place; do
    grep -qF "\`$place\`" docs/porting.md || {
        echo "firmware: FAILED, docs/porting.md has no word on the panics of $place"
        exit 1
    }
done <"$out/foreign"
no_heap "$elf"
no_own_panic "$out/panics.elf"

loaded='\\.text|\\.ARM\\.exidx|\\.data'
flash=$(($(size_of "$elf" "$loaded") - $(size_of "$out/empty.elf" "$loaded")))
own=$((0$("${cross}nm" -S "$elf" | awk '$3 ~ /^[bBdD]$/ && $4 ~ /^_(ZN|R)/ { printf "+0x%s", $2 }')))
echo "firmware: $target, optimised for ${FIRMWARE_OPT:-size}, 2048-bit keys: flash $flash bytes" \
    "(the example's own code and keys are in it), the library's static RAM $own bytes," \
    "pointcard_client $(symbol_size "$elf" till) bytes"
