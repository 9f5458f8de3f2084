/* raw.h: for guests whose exports are wrong on purpose. */
#ifndef RAW_H
#define RAW_H

#include "troupe_guest.h"

/* An actor whose handle-message does nothing but return `address`. */
#define RAW_ACTOR(address)                                                                         \
    TG_EXPORT("actor", "handle-message") uint32_t raw_handle_message(TG_MESSAGE_PARAMETERS);       \
    uint32_t raw_handle_message(TG_MESSAGE_PARAMETERS)                                             \
    {                                                                                              \
        (void)sender_, (void)has_correlation_, (void)correlation_, (void)has_topic_;               \
        (void)topic_, (void)topic_len_, (void)has_deadline_, (void)deadline_ns_;                   \
        (void)has_trace_, (void)trace_, (void)trace_len_, (void)payload_, (void)payload_len_;      \
        return (address);                                                                          \
    }

#endif
