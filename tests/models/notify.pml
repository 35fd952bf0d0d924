/* The notification list with its armed wake-up: two producers, one consumer.
 *
 * Abstracts src/urlmon_core/notify.pxd: list_push, list_take_all, list_reversed, list_arm, list_close; the flag of a node as in
 * iothread.pyx `_flush` and apartment.pyx `post` (producers) and `collect` (consumer); the sleep of apartment.pyx `wait`.
 * Each load, store, exchange and compare-and-exchange of shared memory is one step; those of one thread are not merged.
 *
 * Checked: every post is seen (before a close), a node is in the list at most once, a signal is only sent to a consumer that said that
 * it sleeps, and once for each sleep. A wake-up that is lost is a state in which nobody can go on, which spin reports.
 * Not checked here: memory orders. The steps are sequentially consistent; ThreadSanitizer sees to the orders. */

#ifndef POSTS
#define POSTS 2         /* by each producer, each time on a node of its choice */
#endif
#define NODES 2         /* both producers may post on each of them */

#define EMPTY 0
#define ARMED 1
#define CLOSED 2
#define FIRST 3         /* node i is FIRST + i; all above CLOSED are nodes */

#define done (finished[0] && finished[1] && head <= CLOSED && seen[0] == posted[0] && seen[1] == posted[1])

byte head = EMPTY;
byte next[NODES];
bit pending[NODES];     /* whoever sets it owns the push */
byte posted[NODES];
byte seen[NODES];
bit signalled;          /* the eventfd */
byte signals, sleeps;   /* ghosts, as are the following */
bit in_list[NODES];
bit finished[2];
bit closed;

inline post(node) {
    byte expected, was;
    atomic { posted[node]++ };
#ifdef BROKEN_FLAG_NOT_EXCHANGED
    was = pending[node];
    pending[node] = 1;
#else
    atomic { was = pending[node]; pending[node] = 1 };
#endif
    if
    :: was == 0 ->
        expected = head;
push_again:
        if
        :: expected == CLOSED -> skip     /* refused: the flag stays, nobody tries again */
        :: else ->
            next[node] = (expected > CLOSED -> expected : 0);
            if
            :: atomic { head == expected ->
                    assert(!in_list[node]);
                    in_list[node] = 1;
                    head = FIRST + node }
            :: atomic { head != expected -> expected = head }; goto push_again
            fi;
#ifdef BROKEN_WAKE_FROM_A_LATER_LOOK
            if
            :: head == ARMED ->
#else
            if
            :: expected == ARMED ->
#endif
                atomic { signals++; assert(signals <= sleeps); signalled = 1 }
            :: else
            fi
        fi
    :: else
    fi;
    expected = 0;
    was = 0
}

proctype producer(bit me) {
    byte i;
    do
    :: i < POSTS ->
        if
        :: post(0)
        :: post(1)
        fi;
        i++
    :: else -> break
    od;
    finished[me] = 1
}

/* Takes the nodes of a chain in `link`, newest first: list_reversed links them the other way round, then the walk begins. */
inline walk() {
    older = 0;
    do
    :: link != 0 ->
        follow = next[link - FIRST];
        next[link - FIRST] = older;
        older = link;
        link = follow
    :: else -> break
    od;
    link = older;
    do
    :: link != 0 ->
        at = link - FIRST;
        atomic { assert(in_list[at]); in_list[at] = 0 };
#ifdef BROKEN_FLAG_BEFORE_LINK
        pending[at] = 0;
        link = next[at];
#else
        link = next[at];
        pending[at] = 0;
#endif
        atomic { seen[at] = posted[at] }
    :: else -> break
    od
}

proctype consumer() {
    byte link, older, follow, at, expected;
    do
    :: atomic { link = head; head = EMPTY };      /* list_take_all */
        link = (link > CLOSED -> link : 0);
        if
        :: link != 0 -> walk()
        :: else ->
            if
            :: atomic { done -> break }
            :: true ->
                /* list_arm */
#ifdef BROKEN_ARM_IN_TWO_STEPS
                expected = head;
                if
                :: expected == EMPTY -> atomic { head = ARMED; sleeps++ };
#else
                if
                :: atomic { head == EMPTY -> head = ARMED; sleeps++; expected = EMPTY }
#endif
                    (signalled || done);
                    signalled = 0                         /* drained; the take follows */
                :: atomic { head != EMPTY -> expected = head }
                fi
            fi
        fi
    :: true ->                                    /* it closes the list at any time between two takes */
        atomic { link = head; head = CLOSED; closed = 1 };
        link = (link > CLOSED -> link : 0);
        walk();
        break
    od;
    assert(closed || (seen[0] == posted[0] && seen[1] == posted[1]))
}

init {
    atomic { run producer(0); run producer(1); run consumer() };
    (_nr_pr == 1);
    /* Whatever was accepted was taken. */
    assert(!in_list[0] && !in_list[1])
}
