#include "trp/os.h"

#include "troupe/base.h"

/* The lowest address of this thread's stack; 0: not yet asked. */
static _Thread_local uintptr_t lowest;

static uintptr_t ask(void)
{
    pthread_attr_t attributes;
    size_t size;
    void *at;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return 0;
    TROUPE_ASSERT(pthread_attr_getstack(&attributes, &at, &size) == 0);
    pthread_attr_destroy(&attributes);
    return (uintptr_t)at;
}

size_t trp_stack_left(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    if (lowest == 0)
        lowest = ask();
    return lowest != 0 && here > lowest ? here - lowest : 0;
}
