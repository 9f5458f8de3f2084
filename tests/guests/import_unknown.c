/* Imports env.foo, which nobody offers. */
#include "troupe_guest.h"

__attribute__((import_module("env"), import_name("foo"))) void foo(void);

static tg_answer on_message(const tg_message *message)
{
    foo();
    return tg_ok_if_asked(message, message->payload);
}

TG_ACTOR(.handle_message = on_message)
