/* Works on libcurl's small memory as an I/O thread does, with another thread that frees some of it: SEED STEPS; one line of figures.
 *
 * Every piece is filled with its number to the last byte that was asked for, and looked at before it is given back. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smallmemory.h"

enum { PIECES = 4096, AWAY = 256 };

static struct {
    unsigned char *memory;
    size_t size;
    unsigned char mark;
} pieces[PIECES];

static unsigned char *away[AWAY]; /* what the other thread frees */
static unsigned long wrong, misaligned, most_held;

static uint64_t random_number(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void look(size_t i)
{
    for (size_t k = 0; k < pieces[i].size; k++)
        wrong += pieces[i].memory[k] != pieces[i].mark;
}

static void fill(size_t i, size_t size)
{
    pieces[i].size = size;
    pieces[i].mark++;
    memset(pieces[i].memory, pieces[i].mark, size);
    misaligned += ((uintptr_t)pieces[i].memory & 15) != 0;
}

static void *free_what_is_away(void *unused)
{
    for (int i = 0; i < AWAY; i++)
        urlmon_small_free(away[i]); /* this thread keeps nothing */
    return unused;
}

static void *work(void *argument)
{
    uint64_t seed = ((uint64_t *)argument)[0], steps = ((uint64_t *)argument)[1];
    char text[4096];
    int gone = 0;
    urlmon_small_memory_begin();
    for (uint64_t step = 0; step < steps; step++) {
        size_t i = random_number(&seed) % PIECES;
        size_t size = random_number(&seed) % (random_number(&seed) % 16 ? 300 : 3000);
        if (pieces[i].memory && random_number(&seed) % 3 == 0) {
            unsigned char *grown = urlmon_small_realloc(pieces[i].memory, size + 1);
            size_t kept = pieces[i].size < size + 1 ? pieces[i].size : size + 1;
            pieces[i].memory = grown;
            pieces[i].size = kept;
            look(i);
            fill(i, size + 1);
        } else if (pieces[i].memory) {
            look(i);
            if (gone < AWAY && random_number(&seed) % 8 == 0)
                away[gone++] = pieces[i].memory;
            else
                urlmon_small_free(pieces[i].memory);
            pieces[i].memory = NULL;
        } else if (random_number(&seed) % 3 == 0) {
            pieces[i].memory = urlmon_small_calloc(size / 8, 8);
            pieces[i].size = size / 8 * 8;
            pieces[i].mark = 0;
            look(i);
            fill(i, size / 8 * 8);
        } else if (random_number(&seed) % 3 == 0) {
            memset(text, 'x', size);
            text[size] = 0;
            pieces[i].memory = (unsigned char *)urlmon_small_strdup(text);
            wrong += strcmp((char *)pieces[i].memory, text) != 0;
            fill(i, size + 1);
        } else {
            pieces[i].memory = urlmon_small_malloc(size);
            fill(i, size);
        }
        if (urlmon_small_memory_held() > most_held)
            most_held = urlmon_small_memory_held();
    }
    for (size_t i = 0; i < PIECES; i++)
        urlmon_small_free(pieces[i].memory);
    urlmon_small_free(NULL);
    urlmon_small_memory_end();
    return NULL;
}

int main(int count, char **words)
{
    uint64_t task[2] = {count > 1 ? strtoull(words[1], NULL, 10) : 1, count > 2 ? strtoull(words[2], NULL, 10) : 100000};
    pthread_t thread;
    size_t before = mallinfo2().uordblks, after;
    for (int round = 0; round < 3; round++) {
        memset(pieces, 0, sizeof pieces);
        memset(away, 0, sizeof away);
        pthread_create(&thread, NULL, work, task);
        pthread_join(thread, NULL);
        pthread_create(&thread, NULL, free_what_is_away, NULL);
        pthread_join(thread, NULL);
        if (round == 0)
            before = mallinfo2().uordblks; /* what threads and printf keep for good */
    }
    after = mallinfo2().uordblks;
    printf("%lu %lu %lu %ld\n", wrong, misaligned, most_held, (long)(after - before));
    return 0;
}
