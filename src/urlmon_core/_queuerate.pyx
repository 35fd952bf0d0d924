"""How many notifications per second go through the notification list alone; for benchmarks/bench_own.py."""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from urlmon_core.atomics cimport atomic_u32, u32_exchange_acq_rel, u32_load_acquire
from urlmon_core.notify cimport PUSHED_WAKE, list_arm, list_init, list_push, list_take_all, node, notification_list
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.wakeup cimport (
    urlmon_wakeup, urlmon_wakeup_close, urlmon_wakeup_drain, urlmon_wakeup_open, urlmon_wakeup_signal, urlmon_wakeup_wait,
)

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef enum:
    NODES = 8192              # as many bindings notify

cdef struct pushed_node:
    node link                 # must stay first
    atomic_u32 pending        # as mailbox.pending

cdef struct rate_run:
    notification_list list
    urlmon_wakeup wakeup
    int64_t count
    int64_t wakes             # producer only until it is joined
    pthread_t producer
    pushed_node nodes[NODES]


cdef void *_produce(void *argument) noexcept nogil:
    cdef rate_run *run = <rate_run *> argument
    cdef pushed_node *item
    cdef int64_t i
    for i in range(run.count):
        item = &run.nodes[i % NODES]
        while u32_load_acquire(&item.pending):
            sched_yield()             # all of them wait to be taken: there is nothing to push
        u32_exchange_acq_rel(&item.pending, 1)
        if list_push(&run.list, &item.link) == PUSHED_WAKE:
            run.wakes += 1
            urlmon_wakeup_signal(&run.wakeup)
    return NULL


def queue_rate(int64_t count):
    """(notifications per second, wake-ups) of `count` pushes by a native thread; the caller takes them as a pump does.

    Raises OSError if there is no descriptor or thread.
    """
    cdef rate_run *run = <rate_run *> calloc(1, sizeof(rate_run))
    cdef node *item
    cdef node *following
    cdef int64_t seen = 0
    cdef int64_t begin_ns = 0
    cdef int64_t wakes
    cdef int failure
    if run is NULL:
        raise MemoryError
    list_init(&run.list)
    run.count = count
    failure = urlmon_wakeup_open(&run.wakeup)
    if not failure:
        begin_ns = urlmon_now_ns()
        failure = urlmon_thread_start(&run.producer, _produce, run)
    if failure:
        urlmon_wakeup_close(&run.wakeup)
        free(run)
        raise OSError(failure, "no wake-up descriptor or no thread")
    with nogil:
        while seen < count:
            item = list_take_all(&run.list)
            if item is NULL:
                if list_arm(&run.list) and urlmon_wakeup_wait(&run.wakeup, 1000) > 0:
                    urlmon_wakeup_drain(&run.wakeup)
                continue
            while item is not NULL:
                following = item.next
                u32_exchange_acq_rel(&(<pushed_node *> item).pending, 0)
                seen += 1
                item = following
        pthread_join(run.producer, NULL)
    begin_ns = urlmon_now_ns() - begin_ns
    wakes = run.wakes
    urlmon_wakeup_close(&run.wakeup)
    free(run)
    return count / (begin_ns / 1e9), wakes
