/* Checks and counters of the debug build (URLMON_DEBUG=1); nothing at all in a release build.
 *
 * Cython's `assert` cannot be used in `noexcept nogil` functions: it would print and go on. The macro here aborts. */
#ifndef URLMON_DEBUG_H
#define URLMON_DEBUG_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef URLMON_DEBUG
#define URLMON_IS_DEBUG 1
#define urlmon_assert(condition)                                                                  \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "urlmon_core: %s:%d: broken invariant: %s\n", __FILE__, __LINE__,     \
                    #condition);                                                                  \
            abort();                                                                              \
        }                                                                                         \
    } while (0)
#define urlmon_count(counter, delta)                                                              \
    ((void)atomic_fetch_add_explicit((counter), (delta), memory_order_relaxed))
#else
#define URLMON_IS_DEBUG 0
#define urlmon_assert(condition) ((void)0)
#define urlmon_count(counter, delta) ((void)(counter))
#endif

#endif
