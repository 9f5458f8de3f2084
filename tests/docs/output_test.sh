#!/bin/sh
# output_test.sh TROUPE - what the pages show as standard output is what their commands print.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
troupe=$1 work=$(mktemp -d) bad=0
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

# shown PAGE FOLDER INPUT - runs the manifest; each line it prints must stand in the page, as it is.
shown() {
    if ! "$troupe" run "$top/$2" <"$3" >"$work/out" 2>"$work/err" || [ ! -s "$work/out" ]; then
        echo "$2 did not run, or printed nothing:"
        cat "$work/err"
        bad=1
        return
    fi
    while IFS= read -r line; do
        grep -qxF -e "$line" "$top/$1" || { echo "$1 does not show: $line"; bad=1; }
    done <"$work/out"
}

shown README.md examples/01-access-log "$top/examples/01-access-log/access.log"
printf 'the quick brown fox\njumps over\n\nthe lazy dog\n' >"$work/words"
shown docs/guide/first-manifest.md docs/guide/words "$work/words"
exit $bad
