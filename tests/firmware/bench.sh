#!/bin/sh
# What one RSA-2048 signature costs on each core: `make bench-firmware`.
#
# Out: one line per core and build: "kernel CORE BUILD flash F lent L stack S instructions N". Flash
# is RSA, key reading and SHA of both kinds, over an empty image; the signature is blinded and
# checked, and openssl must accept it. Instructions are counted by an emulator's plugin, to the
# digit; they are not cycles.
#
# On each core the arithmetic is also compared with a plain one, limb by limb, and two keys must
# take the very same way: every block of code and every address read or written, in order. A
# signature followed by a loop that depends on it must be seen to differ.
#
# FIRMWARE_CORES and FIRMWARE_BUILDS ("s 3") choose; else both builds of M4, and s of the others.
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
out=${CARGO_TARGET_DIR:-target}/firmware
for tool in arm-none-eabi-gcc qemu-system-arm openssl cc; do
    command -v "$tool" >/dev/null || {
        echo "SKIPPED TOOL $tool: would have tested what a signature costs on a Cortex-M; \
Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm openssl gcc"
        [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
        exit
    }
done
mkdir -p "$out"
cc -O2 -Wall -Wextra -Werror -shared -fPIC tests/firmware/count.c -o "$out/count.so"
mkdir -p "$out/bench"
keys=tests/vectors/keys
key() { # NAME FILE
    printf 'static const char %s[] =\n%s;\n' "$1" \
        "$(tr -d '\r' <"$keys/$2.pkcs8.pem" | sed 's/.*/    "&\\n"/')"
}
{
    echo "/* Test keys, known to everybody. */"
    key KEY_1 app2048
    key KEY_2 alipay2048
} >"$out/bench/keys.h"

loaded() { # bytes of an image that live in flash
    arm-none-eabi-size -A "$1" | awk '/^\.(text|ARM\.exidx|data) / { sum += $2 } END { print sum }'
}

address() { # of a function
    arm-none-eabi-nm "$1" | awk -v name="$2" '$3 == name { print "0x" $1 }'
}

said() { # the number after a word in the run's output
    sed -n "s/^$1 \([0-9]*\).*/\1/p" "$out/bench/run" | tail -n 1
}

fail() {
    echo "bench-firmware: FAILED, $*"
    exit 1
}

# run CORE-IMAGE PLUGIN-OPTIONS WORDS...
run() {
    elf=$1 options=$2
    shift 2
    # shellcheck disable=SC2086 # the machine is words
    timeout 300 qemu-system-arm $machine -display none -monitor none -serial null \
        -plugin "$out/count.so,a=$(address "$elf" count_from_here),b=$(address "$elf" count_to_here)$options" \
        -semihosting-config "enable=on,target=native,arg=kernel $*" \
        -kernel "$elf" >"$out/bench/run" 2>&1 || {
        cat "$out/bench/run"
        fail "$elf $*"
    }
}

check_signature() { # KEY
    sed -n 's/^signature //p' "$out/bench/run" | xxd -r -p >"$out/bench/signature"
    head -c 512 /dev/zero | tr '\0' a >"$out/bench/message"
    openssl dgst -sha256 -verify "$keys/$1.pub.pem" -signature "$out/bench/signature" \
        "$out/bench/message" >/dev/null || fail "openssl refuses the signature made on $name"
}

way() { # instructions, code path and data path of a run
    run "$image" ,t=1 "$@"
    grep '^count ' "$out/bench/run"
}

constant_time() {
    first=$(way 1)
    [ "$first" = "$(way 2)" ] || fail "on $name the way depends on the key"
    [ "$(way 1 leak)" != "$(way 2 leak)" ] || fail "on $name the leak was not seen"
}

link() { # PROGRAM FLAGS IMAGE
    FIRMWARE_ARCHIVE=$archive FIRMWARE_SOURCES=tests/firmware/$1.c FIRMWARE_CFLAGS=$2 \
        sh examples/firmware/build.sh "$name" "$3"
}

build() { # BUILD
    case $rust-$features in
    thumbv7em* | *-dsp) kind=umaal ;;
    thumbv6m*) kind=mul16 ;;
    *) kind=plain ;;
    esac
    CARGO_PROFILE_RELEASE_OPT_LEVEL=$1 \
        RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend_soft=\"compact\" --cfg pointcard_$kind $rustflags" \
        cargo build --quiet --release --locked --manifest-path tests/firmware/kernel/Cargo.toml \
        --features "$features" --target "$rust" --target-dir "$out/kernel-$1"
    archive=$out/kernel-$1/$rust/release/libkernel.a
    link kernel "-I$out/bench" "$image"
    link kernel "-I$out/bench -DCOMPARE" "$out/bench/compare.elf"
    link empty "" "$out/bench/empty.elf"
}

measure() { # CORE BUILD
    name=$1
    core "$name"
    image=$out/kernel-$name-$2.elf
    build "$2"
    run "$out/bench/compare.elf" ""
    run "$image" "" 2
    check_signature alipay2048
    run "$image" "" 1
    check_signature app2048
    echo "kernel $name $2 $kind flash $(($(loaded "$image") - $(loaded "$out/bench/empty.elf")))" \
        "lent $(said lent) stack $(said 'stack blinded') load-stack $(said 'stack load')" \
        "instructions $(said count)"
    constant_time
}

for name in ${FIRMWARE_CORES:-m4 m3 m33 m0}; do
    builds=s
    [ "$name" != m4 ] || builds="s 3"
    for build in ${FIRMWARE_BUILDS:-$builds}; do
        measure "$name" "$build"
    done
done
