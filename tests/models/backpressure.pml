/* Back-pressure of a byte stream: one writer (the I/O thread, with libcurl), one reader (the owner), and suspension between them.
 *
 * Abstracts src/urlmon_core: bytestream.pxd (stream_has_room, stream_go_on, stream_publish, stream_consume), response.pyx `on_body` (a chunk
 * is taken, or refused with CURL_WRITEFUNC_PAUSE; or the transfer is paused before the next one, and the rest of the buffer comes
 * nevertheless), transfer.pyx transfer_continue and transfer_set_suspended (curl_easy_pause delivers the refused chunk from inside),
 * operations.pyx `_obey`, iothread.pyx `_flush`, reactor.pyx `command` (fetch-or of bits, push when the word was 0), delivery.pyx `plan_data`
 * and `wants_more_reading`, binding.pyx `suspend` and `resume`. The two notification lists are a flag each (see notify.pml), a wait on them one step.
 *
 * The client reads any part of what is there in each call, also none once it has read something; one that has read nothing at all in a call
 * is not asked again before more comes, so it does read something here when it is asked while all is published.
 *
 * Checked: the reader gets every byte once and never more than the mark (or one chunk); no pause lasts (a transfer that nobody will continue,
 * or a client that nobody will ask, is a state in which nobody can go on). */

#ifndef MARK
#define MARK 3          /* bytes: the high-water mark */
#endif
#ifndef LARGEST
#define LARGEST 2       /* bytes of a chunk: 1 to this */
#endif
#ifndef TOTAL
#define TOTAL 7         /* bytes of the body */
#endif
#define LOW (MARK / 2)
#define CREDIT 1
#define SUSPENSION 2

/* the stream */
byte written, published, consumed;
bit stalled;
/* towards the owner */
bit mail, ended;
/* towards the I/O thread */
byte commands;
bit wants_suspended;

/* the I/O thread's own */
bit paused;             /* libcurl's: CURLPAUSE_RECV, or a refused chunk */
bit refused_chunk;      /* libcurl holds a chunk that was refused */
bit transfer_stalled, transfer_suspended;    /* the first is byte_stream.waiting */
byte chunk;             /* its size, 0 = the next one is of any size */

#define unread (written - consumed)

/* May `size` more bytes be written? A writer that was told to stop does not touch the flag again: the reader answers for it. */
inline has_room(size) {
    seen = consumed;
    if
    :: written + size - seen <= MARK || written == seen -> room = 1
#ifndef BROKEN_STOPS_TWICE
    :: !(written + size - seen <= MARK || written == seen) && transfer_stalled -> room = 0
    :: !(written + size - seen <= MARK || written == seen) && !transfer_stalled ->
#else
    :: else ->
#endif
#ifdef BROKEN_NO_SECOND_LOOK
        stalled = 1;
        room = 0
#else
#ifdef BROKEN_LOOK_BEFORE_THE_FLAG
        seen = consumed;
        stalled = 1;
#else
        stalled = 1;
        seen = consumed;
#endif
        if
        :: written - seen <= LOW -> atomic { room = stalled; stalled = 0 }
        :: else -> room = 0
        fi
#endif
    fi;
    if
    :: !room -> transfer_stalled = 1
    :: else
    fi
}

/* on_body: libcurl offers the chunk. One that has been taken is followed by a look whether the next one will find room. */
inline offer() {
    if
    :: chunk == 0 ->
        if
        :: chunk = 1
        :: LARGEST > 1 && TOTAL - written > 1 -> chunk = 2
        fi
    :: else
    fi;
    has_room(chunk);
    if
    :: room ->
        written = written + chunk;
        assert(unread <= MARK || unread <= LOW + LARGEST);
        chunk = 0;
        refused_chunk = 0;
        if
        :: written < TOTAL && !transfer_stalled ->
            has_room(LARGEST);
            if
            :: !room -> paused = 1
            :: else
            fi
        :: else
        fi
    :: else ->
        refused_chunk = 1;
        paused = 1
    fi;
    room = 0;
    seen = 0
}

/* What libcurl has of a buffer it offers, chunk after chunk, whatever was said meanwhile; only a refused chunk stops that. */
inline offer_all() {
    offer();
    if
    :: !refused_chunk && written < TOTAL -> offer()
    :: skip
    fi
}

/* curl_easy_pause(CURLPAUSE_CONT): what was refused is delivered from inside the call. */
inline go_on() {
    paused = 0;
    if
    :: refused_chunk -> offer_all()
    :: else
    fi
}

/* `_flush`: published first, then the mail. */
inline flush() {
    published = written;
    if
    :: written == TOTAL -> ended = 1
    :: else
    fi;
    mail = 1
}

proctype io_thread() {
    byte bits, seen;
    bit room, suspended;
    do
    :: ended -> break
    :: else ->
        if
        :: (commands || !paused) -> skip          /* the poller: a command, or the socket, if libcurl looks at it */
        fi;
        atomic { bits = commands; commands = 0 };
        if
        :: bits & SUSPENSION ->
            suspended = wants_suspended;
            if
            :: suspended != transfer_suspended ->
                transfer_suspended = suspended;
                if
                :: suspended -> paused = 1
#ifdef BROKEN_RESUME_ASKS_NOBODY
                :: !suspended && !transfer_stalled && !refused_chunk -> skip
#else
                :: !suspended && !transfer_stalled -> go_on()
#endif
                :: !suspended && transfer_stalled
                fi
            :: else
            fi
        :: else
        fi;
        if
        :: bits & CREDIT && transfer_stalled ->
            transfer_stalled = 0;
            if
            :: !transfer_suspended -> go_on()
            :: else
            fi
        :: else
        fi;
        if
        :: !paused && written < TOTAL -> offer_all()
        :: else
        fi;
        flush();
        bits = 0;
        suspended = 0
    od
}

/* reactor.command */
inline command(bit_) {
    atomic { commands = commands | bit_ }
}

proctype owner() {
    byte before, part, there, got;
    bit saw_end;
    byte suspensions;
    do
    :: mail ->
        mail = 0;
        saw_end = ended;
        there = published;
again:
        before = consumed;
        got = 0;
        do
        :: consumed < there ->
            if
            :: part = 1
            :: part = there - consumed
            fi;
            /* stream_consume */
#ifdef BROKEN_FLAG_READ_FIRST
            got = stalled;
            consumed = consumed + part;
            if
            :: got && there - consumed <= LOW ->
#else
            consumed = consumed + part;
            if
            :: stalled && there - consumed <= LOW ->
#endif
                atomic { got = stalled; stalled = 0 };
                if
                :: got -> command(CREDIT)
                :: else
                fi
            :: else
            fi;
            got = 1;
            part = 0
        :: got || there == before || saw_end -> break        /* enough for this call */
        :: consumed == there -> break
        od;
        if
        :: stalled && there > consumed && consumed > before && !saw_end -> goto again       /* wants_more_reading */
        :: else
        fi;
        if
        :: saw_end && consumed == TOTAL -> break
        :: saw_end && consumed < TOTAL -> mail = 1          /* the client reads the rest in its own time */
        :: else
        fi
    :: suspensions < 2 && !ended ->                          /* suspend, and later resume */
        wants_suspended = 1 - wants_suspended;
        suspensions++;
        command(SUSPENSION)
    od;
    assert(consumed == TOTAL)
}

init {
    atomic { run io_thread(); run owner() };
    (_nr_pr == 1);
    assert(written == TOTAL && consumed == TOTAL)
}
