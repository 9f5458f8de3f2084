/* request.pml - a reply, the timeout, a cancel and who gives the holder up race for the end of one request, whose record is
 * used again (src/actor/request.c).
 *
 * Promised: the asker gets exactly one answer, its own; the record is given back once, when nobody looks at it any more;
 * an old correlation finds nothing.
 *
 * break: WIN    a look at `closed` and a store, where one compare-exchange must decide
 * break: TIMER  who ends it gives back the timer's count although the timer is firing
 * break: JOIN   who gives the holder up takes a count of a record that nobody has one of
 */
bool closed = false;
byte generation = 1, refs = 3; /* one each */
bool armed = true;
byte answers, returned;

/* The compare-exchange on `word`. */
inline win()
{
#ifdef BREAK_WIN
    won = !closed;
    if
    :: won -> closed = true
    :: else
    fi
#else
    atomic { won = !closed; closed = true }
#endif
}

inline unref()
{
    atomic {
        assert(refs > 0);
        refs--;
        last = refs == 0;
        if
        :: last -> generation++; returned++
        :: else
        fi
    }
}

inline cancel_timer()
{
    atomic { cancelled = armed; armed = false };
#ifdef BREAK_TIMER
    cancelled = true;
#endif
    if
    :: cancelled -> unref()
    :: else
    fi
}

inline send_reply()
{
    assert(generation == 1 && refs > 0);
    answers++
}

/* The holder answers. */
proctype holder()
{
    bool won, last, cancelled;

    win();
    if
    :: won ->
        cancel_timer();
        send_reply()
    :: else
    fi;
    unref()
}

/* The timer fires, when it was not cancelled. */
proctype clock()
{
    bool won, last;

    if
    :: atomic { armed -> armed = false };
        win();
        if
        :: won -> send_reply()
        :: else
        fi;
        unref()
    :: !armed
    fi
}

/* The asker may cancel; it lets go of the record with the answer. */
proctype asker()
{
    bool won, last, cancelled;

    if
    :: generation == 1 -> /* its own count keeps the record */
        win();
        if
        :: won ->
            cancel_timer();
            send_reply()
        :: else
        fi
    :: true
    fi;
    answers > 0;
    assert(generation == 1);
    unref()
}

/* The holder is given up: a count beside another, by the compare-exchange on `refs`; there may be none left. */
proctype giver()
{
    bool won, last, cancelled, joined;

#ifdef BREAK_JOIN
    joined = refs > 0 || generation == 2;
    refs++;
#else
    atomic {
        joined = refs > 0;
        if
        :: joined -> refs++
        :: else
        fi
    };
#endif
    if
    :: joined ->
        win();
        if
        :: won ->
            cancel_timer();
            send_reply()
        :: else
        fi;
        unref()
    :: else
    fi
}

init
{
    atomic {
        run giver();
        run holder();
        run clock();
        run asker()
    };
    timeout;
    assert(answers == 1 && returned == 1 && refs == 0);
}
