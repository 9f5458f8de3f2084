#include <troupe/actor.h>

#include <inttypes.h>
#include <stdio.h>

struct counter {
    uint64_t total;
};

static troupe_status count(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct counter *counter = self; /* state_size zeroed bytes, zeroed again for each life */

    counter->total += message->payload.size;
    return troupe_reply(ctx, TROUPE_BYTES_OF(counter->total)); /* does nothing when nobody waits */
}

static const troupe_actor_ops counter_actor = {.handle_message = count};

int main(void)
{
    TROUPE_AUTO(troupe_system) *system = NULL; /* freed behind the context: it was declared first */
    TROUPE_AUTO(troupe_context) *me = NULL;
    troupe_reply_buffer reply;
    troupe_id counter;

    if (troupe_system_new(NULL, &system) != TROUPE_OK)
        return 1;
    me = troupe_attach(system); /* this thread may now send, call, spawn and receive */
    if (!me || troupe_spawn(me,
                            TROUPE_SPEC(.name = "counter", .actor = &counter_actor,
                                        .state_size = sizeof(struct counter)),
                            &counter) != TROUPE_OK)
        return 1;
    if (troupe_send(me, counter, TROUPE_TEXT("hello")) != TROUPE_OK ||
        troupe_call(me, counter, TROUPE_TEXT("world"), 1 * TROUPE_SECOND, &reply) != TROUPE_OK)
        return 1;
    printf("%" PRIu64 "\n", troupe_reply_u64(&reply)); /* 10 */
    troupe_reply_clear(&reply);
    return 0;
}
