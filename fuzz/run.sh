#!/bin/sh
# Fuzzes every target for a while: sh fuzz/run.sh SECONDS [target...]
#
# In: fuzz/seeds/<target>, read only; what is found new goes to fuzz/corpus. Out: one line per
# target; a crash prints its input's path and how to repeat it, and fails. Two targets run at a
# time (FUZZ_JOBS). FUZZ_SEED=N makes the same inputs come in the same order every time, as far as
# the time allows: for judging a change. Without it every run goes somewhere else: for finding.
# Needs nightly Rust and cargo-fuzz; says so when they are missing.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
jobs=${FUZZ_JOBS:-2}

skip() {
    echo "SKIPPED TOOL $1: would have tested all readers of foreign bytes with random ones; $2"
    [ "${POINTCARD_ALL_TOOLS:-0}" != 1 ]
    exit
}
cargo +nightly --version >/dev/null 2>&1 ||
    skip "nightly Rust" "rustup toolchain install nightly --profile minimal"
cargo fuzz --version >/dev/null 2>&1 ||
    skip cargo-fuzz "cargo install cargo-fuzz --locked"

[ $# -gt 0 ] || set -- $(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' fuzz/Cargo.toml)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# The library below its C functions is safe Rust: no sanitizer, twice the runs.
cargo +nightly fuzz build --sanitizer none

# One target; its exit status lands in a file, for sh cannot wait for "any child".
run() {
    status=0
    mkdir -p "fuzz/corpus/$1"
    # A unit may take 10 s and 512 MB; slower or larger is a failure like a crash.
    cargo +nightly fuzz run --sanitizer none "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=8192 \
        -print_final_stats=1 ${FUZZ_SEED:+-seed="$FUZZ_SEED"} >"$logs/$1" 2>&1 || status=$?
    echo "$status" >"$logs/$1.status"
}

running=0
for target in "$@"; do
    run "$target" &
    running=$((running + 1))
    if [ "$running" -ge "$jobs" ]; then
        wait
        running=0
    fi
done
wait

failed=0
for target in "$@"; do
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
    if [ "$(cat "$logs/$target.status")" = 0 ]; then
        echo "fuzz $target: ${runs:-?} runs, no crash"
        continue
    fi
    failed=$((failed + 1))
    # The message and where it came from; all of it when there is no panic (a hang, memory).
    grep -A 40 -m 1 'panicked at' "$logs/$target" || tail -n 60 "$logs/$target"
    artifact=$(sed -n 's/.*Test unit written to //p' "$logs/$target" | tail -n 1)
    echo "fuzz $target: FAILED, input: ${artifact:-none written}"
    echo "  repeat: cargo +nightly fuzz run --sanitizer none $target ${artifact:-}"
done
exit "$failed"
