#!/bin/sh
# The library on the Linux terminals shops have: armv7, aarch64, i686, musl, beside x86-64.
#
# Out: on each, the C tests and the till of examples/firmware with its power cuts (under qemu-user where the
# processor is another); the same queue image, byte for byte, and the same signed request on all of
# them and on a Cortex-M4; and builds for Windows and Android, which are not run. Last line
# "linux: N systems ran, same queue and same signatures on all of them".
#
# The archives are made without feature http, whose TLS library needs a C compiler of its own for
# each target; of the C tests, four that need no built-in transport are run.
set -eu
cd "$(dirname "$0")/../.."
. examples/firmware/cores.sh
case ${CARGO_TARGET_DIR:-target} in
/*) top=$CARGO_TARGET_DIR ;;
*) top=$PWD/${CARGO_TARGET_DIR:-target} ;;
esac
out=$top/linux
wanted=std,capi,rsa4096,gbk,aes,certificates
tests="layout storage callbacks steps"
mkdir -p "$out"

# system NAME: rust (its target), cc, how (what runs its programs), tool and package.
system() {
    how="" libs="-lpthread -ldl -lm"
    case $1 in
    x86-64) rust=x86_64-unknown-linux-gnu cc=cc package=gcc ;;
    musl) # GCC's unwinder wants glibc; Rust brings one beside its archive.
        rust=x86_64-unknown-linux-musl cc="musl-gcc -static -nodefaultlibs" package=musl-tools
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
    windows) rust=x86_64-pc-windows-gnu cc=x86_64-w64-mingw32-gcc package=gcc-mingw-w64-x86-64-posix ;;
    android) rust=aarch64-linux-android cc=true package=coreutils ;;
    esac
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

library() { # KINDS
    upper=$(echo "$rust" | tr 'a-z-' 'A-Z_')
    env "CARGO_TARGET_${upper}_LINKER=${cc%% *}" cargo rustc --quiet --release --lib \
        --crate-type "$1" --no-default-features --features $wanted --target "$rust" \
        --target-dir "$out"
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
            echo "linux: FAILED, $paper of $name is not what a Cortex-M4 makes"
            exit 1
        }
    done
}

c_tests() {
    folder=$out/c-$name
    rm -rf "$folder" && mkdir -p "$folder"
    keys=tests/vectors/keys
    cp $keys/app2048.pkcs8.pem "$folder/app_private_key.txt"
    cp $keys/app2048.pkcs1.b64 "$folder/app_private_key.pkcs1.txt"
    cp $keys/app2048.pub.b64 "$folder/app_public_key.txt"
    cp $keys/other2048.pkcs8.pem "$folder/other_private_key.txt"
    cp $keys/other2048.pub.pem "$folder/other_public_key.txt"
    cp $keys/forms/app2048.encrypted.pem "$folder/encrypted.pem"
    cp $keys/forms/ec.pkcs8.pem "$folder/ec.pem"
    for test in $tests; do
        program "$test" "tests/c_api/$test.c"
        one_c_test
    done
}

# A test wants a gateway that has seen nothing.
one_c_test() {
    : >"$folder/sandbox"
    "$top/release/pointcard-sandbox" --quiet --app-id 2016100900000001 --keys "$out/sandbox-keys" \
        --app-public-key $keys/app2048.pub.b64 >"$folder/sandbox" &
    sandbox=$!
    while ! grep -q '^ready' "$folder/sandbox"; do
        kill -0 $sandbox
        sleep 0.1
    done
    cp "$out/sandbox-keys/alipay_public_key.txt" "$folder/"
    gateway=$(sed -n 's/^gateway //p' "$folder/sandbox") admin=$(sed -n 's/^admin //p' "$folder/sandbox")
    passed=0
    # shellcheck disable=SC2086
    (cd "$folder" && $how "$out/$name-$test" "$folder" "$gateway" "$admin") >"$folder/$test.out" 2>&1 || passed=$?
    kill $sandbox
    [ $passed = 0 ] || {
        cat "$folder/$test.out"
        echo "linux: FAILED, tests/c_api/$test.c on $name"
        exit 1
    }
}

command -v qemu-system-arm >/dev/null || { skip qemu-system-arm "Linux beside a Cortex-M4" "Debian: qemu-system-arm"; exit 0; }
cargo build --quiet --release -p pointcard-sandbox
cargo build --quiet --release --example firmware
rm -rf "$out/same-m4"
on_cortex_m4
ran=0
for name in x86-64 musl i686 armv7 aarch64; do
    system $name
    have $name || continue
    library staticlib
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
    if [ $name = windows ]; then library staticlib,cdylib; else library staticlib; fi
    echo "linux: $name builds; it is not run"
done
echo "linux: $ran systems ran, same queue and same signatures on all of them and on a Cortex-M4"
