/* Small memory for libcurl: what an I/O thread frees it takes again, without asking the C library.
 *
 * A transfer of a kilobyte makes some 110 calls of malloc, calloc, realloc and free. glibc keeps seven pieces of a size for a thread and
 * none for calloc; the turns of an I/O thread begin and end transfers by the dozen, so most of these calls took the slow way (a sixth of
 * the thread's instructions, docs/architecture.md). The pieces come from malloc and any thread may free them in any way: what is kept
 * here is only the order of those that were freed on this thread. A thread that keeps nothing goes straight to the C library.
 *
 * Debug and sanitizer builds keep nothing: there every piece must be the C library's business. */
#ifndef URLMON_SMALLMEMORY_H
#define URLMON_SMALLMEMORY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <malloc/malloc.h>
#define urlmon_usable_size(piece) malloc_size(piece)
#elif defined(__FreeBSD__)
#include <malloc_np.h>
#define urlmon_usable_size(piece) malloc_usable_size(piece)
#else
#include <malloc.h>
#define urlmon_usable_size(piece) malloc_usable_size(piece)
#endif

#if defined(URLMON_DEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define URLMON_KEEPS_SMALL_MEMORY 0
#else
#define URLMON_KEEPS_SMALL_MEMORY 1
#endif

enum {
    URLMON_SMALL_KINDS = 128,      /* kind n, from 1 on, holds 16 * n + 8 bytes, which is how glibc's pieces grow */
    URLMON_SMALL_HELD = 512 << 10, /* bytes that a thread keeps at most */
};

typedef struct urlmon_small_piece {
    struct urlmon_small_piece *next;
} urlmon_small_piece;

typedef struct {
    urlmon_small_piece *free[URLMON_SMALL_KINDS];
    size_t held; /* bytes */
} urlmon_small_memory;

#if defined(__GLIBC__)
__attribute__((tls_model("initial-exec"))) /* one word of what glibc reserves for libraries that come later */
#endif
static _Thread_local urlmon_small_memory *urlmon_small;

static inline size_t urlmon_small_size(size_t kind) { return 16 * kind + 8; }

static inline void *urlmon_small_malloc(size_t size)
{
    urlmon_small_memory *here = urlmon_small;
    size_t kind = size > 24 ? (size + 7) >> 4 : 1;
    if (here && kind < URLMON_SMALL_KINDS) {
        urlmon_small_piece *piece = here->free[kind];
        if (piece) {
            here->free[kind] = piece->next;
            here->held -= urlmon_small_size(kind);
            return piece;
        }
        size = urlmon_small_size(kind);
    }
    return malloc(size);
}

static inline void urlmon_small_free(void *memory)
{
    urlmon_small_memory *here = urlmon_small;
    if (here && memory) {
        size_t usable = urlmon_usable_size(memory);
        size_t kind = (usable - 8) >> 4;
        if (kind - 1 < URLMON_SMALL_KINDS - 1 && here->held < URLMON_SMALL_HELD) {
            urlmon_small_piece *piece = memory;
            piece->next = here->free[kind];
            here->free[kind] = piece;
            here->held += urlmon_small_size(kind);
            return;
        }
    }
    free(memory);
}

static inline void *urlmon_small_calloc(size_t count, size_t size)
{
    void *memory;
    if (!urlmon_small || (size && count > 16 * URLMON_SMALL_KINDS / size))
        return calloc(count, size);
    memory = urlmon_small_malloc(count * size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

static inline void *urlmon_small_realloc(void *memory, size_t size)
{
    size_t usable;
    void *larger;
    if (!urlmon_small)
        return realloc(memory, size);
    if (!memory)
        return urlmon_small_malloc(size);
    usable = urlmon_usable_size(memory);
    if (size > 16 * URLMON_SMALL_KINDS || usable > 16 * URLMON_SMALL_KINDS)
        return realloc(memory, size);
    if (size <= usable)
        return memory;
    larger = urlmon_small_malloc(size);
    if (larger) {
        memcpy(larger, memory, usable);
        urlmon_small_free(memory);
    }
    return larger;
}

static inline char *urlmon_small_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = urlmon_small_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* A thread, as it begins: it keeps what it frees from now on. Out of memory it keeps nothing. */
static inline void urlmon_small_memory_begin(void)
{
    if (URLMON_KEEPS_SMALL_MEMORY)
        urlmon_small = calloc(1, sizeof *urlmon_small);
}

/* Any thread: bytes that it keeps. */
static inline size_t urlmon_small_memory_held(void) { return urlmon_small ? urlmon_small->held : 0; }

/* The same thread, at its end: gives everything back. */
static inline void urlmon_small_memory_end(void)
{
    urlmon_small_memory *here = urlmon_small;
    size_t kind;
    if (!here)
        return;
    urlmon_small = NULL;
    for (kind = 0; kind < URLMON_SMALL_KINDS; kind++) {
        while (here->free[kind]) {
            urlmon_small_piece *piece = here->free[kind];
            here->free[kind] = piece->next;
            free(piece);
        }
    }
    free(here);
}

#endif
