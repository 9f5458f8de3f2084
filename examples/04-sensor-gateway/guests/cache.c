/* cache.c: the last value of each sensor. What changed goes to the topic changes; a value above 200 is impossible, and
 * fails. */
#include "troupe_guest.h"

#define SENSORS 16
#define NAME 24
#define POSSIBLE 200

struct sensor {
    uint8_t name[NAME];
    size_t name_len;
    uint64_t value;
};

static struct sensor sensors[SENSORS];
static size_t n_sensors;
static uint8_t text[96];
static size_t text_len;

static void put(tg_bytes bytes)
{
    size_t room = sizeof text - text_len, n = bytes.len < room ? bytes.len : room;

    tg_copy(text + text_len, bytes.data, n);
    text_len += n;
}

static void put_number(uint64_t number)
{
    uint8_t digits[20];

    put(tg_text_from_u64(number, digits));
}

static struct sensor *find(tg_bytes name)
{
    for (size_t i = 0; i < n_sensors; i++)
        if (tg_equal((tg_bytes){sensors[i].name, sensors[i].name_len}, name))
            return &sensors[i];
    return NULL;
}

static tg_answer publish(void)
{
    uint32_t n_reached;

    if (tg_publish(TG_TEXT("changes"), (tg_bytes){text, text_len}, &n_reached, NULL) != TG_OK)
        return tg_fail(TG_FAILED, TG_TEXT("nobody took the change"));
    return tg_none();
}

static tg_answer on_message(const tg_message *message)
{
    tg_bytes name = {message->payload.data, 0};
    struct sensor *sensor;
    uint64_t value = 0;

    while (name.len < message->payload.len && name.data[name.len] != ' ')
        name.len++;
    for (size_t i = name.len + 1; i < message->payload.len; i++)
        value = value * 10 + (message->payload.data[i] - '0');
    if (value > POSSIBLE || name.len > NAME)
        return tg_fail(TG_FAILED, TG_TEXT("an impossible reading"));
    sensor = find(name);
    if (sensor && sensor->value == value)
        return tg_none();
    text_len = 0;
    put(name);
    put(TG_TEXT(" "));
    put_number(value);
    if (sensor) {
        put(TG_TEXT(", was "));
        put_number(sensor->value);
        sensor->value = value;
    } else if (n_sensors < SENSORS) {
        sensor = &sensors[n_sensors++];
        tg_copy(sensor->name, name.data, name.len);
        sensor->name_len = name.len;
        sensor->value = value;
    }
    return publish();
}

TG_ACTOR(.handle_message = on_message)
