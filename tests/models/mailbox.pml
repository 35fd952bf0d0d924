/* The mailbox and who keeps it alive: two bindings whose mail two threads produce, one owner.
 *
 * Abstracts src/urlmon_core: mailbox.pxd (mailbox_post, mailbox_take, `ended`), iothread.pyx `_flush` (publish, exchange of `pending`,
 * push with a reference), apartment.pyx `collect` and `deliver_to` (take all, clear, read; skip what is suspended or has stopped),
 * delivery.pyx `plan`, `push_self` and `forsake`, binding.pyx `suspend` and `resume`, transaction.pxd transaction_reference and
 * transaction_release. The notification list is one step here (notify.pml shows that it may be): a set of nodes, and the armed flag.
 *
 * Checked: each owner sees every status of its binding once and in order, then exactly one stop, also through suspensions; no access to a
 * record after it was freed, each is freed once; nobody sleeps while there is mail. */

#define STATUSES 2
#define BINDINGS 2

byte posted[BINDINGS];          /* statuses written, by the producer */
bit ended[BINDINGS];
bit pending[BINDINGS];
bit in_list[BINDINGS];
byte references[BINDINGS];
bit freed[BINDINGS];
bit armed, signalled;

/* the owner's */
byte taken[BINDINGS];
bit suspended[BINDINGS];
bit ready[BINDINGS];
bit stopped[BINDINGS];
byte suspensions;

#define listed (in_list[0] || in_list[1])
#define over (stopped[0] && stopped[1] && !listed && _nr_pr == 2)    /* the producers have ended too */
#define touch(b) assert(!freed[b])

inline release(b) {
    atomic {
        touch(b);
        assert(references[b] > 0);
        references[b]--;
        if
        :: references[b] == 0 -> freed[b] = 1
        :: else
        fi
    }
}

/* list_push, and the wake-up that it may owe. */
inline push(b) {
    atomic {
        touch(b);
        assert(!in_list[b]);
        in_list[b] = 1;
        wakes = armed;
        armed = 0
    };
    if
    :: wakes -> signalled = 1
    :: else
    fi;
    wakes = 0
}

inline exchange_pending(b, value) {
    atomic { touch(b); was = pending[b]; pending[b] = value }
}

/* The mailbox of b has something new: `_flush`, or `push_self`. */
inline hand_over(b) {
#ifdef BROKEN_LOOK_AT_THE_FLAG_ONLY
    /* "It is pending already, so the owner will look": but the owner may have cleared it and read before the write. */
    was = was_pending;
    if
    :: !was -> exchange_pending(b, 1)
    :: else
    fi;
#else
    exchange_pending(b, 1);
#endif
    if
    :: !was ->
#ifndef BROKEN_PUSH_WITHOUT_A_REFERENCE
        atomic { touch(b); references[b]++ };
#endif
        push(b)
    :: else
    fi;
    was = 0
}

/* An I/O thread with one live binding; its live list holds a reference. */
proctype producer(byte b) {
    bit was, wakes, was_pending;
    byte number;
    do
    :: number < STATUSES ->
        was_pending = pending[b];
        touch(b);
        posted[b] = posted[b] + 1;
        number++;
        if
        :: true -> hand_over(b)
        :: number < STATUSES           /* it coalesces with what follows */
        fi
    :: else -> break
    od;
    was_pending = pending[b];
    touch(b);
    ended[b] = 1;
    hand_over(b);
    release(b)                         /* `_delist` */
}

/* One look into the mail of b, as far as there is any: `step` until `plan` finds nothing. `ended` is read before the statuses that are
 * read after it. */
inline deliver(b) {
    do
    :: taken[b] < posted[b] -> touch(b); taken[b]++
    :: else ->
        saw_end = ended[b];
        if
        :: saw_end && taken[b] == posted[b] ->
            assert(taken[b] == STATUSES);          /* nothing was lost, nothing comes after the stop */
            assert(!stopped[b]);                   /* exactly one stop */
            stopped[b] = 1;
            release(b);                            /* the client drops the binding */
            break
        :: saw_end && taken[b] < posted[b]
        :: !saw_end -> break
        fi
    od;
    saw_end = 0
}

inline collect(b) {
    if
    :: took[b] ->
        took[b] = 0;
#ifdef BROKEN_READ_BEFORE_CLEAR
        if
        :: !stopped[b] && !suspended[b] -> deliver(b)
        :: else
        fi;
        exchange_pending(b, 0);
#else
        exchange_pending(b, 0);
        was = 0;
        if
        :: !stopped[b] && !suspended[b] -> ready[b] = 1
        :: else
        fi;
#endif
        release(b)
    :: else
    fi
}

inline dispatch(b) {
    if
    :: ready[b] ->
        ready[b] = 0;
        if
        :: !suspended[b] -> deliver(b)
        :: else
        fi
    :: else
    fi
}

/* What a client may do between two calls. */
inline client(b) {
    if
    :: !stopped[b] && !suspended[b] && suspensions < 2 -> suspended[b] = 1; suspensions++
    :: !stopped[b] && suspended[b] ->
        suspended[b] = 0;
#ifndef BROKEN_RESUME_WITHOUT_A_PUSH
        hand_over(b)
#endif
    :: true
    fi
}

proctype owner() {
    bit was, wakes, was_pending, saw_end;
    bit took[BINDINGS];
    do
    :: over -> break
    :: else ->
        atomic { took[0] = in_list[0]; took[1] = in_list[1]; in_list[0] = 0; in_list[1] = 0; armed = 0 };
        collect(0);
        collect(1);
        if
        :: true -> dispatch(0); client(0); dispatch(1)
        :: true -> dispatch(1); client(1); dispatch(0)
        fi;
        if
        :: ready[0] || ready[1]
        :: else ->
            /* it sleeps, unless something has come; one that is suspended may be resumed at any time */
            if
            :: suspended[0] -> skip; client(0)
            :: suspended[1] -> skip; client(1)
            :: !suspended[0] && !suspended[1] ->
                if
                :: atomic { !listed -> armed = 1 };
                    (signalled || over);
                    signalled = 0
                :: listed
                fi
            fi
        fi
    od
}

init {
    atomic {
        references[0] = 2;             /* the binding object, and the live list */
        references[1] = 2;
        run owner();
        run producer(0);
        run producer(1)
    };
    (_nr_pr == 1);
    assert(freed[0] && freed[1])
}
