/* log_sink.h - log lines as lines for people, capped by bytes.
 *
 * Who: any thread writes, under one mutex (a leaf; write(2) is called under it, so that lines stay whole).
 * A crash is told twice: by the component that crashed, and by its supervisor with what follows from it. The
 * first is held back for the second; it is written after all when no second comes.
 */
#ifndef TRP_HOST_LOG_SINK_H
#define TRP_HOST_LOG_SINK_H

#include "trp/os.h"
#include "troupe/base.h"

#define TRP_LOG_LINE 2048                       /* bytes of one line, cut when longer */
#define TRP_LOG_BURST (UINT64_C(256) << 10)     /* bytes at once */
#define TRP_LOG_PER_SECOND (UINT64_C(64) << 10) /* bytes a second after that */
#define TRP_LOG_HELD 16                         /* crashes held back; one more writes the oldest */

#define TRP_LOG_HELD_FOR (50 * TROUPE_MILLISECOND) /* and this long */

typedef struct trp_held_crash {
    uint64_t since_ns;
    char name[128];
    char line[TRP_LOG_LINE];
} trp_held_crash;

typedef struct trp_log_sink {
    int fd; /* set once; below 0: dropped */
    trp_mutex mutex;
    uint64_t tokens, filled_ns; /* of the bucket */
    uint64_t n_dropped;         /* lines since the last one that was written */
    bool holding;
    trp_held_crash held[TRP_LOG_HELD];
    size_t n_held;
    char gave_up[512]; /* the last supervisor's reason */
    size_t gave_up_size;
} trp_log_sink;

void trp_log_sink_init(trp_log_sink *sink, int fd);
/* trp_log_sink_write - the hook: arg is the sink. */
void trp_log_sink_write(void *arg, const troupe_log_line *line);
/* trp_log_sink_hold_no_more - write what is held back, and hold nothing from now on: supervisors that stop
 * decide nothing. */
void trp_log_sink_hold_no_more(trp_log_sink *sink);
/* trp_log_sink_forget - drop what is held back: somebody else says it. */
void trp_log_sink_forget(trp_log_sink *sink);
/* trp_log_sink_fini - nobody writes any more. Says how many of the last lines were dropped. */
void trp_log_sink_fini(trp_log_sink *sink);

#endif
