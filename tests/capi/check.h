/* What the programs here share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <hrinet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What CTest takes as "skipped". */
#define SKIPPED 77

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition,  \
                    hrinet_last_error_message());                                            \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

/* The call fails with this code, and the message contains these words. */
#define REFUSED(call, code, words)                                                           \
    do {                                                                                     \
        const HrinetStatus status_ = (call);                                                 \
        if (status_ != (code) || !strstr(hrinet_last_error_message(), (words))) {            \
            fprintf(stderr, "%s:%d: %s is %d, not %d with \"%s\" (last error: %s)\n",        \
                    __FILE__, __LINE__, #call, (int)status_, (int)(code), (words),           \
                    hrinet_last_error_message());                                            \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

#endif
