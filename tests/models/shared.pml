/* shared.pml - a shared state cell (src/actor/shared.c): two write versions 1 to 4, one reads. The second may write as
 * soon as the first was given up, in the middle of a write or not. Two buffers of two words take turns.
 *
 * Promised: what is read is one whole version, and no older one than was read before.
 *
 * order: LAST     src/actor/shared.c  version = begun = trp_load_acquire(&shared->version);
 * order: WORD     src/actor/shared.c  trp_store_release(&to[i], value)
 * order: VERSION  src/actor/shared.c  trp_store_release(&shared->version, version + 1)
 * order: NEWEST   src/actor/shared.c  do { version = trp_load_acquire(&shared->version);
 * order: COPY     src/actor/shared.c  value = trp_load_acquire(&from[i]);
 * break: ONE_TRY  begun is not looked at when the words were read
 */
#define THREADS 3
#define WORDS 6
#define STORES 6
#include "memory.pml"

#define VERSION 0
#define BEGUN 1
#define PLACE(version, n) (2 + (version) % 2 * 2 + (n))

proctype writer(byte me, left)
{
    byte i, j, version, seen;

    do
    :: left == 0 -> break
    :: left > 0 ->
        left--;
        load(VERSION, O_LAST, version);
        compare_exchange(BEGUN, version, version + 1, RELAXED, seen);
        if
        :: seen == version ->
            version++;
            store(PLACE(version, 0), version, O_WORD);
            store(PLACE(version, 1), version, O_WORD);
            store(VERSION, version, O_VERSION)
        :: else
        fi
    od
}

proctype reader()
{
    byte me = 2, i, j, version, one, two, begun, last;

end:
    do
    :: true ->
        load(VERSION, O_NEWEST, version);
        load(PLACE(version, 0), O_COPY, one);
        load(PLACE(version, 1), O_COPY, two);
        load(BEGUN, RELAXED, begun);
#ifdef BREAK_ONE_TRY
        begun = version;
#endif
        d_step {
            if
            :: begun < version + 2 -> /* also when it is older: then no later version was seen */
                assert(one == version && two == version && version >= last);
                last = version
            :: else
            fi;
            version = 0;
            one = 0;
            two = 0;
            begun = 0
        }
    od
}

init
{
    atomic {
        run writer(0, 2);
        run writer(1, 2);
        run reader()
    }
}
