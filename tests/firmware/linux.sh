#!/bin/sh
# The library on the Linux terminals shops have: armv7, aarch64, i686, musl, beside x86-64.
#
# Out: on each, the C tests (tests/c_api) and the till of examples/firmware with its power cuts (under
# qemu-user where the processor is another); the same queue image, byte for byte, and the same signed
# request on all of them and on a Cortex-M4; a shared library whose name is its ABI and whose
# segments are aligned to 16 KiB; and builds for Windows and Android, which are not run. Last line
# "linux: N systems ran, same queue and same signatures on all of them".
#
# LINUX_SYSTEMS="armv7 musl" runs some. Windows and Android are built without feature http, whose TLS
# library wants a C compiler and headers of theirs (the NDK's, for Android).
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
case ${CARGO_TARGET_DIR:-target} in
/*) top=$CARGO_TARGET_DIR ;;
*) top=$PWD/${CARGO_TARGET_DIR:-target} ;;
esac
out=$top/linux
abi=1
mkdir -p "$out"

# system NAME: rust (its target), cc, how (what runs its programs), tool and package.
system() {
    how="" libs="-lpthread -ldl -lm" features=default kinds=staticlib,cdylib
    case $1 in
    x86-64) rust=x86_64-unknown-linux-gnu cc=cc package=gcc ;;
    musl) # GCC's unwinder wants glibc; Rust brings one beside its archive.
        rust=x86_64-unknown-linux-musl cc="musl-gcc -static -nodefaultlibs" package=musl-tools
        kinds=staticlib
        libs="$(rustc --print sysroot)/lib/rustlib/$rust/lib/self-contained/libunwind.a \
-Wl,--start-group -lc -lgcc -Wl,--end-group"
        ;;
    i686) rust=i686-unknown-linux-gnu cc="i686-linux-gnu-gcc -static" package="gcc-i686-linux-gnu libc6-dev-i386-cross" ;;
    armv7)
        rust=armv7-unknown-linux-gnueabihf cc=arm-linux-gnueabihf-gcc
        how="qemu-arm -L /usr/arm-linux-gnueabihf"
        package="gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user"
        ;;
    aarch64)
        rust=aarch64-unknown-linux-gnu cc=aarch64-linux-gnu-gcc
        how="qemu-aarch64 -L /usr/aarch64-linux-gnu"
        package="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
        ;;
    windows)
        rust=x86_64-pc-windows-gnu cc=x86_64-w64-mingw32-gcc package=gcc-mingw-w64-x86-64-posix
        features=std,capi,rsa4096,gbk,aes,certificates
        ;;
    android)
        rust=aarch64-linux-android cc=true package=coreutils kinds=staticlib
        features=std,capi,rsa4096,gbk,aes,certificates
        ;;
    esac
}

fail() {
    echo "linux: FAILED, $*"
    exit 1
}

skip() {
    echo "SKIPPED TOOL $1: would have tested the library on $2; $3"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ] || exit 1
}

# Whether this machine can build and run for a system.
have() {
    for tool in ${cc%% *} ${how%% *}; do
        command -v "$tool" >/dev/null || {
            skip "$tool" "$1" "Debian: $package"
            return 1
        }
    done
    [ -d "$(rustc --print sysroot)/lib/rustlib/$rust" ] || rustup target add "$rust" || {
        skip "rustup target $rust" "$1" "rustup target add $rust"
        return 1
    }
}

library() {
    upper=$(echo "$rust" | tr 'a-z-' 'A-Z_')
    names=""
    case $rust-$kinds in
    *linux*cdylib) names="-C link-arg=-Wl,-soname,libpointcard.so.$abi -C link-arg=-Wl,-z,max-page-size=16384" ;;
    esac
    # shellcheck disable=SC2086 # flags are words
    env "CARGO_TARGET_${upper}_LINKER=${cc%% *}" "CC_$(echo "$rust" | tr - _)=${cc%% *}" \
        cargo rustc --quiet --release --lib --crate-type $kinds --no-default-features \
        --features "$features" --target "$rust" --target-dir "$out" -- $names
}

shared_library() {
    [ "$kinds" = staticlib ] && return
    so=$out/$rust/release/libpointcard.so
    readelf -d "$so" | grep -q "SONAME.*\[libpointcard.so.$abi\]" || fail "$name: the shared library has no name"
    readelf -lW "$so" | awk '$1 == "LOAD" && $NF != "0x4000" { bad = 1 } END { exit bad }' ||
        fail "$name: segments are not aligned to 16 KiB"
}

program() { # NAME SOURCES...
    to=$out/$name-$1
    shift
    # shellcheck disable=SC2086 # the compiler and its flags are words
    $cc -std=c99 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -O1 -Wall -Wextra -Werror -Iinclude \
        "$@" "$out/$rust/release/libpointcard.a" $libs -o "$to"
}

# The same sales and the same request, at the same time, with the same entropy.
till() { # FOLDER COMMAND...
    folder=$1
    shift
    mkdir -p "$folder"
    cp tests/vectors/keys/app2048.pkcs8.b64 "$folder/app_private_key.txt"
    cp tests/vectors/keys/alipay2048.pub.b64 "$folder/alipay_public_key.txt"
    for words in "sell 1 5" sign walk; do
        (cd "$folder" && "$@" "till 1471851822 7 0 $words" 2>&1)
    done | grep -v '^stack ' >"$folder/said"
}

on_cortex_m4() {
    core m4
    sh examples/firmware/build.sh m4 "$out/till-m4.elf"
    # shellcheck disable=SC2016 # $1 is the inner shell's
    till "$out/same-m4" sh -c 'qemu-system-arm '"$machine"' -display none -monitor none -serial null \
        -semihosting-config "enable=on,target=native,arg=$1" -kernel "'"$out/till-m4.elf"'"' sh
}

same_as_m4() {
    rm -rf "$out/same-$name"
    # shellcheck disable=SC2086
    till "$out/same-$name" $how "$out/$name-till"
    for paper in said nor.chip; do
        cmp "$out/same-m4/$paper" "$out/same-$name/$paper" || {
            fail "$paper of $name is not what a Cortex-M4 makes"
        }
    done
}

c_tests() {
    env CROSS_ARCHIVE="$out/$rust/release/libpointcard.a" CROSS_CC="$cc" CROSS_LIBS="$libs" \
        CROSS_RUN="$how" cargo test --quiet --test c_api plain:: >"$out/c-$name.txt" 2>&1 || {
        cat "$out/c-$name.txt"
        fail "the C tests on $name"
    }
    echo "linux: $name, C tests: $(sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$out/c-$name.txt")"
}

command -v qemu-system-arm >/dev/null || { skip qemu-system-arm "Linux beside a Cortex-M4" "Debian: qemu-system-arm"; exit 0; }
cargo build --quiet --release --example firmware
rm -rf "$out/same-m4"
on_cortex_m4
ran=0
for name in ${LINUX_SYSTEMS:-x86-64 musl i686 armv7 aarch64}; do
    system $name
    have $name || continue
    library
    shared_library
    program till -DBOARD_POSIX examples/firmware/till.c examples/firmware/nor.c \
        examples/firmware/modem.c examples/firmware/board_posix.c
    same_as_m4
    # shellcheck disable=SC2086
    "$top/release/examples/firmware" $name "$out/day-$name" 4 $how "$out/$name-till" "{words}" >"$out/day.txt" || {
        cat "$out/day.txt"
        exit 1
    }
    grep '^firmware:' "$out/day.txt"
    c_tests
    ran=$((ran + 1))
done
for name in windows android; do
    system $name
    have $name || continue
    library
    echo "linux: $name builds; it is not run"
done
echo "linux: $ran systems ran, same queue and same signatures on all of them and on a Cortex-M4"
