/* Answers with the limits it was told at its start: memory, message bytes, message ms, mailbox;
 * 8 bytes each, little endian. */
#include "troupe_guest.h"

static uint64_t limits[4];

static tg_answer pre_start(const tg_config *config)
{
    limits[0] = config->memory_bytes;
    limits[1] = config->message_bytes;
    limits[2] = config->message_ms;
    limits[3] = config->mailbox;
    return tg_none();
}

static tg_answer on_message(const tg_message *message)
{
    return tg_ok_if_asked(message, TG_BYTES_OF(limits));
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start)
