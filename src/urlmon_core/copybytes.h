/* Copying of received bytes. Any thread.
 *
 * memcpy uses "rep movsb" from some 3 KiB on, which on AMD (Zen 3 to 5) falls to a tenth of its speed when the target lies less than
 * 64 bytes after the source within a page (both modulo 4096). Where a chunk and the rest of a block meet is chance, so some transfers would
 * crawl. Below that size memcpy uses vector registers, which do not mind. Measured in docs/architecture.md. */
#ifndef URLMON_COPYBYTES_H
#define URLMON_COPYBYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define URLMON_COPY_PIECE 2048
#define URLMON_PAST_CACHES_FROM (1 << 20) /* bytes of a body that are not worth a place in the caches */

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
    __asm__("" : "+r"(size)); /* nor must its bounds be known */
    memcpy(to, from, size);
}

/* The same for what will not stay in the caches anyway: it is written past them where the processor can. An ordinary store
 * fetches the line that it is about to overwrite; several bodies of megabytes, each a high-water mark deep, push each other out. */
static inline void urlmon_copy_past_caches(char *to, const char *from, size_t size)
{
#ifdef __SSE2__
    size_t head = -(uintptr_t)to & 63;
    if (size >= URLMON_COPY_PIECE) {
        memcpy(to, from, head);
        to += head;
        from += head;
        size -= head;
        for (; size >= 64; size -= 64, to += 64, from += 64) {
            __m128i a = _mm_loadu_si128((const __m128i *)from);
            __m128i b = _mm_loadu_si128((const __m128i *)(from + 16));
            __m128i c = _mm_loadu_si128((const __m128i *)(from + 32));
            __m128i d = _mm_loadu_si128((const __m128i *)(from + 48));
            _mm_stream_si128((__m128i *)to, a);
            _mm_stream_si128((__m128i *)(to + 16), b);
            _mm_stream_si128((__m128i *)(to + 32), c);
            _mm_stream_si128((__m128i *)(to + 48), d);
        }
        _mm_sfence(); /* these stores keep no order by themselves; what is published later must not overtake them */
    }
#endif
    urlmon_copy(to, from, size);
}

/* A part of a body; whole: bytes of that body that are there already, or will be, as far as known. */
static inline void urlmon_copy_body(char *to, const char *from, size_t size, size_t whole)
{
    if (whole >= URLMON_PAST_CACHES_FROM)
        urlmon_copy_past_caches(to, from, size);
    else
        urlmon_copy(to, from, size);
}

#endif
