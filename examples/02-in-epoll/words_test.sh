#!/bin/sh
# words_test.sh PROGRAM - what it says of three lines, and of more lines than a mailbox takes at once.
set -eu
expected='line 1: 2 words
line 2: 1 words
line 3: 0 words
3 words in 3 lines'
said=$(printf 'one two\n  three \n\n' | "$1")
[ "$said" = "$expected" ] || { printf 'it said:\n%s\n' "$said"; exit 1; }

last=$(yes 'a b c' | head -n 20000 | "$1" | tail -n 1)
[ "$last" = '60000 words in 20000 lines' ] || { printf 'it said last: %s\n' "$last"; exit 1; }
