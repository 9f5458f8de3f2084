/* Prints a line in every hook and for every message, so that their order and what they were told
 * can be compared:
 *
 *     pre-start NAME life=1 reason=0 mailbox=4096 settings={"a":1}
 *     post-start
 *     message hello
 *     pre-stop reason=0
 *     post-stop
 *
 * The numbers of reasons are those of the WIT enums. Traps at the message "crash". */
#include "troupe_guest.h"

static uint8_t line[512];
static size_t line_len;

static void put(tg_bytes text)
{
    size_t room = sizeof line - line_len;
    size_t n = text.len < room ? text.len : room;
    tg_copy(line + line_len, text.data, n);
    line_len += n;
}

static void put_number(uint64_t number)
{
    uint8_t digits[20];
    put(tg_text_from_u64(number, digits));
}

static void end_line(void)
{
    put(TG_TEXT("\n"));
    tg_print((tg_bytes){line, line_len}, NULL);
    line_len = 0;
}

static tg_answer pre_start(const tg_config *config)
{
    put(TG_TEXT("pre-start "));
    put(config->name);
    put(TG_TEXT(" life="));
    put_number(config->incarnation);
    put(TG_TEXT(" reason="));
    put_number(config->reason);
    put(TG_TEXT(" mailbox="));
    put_number(config->mailbox);
    put(TG_TEXT(" settings="));
    put(config->settings);
    end_line();
    return tg_none();
}

static void post_start(void)
{
    put(TG_TEXT("post-start"));
    end_line();
}

static tg_answer on_message(const tg_message *message)
{
    put(TG_TEXT("message "));
    put(message->payload);
    end_line();
    if (tg_equal(message->payload, TG_TEXT("crash")))
        __builtin_trap();
    return tg_ok_if_asked(message, message->payload);
}

static void pre_stop(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)grace_ms;
    put(TG_TEXT("pre-stop reason="));
    put_number(reason);
    end_line();
}

static void post_stop(void)
{
    put(TG_TEXT("post-stop"));
    end_line();
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_start = pre_start, .post_start = post_start, .pre_stop = pre_stop,
             .post_stop = post_stop)
