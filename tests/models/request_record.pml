/* request_record.pml - the record of a request is used twice, while one who gives up the component with which the first
 * of them lies looks at every record (src/actor/request.c).
 *
 * Promised: he ends no other request than those that lie with that component, and finds the record as it was made; it is
 * given back when nobody looks at it any more.
 *
 * order: OPEN   src/actor/request.c  trp_store_release(&request->word, last == NEVER_OPEN
 * order: LOOK   src/actor/request.c  uint64_t word = trp_load_acquire(&request->word)
 * order: UNREF  src/actor/request.c  trp_sub_acq_rel(&request->refs, n)
 * break: OPEN_FIRST with whom it lies is stored when it is open
 */
#define THREADS 3
#define WORDS 5
#define STORES 10
#include "memory.pml"

#define WORD 0 /* generation << 1 | closed */
#define REFS 1
#define LIES_WITH 2
#define RECORD 3
#define REQUESTS_LOCK 4

#define OPEN(generation) ((generation) * 2)
#define CLOSED(generation) ((generation) * 2 + 1)
#define GIVEN_UP 1
#define OTHER 2

byte n_returned = 0;

inline open_request(generation, whom)
{
    touch(RECORD);
#ifndef BREAK_OPEN_FIRST
    store(LIES_WITH, whom, RELAXED);
#endif
    store(REFS, 1, RELAXED);
    store(WORD, OPEN(generation), O_OPEN);
#ifdef BREAK_OPEN_FIRST
    store(LIES_WITH, whom, RELAXED)
#endif
}

/* Who succeeds says how it ended. */
inline close_if(word)
{
    compare_exchange(WORD, word, word + 1, RELAXED, seen);
    if
    :: seen == word -> touch(RECORD)
    :: else
    fi
}

inline unref(generation)
{
    exchange(REFS, was - 1, O_UNREF, was);
    if
    :: was == 1 ->
        lock(REQUESTS_LOCK);
        touch(RECORD);
        store(WORD, CLOSED(generation + 1), RELEASE);
        n_returned++;
        unlock(REQUESTS_LOCK)
    :: else
    fi
}

proctype first()
{
    byte me = 0, i, j, was, seen;

    lock(REQUESTS_LOCK);
    unlock(REQUESTS_LOCK);
    open_request(1, GIVEN_UP);
    close_if(OPEN(1));
    unref(1);
    leave()
}

proctype second()
{
    byte me = 1, i, j, was, seen;

    n_returned == 1;
    lock(REQUESTS_LOCK);
    unlock(REQUESTS_LOCK);
    open_request(2, OTHER);
    close_if(OPEN(2));
    unref(2);
    leave()
}

inline join_count()
{
    load(REFS, RELAXED, refs);
    do
    :: refs == 0 -> break
    :: refs > 0 ->
        compare_exchange(REFS, refs, refs + 1, RELAXED, seen);
        if
        :: seen == refs -> break
        :: else -> refs = seen
        fi
    od
}

proctype giver()
{
    byte me = 2, i, j, was, seen, refs, word;

    join_count();
    if
    :: refs > 0 ->
        load(WORD, O_LOOK, word);
        load(LIES_WITH, RELAXED, was);
        if
        :: was == GIVEN_UP && !(word & 1) ->
            close_if(word);
            assert(seen != word || word == OPEN(1))
        :: else
        fi;
        if
        :: n_returned == 0 -> unref(1)
        :: n_returned == 1 -> unref(2)
        fi
    :: else
    fi;
    leave()
}

init
{
    atomic {
        stored[AT(WORD, 0)] = CLOSED(0);
        run first();
        run second();
        run giver()
    };
    timeout;
    assert(n_returned == 2);
}
