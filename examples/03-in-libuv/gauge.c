/* gauge.c - components inside a libuv loop: no thread but this one, and no lock.
 *
 * A uv_timer_t stands for whatever the loop does already: here it reads a sensor every 10 ms. A uv_poll_t on the
 * system's descriptor runs the components; their handlers run on the loop's thread and may touch its handles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "troupe/actor.h"

/* ---- the component: averages readings, warns when none comes, ends after five ---- */

#define ENOUGH 5

typedef struct gauge {
    double sum;
    unsigned n;
} gauge;

static troupe_status take_reading(void *self, troupe_context *ctx, const troupe_message *message)
{
    gauge *g = self;
    double reading;

    if (message->payload.size != sizeof reading)
        return TROUPE_E_INVALID;
    memcpy(&reading, message->payload.data, sizeof reading);
    g->sum += reading;
    g->n++;
    printf("reading %u: %.1f, average %.2f\n", g->n, reading, g->sum / g->n);
    if (g->n == ENOUGH)
        troupe_exit_self(ctx);
    return TROUPE_OK;
}

static const troupe_actor_ops gauge_actor = {.handle_message = take_reading};

/* ---- the loop ---- */

typedef struct app {
    uv_timer_t sensor;
    uv_poll_t components;
    troupe_system *system;
    troupe_context *me;
    troupe_id target;
    double reading;
} app;

static void must(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "gauge: %s failed\n", what);
    exit(1);
}

/* At most a millisecond at a time; what is left keeps the descriptor readable, so libuv calls again. */
static void run_components(uv_poll_t *handle, int status, int events)
{
    app *my = handle->data;

    (void)events;
    must(status == 0, "the poll");
    troupe_run_once(my->system, TROUPE_MILLISECOND);
}

static void read_sensor(uv_timer_t *handle)
{
    app *my = handle->data;
    troupe_status status = troupe_send(my->me, my->target, TROUPE_BYTES_OF(my->reading));

    my->reading += 0.5;
    if (status == TROUPE_E_GONE) { /* it has seen enough: so has the loop */
        puts("the gauge has ended");
        uv_close((uv_handle_t *)&my->sensor, NULL);
        uv_close((uv_handle_t *)&my->components, NULL);
    }
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    app my = {.reading = 20.0};

    must(troupe_system_new(&TROUPE_SYSTEM_OPTIONS(.driven = true), &my.system) == TROUPE_OK,
         "the system");
    must((my.me = troupe_attach(my.system)) != NULL, "attaching");
    must(troupe_spawn(my.me, TROUPE_SPEC(.actor = &gauge_actor, .state_size = sizeof(gauge)),
                      &my.target) == TROUPE_OK,
         "spawning");

    my.sensor.data = my.components.data = &my;
    must(uv_timer_init(loop, &my.sensor) == 0, "the timer");
    must(uv_timer_start(&my.sensor, read_sensor, 10, 10) == 0, "the timer");
    must(uv_poll_init(loop, &my.components, troupe_descriptor(my.system)) == 0, "the poll");
    must(uv_poll_start(&my.components, UV_READABLE, run_components) == 0, "the poll");
    uv_run(loop, UV_RUN_DEFAULT);

    troupe_detach(my.me);
    troupe_system_free(my.system);
    return uv_loop_close(loop);
}
