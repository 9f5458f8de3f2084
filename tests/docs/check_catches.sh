#!/bin/sh
# check_catches.sh - check-docs is green on a small tree that is right, and red for each thing it looks for.
set -u
check=$(cd "$(dirname "$0")/../tools" && pwd)/check-docs
work=$(mktemp -d) bad=0
trap 'rm -rf "$work"' EXIT

fresh() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/src/base" "$work/tree/docs"
    printf 'void troupe_thing(void);\n' >"$work/tree/src/base/thing.c"
    printf 'static void test_a_thing(void **state)\n' >"$work/tree/src/base/thing_test.c"
    printf 'See `src/base/thing.c`, `troupe_thing`, `test_a_thing`, `base/thing: test_a_thing`, [more](docs/more.md).\n<!-- same as src/base/thing.c -->\n```c\nvoid troupe_thing(void);\n```\n' \
        >"$work/tree/README.md"
    printf 'More.\n' >"$work/tree/docs/more.md"
}

# red WHAT TEXT - with TEXT at the end of README.md the check is red and names it.
red() {
    fresh
    # shellcheck disable=SC2059  # the text is a format
    printf "$2" >>"$work/tree/README.md"
    if "$check" "$work/tree" >"$work/said" || ! grep -q 'README.md:' "$work/said"; then
        echo "not caught: $1"
        bad=1
    fi
}

fresh
"$check" "$work/tree" || { echo "red for a tree that is right"; bad=1; }
red "a path" 'The file `src/base/gone.c`.\n'
red "a link" 'Read [this](docs/gone.md).\n'
red "a name" 'Call `troupe_gone`.\n'
red "a test" 'It is proved by `test_a_gone_thing`.\n'
red "a test of another file" 'It is proved by `base/other: test_a_thing`.\n'
red "a row without a test" '| rule | test |\n|---|---|\n| one thing | `test_a_thing` |\n| another | |\n'
red "a block" '<!-- same as src/base/thing.c -->\n```c\nvoid troupe_thing(int);\n```\n'
exit $bad
