/* The hammers of src/urlmon_core/_hammers_*.pyx as a program without Python: ./hammers [SCALE [SEED...]]
 *
 * Linked without an interpreter: the linker drops what no hammer reaches, and would fail over a call of Python that is left. So a
 * sanitizer sees nothing but the core's queue, mailbox and byte stream. Exits with 1 if a hammer found something. */
#include <stdio.h>
#include <stdlib.h>

typedef int hammer(unsigned long long seed, int scale);
hammer urlmon_hammer_notify, urlmon_hammer_mailbox, urlmon_hammer_stream, urlmon_hammer_blocks;

int main(int count, char **arguments)
{
    hammer *const hammers[] = {urlmon_hammer_notify, urlmon_hammer_mailbox, urlmon_hammer_stream, urlmon_hammer_blocks};
    const char *usual[] = {"1", "2", "3"};
    int scale = count > 1 ? atoi(arguments[1]) : 10;
    int seeds = count > 2 ? count - 2 : 3;
    int broken = 0;

    if (scale < 1) {
        fprintf(stderr, "usage: %s [SCALE [SEED...]]\n", arguments[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < seeds; i++)
        for (size_t j = 0; j < sizeof(hammers) / sizeof(*hammers); j++)
            broken += hammers[j](strtoull(count > 2 ? arguments[i + 2] : usual[i], NULL, 10), scale);
    return broken != 0;
}
