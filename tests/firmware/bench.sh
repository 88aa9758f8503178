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
# signature followed by a loop that depends on it must be seen to differ. What no such trace shows,
# divisions and the like, timing.py looks for in the disassembly.
#
# Then the same message is signed by mbedTLS and BearSSL, built from Debian's source packages by the
# same compiler, and by all three on Cortex-A7 and Cortex-A53 under qemu-user: lines "peer NAME
# CORE BUILD flash F lent L stack S instructions N" and "cortex-a NAME CORE instructions N".
#
# FIRMWARE_CORES and FIRMWARE_BUILDS ("s 3") choose; else both builds of M4, and s of the others.
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
out=${CARGO_TARGET_DIR:-target}/firmware

need() { # TOOL WHAT PACKAGES
    command -v "$1" >/dev/null && return
    echo "SKIPPED TOOL $1: would have tested $2; Debian: $3"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ] || exit 1
    return 1
}

for tool in arm-none-eabi-gcc qemu-system-arm openssl cc python3; do
    need $tool "what a signature costs on a Cortex-M" \
        "gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm openssl gcc python3" || exit 0
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

tools=arm-none-eabi
address() { # of a function
    "$tools-nm" "$1" | awk -v name="$2" '$3 == name { print "0x" $1 }'
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

# The peers have no key reading: they are given the numbers.
numbers() { # NAME-OF-KEY
    openssl rsa -in "$keys/$1.pkcs8.pem" -traditional -outform DER 2>/dev/null |
        openssl asn1parse -inform DER | sed -n 's/.*INTEGER *:\([0-9A-F]*\)$/\1/p' | awk '
        function bytes(hex, len,   out) {
            while (length(hex) < 2 * len) hex = "0" hex
            for (; hex != ""; hex = substr(hex, 3)) out = out "0x" substr(hex, 1, 2) ","
            return "{" out "}"
        }
        NR == 2 { n = bytes($0, 256) } NR == 4 { d = bytes($0, 256) } NR > 4 { rest = rest "," bytes($0, 128) }
        END { print "    {" n "," d rest "}," }'
}

peers_keys() {
    mkdir -p "$out/bench/peers"
    printf '/* Which of NUMBERS. */\nstatic const char KEY_1[] = "1", KEY_2[] = "2";\n' >"$out/bench/peers/keys.h"
    {
        echo "/* Test keys, known to everybody. */"
        echo "typedef struct { unsigned char n[256], d[256], p[128], q[128], dp[128], dq[128], qi[128]; } numbers;"
        echo "static const numbers NUMBERS[2] = {"
        numbers app2048
        numbers alipay2048
        echo "};"
    } >"$out/bench/peers/numbers.h"
}

# peer NAME FLAGS...: its archive, by the compiler $cc, for what $name and $level say.
peer() {
    peer=$1
    shift
    from=$out/peers/$peer
    objects=$out/bench/peers/$peer-$name-$level
    rm -rf "$objects" && mkdir -p "$objects"
    case $peer in
    bearssl)
        wide=i31
        [ "$name" != m0 ] || wide=i15
        set -- "$@" -I"$from/inc" -I"$from/src" -DPEER_"$(echo $wide | tr i I)"
        files="$from/src/int/$wide*.c $from/src/int/i32_div32.c $from/src/rsa/rsa_${wide}_priv.c \
$from/src/rsa/rsa_${wide}_pkcs1_sign.c $from/src/rsa/rsa_pkcs1_sig_pad.c $from/src/hash/sha2small.c \
$from/src/codec/dec32be.c $from/src/codec/enc32be.c $from/src/codec/ccopy.c"
        ;;
    mbedtls)
        set -- "$@" -I"$from/include" -Itests/firmware/peers '-DMBEDTLS_CONFIG_FILE="mbedtls_config.h"'
        files=""
        for part in bignum rsa rsa_internal sha256 md oid asn1parse asn1write platform platform_util \
            memory_buffer_alloc constant_time; do
            files="$files $from/library/$part.c"
        done
        ;;
    esac
    for file in tests/firmware/peers/"$peer".c $files; do
        # shellcheck disable=SC2086 # the compiler is words
        $cc "$@" -std=c99 -w -O"$level" -ffunction-sections -fdata-sections -I"$out/bench/peers" -c "$file" \
            -o "$objects/$(basename "$file").o"
    done
    archive=$objects/libpeer.a
    rm -f "$archive"
    ar rcs "$archive" "$objects"/*.o
}

measure_peer() { # PEER LEVEL
    level=$2
    # shellcheck disable=SC2086 # flags are words
    cc="arm-none-eabi-gcc $flags -mthumb" peer "$1"
    image=$out/bench/peers/$1-$name-$level.elf
    link kernel "-I$out/bench/peers" "$image"
    link empty "" "$out/bench/empty.elf"
    for number in 2 1; do
        run "$image" "" $number
        check_signature "$([ $number = 1 ] && echo app2048 || echo alipay2048)"
    done
    echo "peer $1 $name $level flash $(($(loaded "$image") - $(loaded "$out/bench/empty.elf")))" \
        "lent $(said lent) stack $(said 'stack blinded') instructions $(said count)"
}

# cortex_a CORE: the three of them, for speed, as Linux programs.
cortex_a() {
    name=$1 level=2
    case $1 in
    a7) rust=armv7-unknown-linux-gnueabihf machine=qemu-arm tools=arm-linux-gnueabihf ;;
    a53) rust=aarch64-unknown-linux-gnu machine=qemu-aarch64 tools=aarch64-linux-gnu ;;
    esac
    for tool in $tools-gcc $machine; do
        need $tool "what a signature costs on a Cortex-${1#a}" "gcc-$tools qemu-user" || return 0
    done
    [ -d "$(rustc --print sysroot)/lib/rustlib/$rust" ] || rustup target add "$rust" || {
        need "rustup target $rust" "what a signature costs on a Cortex-${1#a}" "none; rustup brings it" || return 0
    }
    cc="$tools-gcc -mcpu=cortex-$1"
    upper=$(echo $rust | tr 'a-z-' 'A-Z_')
    env -u RUSTC "CARGO_TARGET_${upper}_LINKER=$tools-gcc" CARGO_PROFILE_RELEASE_OPT_LEVEL=3 \
        RUSTFLAGS="-Ctarget-cpu=cortex-$1 $([ "$1" != a7 ] || echo --cfg pointcard_umaal)" \
        cargo build --quiet --release --locked --manifest-path tests/firmware/kernel/Cargo.toml \
        --target $rust --target-dir "$out/kernel-3"
    archive=$out/kernel-3/$rust/release/libkernel.a
    cortex_a_run pointcard "$out/bench"
    [ -f "$out/peers/versions" ] || return 0
    for one in mbedtls bearssl; do
        peer $one
        cortex_a_run $one "$out/bench/peers"
    done
}

cortex_a_run() { # NAME FOLDER-OF-KEYS
    image=$out/bench/$1-$name.elf
    # shellcheck disable=SC2086 # the compiler is words
    $cc -std=c99 -D_DEFAULT_SOURCE -O2 -static -no-pie -Dmain=till_main -Iexamples/firmware -I"$2" \
        -c tests/firmware/kernel.c -o "$out/bench/kernel-$name.o"
    # Rust's archive and GCC's library both bring the routines for division; either will do. Nothing
    # unwinds here, but Rust's own library was built so that it could.
    # shellcheck disable=SC2086
    $cc -std=c99 -D_DEFAULT_SOURCE -O1 -static -no-pie -Wl,-z,muldefs -Wl,--defsym=rust_eh_personality=0 -Iexamples/firmware \
        examples/firmware/board_posix.c "$out/bench/kernel-$name.o" "$archive" -o "$image"
    for number in 2 1; do
        $machine -plugin "$out/count.so,a=$(address "$image" count_from_here),b=$(address "$image" count_to_here)" \
            "$image" $number >"$out/bench/run" 2>&1 || {
            cat "$out/bench/run"
            fail "$image $number"
        }
        check_signature "$([ $number = 1 ] && echo app2048 || echo alipay2048)"
    done
    echo "cortex-a $1 $name instructions $(said count)"
}

constant_time() {
    python3 tests/firmware/timing.py "$image" || fail "on $name the disassembly shows it"
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
    # shellcheck disable=SC2046 # options are words
    RUSTFLAGS="${RUSTFLAGS:-} --cfg sha2_backend_soft=\"compact\" --cfg pointcard_$kind $rustflags" \
        cargo build --quiet $(FIRMWARE_OPT=${1#s} optimised) --release --locked --manifest-path tests/firmware/kernel/Cargo.toml \
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

python3 tests/firmware/timing.py --self-test
for name in ${FIRMWARE_CORES:-m4 m3 m33 m0}; do
    builds=s
    [ "$name" != m4 ] || builds="s 3"
    for build in ${FIRMWARE_BUILDS:-$builds}; do
        measure "$name" "$build"
    done
done

peers_keys
sh tests/firmware/peers/sources.sh "$out/peers" >"$out/bench/sources" 2>&1 || {
    cat "$out/bench/sources"
    need "apt-get source" "mbedTLS and BearSSL beside us" "a machine that reaches Debian's sources" || :
}
if [ -f "$out/peers/versions" ]; then
    sed 's/^/version /' "$out/peers/versions"
    for name in ${FIRMWARE_CORES:-m4 m3 m33 m0}; do
        core "$name"
        levels=s
        [ "$name" != m4 ] || levels="s 2"
        for one in mbedtls bearssl; do
            for level in $levels; do
                measure_peer $one "$level"
            done
        done
    done
fi
cortex_a a7
cortex_a a53
echo "bench-firmware: done"
