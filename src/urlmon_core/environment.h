/* The proxies that the environment names: http_proxy and its relatives.
 *
 * libcurl looks for five of them in each transfer, on the I/O thread, while Python code may be changing the environment under it (the C
 * library gives no promise then). Nearly always there is none; then the owner says so and libcurl does not look. */
#ifndef URLMON_ENVIRONMENT_H
#define URLMON_ENVIRONMENT_H

#include <string.h>
#include <strings.h>
#if defined(__APPLE__)
#include <crt_externs.h>
#define urlmon_environment() (*_NSGetEnviron())
#else
#include <unistd.h>
#define urlmon_environment() environ
#endif

/* With the interpreter, which is held by whoever changes os.environ. True: a name of the environment ends in "_proxy", whatever the case of
 * its letters; what it says is left to libcurl. */
static inline int urlmon_environment_names_proxy(void)
{
    char **entry = urlmon_environment();
    for (; entry && *entry; entry++) {
        const char *name = *entry;
        const char *end;
        switch (name[0]) { /* of http_, https_, ws_, wss_, all_ and no_proxy */
        case 'h': case 'H': case 'w': case 'W': case 'a': case 'A': case 'n': case 'N':
            end = strchr(name, '=');
            if (end && end - name > 6 && strncasecmp(end - 6, "_proxy", 6) == 0)
                return 1;
            break;
        default:
            break;
        }
    }
    return 0;
}

#endif
