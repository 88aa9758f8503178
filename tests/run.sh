#!/bin/sh
# Every test this machine can run: `make test`, or `make long` for the long forms.
#
# Out: one line per stage, then what missing tools would have tested, then cargo's own tests and
# one line of sums. POINTCARD_ALL_TOOLS=1: a missing tool is a failure. POINTCARD_LONG=1: more
# power cuts, more kills, more random tears. A stage's output is shown when it fails.
set -u
cd "$(dirname "$0")/.."

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
failed=0
passed=0
: >"$log/skipped"

# Lines that say what a missing tool would have tested, from whatever ran last.
note_skips() {
    grep -oh 'SKIPPED TOOL .*' "$1" >>"$log/skipped" || true
}

# stage NAME COMMAND...
stage() {
    name=$1
    shift
    start=$(date +%s)
    if "$@" >"$log/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($(($(date +%s) - start)) s)"
        # What a gate measured is worth a line.
        grep -h '^[a-z]*: .*bytes' "$log/out" | sed 's/^/        /'
    else
        failed=$((failed + 1))
        cat "$log/out"
        echo "FAILED  $name: $*"
    fi
    note_skips "$log/out"
}

skip() {
    echo "SKIPPED TOOL $1: would have tested $2; $3" >>"$log/skipped"
}

# Formatting and lints, where the components are installed.
if cargo fmt --version >/dev/null 2>&1; then
    stage "formatting" cargo fmt --all --check
else
    skip rustfmt "the formatting of the sources" "rustup component add rustfmt"
fi
if cargo clippy --version >/dev/null 2>&1; then
    stage "lints" cargo clippy --quiet --workspace -- -D warnings
    # Tests fail by panicking.
    stage "lints of tests" cargo clippy --quiet --workspace --all-targets -- -D warnings \
        -A clippy::unwrap_used -A clippy::expect_used -A clippy::panic -A clippy::indexing_slicing
    stage "lints without features" cargo clippy --quiet --no-default-features -- -D warnings
else
    skip clippy "the lints" "rustup component add clippy"
fi

# Feature sets that nobody's default build compiles.
stage "build: nothing" cargo check --quiet --no-default-features
stage "build: std" cargo check --quiet --no-default-features --features std
stage "build: C functions without HTTPS" \
    cargo check --quiet --no-default-features --features std,capi,rsa4096
stage "documentation" env RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --workspace --no-deps

# Scripts of gates: each says itself what it needs.
for gate in tests/firmware/link.sh tests/gates/*.sh; do
    [ ! -f "$gate" ] || stage "$gate" sh "$gate"
done

# cargo's tests last: what they print of missing tools is listed with the rest, and their
# summary ends the run.
start=$(date +%s)
cargo test --workspace --no-fail-fast -- --show-output >"$log/tests" 2>&1
status=$?
grep -E '^(test result|     Running|   Doc-tests)' "$log/tests"
if [ "$status" -ne 0 ]; then
    grep -vE '^test .* ok$' "$log/tests"
    # A crate that does not compile has no summary, and counts as one failure.
    grep -q '^test result: FAILED' "$log/tests" || failed=$((failed + 1))
fi
echo "        cargo test: $(($(date +%s) - start)) s"
note_skips "$log/tests"

sum() { # of the number before this word in cargo's summaries
    sed -n "s/^test result: .* \([0-9]*\) $1;.*/\1/p" "$log/tests" | awk '{ n += $1 } END { print n + 0 }'
}
passed=$((passed + $(sum passed)))
failed=$((failed + $(sum failed)))

sort -u "$log/skipped" >"$log/list"
if [ -s "$log/list" ]; then
    echo
    echo "Not tested here, for want of a tool:"
    cat "$log/list"
    if [ "${POINTCARD_ALL_TOOLS:-0}" = 1 ]; then
        echo "POINTCARD_ALL_TOOLS=1: each missing tool is a failure."
        failed=$((failed + $(wc -l <"$log/list")))
    fi
    echo
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
