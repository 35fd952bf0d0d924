# What the hammers of tests share (_hammers_*.pyx): dice, a consumer that sleeps on its list, and what is said of a run.
#
# A hammer: native threads work on one structure of the core as the I/O thread and the owners do, within a time limit. Its figures say
# what must be 0: lost, doubled, missing, wrong, stuck. Everything but the doors for tests, and `checked` for them, is free of Python
# and runs without an interpreter: tests/hammers/ links all hammers into a program of its own, for the sanitizers.

from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport printf

from urlmon_core.atomics cimport atomic_i64, i64_add_relaxed
from urlmon_core.counters cimport live_objects
from urlmon_core.notify cimport (
    PUSHED_WAKE, list_arm, list_init, list_pending, list_push, node, notification_list, push_result,
)
from urlmon_core.threads cimport urlmon_now_ns
from urlmon_core.wakeup cimport (
    urlmon_wakeup, urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait,
)

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef enum:
    PATIENCE_MS = 3000        # a sleeper that nobody woke for so long, although it has something to take, was forgotten
    OUT_OF_RESOURCES = -1     # of a hammer: no memory, thread or descriptor left


cdef inline uint64_t random_number(uint64_t *state) noexcept nogil:
    # xorshift64*; the state is never 0
    state[0] ^= state[0] >> 12
    state[0] ^= state[0] << 25
    state[0] ^= state[0] >> 27
    return (state[0] * <uint64_t> 0x2545F4914F6CDD1D) >> 16


cdef inline void stumble(uint64_t *state, uint64_t rarely) noexcept nogil:
    # Now and then a thread lets others go first, or sleeps for so short that it meets others on their way to sleep.
    cdef uint64_t choice = random_number(state) % rarely
    if choice == 0:
        usleep(<unsigned int> (random_number(state) % 60))
    elif choice < 8:
        sched_yield()


cdef inline uint64_t mix(uint64_t number) noexcept nogil:
    number *= <uint64_t> 0x9E3779B97F4A7C15
    return number ^ (number >> 29)


cdef inline int64_t deadline_after(double seconds) noexcept nogil:
    return urlmon_now_ns() + <int64_t> (seconds * 1e9)


cdef struct sleeper:
    # A consumer's list and how it sleeps on it.
    notification_list list
    urlmon_wakeup wakeup
    atomic_i64 signals        # any thread
    uint64_t dice             # consumer only, as are the following two
    int64_t sleeps
    int64_t lost              # times that it slept on although there was something to take


cdef inline bint sleeper_open(sleeper *self) noexcept nogil:
    list_init(&self.list)
    self.dice = 1
    return urlmon_wakeup_open(&self.wakeup) == 0


cdef inline push_result sleeper_push(sleeper *self, node *item) noexcept nogil:
    # Any thread.
    cdef push_result result = list_push(&self.list, item)
    if result == PUSHED_WAKE:
        i64_add_relaxed(&self.signals, 1)
        urlmon_wakeup_signal(&self.wakeup)
    return result


cdef inline void sleeper_wait(sleeper *self) noexcept nogil:
    # Consumer, after a take that gave nothing. Often it waits a little before it goes to sleep: races need both sides awake.
    cdef int ready
    cdef uint64_t rounds = random_number(&self.dice) % 4096 if random_number(&self.dice) % 4 else 0
    while rounds and not list_pending(&self.list):
        rounds -= 1
    if not rounds and list_arm(&self.list):
        self.sleeps += 1
        ready = urlmon_wakeup_wait(&self.wakeup, PATIENCE_MS)
        if ready > 0:
            urlmon_wakeup_drain(&self.wakeup)
        elif ready == 0 and list_pending(&self.list):
            self.lost += 1


cdef extern from *:
    """
    /* Cython reaches the counters of another module through a pointer that its import sets; there is no import here. */
    #define urlmon_adopt_counters(counters) (__pyx_vp_11urlmon_core_8counters_live = (counters))
    """
    void urlmon_adopt_counters(live_objects *counters) nogil


cdef inline int report(const char *name, uint64_t seed, int failed, int64_t bad) noexcept nogil:
    printf(b"%-40s seed %-6llu %s\n", name, <unsigned long long> seed,
           b"OUT OF RESOURCES" if failed else b"BROKEN" if bad else b"ok")
    return failed != 0 or bad != 0


cdef inline object checked(int failed, object figures):
    if failed:
        raise MemoryError("no memory, thread or descriptor left")
    return figures
