#!/bin/sh
# log_test.sh MAKE_LOG: access.log is what the generator writes, a longer log begins with it, and the
# two awk programs print the same report.
set -eu
make_log=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

"$make_log" 10000 1 | cmp - "$here/access.log"
"$make_log" 30000 1 > "$work/long.log"
head -n 10000 "$work/long.log" | cmp - "$here/access.log"

for log in "$here/access.log" "$work/long.log"; do
    mawk -v top=1000 -v skip=7312 -f "$here/expected.awk" < "$log" > "$work/expected"
    mawk -v top=1000 -v skip=7312 -f "$here/count.awk" -f "$here/expected.awk" < "$log" |
        cmp - "$work/expected"
done

[ "$(awk -F'"' '$3 ~ /^ [6-9][0-9][0-9] /' "$work/long.log" | wc -l)" -eq 1 ]
