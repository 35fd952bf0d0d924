/* Copying of received bytes. Any thread.
 *
 * memcpy uses "rep movsb" from some 3 KiB on, which on AMD (Zen 3 to 5) falls to a tenth of its speed when the target lies less than
 * 64 bytes after the source within a page (both modulo 4096). Where a chunk and the rest of a block meet is chance, so some transfers would
 * crawl. Below that size memcpy uses vector registers, which do not mind. Measured in docs/architecture.md. */
#ifndef URLMON_COPYBYTES_H
#define URLMON_COPYBYTES_H

#include <stddef.h>
#include <string.h>

#define URLMON_COPY_PIECE 2048

static inline void urlmon_copy(char *to, const char *from, size_t size)
{
    while (size > URLMON_COPY_PIECE) {
        size_t piece = URLMON_COPY_PIECE;
        __asm__("" : "+r"(piece)); /* a size known to the compiler would be made "rep movsq" in place */
        memcpy(to, from, piece);
        to += piece;
        from += piece;
        size -= piece;
    }
    memcpy(to, from, size);
}

#endif
