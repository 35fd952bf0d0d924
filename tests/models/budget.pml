/* The byte budget of a visit, holding for a higher band, the mark of a stream and suspension: four reasons for which one transfer is paused,
 * and who has it go on. Two transfers of one apartment on the I/O thread; 1 is of the higher band and begins at any time.
 *
 * Abstracts src/urlmon_core: budget.pyx (budget_spend, budget_leave, budget_grant), flow.pyx (flow_may_read, flow_hold, flow_before_reading,
 * `_hold_below`, `_release`, flow_tick), transfer.pxd transfer_go_on, transfer.pyx (transfer_continue, transfer_set_suspended), iothread.pyx
 * (`_turn`, `_patience_ms`), operations.pyx `_obey`. The stream is a count, its flag one step (see backpressure.pml). A chunk is a whole visit, one visit is granted
 * in a turn, and no credit is given to the lower band: it goes on when the higher one has been silent for its 200 ms, which pass only while the
 * poller waits with that limit. libcurl's timer, which curl_easy_pause sets, is a flag.
 *
 * The client of 1 reads its stream only after that of 0 has everything, as a program may: 0 must not depend on it.
 *
 * Checked: both get everything (a transfer that nobody has go on is a state in which nobody can go on), at most one visit begins in a turn
 * anew, and nothing of the lower band is read while it is held, but for a visit that had been granted before. */

#define CHUNKS 4        /* of each body */
#define MARK 2          /* chunks that may wait unread */
#define VISITS 1

byte left[2] = CHUNKS, unread[2];
bit begun[2], over[2];
/* towards the I/O thread */
bit credit[2], wish[2], wants_suspended[2];
/* its own */
bit paused[2];                          /* libcurl's */
bit stalled[2], visited[2], held[2], refused[2], suspended[2];
bit heard;                              /* the higher band received, or began, within its 200 ms */
bit under_way;                          /* 0 was let go on when it might be read, and has not been read since */
bit flow_due;                           /* flow_tick said when to come again */
bit timer[2];                           /* libcurl's: the transfer is looked at without its socket */

#define counts(i) (begun[i] && !over[i] && !suspended[i])
#define may_read(i) (i == 1 || !heard || !counts(1))
#define ready(i) (begun[i] && left[i] && !paused[i] && !held[i])
#define may_go_on(i) (!stalled[i] && !suspended[i] && !refused[i] && !visited[i])

inline go_on(i) {
    if
    :: may_go_on(i) && !over[i] -> paused[i] = 0; timer[i] = 1; under_way = under_way || (i == 0 && may_read(0))
    :: else
    fi
}

/* flow_before_reading: libcurl, let go, would read at once, whether the poller watches the socket or not. */
inline before_reading(i) {
    if
    :: !suspended[i] && !refused[i] && !may_read(i) -> held[i] = 1; refused[i] = 1
    :: else
    fi
}

/* flow_tick, for one of those held */
inline tick(i) {
    if
    :: held[i] && may_read(i) ->
        held[i] = 0;
        if
        :: refused[i] -> refused[i] = 0; if :: !suspended[i] -> go_on(i) :: else fi
        :: else
        fi
    :: held[i] && !may_read(i) -> flow_due = 1
    :: else
    fi
}

/* What libcurl does with a socket that is ready, or when its timer has run out: one chunk. */
inline receive(i) {
    if
    :: begun[i] && left[i] && !paused[i] && (!held[i] || timer[i]) ->
        assert(!held[i] || under_way);
        if
        :: i == 0 -> under_way = 0
        :: else
        fi;
        left[i]--;
        unread[i]++;
        assert(unread[i] <= MARK);
        if
        :: i == 1 -> heard = 1
        :: else
        fi;
        if
        :: unread[i] == MARK && left[i] -> stalled[i] = 1; paused[i] = 1
        :: else
        fi;
        if
        :: left[i] -> visited[i] = 1; paused[i] = 1             /* budget_spend */
        :: else ->                                              /* transfer_end */
            over[i] = 1;
            visited[i] = 0;
            held[i] = 0;
            refused[i] = 0
        fi
    :: else
    fi
}

inline obey(i) {
    if
    :: wish[i] && !over[i] ->
        wish[i] = 0;
        if
        :: wants_suspended[i] != suspended[i] ->
            suspended[i] = wants_suspended[i];
            if
            :: suspended[i] -> paused[i] = 1
            :: else ->
#ifndef BROKEN_RESUME_READS_THE_HELD
                before_reading(i);
#endif
                go_on(i)
            fi
        :: else
        fi
    :: else -> wish[i] = 0
    fi;
    if
    :: credit[i] ->
        credit[i] = 0;
        if
        :: stalled[i] && !over[i] -> stalled[i] = 0; before_reading(i); go_on(i)
        :: else
        fi
    :: else
    fi
}

inline grant() {
    granted = 0;
    do
    :: granted < VISITS && (visited[0] || visited[1]) ->
        if
        :: visited[1] -> best = 1
        :: else -> best = 0
        fi;
        visited[best] = 0;
#ifndef BROKEN_GRANT_READS_THE_HELD
        before_reading(best);
#endif
#ifdef BROKEN_VISIT_FOR_NOTHING
        granted++;
        go_on(best)
#else
        if
        :: may_go_on(best) -> granted++; go_on(best)
        :: else
        fi
#endif
    :: else -> break
    od;
    best = 0;
    granted = 0
}

proctype io_thread() {
    byte granted, best;
    begun[0] = 1;
    do
    :: over[0] && over[1] -> break
    :: else ->
        atomic {
            if
            :: timer[0] || timer[1] -> skip
            :: ready(0) || ready(1) || credit[0] || credit[1] || wish[0] || wish[1] -> skip
            :: flow_due -> heard = 0                            /* the limit of the wait */
            :: !begun[1] ->                                     /* COMMAND_OPEN, admission, flow_admitted, `_hold_below` */
                begun[1] = 1;
                heard = 1;
                if
                :: !over[0] && !may_read(0) -> held[0] = 1
                :: else
                fi
            fi
        };
        d_step { obey(0); obey(1) };
        d_step { receive(1); receive(0); timer[0] = 0; timer[1] = 0 };
#ifdef BROKEN_GRANT_AFTER_THE_TICK
        d_step { flow_due = 0; tick(0); tick(1) };
        d_step { grant() }
#else
        d_step { grant() };
        d_step { flow_due = 0; tick(0); tick(1) }
#endif
    od
}

inline consume(i) {
    d_step {
        unread[i]--;
        if
        :: stalled[i] && unread[i] <= MARK / 2 -> credit[i] = 1
        :: else
        fi
    }
}

proctype owner() {
    byte toggles;
    do
    :: unread[0] -> consume(0)
    :: over[0] && !unread[0] && unread[1] -> consume(1)
    :: toggles < 2 -> atomic { wants_suspended[toggles] = 1; wish[toggles] = 1; toggles++ }
    :: atomic { wants_suspended[0] && !wish[0] -> wants_suspended[0] = 0; wish[0] = 1 }
    :: atomic { wants_suspended[1] && !wish[1] -> wants_suspended[1] = 0; wish[1] = 1 }
    :: over[0] && over[1] && !unread[0] && !unread[1] -> break
    od
}

init {
    atomic { run io_thread(); run owner() };
    (_nr_pr == 1);
    assert(!left[0] && !left[1])
}
