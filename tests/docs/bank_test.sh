#!/bin/sh
# bank_test.sh BANK - the program of the guide prints what its page shows, every time.
set -eu
page=$(dirname "$0")/../../docs/guide/bank.md
shown=$(awk '/^```/ { inside = !inside; n = 0; next } inside && /^\$ gcc/ { n = 1; next } n' "$page")
for round in 1 2 3 4 5; do
    printed=$("$1")
    [ "$printed" = "$shown" ] || { echo "round $round printed:"; echo "$printed"; echo "the page shows:"; echo "$shown"; exit 1; }
done
