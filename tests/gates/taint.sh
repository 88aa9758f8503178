#!/bin/sh
# Nothing secret chooses a branch or an address while the kernel signs: src/crypto/taint.rs under
# valgrind's memcheck, which is told that the key is uninitialised.
#
# In: the release build of the unit tests, x86-64 only. Out: one line; fails when memcheck reports
# a jump or an address that depends on the key, or misses the one that is planted.
set -eu
cd "$(dirname "$0")/../.."

[ "$(uname -m)" = x86_64 ] || {
    echo "taint: the client requests are written for x86-64; this is $(uname -m)"
    exit 0
}
command -v valgrind >/dev/null || {
    echo "SKIPPED TOOL valgrind: would have tested that no secret chooses a branch; apt-get install valgrind"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
    exit
}

program=$(cargo test --release --lib --no-run 2>&1 |
    sed -n 's/^ *Executable unittests src\/lib.rs (\(.*\))$/\1/p')
[ -x "$program" ] || {
    echo "taint: the unit tests do not build"
    exit 1
}

# The status of one test under memcheck: 0 clean, 9 reported.
memcheck() {
    status=0
    valgrind --quiet --error-exitcode=9 "$program" --ignored --exact "crypto::taint::$1" \
        --test-threads=1 >"$log" 2>&1 || status=$?
    grep -q '^test result: ok. 1 passed' "$log" || status=1
    [ "$status" = "$2" ] || {
        cat "$log"
        echo "taint: $1 ended with $status instead of $2"
        exit 1
    }
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
memcheck no_secrets_choose_branches_or_addresses 0
memcheck positive_control 9
echo "taint: no secret chooses a branch or an address; a planted one is reported"
