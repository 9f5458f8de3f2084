#include "troupe_guest.h"

static uint64_t lines, words;
static uint8_t digits[20];

static void print_count(tg_bytes what, uint64_t n)
{
    tg_print(what, NULL);
    tg_print(tg_text_from_u64(n, digits), NULL);
    tg_print(TG_TEXT("\n"), NULL);
}

static tg_answer on_message(const tg_message *message)
{
    tg_bytes line = message->payload;
    bool inside = false;

    lines++;
    for (size_t i = 0; i < line.len; i++) {
        bool blank = line.data[i] == ' ' || line.data[i] == '\t';

        words += !blank && !inside;
        inside = !blank;
    }
    return tg_none();
}

static void on_pre_stop(tg_stop_reason reason, uint64_t grace_ms)
{
    (void)reason, (void)grace_ms;
    print_count(TG_TEXT("lines "), lines);
    print_count(TG_TEXT("words "), words);
}

TG_ACTOR(.handle_message = on_message)
TG_LIFECYCLE(.pre_stop = on_pre_stop)
