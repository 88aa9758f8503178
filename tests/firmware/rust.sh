#!/bin/sh
# Rust for bare metal where rustup cannot bring its targets: Debian's packages of the compiler and of
# its sources, unpacked into a folder of their own (nothing is installed), and core built from them.
#
#   rust.sh FOLDER TARGET...
#
# Out: FOLDER/rustc, for RUSTC. Wants apt-get and dpkg, not root; Debian 12 with its security archive has
# the packages. cargo is whatever is on the PATH; it asks its registry for the lock file of std.
set -eu
prefix=$(mkdir -p "$1" && cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The packages a package needs of those we look for, by the version that is current.
needs() {
    apt-cache depends "$1" | sed -nE 's/^ *Depends: (libstd-rust-web-[0-9.]+|libllvm[0-9]+)$/\1/p'
}

fetch() {
    standard=$(needs libstd-rust-web-dev | head -n 1)
    compiler="rustc-web libstd-rust-web-dev $standard $(needs "$standard" | head -n 1)"
    (
        cd "$work"
        # shellcheck disable=SC2086 # packages are words
        apt-get download -q $compiler rust-web-src
        for package in rustc-web_* libstd-rust-web-* libllvm*; do
            dpkg -x "$package" "$prefix"
        done
        # Of the sources, the library is enough.
        dpkg --fsys-tarfile rust-web-src_* | tar -x -C "$prefix" --wildcards './usr/src/rustc-*/library' ./usr/lib/rustlib/src
    ) >&2
    cat >"$prefix/rustc" <<'W'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
libraries=$(echo "$here"/usr/lib/*-linux-gnu)
LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/usr/bin/rustc" "$@"
W
    chmod +x "$prefix/rustc"
}

# core for a target, once, into the compiler's own place; its bitcode is there for LTO.
core_for() {
    to=$prefix/usr/lib/rustlib/$1/lib
    [ ! -d "$to" ] || return 0
    mkdir -p "$work/src"
    echo '#![no_std]' >"$work/src/lib.rs"
    printf '[package]\nname="sysroot"\nversion="0.0.0"\nedition="2021"\n[profile.release]\npanic="abort"\nopt-level="s"\n' \
        >"$work/Cargo.toml"
    (
        cd "$work"
        RUSTC=$prefix/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes cargo build --quiet --release \
            --target-dir "$work/target" -Zbuild-std=core,alloc,compiler_builtins \
            -Zbuild-std-features=compiler-builtins-mem --target "$1"
    )
    mkdir -p "$to"
    for crate in core alloc compiler_builtins; do
        cp "$work/target/$1/release/deps/lib$crate"-*.rlib "$to/"
    done
}

[ -x "$prefix/rustc" ] || fetch
for target; do
    core_for "$target"
done
"$prefix/rustc" --version
