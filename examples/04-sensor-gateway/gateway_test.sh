#!/bin/sh
# gateway_test.sh TROUPE - the output is the same in every schedule, with threads too, and the log says what healed.
set -eu
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TROUPE_CACHE_DIR="$work/cache"

once() {
    "$troupe" run "$@" "$here" < "$here/readings.txt" > "$work/out" 2> "$work/said" || {
        cat "$work/said"
        exit 1
    }
    cmp "$work/out" "$here/expected.txt" || { cat "$work/said"; exit 1; }
    # the words of the guide
    grep -q '^reader crashed: wasm trap: unreachable, in handle-message, handling message 4; restarted in' "$work/said"
    grep -q '^cache crashed: 3 of its last 5 messages failed; restarted in .* (1 of 3 in 60 s)' "$work/said"
    grep -q 'line 4 -> reader, reason: crashed while handling it' "$work/said"
}

for seed in 1 2 3 4 5; do
    once --sim --seed $seed
done
once --workers 1
once --workers 2
