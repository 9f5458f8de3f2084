/* views.pml - memory as C11 has it between a release and an acquire, for the models of what no lock guards: a load may
 * return any store of a word that is not older than what its thread knows of.
 *
 * Each word keeps all its stores; a thread's view says, for each word, the oldest store that it may still read. A store
 * that releases carries its thread's view, and a load that acquires it joins that one. An exchange reads the newest store
 * and carries on the view of it. Loads done early are in this: what they would see is an old store. seq is release and
 * acquire here; pairs of store and load are memory.pml's part.
 *
 * A model defines WORDS, STORES (of a word, at most) and THREADS, includes this, and says `byte me, i, j` in each process.
 */
#define RELAXED 0
#define RELEASE 1 /* or acquire, or both */
#define SEQ 2

byte n_stores[WORDS]; /* besides the first, which all know of: 0 */
byte stored[WORDS * STORES];
byte carried[WORDS * STORES * WORDS];
byte view[THREADS * WORDS];

#define AT(where, n) ((where) * STORES + (n))
#define CARRIED(where, n, word) (AT(where, n) * WORDS + (word))
#define VIEW(where) (me * WORDS + (where))

inline join(where, order)
{
    j = 0;
    do
    :: j < WORDS ->
        if
        :: (order) != RELAXED && carried[CARRIED(where, i, j)] > view[VIEW(j)] ->
            view[VIEW(j)] = carried[CARRIED(where, i, j)]
        :: else
        fi;
        j++
    :: else -> break
    od
}

/* The view that goes with the newest store: the thread's, beside that of the store which an exchange replaced. */
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

inline load(where, order, ret)
{
    atomic {
        i = view[VIEW(where)];
        do
        :: i < n_stores[where] -> i++
        :: break
        od;
        d_step {
            view[VIEW(where)] = i;
            ret = stored[AT(where, i)];
            join(where, order);
            i = 0;
            j = 0
        }
    }
}

inline add_store(where, what, order, is_exchange)
{
    n_stores[where]++;
    i = n_stores[where];
    assert(i < STORES);
    stored[AT(where, i)] = what;
    view[VIEW(where)] = i;
    carry(where, order, is_exchange)
}

inline store(where, what, order)
{
    d_step {
        add_store(where, what, order, false);
        i = 0;
        j = 0
    }
}

/* ret_seen: what was there; it succeeded when that is expected. */
inline compare_exchange(where, expected, what, order, ret_seen)
{
    d_step {
        i = n_stores[where];
        ret_seen = stored[AT(where, i)];
        view[VIEW(where)] = i;
        join(where, order);
        if
        :: ret_seen == (expected) -> add_store(where, what, order, true)
        :: else
        fi;
        i = 0;
        j = 0
    }
}
