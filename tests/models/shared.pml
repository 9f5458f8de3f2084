/* shared.pml - a shared state cell (src/actor/shared.c): one writes versions 1 to 3, one reads. Two buffers of two words
 * take turns.
 *
 * Promised: what is read is one whole version, and no older one than was read before.
 *
 * order: WORD     src/actor/shared.c  trp_store_release(&to[i], value)
 * order: VERSION  src/actor/shared.c  trp_store_release(&shared->version, version + 1)
 * order: NEWEST   src/actor/shared.c  version = trp_load_acquire(&shared->version);
 * order: COPY     src/actor/shared.c  value = trp_load_acquire(&from[i]);
 * break: ONE_TRY  begun is not looked at when the words were read
 */
#define THREADS 2
#define WORDS 6
#define STORES 4
#include "views.pml"

#define VERSION 0
#define BEGUN 1
#define PLACE(version, n) (2 + (version) % 2 * 2 + (n))
#define VERSIONS 3

proctype writer()
{
    byte me = 0, i, j, version, seen;

    do
    :: version < VERSIONS ->
        compare_exchange(BEGUN, version, version + 1, RELEASE, seen);
        assert(seen == version);
        version++;
        store(PLACE(version, 0), version, O_WORD);
        store(PLACE(version, 1), version, O_WORD);
        store(VERSION, version, O_VERSION)
    :: else -> break
    od
}

proctype reader()
{
    byte me = 1, i, j, version, one, two, begun, last;

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
        run writer();
        run reader()
    }
}
