/* A request whose body is a stream that only the owner can read, and a question to the owner on the way: pieces, answers and suspension.
 *
 * Abstracts src/urlmon_core: upload.pyx (`_read_stream`, `_ask_for_piece`, upload_piece_came, upload_end), questions.pyx (question_put),
 * transfer.pyx (transfer_again, transfer_set_suspended), transfer.pxd transfer_go_on, operations.pyx (`_answered`, `_obey`: suspension, answer and
 * piece in this order), reactor.pyx `command`, delivery.pyx (`plan`: a question before a piece; call_piece, call_question, answer_again),
 * binding.pyx `suspend` and `resume`. The two notification lists are a flag each (see notify.pml), a wait on them one step.
 *
 * The server refuses the first request at any time, also before it has the body; the client answers with the request once more, for which
 * the owner begins its stream anew. Attempts are counted on both sides, by each for itself.
 *
 * Checked: of each request the server gets its own pieces, each once, in order, and of the second one all; a piece that the I/O thread has not
 * taken is never written over; no request waits for ever for a piece, an answer or a resume. */

#define PIECES 2                /* then one that is empty: the end of the stream */
#define SUSPENSIONS 2

#define PIECE 1
#define ANSWER 2
#define SUSPENSION 4

/* towards the owner */
bit mail, wants_piece, question, ended;
/* towards the I/O thread */
byte commands;
bit wants_suspended;
bit slot;                       /* transaction.piece is there: */
byte slot_number, slot_attempt;

/* the I/O thread's own */
byte attempt, sent;             /* pieces of this attempt */
bit piece, piece_asked, starving, suspended, asking;
byte piece_number, piece_attempt;
bit next_piece;
byte next_number, next_attempt;
bit send_paused, receive_paused;        /* libcurl's */
bit body_done;

inline command(bit_) {
    atomic { commands = commands | bit_ }
}

inline ask_for_piece() {
    if
#ifdef BROKEN_ASKED_TWICE
    :: true ->
#else
    :: !piece_asked ->
#endif
        piece_asked = 1;
        wants_piece = 1;
        mail = 1
    :: else
    fi
}

/* on_read: libcurl wants to send. */
inline read_stream() {
    d_step {
        piece = next_piece;
        piece_number = next_number;
        piece_attempt = next_attempt;
        next_piece = 0;
        if
#ifdef BROKEN_PIECE_OF_THE_REQUEST_BEFORE
        :: false
#else
        :: piece && piece_attempt != attempt -> piece = 0
#endif
        :: else
        fi
    };
    if
    :: !piece || piece_number < PIECES -> ask_for_piece()
    :: else
    fi;
    d_step {
        if
        :: piece ->
            assert(piece_number == sent && piece_attempt == attempt);
            sent++;
            body_done = (piece_number == PIECES)
        :: else -> starving = 1; send_paused = 1
        fi;
        piece = 0;
        piece_number = 0;
        piece_attempt = 0
    }
}

proctype io_thread() {
    byte bits;
    do
    :: ended -> break
    :: else ->
        if
        :: commands || (!send_paused && !body_done) || (!receive_paused && !asking && (attempt == 0 || body_done)) -> skip
        fi;
        atomic { bits = commands; commands = 0 };
        if
        :: bits & SUSPENSION && wants_suspended != suspended ->
            d_step {
                suspended = wants_suspended;
                if
                :: suspended -> send_paused = 1; receive_paused = 1
                :: !suspended && !asking -> send_paused = 0; receive_paused = 0
                :: !suspended && asking
                fi
            }
        :: else
        fi;
        if
        :: bits & ANSWER && asking ->           /* transfer_again */
            d_step {
                asking = 0;
                attempt++;
                sent = 0;
                body_done = 0;
                starving = 0;
#ifdef BROKEN_AGAIN_FORGETS_WHAT_IT_ASKED
                piece_asked = 0;
#endif
                send_paused = suspended;
                receive_paused = suspended
            }
        :: else
        fi;
        if
#ifdef BROKEN_PIECE_LEFT_WHILE_SUSPENDED
        :: bits & PIECE && slot && !suspended ->
#else
        :: bits & PIECE && slot ->
#endif
            d_step {
                assert(!next_piece);
                next_piece = 1;
                next_number = slot_number;
                next_attempt = slot_attempt;
                slot = 0;
                piece_asked = 0;
                if
                :: starving ->
                    starving = 0;
                    if
                    :: !suspended -> send_paused = 0; receive_paused = 0
                    :: else
                    fi
                :: else
                fi
            }
        :: else
        fi;
        if
        :: !send_paused && !body_done -> read_stream()
        :: else
        fi;
        if
        :: !receive_paused && !asking && attempt == 0 ->
            if
            :: asking = 1; question = 1; mail = 1       /* refused: at any time */
            :: !body_done                               /* nothing yet */
            fi
        :: !receive_paused && attempt > 0 && body_done -> ended = 1; mail = 1
        :: else
        fi;
        bits = 0
    od
}

proctype owner() {
    byte own_attempt, position, toggles;
    bit own_suspended, asked;
    do
    :: mail && own_suspended -> mail = 0                /* collect passes it over */
    :: mail && !own_suspended ->
        mail = 0;
        if
        :: ended -> break
        :: else
        fi;
        if
        :: question ->
            question = 0;
            own_attempt++;
            position = 0;                               /* the stream is rewound */
            command(ANSWER)
        :: else
        fi;
        atomic { asked = wants_piece; wants_piece = 0 };
        if
        :: asked ->
            assert(!slot);
            slot_number = position;
            slot_attempt = own_attempt;
            slot = 1;
            if
            :: position < PIECES -> position++
            :: else
            fi;
            command(PIECE)
        :: else
        fi;
        asked = 0
    :: toggles < SUSPENSIONS && !own_suspended ->
        own_suspended = 1;
        toggles++;
        wants_suspended = 1;
        command(SUSPENSION)
    :: own_suspended ->
        own_suspended = 0;
        wants_suspended = 0;
        command(SUSPENSION);
#ifndef BROKEN_RESUME_WITHOUT_A_PUSH
        mail = 1
#endif
    od
}

init {
    atomic { run io_thread(); run owner() };
    (_nr_pr == 1);
    assert(attempt == 1 && sent == PIECES + 1)
}
