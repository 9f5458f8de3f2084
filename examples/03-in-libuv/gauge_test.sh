#!/bin/sh
# gauge_test.sh PROGRAM - what it says of five readings.
set -eu
expected='reading 1: 20.0, average 20.00
reading 2: 20.5, average 20.25
reading 3: 21.0, average 20.50
reading 4: 21.5, average 20.75
reading 5: 22.0, average 21.00
the gauge has ended'
said=$("$1")
[ "$said" = "$expected" ] || { printf 'it said:\n%s\n' "$said"; exit 1; }
