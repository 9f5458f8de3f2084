/* memory.pml - memory in which a store may be seen late, for the models of this folder.
 *
 * A store goes into its thread's buffer and is written some time later; its own thread sees it at once. Relaxed ones
 * may be written before earlier ones, a release only after all earlier ones. A seq load waits until the seq stores
 * before it are written; any other load does not wait. So a pair of store and load is safe only when it is seq on
 * both sides, as C11 has it, also where x86 would be kinder: an exchange that is not seq may be seen late too.
 * Not modelled: loads that are done early, and machines on which two threads see stores in different orders.
 *
 * A model defines WORDS and THREADS, includes this, and says `me` in each process: 0 to THREADS - 1.
 */
#define RELAXED 0
#define RELEASE 1 /* or acquire, or both */
#define SEQ 2
#define DEPTH 3

byte memory[WORDS];
byte claimed[WORDS]; /* by an exchange that is not written yet: thread + 1 */
byte n_buffered[THREADS], n_seq[THREADS];
byte buffered_where[THREADS * DEPTH], buffered_what[THREADS * DEPTH], buffered_order[THREADS * DEPTH];
byte n_own[THREADS * WORDS], own[THREADS * WORDS]; /* what this thread sees of its own buffer */

#define IN(i) (me * DEPTH + (i))
#define MINE(where) (me * WORDS + (where))
#define MAY_WRITE(i) (claimed[buffered_where[IN(i)]] == 0 || claimed[buffered_where[IN(i)]] == me + 1)
#define IS_WRITTEN (n_buffered[me] == 0)
#define MAY_OVERTAKE                                                                               \
    (n_buffered[me] > 1 && buffered_order[IN(1)] == RELAXED &&                                     \
     buffered_where[IN(1)] != buffered_where[IN(0)])

inline write(first)
{
    i = first;
    memory[buffered_where[IN(i)]] = buffered_what[IN(i)];
    n_own[MINE(buffered_where[IN(i)])]--;
    n_seq[me] = n_seq[me] - (buffered_order[IN(i)] == SEQ);
    if
    :: n_own[MINE(buffered_where[IN(i)])] == 0 ->
        own[MINE(buffered_where[IN(i)])] = 0;
        claimed[buffered_where[IN(i)]] = 0
    :: else
    fi;
    n_buffered[me]--;
    do
    :: i < DEPTH - 1 ->
        buffered_where[IN(i)] = buffered_where[IN(i + 1)];
        buffered_what[IN(i)] = buffered_what[IN(i + 1)];
        buffered_order[IN(i)] = buffered_order[IN(i + 1)];
        i++
    :: else -> break
    od;
    buffered_where[IN(i)] = 0;
    buffered_what[IN(i)] = 0;
    buffered_order[IN(i)] = 0;
    i = 0
}

/* One for each thread: what its buffer holds reaches memory some time. */
active [THREADS] proctype buffers()
{
    byte me = _pid, i;

end:
    do
    :: d_step { n_buffered[me] > 0 && MAY_WRITE(0) -> write(0) }
    :: d_step { MAY_OVERTAKE && MAY_WRITE(1) -> write(1) }
    od
}

inline put(where, what, order)
{
    own[MINE(where)] = what;
    n_own[MINE(where)]++;
    buffered_where[IN(n_buffered[me])] = where;
    buffered_what[IN(n_buffered[me])] = own[MINE(where)];
    buffered_order[IN(n_buffered[me])] = order;
    n_buffered[me]++;
    n_seq[me] = n_seq[me] + (order == SEQ)
}

#define SEES(where) (n_own[MINE(where)] -> own[MINE(where)] : memory[where])
#define MAY_LOAD(order) (order != SEQ || n_seq[me] == 0)
#define MAY_CLAIM(where) (n_buffered[me] < DEPTH && (claimed[where] == 0 || claimed[where] == me + 1))

inline load(where, order, ret)
{
    d_step { MAY_LOAD(order) -> ret = SEES(where) }
}

inline store(where, what, order)
{
    d_step { n_buffered[me] < DEPTH -> put(where, what, order) }
}

/* what may be said in terms of ret, the old value. */
inline exchange(where, what, order, ret)
{
    d_step {
        MAY_CLAIM(where) && MAY_LOAD(order) ->
        ret = SEES(where);
        claimed[where] = me + 1;
        put(where, what, order)
    }
}

/* ret_seen: what was there; it succeeded when that is expected. */
inline compare_exchange(where, expected, what, order, ret_seen)
{
    d_step {
        MAY_CLAIM(where) && MAY_LOAD(order) ->
        ret_seen = SEES(where);
        if
        :: ret_seen == (expected) ->
            claimed[where] = me + 1;
            put(where, what, order)
        :: else
        fi
    }
}

/* A lock, a queue of tasks: who lets go has written everything (release), who takes it sees that. */
#define PUBLISHED IS_WRITTEN
