/* A failing allocator, loaded before everything else (LD_PRELOAD): the Nth allocation that the core itself makes gives NULL.
 *
 * Whose an allocation is follows from the address it returns to: libcurl, which asks through one module of the core, the interpreter and
 * everybody else get their memory. So the core is tested as it is built for users, and nothing in it knows of this. glibc only: it has names
 * for its own functions. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

enum { MOST = 256 };
static struct { uintptr_t from, to; } code[MOST];
static int pieces;
static atomic_long seen;
static atomic_long failing = -1;
static atomic_int armed;

static int look(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (strstr(info->dlpi_name, "/urlmon_core/") == NULL || strstr(info->dlpi_name, "/urlmon_core/libcurl.") != NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum && pieces < MOST; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
            code[pieces].from = info->dlpi_addr + part->p_vaddr;
            code[pieces++].to = info->dlpi_addr + part->p_vaddr + part->p_memsz;
        }
    }
    return 0;
}

/* From now on allocations of the core are counted, from 0; number `nth` fails (-1: none). Returns in how many pieces its code is. */
int failing_arm(long nth)
{
    if (pieces == 0)
        dl_iterate_phdr(look, NULL);
    atomic_store(&seen, 0);
    atomic_store(&failing, nth);
    atomic_store(&armed, 1);
    return pieces;
}

/* No more counting and failing; how many there were. */
long failing_disarm(void)
{
    atomic_store(&armed, 0);
    return atomic_load(&seen);
}

static int fails(void *caller)
{
    uintptr_t place = (uintptr_t)caller;
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return 0;
    for (int i = 0; i < pieces; i++) {
        if (place >= code[i].from && place < code[i].to) {
            if (atomic_fetch_add(&seen, 1) != atomic_load(&failing))
                return 0;
            errno = ENOMEM;
            return 1;
        }
    }
    return 0;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}
