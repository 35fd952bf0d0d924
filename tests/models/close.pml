/* The end of an operation: abort against completion, against the end of the thread, against the stop of the I/O thread.
 *
 * Abstracts src/urlmon_core: reactor.pyx `command` (fetch-or of bits; a push with a reference when the word was 0; refused by a closed list)
 * and `stop`, binding.pyx `submit` and `abort`, delivery.pyx `give_up`, `call_stop`, `forsake`, `abandon`, apartment.pyx `collect` and
 * `abandon`, operations.pyx (`_obey`, operation_end, operation_end_active), iothread.pyx `_flush`, `_shut_down`, transfer.pyx transfer_end and transaction_end,
 * filesink.pyx file_commit and file_discard. Two operations of one owner; their bytes are left out (see mailbox.pml). The client keeps the
 * binding until it has stopped. A notification list is one step here (see notify.pml): a set of nodes that may be closed.
 *
 * Checked: every operation that was handed over has exactly one stop, unless its thread ended, then none; a success is told if and only if the
 * file got its name, and never after an abort that was accepted; no access to freed memory, everything is freed once, no file is left open. */

#define OPEN 1
#define ABORT 2

#define FATE_OPEN 0
#define FATE_ABORTED 1
#define FATE_ENDED 2

#define NEW 0
#define ACTIVE 1
#define DONE 2

#define NONE 0
#define SUCCESS 1
#define ABORTED 2

#define N 2

/* shared */
byte commands[N], fate[N], references[N];
bit pending[N], ended[N];
byte outcome[N];
bit command_listed[N], commands_closed;
bit mail_listed[N], mail_closed;
bit stopping, reactor_gone;
/* the I/O thread's */
byte state[N];
bit live[N], dirty[N];
bit part[N];                    /* the partial file is open */
/* the owner's */
bit told[N], accepted[N], handed_over[N], forsaken[N];
bit thread_ended;
/* ghosts */
bit freed[N], file[N];
byte stops[N], told_outcome[N];

#define touch(t) assert(!freed[t])

inline take(t) {
    atomic { touch(t); references[t]++ }
}

inline release(t) {
    atomic {
        touch(t);
        assert(references[t] > 0);
        references[t]--;
        if
        :: references[t] == 0 -> assert(!part[t] && !live[t] && !dirty[t]); freed[t] = 1
        :: else
        fi
    }
}

/* Reactor.command; `refused` says whether the list was closed. */
inline command(t, bits) {
    refused = 0;
    atomic { touch(t); was = commands[t]; commands[t] = was | bits };
    if
    :: was == 0 ->
        take(t);
        atomic {
            if
            :: commands_closed -> refused = 1
            :: else -> touch(t); assert(!command_listed[t]); command_listed[t] = 1
            fi
        };
        if
        :: refused -> release(t)
        :: else
        fi
    :: else
    fi;
    was = 0
}

/* -- the I/O thread ---------------------------------------------------------------------------------------------- */

inline finish(t, cause) {
    /* transfer_end, or _end for one that has no transfer: who ended it is decided in one step */
    result = cause;
#ifdef BROKEN_FATE_NOT_COMPARED
    fate[t] = FATE_ENDED;
#else
    atomic {
        touch(t);
        if
        :: fate[t] == FATE_OPEN -> fate[t] = FATE_ENDED
        :: else -> result = ABORTED
        fi
    };
#endif
    if
    :: part[t] && result == SUCCESS -> atomic { file[t] = 1; part[t] = 0 }       /* rename */
    :: else -> part[t] = 0
    fi;
    assert(state[t] != DONE);
    state[t] = DONE;
    outcome[t] = result;
    result = 0;
    if
    :: !dirty[t] -> dirty[t] = 1; take(t)
    :: else
    fi;
    live[t] = 0;
    release(t)                  /* _delist */
}

inline obey(t) {
    if
    :: took[t] ->
        took[t] = 0;
        atomic { touch(t); bits = commands[t]; commands[t] = 0 };
        if
        :: bits & OPEN -> take(t); live[t] = 1; state[t] = ACTIVE; part[t] = 1
        :: else
        fi;
        if
#ifdef BROKEN_ABORT_OF_WHAT_IS_DONE
        :: bits & ABORT && state[t] != NEW -> finish(t, ABORTED)
#else
        :: bits & ABORT && state[t] == ACTIVE -> finish(t, ABORTED)
#endif
        :: else
        fi;
        release(t)
    :: else
    fi
}

inline flush(t) {
    if
    :: dirty[t] ->
        dirty[t] = 0;
        if
        :: state[t] == DONE -> touch(t); ended[t] = 1
        :: else
        fi;
        atomic { touch(t); was = pending[t]; pending[t] = 1 };
        if
        :: was == 0 ->
            take(t);
            atomic {
                if
                :: mail_closed -> refused = 1
                :: else -> assert(!mail_listed[t]); mail_listed[t] = 1
                fi
            };
            if
            :: refused -> refused = 0; release(t)
            :: else
            fi
        :: else
        fi;
        was = 0;
        release(t)
    :: else
    fi
}

inline shut_down(t) {
    if
    :: took[t] ->
        took[t] = 0;
        atomic { touch(t); bits = commands[t]; commands[t] = 0 };
        if
#ifdef BROKEN_STOP_FORGETS_COMMANDS
        :: 0 -> skip
#else
        :: bits & OPEN -> take(t); live[t] = 1; state[t] = ACTIVE
#endif
        :: else
        fi;
        release(t)
    :: else
    fi
}

inline take_commands() {
    took[0] = command_listed[0];
    took[1] = command_listed[1];
    command_listed[0] = 0;
    command_listed[1] = 0
}

proctype io_thread() {
    bit took[N];
    byte bits, was, result;
    bit refused;
    do
    :: stopping -> break
    :: !stopping && (command_listed[0] || command_listed[1]) ->
        atomic { take_commands() };
        obey(0);
        obey(1);
        flush(0);
        flush(1)
    :: !stopping && state[0] == ACTIVE -> finish(0, SUCCESS); flush(0)
    :: !stopping && state[1] == ACTIVE -> finish(1, SUCCESS); flush(1)
    od;
    atomic { take_commands(); commands_closed = 1 };
    shut_down(0);
    shut_down(1);
    if
    :: live[0] -> finish(0, ABORTED)
    :: else
    fi;
    if
    :: live[1] -> finish(1, ABORTED)
    :: else
    fi;
    flush(0);
    flush(1);
    reactor_gone = 1
}

/* -- the owner --------------------------------------------------------------------------------------------------- */

inline submit(t) {
    handed_over[t] = 1;
    command(t, OPEN);
    if
    :: refused -> handed_over[t] = 0; forsaken[t] = 1; release(t)      /* ApartmentClosedError; `refuse` tells the stop */
    :: else
    fi
}

inline abort(t) {
    atomic {
        touch(t);
        if
        :: fate[t] == FATE_OPEN -> fate[t] = FATE_ABORTED; accepted[t] = 1
        :: else                                                   /* INET_E_RESULT_DISPATCHED */
        fi
    };
    if
    :: accepted[t] -> command(t, ABORT)
    :: else
    fi
}

inline collect(t) {
    if
    :: took[t] ->
        took[t] = 0;
        atomic { touch(t); pending[t] = 0 };
        if
        :: !forsaken[t] && ended[t] ->
            stops[t]++;
            told_outcome[t] = (accepted[t] -> ABORTED : outcome[t]);
            forsaken[t] = 1;
            release(t)                 /* the client lets the binding go */
        :: else
        fi;
#ifndef BROKEN_COLLECT_KEEPS_ITS_REFERENCE
        release(t)
#endif
    :: else
    fi
}

inline abandon(t) {
    if
    :: handed_over[t] && !forsaken[t] ->
#ifdef BROKEN_ABANDON_WITHOUT_FATE
        atomic { touch(t); accepted[t] = (fate[t] == FATE_OPEN -> 1 : accepted[t]) };
        command(t, ABORT);
#else
        atomic {
            touch(t);
            was = fate[t];
            fate[t] = (was == FATE_OPEN -> FATE_ABORTED : was)
        };
        if
        :: was == FATE_OPEN -> was = 0; accepted[t] = 1; command(t, ABORT)
        :: else -> was = 0
        fi;
#endif
        forsaken[t] = 1;
        release(t)
    :: else
    fi
}

proctype owner() {
    bit took[N];
    byte was;
    bit refused, will_end;
    if
    :: will_end = 0
    :: will_end = 1
    fi;
    submit(0);
    submit(1);
    do
    :: forsaken[0] && forsaken[1] -> break
    :: !(forsaken[0] && forsaken[1]) && (mail_listed[0] || mail_listed[1]) ->
        atomic { took[0] = mail_listed[0]; took[1] = mail_listed[1]; mail_listed[0] = 0; mail_listed[1] = 0 };
        collect(0);
        collect(1)
    :: handed_over[0] && !forsaken[0] && !accepted[0] && !ended[0] -> abort(0)
    :: will_end -> thread_ended = 1; break
    od;
    /* Apartment.abandon: the end of the thread, or much later */
    abandon(0);
    abandon(1);
    atomic { took[0] = mail_listed[0]; took[1] = mail_listed[1]; mail_listed[0] = 0; mail_listed[1] = 0; mail_closed = 1 };
    if
    :: took[0] -> took[0] = 0; release(0)
    :: else
    fi;
    if
    :: took[1] -> took[1] = 0; release(1)
    :: else
    fi
}

/* stop_reactor, on any thread, at any time; at the latest at exit. */
proctype stopper() {
    stopping = 1;
    reactor_gone
}

init {
    byte i;
    atomic {
        references[0] = 1;             /* the binding object */
        references[1] = 1;
        run owner();
        run io_thread();
        run stopper()
    };
    (_nr_pr == 1);
    do
    :: i < N ->
        assert(freed[i] && !part[i] && !live[i]);
        assert(stops[i] == (handed_over[i] && !thread_ended -> 1 : stops[i]));
        assert(stops[i] <= 1);
        assert(told_outcome[i] != SUCCESS || file[i]);
        assert(!(stops[i] && file[i]) || told_outcome[i] == SUCCESS);
        assert(!(accepted[i] && file[i]));
        i++
    :: else -> break
    od
}
