"""The hammer of the mailbox: a thread posts statuses to several and ends them, another reads them."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset, strcmp

from urlmon_core.atomics cimport (
    i64_load_relaxed, u32_exchange_acq_rel, u32_load_acquire, u32_store_release, u64_load_relaxed, u64_store_relaxed,
)
from urlmon_core.hammering cimport (
    OUT_OF_RESOURCES, checked, deadline_after, mix, random_number, report, sleeper, sleeper_open, sleeper_push,
    sleeper_wait, stumble,
)
from urlmon_core.mailbox cimport mailbox, mailbox_clear, mailbox_init, mailbox_post, mailbox_take, status_entry
from urlmon_core.notify cimport list_take_all, node
from urlmon_core.threads cimport pthread_join, pthread_t, urlmon_now_ns, urlmon_thread_start
from urlmon_core.wakeup cimport urlmon_wakeup_close

cdef struct mailed:
    node link                 # must stay first
    mailbox box
    int64_t next_number       # consumer only
    bint over                 # consumer only
    bint dirty                # producer only, as is `next_dirty`
    mailed *next_dirty

cdef struct mail_hammer:
    sleeper consumer
    mailed *boxes
    uint64_t box_count
    uint32_t statuses
    int64_t deadline_ns
    uint64_t seed
    pthread_t thread


cdef char *_text_of(uint64_t box, uint32_t number, size_t *length) noexcept nogil:
    cdef size_t i
    cdef uint64_t mixed = mix(box << 32 | number)
    cdef char *text
    length[0] = <size_t> (mixed % 40)
    text = <char *> malloc(length[0] + 1)
    if text is not NULL:
        for i in range(length[0]):
            text[i] = <char> (33 + (mixed >> (i % 48)) % 90)
        text[length[0]] = 0
    return text


cdef void *_mail_produce(void *argument) noexcept nogil:
    cdef mail_hammer *self = <mail_hammer *> argument
    cdef mailed *dirty = NULL
    cdef mailed *item
    cdef uint64_t open_count = self.box_count
    cdef uint64_t number
    cdef size_t length
    cdef char *text
    while open_count and urlmon_now_ns() < self.deadline_ns:
        number = random_number(&self.seed) % self.box_count
        item = &self.boxes[number]
        if item.box.written < self.statuses:
            text = _text_of(number, item.box.written, &length)
            u64_store_relaxed(&item.box.received, item.box.written + 1)
            if not mailbox_post(&item.box, 7, <int> item.box.written, text, length):
                return NULL
            if item.box.written == self.statuses:
                item.box.outcome.code = <int> number
                open_count -= 1
            if not item.dirty:
                item.dirty = True
                item.next_dirty = dirty
                dirty = item
        if open_count == 0 or random_number(&self.seed) % 4 == 0:
            while dirty is not NULL:      # the end of a turn, see _flush of the I/O thread
                item = dirty
                dirty = item.next_dirty
                item.dirty = False
                if item.box.written == self.statuses:
                    u32_store_release(&item.box.ended, 1)
                if u32_exchange_acq_rel(&item.box.pending, 1) == 0:
                    sleeper_push(&self.consumer, &item.link)
            stumble(&self.seed, 16)
    return NULL


cdef int64_t _mail_read(mailed *item, uint64_t number) noexcept nogil:
    """Takes all statuses that are there; returns how many were not the right ones."""
    cdef status_entry entry
    cdef int64_t wrong = 0
    cdef char *text
    cdef size_t length
    while mailbox_take(&item.box, &entry):
        text = _text_of(number, <uint32_t> item.next_number, &length)
        if entry.kind != 7 or entry.number != item.next_number or entry.length != length or strcmp(entry.text, text) != 0:
            wrong += 1
        item.next_number += 1
        if u64_load_relaxed(&item.box.received) < <uint64_t> item.next_number:
            wrong += 1                # progress is stored before the status that follows it
        free(text)
        free(entry.text)
    return wrong


cdef struct mailbox_figures:
    int64_t posted
    int64_t missing           # statuses that were not read
    int64_t wrong
    int64_t late              # pushed after the end was read, with something unread
    int64_t over
    int64_t lost
    int64_t sleeps
    int64_t signals


cdef int _hammer_mailbox(int boxes, int statuses, uint64_t seed, double seconds, mailbox_figures *figures) noexcept nogil:
    cdef mail_hammer *self = <mail_hammer *> calloc(1, sizeof(mail_hammer))
    cdef mailed *items = <mailed *> calloc(boxes, sizeof(mailed))
    cdef int64_t seen = 0
    cdef bint ended
    cdef uint64_t dice = seed * 77 + 1
    cdef mailed *item
    cdef node *link
    cdef int i
    memset(figures, 0, sizeof(mailbox_figures))
    if self is NULL or items is NULL or not sleeper_open(&self.consumer):
        free(items)
        free(self)
        return OUT_OF_RESOURCES
    self.boxes = items
    self.box_count = boxes
    self.statuses = statuses
    self.seed = seed
    self.deadline_ns = deadline_after(seconds)
    for i in range(boxes):
        mailbox_init(&items[i].box)
    if urlmon_thread_start(&self.thread, _mail_produce, self):
        urlmon_wakeup_close(&self.consumer.wakeup)
        free(items)
        free(self)
        return OUT_OF_RESOURCES
    while figures.over < boxes and urlmon_now_ns() < self.deadline_ns:
        link = list_take_all(&self.consumer.list)
        if link is NULL:
            sleeper_wait(&self.consumer)
        while link is not NULL:
            item = <mailed *> link
            link = link.next
            u32_exchange_acq_rel(&item.box.pending, 0)
            figures.late += item.over and not (item.next_number == statuses)
            figures.wrong += _mail_read(item, item - items)
            ended = u32_load_acquire(&item.box.ended) != 0
            figures.wrong += _mail_read(item, item - items)
            if ended and not item.over:
                item.over = True
                figures.over += 1
                seen += item.next_number
                figures.wrong += item.box.outcome.code != item - items
            elif random_number(&dice) % 16 == 0 and u32_exchange_acq_rel(&item.box.pending, 1) == 0:
                sleeper_push(&self.consumer, &item.link)       # as resume() does
    pthread_join(self.thread, NULL)
    figures.posted = <int64_t> statuses * boxes
    figures.missing = figures.posted - seen
    figures.lost = self.consumer.lost
    figures.sleeps = self.consumer.sleeps
    figures.signals = i64_load_relaxed(&self.consumer.signals)
    for i in range(boxes):
        mailbox_clear(&items[i].box)
    urlmon_wakeup_close(&self.consumer.wakeup)
    free(items)
    free(self)
    return 0


cdef public int urlmon_hammer_mailbox(unsigned long long seed, int scale) noexcept nogil:
    """What the program without Python runs, `scale` times as long as in the quickest run. Returns how many runs found something."""
    cdef mailbox_figures mails
    cdef int failed
    cdef int broken = 0
    failed = _hammer_mailbox(16, 300 * scale, seed, 120, &mails)
    broken += report(b"mailbox", seed, failed, mails.missing + mails.wrong + mails.late + mails.lost + (mails.over != 16))
    return broken


# -- the door for tests ----------------------------------------------------------------------------------------------

def hammer_mailbox(int boxes=16, int statuses=3000, uint64_t seed=1, double seconds=20.0):
    """A thread posts `statuses` statuses to each of `boxes` mailboxes and ends them; the caller reads, and now and then pushes one again.

    Returns a dict of figures.
    """
    cdef mailbox_figures figures
    cdef int failed
    with nogil:
        failed = _hammer_mailbox(boxes, statuses, seed, seconds, &figures)
    return checked(failed, figures)
