/* At "recurse" uses up the engine's stack, at "data" its own stack in memory (which then runs
 * out of bounds below 0, thanks to --stack-first); an echo otherwise. */
#include "troupe_guest.h"

/* Called through volatile pointers, else the compiler makes loops of them. */
static uint32_t deeper(uint32_t depth);
static uint32_t deeper_with_data(uint32_t depth);
static uint32_t (*volatile call_deeper)(uint32_t) = deeper;
static uint32_t (*volatile call_deeper_with_data)(uint32_t) = deeper_with_data;

static uint32_t deeper(uint32_t depth)
{
    return call_deeper(depth + 1) ^ depth;
}

static uint32_t deeper_with_data(uint32_t depth)
{
    volatile uint32_t data[64];
    data[depth % 64] = depth;
    return call_deeper_with_data(depth + 1) ^ data[depth % 32];
}

static tg_answer on_message(const tg_message *message)
{
    static uint32_t depth;
    if (tg_equal(message->payload, TG_TEXT("recurse"))) {
        depth = call_deeper(0);
        return tg_ok(TG_BYTES_OF(depth));
    }
    if (tg_equal(message->payload, TG_TEXT("data"))) {
        depth = call_deeper_with_data(0);
        return tg_ok(TG_BYTES_OF(depth));
    }
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
