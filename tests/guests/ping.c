/* One side of ping-pong; both sides are this guest.
 *
 * A request of 16 bytes {peer id, n}, n even, begins: exactly n messages go to and fro, then the
 * request is answered with 8 bytes, all zero. A message of 8 bytes {how many are left} is sent back
 * to its sender with one less; the side that holds the request answers it at 0. Numbers are little
 * endian. */
#include "troupe_guest.h"

static uint64_t asked; /* the request to answer; 0: none */

static tg_answer pass_on(tg_id to, uint64_t left)
{
    tg_code code = tg_send(to, TG_BYTES_OF(left), NULL);
    return code == TG_OK ? tg_none()
                         : tg_fail(TG_FAILED, TG_TEXT("the other side did not take it"));
}

static tg_answer on_message(const tg_message *message)
{
    uint64_t numbers[2];
    if (message->payload.len == sizeof numbers && message->is_request) {
        tg_copy(numbers, message->payload.data, sizeof numbers);
        asked = message->correlation;
        return pass_on(numbers[0], numbers[1] ? numbers[1] - 1 : 0);
    }
    if (message->payload.len != sizeof numbers[0])
        return tg_fail(TG_INVALID, TG_TEXT("8 bytes wanted, or a request of 16"));
    tg_copy(numbers, message->payload.data, sizeof numbers[0]);
    if (numbers[0] > 0)
        return pass_on(message->sender, numbers[0] - 1);
    if (!asked)
        return pass_on(message->sender, 0);
    tg_reply(asked, TG_BYTES_OF(numbers[0]), NULL);
    asked = 0;
    return tg_none();
}

TG_ACTOR(.handle_message = on_message)
