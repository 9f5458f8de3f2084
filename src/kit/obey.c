/* obey.c - orders, as a supervisor takes them: what it does at once, and what it answers when the child got there.
 *
 * Invariants
 * 1. A record has one order at most, and whatever becomes of the child answers it: up, down, a failed start. If broken:
 *    who asked waits until its time-out. When the supervisor's own life ends the runtime ends the requests it holds.
 * 2. A child that an order stopped is started by an order only. If broken: an operator's stop is undone by a sibling.
 * 3. While siblings are restarted no order starts a child: it waits in line, its child down, and the line goes on in the
 *    order in which it came once they are up. If broken: a child starts before those that it needs.
 * 4. A STOP or REMOVE never waits for a start: it ends the order to start, and the start. If broken: a child whose start
 *    does not end cannot be got rid of.
 */
#include "order_letter.h"

#include "trp/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void refuse(troupe_context *ctx, troupe_correlation asker, troupe_status status,
                   const char *format, ...) TROUPE_PRINTF(4, 5);

static void refuse(troupe_context *ctx, troupe_correlation asker, troupe_status status,
                   const char *format, ...)
{
    char text[TROUPE_EXIT_TEXT_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)troupe_fail(ctx, asker, status, troupe_text(text)); /* GONE: nobody waits any more */
}

static void accept(troupe_context *ctx, troupe_correlation asker, troupe_id id)
{
    (void)troupe_reply_to(ctx, asker, TROUPE_BYTES_OF(id)); /* likewise */
}

/* ---- what the child came to ---- */

bool trp_order_is(const trp_record *record, troupe_order_kind kind)
{
    return record->asker.value && record->asked == kind;
}

/* The order is answered: nobody waits for this child any more. */
static void close_order(trp_record *record)
{
    record->asker.value = 0;
    trp_list_remove(&record->turn);
}

void trp_order_done(troupe_context *ctx, trp_record *record)
{
    if (!record->asker.value)
        return;
    accept(ctx, record->asker, record->id);
    close_order(record);
}

void trp_order_failed(troupe_context *ctx, trp_record *record, troupe_status status,
                      const char *why)
{
    if (!record->asker.value)
        return;
    refuse(ctx, record->asker, status, "%s", why[0] ? why : troupe_status_text(status));
    close_order(record);
}

void trp_order_of_gone(const trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    bool comes_again = !trp_record_is_forgotten(record) && trp_siblings_will_start(self, record);

    if (trp_order_is(record, TROUPE_ORDER_STOP) || trp_order_is(record, TROUPE_ORDER_REMOVE))
        trp_order_done(ctx, record);
    else if (!comes_again && trp_order_is(record, TROUPE_ORDER_RESTART))
        trp_order_failed(ctx, record, TROUPE_E_GONE, "it ended for good");
    else if (!comes_again)
        trp_order_failed(ctx, record, TROUPE_E_REFUSED,
                         "the restart of its siblings ended its start, and nothing starts it "
                         "again: give the order once more");
}

/* ---- ADD ---- */

static bool is_itself(const trp_supervisor *self, const troupe_child *child)
{
    return child->spec.argument && child->spec.argument == self->argument;
}

/* False: it was refused. */
static bool choose_child(trp_supervisor *self, troupe_context *ctx, troupe_correlation asker,
                         const trp_order_letter *letter, troupe_child *child)
{
    troupe_error error = {.text = ""};

    *child = letter->has_child ? letter->child : trp_plan_child(&self->plan, 0);
    child->spec.name = letter->has_child && letter->child_name[0] ? letter->child_name : NULL;
    if (self->plan.pool && !letter->has_child) {
        child->spec.name = trp_plan_child(&self->plan, 0).spec.name;
        if (letter->order.argument)
            child->spec.argument = letter->order.argument;
    } else if (self->plan.pool || !letter->has_child) {
        refuse(ctx, asker, TROUPE_E_INVALID,
               self->plan.pool ? "a pool makes its members itself: leave child out"
                               : "there is no child to add: give it in child");
        return false;
    }
    if (is_itself(self, child)) {
        refuse(ctx, asker, TROUPE_E_INVALID, "a supervisor cannot be its own child");
        return false;
    }
    if (trp_child_check(&self->plan, child, self->children.n, &error) == TROUPE_OK)
        return true;
    refuse(ctx, asker, TROUPE_E_INVALID, "%s", error.text);
    return false;
}

static void start(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    troupe_error error = {.status = TROUPE_OK};
    troupe_status status;

    record->stopped = false;
    status = trp_start_child(self, ctx, record, &error);
    if (status != TROUPE_PENDING)
        trp_start_failed(self, ctx, record, status, error.text);
}

/* Now, or when it is its turn. One that an order stopped, or that is new, stays down until then. */
static void start_in_turn(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    if (self->group.phase == TRP_GROUP_NONE) {
        start(self, ctx, record);
        return;
    }
    trp_list_append(&self->line, &record->turn);
}

/* None of these can begin another restart of the siblings: an order that fails leaves its child down. */
void trp_orders_go_on(trp_supervisor *self, troupe_context *ctx)
{
    while (!trp_list_empty(&self->line)) {
        trp_record *record = TRP_OF(self->line.next, trp_record, turn);

        start(self, ctx, record);
    }
}

static void add(trp_supervisor *self, troupe_context *ctx, troupe_correlation asker,
                const trp_order_letter *letter)
{
    troupe_system *system = troupe_system_of(ctx);
    uint32_t number = trp_children_free_number(self);
    troupe_child child;
    trp_record *record;

    if (!choose_child(self, ctx, asker, letter, &child))
        return;
    record = !self->plan.pool && child.spec.name
                 ? trp_record_named(self, system, child.spec.name, false)
                 : NULL;
    if (record) {
        refuse(ctx, asker, TROUPE_E_TAKEN, "%s is a child already%s", child.spec.name,
               record->asker.value ? ", and an order about it is under way"
               : record->id.value  ? ""
                                   : ", and down: restart or remove it");
        return;
    }
    if (!number) {
        refuse(ctx, asker, TROUPE_E_QUOTA, "the pool has its %u members", self->plan.max_members);
        return;
    }
    record = trp_children_append(self, &child, number);
    if (!record) {
        refuse(ctx, asker, TROUPE_E_NO_MEMORY, "no memory for one more child");
        return;
    }
    record->asker = asker;
    record->asked = TROUPE_ORDER_ADD;
    record->stopped = true; /* until it starts */
    start_in_turn(self, ctx, record);
}

/* ---- STOP, REMOVE, RESTART ---- */

/* Its CHILD_DOWN is coming, from whatever phase. */
static void stop(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    record->stopped = true;
    record->forget = record->asked == TROUPE_ORDER_REMOVE;
    if (!record->id.value) {
        trp_child_is_gone(self, ctx, record);
        return;
    }
    if (record->phase == TRP_CHILD_WAITING)
        (void)troupe_cancel_timer(ctx, record->timer);
    record->phase = TRP_CHILD_RELEASED;
    (void)troupe_stop(ctx, record->id, TROUPE_STOP_REQUESTED); /* GONE: likewise */
}

/* Whoever asked for its start hears that it does not come. */
static void end_start(troupe_context *ctx, trp_record *record, troupe_order_kind by)
{
    if (trp_order_is(record, TROUPE_ORDER_ADD) || trp_order_is(record, TROUPE_ORDER_RESTART))
        trp_order_failed(ctx, record, TROUPE_E_REFUSED,
                         by == TROUPE_ORDER_STOP ? "another order stopped it before it was up"
                                                 : "another order removed it before it was up");
}

static void restart(trp_supervisor *self, troupe_context *ctx, trp_record *record)
{
    record->noticed_ns = troupe_now(troupe_system_of(ctx));
    switch (record->phase) {
    case TRP_CHILD_DOWN:
        start_in_turn(self, ctx, record);
        trp_siblings_hurry(self, ctx);
        break;
    case TRP_CHILD_WAITING:
        (void)troupe_cancel_timer(ctx, record->timer);
        trp_restart_now(self, ctx, record);
        break;
    case TRP_CHILD_UP:
        (void)troupe_stop(ctx, record->id, TROUPE_STOP_RESTART);
        if (trp_siblings_include(self, record))
            trp_siblings_hurry(self, ctx);
        break;
    case TRP_CHILD_STOPPING: /* its siblings take it along */
    case TRP_CHILD_HELD:
        trp_siblings_hurry(self, ctx);
        break;
    case TRP_CHILD_STARTING: /* it is on its way up */
    case TRP_CHILD_RESTARTING:
    case TRP_CHILD_RELEASED: /* it ends for good: that is the answer */
        break;
    }
}

static void about_one(trp_supervisor *self, troupe_context *ctx, troupe_correlation asker,
                      const trp_order_letter *letter)
{
    const troupe_order *order = &letter->order;
    trp_record *record = order->id.value ? trp_record_of(self, order->id)
                         : letter->name[0]
                             ? trp_record_named(self, troupe_system_of(ctx), letter->name, true)
                             : NULL;

    if (!order->id.value && !letter->name[0]) {
        refuse(ctx, asker, TROUPE_E_INVALID, "the order says of no child: give its id or name");
        return;
    }
    if (!record) {
        refuse(ctx, asker, TROUPE_E_GONE, "there is no such child");
        return;
    }
    if (order->kind != TROUPE_ORDER_RESTART)
        end_start(ctx, record, order->kind);
    if (record->asker.value) {
        refuse(ctx, asker, TROUPE_E_UNAVAILABLE, "another order about this child is under way");
        return;
    }
    record->asker = asker;
    record->asked = order->kind;
    if (order->kind == TROUPE_ORDER_RESTART)
        restart(self, ctx, record);
    else
        stop(self, ctx, record);
}

/* ---- CHANGE ---- */

static void change(trp_supervisor *self, troupe_context *ctx, troupe_correlation asker,
                   const trp_order_letter *letter)
{
    trp_plan plan = self->plan;
    troupe_error error = {.text = ""};
    uint32_t max_restarts = letter->order.max_restarts;

    if (letter->has_backoff)
        plan.backoff = letter->backoff;
    if (letter->has_on_intensity)
        plan.on_intensity = letter->on_intensity;
    if (letter->has_auto_shutdown)
        plan.auto_shutdown = letter->auto_shutdown;
    if (trp_numbers_check(&plan, &error) != TROUPE_OK) {
        refuse(ctx, asker, TROUPE_E_INVALID, "%s", error.text);
        return;
    }
    self->plan = plan;
    if (max_restarts)
        self->window.max = max_restarts == TROUPE_NO_RESTARTS ? 0 : max_restarts;
    if (letter->order.within_ns)
        self->window.within_ns = letter->order.within_ns;
    accept(ctx, asker, TROUPE_NOBODY);
}

/* ---- LIST ---- */

static troupe_child_state state_of(const trp_record *record)
{
    switch (record->phase) {
    case TRP_CHILD_DOWN:
        return TROUPE_CHILD_DOWN;
    case TRP_CHILD_STARTING:
    case TRP_CHILD_RESTARTING:
        return TROUPE_CHILD_STARTING;
    case TRP_CHILD_UP:
        return TROUPE_CHILD_UP;
    case TRP_CHILD_STOPPING:
    case TRP_CHILD_RELEASED:
        return TROUPE_CHILD_STOPPING;
    case TRP_CHILD_HELD:
        return TROUPE_CHILD_HELD;
    case TRP_CHILD_WAITING:
        return TROUPE_CHILD_WAITING;
    }
    return TROUPE_CHILD_DOWN;
}

static void fill_row(const trp_supervisor *self, const trp_record *record, troupe_child_info *row)
{
    char name[TROUPE_NAME_MAX + 1];

    row->id = record->id;
    row->state = state_of(record);
    row->restart = record->child.restart;
    row->incarnation = record->incarnation + 1;
    row->n_restarts = record->n_restarts;
    row->is_supervisor = record->child.spec.actor == &trp_supervisor_actor;
    row->significant = record->child.significant;
    row->has_ended = record->has_ended;
    row->reason = record->reason;
    row->operation = record->operation;
    if (record->text)
        snprintf(row->text, sizeof row->text, "%s", record->text);
    if (trp_record_name(self, record, false, name))
        snprintf(row->name, sizeof row->name, "%s", name);
}

static void list(trp_supervisor *self, troupe_context *ctx, troupe_correlation asker,
                 const trp_order_letter *letter)
{
    uint64_t n = self->children.n, skip = letter->first < n ? letter->first : n;
    const trp_record *record = trp_record_nth(self, skip);
    trp_list_head head = {.row_size = sizeof(troupe_child_info), .n_children = n};
    uint8_t *bytes;

    head.n_rows = n - skip < letter->n ? n - skip : letter->n;
    if (head.n_rows > TROUPE_CHILDREN_MAX)
        head.n_rows = TROUPE_CHILDREN_MAX;
    bytes = trp_alloc_zeroed(sizeof head + head.n_rows * sizeof(troupe_child_info));
    if (!bytes) {
        refuse(ctx, asker, TROUPE_E_NO_MEMORY, "no memory for the list");
        return;
    }
    memcpy(bytes, &head, sizeof head);
    for (uint64_t i = 0; i < head.n_rows; i++, record = trp_record_next(self, record)) {
        troupe_child_info row = {.id = TROUPE_NOBODY};

        fill_row(self, record, &row);
        memcpy(bytes + sizeof head + i * sizeof row, &row, sizeof row);
    }
    (void)troupe_reply_to(ctx, asker,
                          (troupe_bytes){bytes, sizeof head + head.n_rows * head.row_size});
    trp_free(bytes);
}

/* ---- all orders ---- */

bool trp_is_control(troupe_bytes topic)
{
    return topic.size == sizeof TROUPE_CONTROL_TOPIC - 1 &&
           memcmp(topic.data, TROUPE_CONTROL_TOPIC, topic.size) == 0;
}

bool trp_is_order(const troupe_message *message)
{
    return message->correlation.value && trp_is_control(message->topic);
}

troupe_status trp_obey(trp_supervisor *self, troupe_context *ctx, const troupe_message *message)
{
    troupe_correlation asker = message->correlation;
    trp_order_letter letter;

    if (message->payload.size != sizeof letter)
        return TROUPE_E_INVALID;
    memcpy(&letter, message->payload.data, sizeof letter);
    if (self->ending) {
        refuse(ctx, asker, TROUPE_E_UNAVAILABLE, "the supervisor is on its way out");
        return TROUPE_OK;
    }
    if (letter.kind == TRP_LETTER_LIST) {
        list(self, ctx, asker, &letter);
        return TROUPE_OK;
    }
    switch (letter.order.kind) {
    case TROUPE_ORDER_ADD:
        add(self, ctx, asker, &letter);
        break;
    case TROUPE_ORDER_STOP:
    case TROUPE_ORDER_RESTART:
    case TROUPE_ORDER_REMOVE:
        about_one(self, ctx, asker, &letter);
        break;
    case TROUPE_ORDER_CHANGE:
        change(self, ctx, asker, &letter);
        break;
    default:
        refuse(ctx, asker, TROUPE_E_INVALID, "no order has the number %d", (int)letter.order.kind);
    }
    return TROUPE_OK;
}
