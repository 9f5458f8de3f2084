/* memory.pml - memory as C11 has it, for the models of this folder: every thread has its own view of every word.
 *
 * Each word keeps its stores in the order that all threads agree on; a thread's view says, for each word, the oldest
 * store that it may still read. A store that releases carries its thread's view, and a load that acquires it joins that
 * one. A load returns any store that is not older than the view: so one that is done early, or a store that is written
 * late, is an old store here. A store goes anywhere behind the view, not only behind all others. An exchange reads some
 * store and stands right behind it, and carries on the view of it.
 * seq is release and acquire, and besides: no operation that is seq reads, or stands before, what an earlier one
 * that is seq read or stored in that word. So a pair of store and load holds only when it is seq on both sides.
 * What no view can read any more is forgotten, so what runs in circles has an end.
 * Not modelled: a load that is carried out behind a later store of its thread; a model says that where an order allows it.
 *
 * A model defines WORDS, STORES (of a word, at most) and THREADS, includes this, and says `byte me, i, j` in each process.
 */
#define RELAXED 0
#define RELEASE 1 /* or acquire, or both */
#define SEQ 2

byte n_stores[WORDS]; /* besides the first */
byte stored[WORDS * STORES];
bool is_glued[WORDS * STORES]; /* to the one before it, which it replaced */
byte carried[WORDS * STORES * WORDS];
byte view[THREADS * WORDS];
byte seq_view[WORDS];
hidden byte k;

#define AT(where, n) ((where) * STORES + (n))
#define CARRIED(where, n, word) (AT(where, n) * WORDS + (word))
#define VIEW(where) (me * WORDS + (where))
#define NEWEST(where) stored[AT(where, n_stores[where])]
#define MAY_FOLLOW(where, n) ((n) == n_stores[where] || !is_glued[AT(where, (n) + 1)])

/* Each inline works on the store at i, and leaves j as it likes. */

inline oldest_it_may_see(where, order)
{
    i = view[VIEW(where)];
    if
    :: (order) == SEQ && seq_view[where] > i -> i = seq_view[where]
    :: else
    fi
}

inline see(where, order)
{
    view[VIEW(where)] = i;
    seq_view[where] = ((order) == SEQ && i > seq_view[where] -> i : seq_view[where])
}

inline join(where, order)
{
    j = 0;
    do
    :: j < WORDS && (order) != RELAXED ->
        if
        :: carried[CARRIED(where, i, j)] > view[VIEW(j)] ->
            view[VIEW(j)] = carried[CARRIED(where, i, j)]
        :: else
        fi;
        j++
    :: else -> break
    od
}

/* The view that goes with the store: the thread's, beside that of the store which an exchange replaced. */
inline carry(where, order, is_exchange)
{
    j = 0;
    do
    :: j < WORDS ->
        carried[CARRIED(where, i, j)] = (is_exchange -> carried[CARRIED(where, i - 1, j)] : 0);
        if
        :: (order) != RELAXED && view[VIEW(j)] > carried[CARRIED(where, i, j)] ->
            carried[CARRIED(where, i, j)] = view[VIEW(j)]
        :: else
        fi;
        j++
    :: else -> break
    od
}

inline move(where, from, to)
{
    stored[AT(where, to)] = stored[AT(where, from)];
    is_glued[AT(where, to)] = is_glued[AT(where, from)];
    j = 0;
    do
    :: j < WORDS -> carried[CARRIED(where, to, j)] = carried[CARRIED(where, from, j)]; j++
    :: else -> break
    od
}

inline clear(where, n)
{
    stored[AT(where, n)] = 0;
    is_glued[AT(where, n)] = false;
    j = 0;
    do
    :: j < WORDS -> carried[CARRIED(where, n, j)] = 0; j++
    :: else -> break
    od
}

/* Whoever knows of a store of this word that moved knows it at its new place. */
#define RAISED(x) ((x) >= i -> (x) + 1 : (x))
#define LOWERED(x) ((x) > k -> (x) - k : 0)

inline make_room(where)
{
    n_stores[where]++;
    assert(n_stores[where] < STORES);
    if
    :: i < n_stores[where] ->
        k = n_stores[where];
        do
        :: k > i -> move(where, k - 1, k); k--
        :: else -> break
        od;
        j = 0;
        do
        :: j < THREADS -> view[j * WORDS + (where)] = RAISED(view[j * WORDS + (where)]); j++
        :: else -> break
        od;
        j = 0;
        do
        :: j < WORDS * STORES ->
            carried[j * WORDS + (where)] = RAISED(carried[j * WORDS + (where)]);
            j++
        :: else -> break
        od;
        seq_view[where] = RAISED(seq_view[where])
    :: else
    fi
}

inline forget(where)
{
    k = n_stores[where];
    j = 0;
    do
    :: j < THREADS -> k = (view[j * WORDS + (where)] < k -> view[j * WORDS + (where)] : k); j++
    :: else -> break
    od;
    if
    :: k > 0 ->
        i = 0;
        do
        :: i + k <= n_stores[where] -> move(where, i + k, i); i++
        :: else -> break
        od;
        is_glued[AT(where, 0)] = false;
        do
        :: i <= n_stores[where] -> clear(where, i); i++
        :: else -> break
        od;
        n_stores[where] = n_stores[where] - k;
        j = 0;
        do
        :: j < THREADS -> view[j * WORDS + (where)] = view[j * WORDS + (where)] - k; j++
        :: else -> break
        od;
        j = 0;
        do
        :: j < WORDS * STORES ->
            carried[j * WORDS + (where)] = LOWERED(carried[j * WORDS + (where)]);
            j++
        :: else -> break
        od;
        seq_view[where] = LOWERED(seq_view[where])
    :: else
    fi;
    i = 0;
    j = 0
}

inline add_store(where, what, order, is_exchange)
{
    make_room(where);
    stored[AT(where, i)] = what;
    is_glued[AT(where, i)] = is_exchange;
    see(where, order);
    carry(where, order, is_exchange);
    forget(where)
}

inline load(where, order, ret)
{
    atomic {
        oldest_it_may_see(where, order);
        do
        :: i < n_stores[where] -> i++
        :: break
        od;
        d_step {
            ret = stored[AT(where, i)];
            see(where, order);
            join(where, order);
            forget(where)
        }
    }
}

inline store(where, what, order)
{
    atomic {
        oldest_it_may_see(where, order);
        do
        :: i < n_stores[where] -> i++
        :: MAY_FOLLOW(where, i) -> break
        od;
        d_step {
            i++;
            add_store(where, what, order, false)
        }
    }
}

/* what may be said in terms of ret, the old value. */
inline exchange(where, what, order, ret)
{
    atomic {
        oldest_it_may_see(where, order);
        do
        :: i < n_stores[where] -> i++
        :: MAY_FOLLOW(where, i) -> break
        od;
        d_step {
            ret = stored[AT(where, i)];
            join(where, order);
            i++;
            add_store(where, what, order, true)
        }
    }
}

/* ret_seen: what was there; it succeeded when that is expected. */
inline compare_exchange(where, expected, what, order, ret_seen)
{
    atomic {
        oldest_it_may_see(where, order);
        do
        :: i < n_stores[where] -> i++
        :: stored[AT(where, i)] != (expected) || MAY_FOLLOW(where, i) -> break
        od;
        d_step {
            join(where, order);
            if
            :: stored[AT(where, i)] == (expected) ->
                ret_seen = expected;
                i++;
                add_store(where, what, order, true)
            :: else ->
                ret_seen = stored[AT(where, i)];
                see(where, order);
                forget(where)
            fi
        }
    }
}

/* The last thing that a process does which is not the last of its model: it reads nothing any more. */
inline leave()
{
    d_step {
        j = 0;
        do
        :: j < WORDS -> view[VIEW(j)] = n_stores[j]; j++
        :: else -> break
        od;
        j = 0
    }
}

/* A word that stands for plain memory: who touches it must know of the touch before, or that is a race. */
inline touch(where)
{
    d_step {
        assert(n_stores[where] == 0 || view[VIEW(where)]);
        n_stores[where] = 1;
        j = 0;
        do
        :: j < THREADS -> view[j * WORDS + (where)] = 0; j++
        :: else -> break
        od;
        j = 0;
        do
        :: j < WORDS * STORES -> carried[j * WORDS + (where)] = 0; j++
        :: else -> break
        od;
        view[VIEW(where)] = 1;
        j = 0
    }
}

/* A word that is a lock, or stands for what is handed over under one: who gives it leaves his view there, who takes it
 * joins that. */
inline give(where)
{
    j = 0;
    do
    :: j < WORDS -> carried[CARRIED(where, 0, j)] = view[VIEW(j)]; j++
    :: else -> break
    od;
    j = 0
}

inline take(where)
{
    i = 0;
    join(where, RELEASE);
    j = 0
}

inline lock(where) { atomic { stored[AT(where, 0)] == 0 -> d_step { stored[AT(where, 0)] = 1; take(where) } } }
inline unlock(where) { d_step { give(where); stored[AT(where, 0)] = 0 } }
