#!/bin/sh
# install_test.sh BUILD GUEST - installs into an empty folder, moves it, and builds a program outside the tree against
# it: by CMake and by pkg-config, shared and static. Then the installed program runs a manifest.
set -eu
build=$1 guest=$2
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; exit 1; }
says() { # WHAT COMMAND... - its output is what the consumer says
    what=$1
    shift
    out=$("$@") || fail "$what: exit code $?"
    [ "$out" = "life 2" ] || fail "$what says '$out'"
}

cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/prefix" # nothing in it knows where it was put
prefix=$work/prefix
lib=$(dirname "$(find "$prefix" -name libtroupe.a)")

cp -r "$here/consumer" "$work/consumer"
cp "$top/docs/guide/embed_a_guest.c" "$work/consumer"
cmake -S "$work/consumer" -B "$work/consumer/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" &&
    cmake --build "$work/consumer/build" >>"$work/log" || { cat "$work/log"; exit 1; }
says "CMake, shared" "$work/consumer/build/shared"
says "CMake, static" "$work/consumer/build/static"

PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046  # words
gcc -Wall -Wextra -Werror "$here/consumer/consumer.c" -o "$work/shared" $(pkg-config --cflags --libs troupe)
says "pkg-config, shared" env LD_LIBRARY_PATH="$lib" "$work/shared"
# shellcheck disable=SC2046
gcc -Wall -Wextra -Werror "$here/consumer/consumer.c" -o "$work/static" $(pkg-config --cflags troupe) \
    "$lib/libtroupe.a" -pthread
says "pkg-config, static" "$work/static"

# The same with guests: the engine lies where that library looks for it.
counts() { # WHAT COMMAND...
    what=$1
    shift
    out=$("$@" "$guest") || fail "$what: exit code $?"
    [ "$out" = 10 ] || fail "$what says '$out'"
}
counts "CMake, guests" "$work/consumer/build/guests"
# shellcheck disable=SC2046
gcc -Wall -Wextra -Werror "$top/docs/guide/embed_a_guest.c" -o "$work/guests" \
    $(pkg-config --cflags --libs troupe_guests)
counts "pkg-config, guests" env LD_LIBRARY_PATH="$lib" "$work/guests"

# A call that no door declares must not link.
printf 'void trp_process_watch(void);\nint main(void)\n{\n    trp_process_watch();\n}\n' >"$work/inside.c"
! gcc "$work/inside.c" -o "$work/inside" -L"$lib" -ltroupe 2>/dev/null || fail "trp_ names leave the library"

"$prefix/bin/troupe" --version >/dev/null || fail "the installed program does not start"
! readelf -d "$prefix/bin/troupe" | grep -q '\.deps' || fail "the installed program looks into the source tree"
XDG_CACHE_HOME=$work/cache "$prefix/bin/troupe" run "$top/examples/01-access-log" \
    <"$top/examples/01-access-log/access.log" 2>/dev/null | grep -q '^9999 lines' ||
    fail "the installed program runs no manifest"
