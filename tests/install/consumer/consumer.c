/* consumer.c - a program outside the tree: a supervised component crashes, is started again, and answers. */
#include <troupe/exec.h>
#include <troupe/kit.h>

#include <inttypes.h>
#include <stdio.h>

static troupe_status handle(void *self, troupe_context *ctx, const troupe_message *message)
{
    uint64_t life = troupe_incarnation(ctx);

    (void)self;
    if (message->payload.size == 5)
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to");
    return troupe_reply(ctx, TROUPE_BYTES_OF(life));
}

static const troupe_actor_ops actor = {.handle_message = handle};

int main(void)
{
    const troupe_child children[] = {
        {.spec = *TROUPE_SPEC(.name = "phoenix", .actor = &actor), .restart = TROUPE_PERMANENT}};
    troupe_supervisor supervisor = TROUPE_SUPERVISOR(.children = children, .n_children = 1);
    troupe_spec spec = *TROUPE_SPEC(.name = "supervisor");
    TROUPE_AUTO(troupe_system) *system = NULL;
    TROUPE_AUTO(troupe_context) *me = NULL;
    troupe_reply_buffer reply = {NULL};
    troupe_id id;

    if (troupe_system_new(NULL, &system) != TROUPE_OK || !(me = troupe_attach(system)))
        return 1;
    if (troupe_supervisor_spec(&supervisor, &spec, NULL) != TROUPE_OK ||
        troupe_spawn(me, &spec, &id) != TROUPE_OK ||
        troupe_lookup(system, "phoenix", &id) != TROUPE_OK)
        return 2;
    if (troupe_send(me, id, TROUPE_TEXT("crash")) != TROUPE_OK ||
        troupe_call(me, id, TROUPE_TEXT("life?!"), 10 * TROUPE_SECOND, &reply) != TROUPE_OK)
        return 3;
    printf("life %" PRIu64 "\n", troupe_reply_u64(&reply));
    troupe_reply_clear(&reply);
    troupe_system_stop(system); /* what the supervisor points to is ours */
    return 0;
}
