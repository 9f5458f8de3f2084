/* To be told of room in a full mailbox: once, in time, and no longer than one lives. */
#include "gate_testing.h"

static _Atomic uint32_t n_room, n_gone, n_asked;
static _Atomic uint64_t told_of;

enum deed { ASK, ASK_TWICE, CRASH };

struct order {
    troupe_id whom;
    enum deed deed;
};

static troupe_status obey(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct order order;

    (void)self;
    memcpy(&order, message->payload.data, sizeof order);
    if (order.deed == CRASH) {
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "told to");
        return TROUPE_OK;
    }
    for (unsigned i = 0; i <= (unsigned)order.deed; i++)
        TROUPE_ASSERT(troupe_room_notify(ctx, order.whom) == TROUPE_OK);
    trp_add_seq(&n_asked, 1);
    return TROUPE_OK;
}

static void note_room(void *self, troupe_context *ctx, const troupe_notice *notice)
{
    (void)self;
    (void)ctx;
    if (notice->event != TROUPE_EVENT_ROOM)
        return;
    trp_store_seq(&told_of, notice->exit.id.value);
    trp_add_seq(notice->exit.reason == TROUPE_EXIT_GONE ? &n_gone : &n_room, 1);
}

static const troupe_actor_ops asking = {.handle_message = obey, .handle_down = note_room};

static troupe_id spawn_asker(fixture *f)
{
    trp_store_seq(&n_room, 0);
    trp_store_seq(&n_gone, 0);
    trp_store_seq(&n_asked, 0);
    trp_store_seq(&told_of, 0);
    return spawn_named(f, NULL, NULL, &asking, 0);
}

static void tell_asker(fixture *f, troupe_id asker, troupe_id whom, enum deed deed)
{
    struct order order = {.whom = whom, .deed = deed};

    assert_int_equal(troupe_send(f->me, asker, TROUPE_BYTES_OF(order)), TROUPE_OK);
}

static uint32_t count_waiting_for(fixture *f, troupe_id target)
{
    return trp_load_seq(&trp_cell_find(f->system, target)->n_muted);
}

static void test_a_notice_comes_when_a_full_mailbox_has_room(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_REJECT), asker = spawn_asker(f);

    send_numbers(f, target, 2, 4);
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_asked, 1);
    assert_int_equal(count_waiting_for(f, target), 1);
    assert_int_equal(trp_load_seq(&n_room), 0);
    gate_open(f, target);
    gate_wait(f, &n_room, 1);
    assert_int_equal(trp_load_seq(&told_of), target.value);
    assert_int_equal(count_waiting_for(f, target), 0);
    wait_until_handled(f, target, 4);
    assert_int_equal(trp_load_seq(&n_room), 1);
}

static void test_a_notice_comes_at_once_when_there_is_room(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_REJECT), asker = spawn_asker(f);

    send_numbers(f, target, 2, 3); /* over the half, below the bound */
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_room, 1);
    assert_int_equal(count_waiting_for(f, target), 0);
    gate_open(f, target);
    wait_until_handled(f, target, 3);
}

static void test_asking_twice_is_asking_once(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 2, 0, TROUPE_ON_FULL_REJECT), asker = spawn_asker(f);

    send_number(f, target, 2);
    tell_asker(f, asker, target, ASK_TWICE);
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_asked, 2);
    assert_int_equal(count_waiting_for(f, target), 1);
    gate_open(f, target);
    gate_wait(f, &n_room, 1);
    tell_asker(f, asker, target, ASK); /* the next one is a new one */
    gate_wait(f, &n_room, 2);
    wait_until_handled(f, target, 2);
    assert_int_equal(trp_load_seq(&n_room), 2);
}

/* What a giver does when others have taken the room that it gave before it came to those who asked. */
static void test_one_is_told_though_the_room_is_taken_again_and_only_one(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_REJECT);
    troupe_id askers[] = {spawn_asker(f), spawn_asker(f)};

    send_numbers(f, target, 2, 4);
    for (int i = 0; i < 2; i++)
        tell_asker(f, askers[i], target, ASK);
    gate_wait(f, &n_asked, 2);
    trp_room_tell(trp_cell_find(f->system, target), false);
    gate_wait(f, &n_room, 1);
    assert_int_equal(count_waiting_for(f, target), 1);
    gate_open(f, target);
    gate_wait(f, &n_room, 2);
    wait_until_handled(f, target, 4);
}

static void test_the_notice_says_that_the_target_is_gone(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 4, 0, TROUPE_ON_FULL_REJECT), asker = spawn_asker(f);

    send_numbers(f, target, 2, 4);
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_asked, 1);
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    gate_wait(f, &n_gone, 1);
    assert_int_equal(trp_load_seq(&told_of), target.value);
    assert_int_equal(trp_load_seq(&n_room), 0);
}

static void test_an_ask_ends_with_the_life_that_made_it(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 2, 0, TROUPE_ON_FULL_REJECT), asker = spawn_asker(f);

    send_number(f, target, 2);
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_asked, 1);
    assert_int_equal(count_waiting_for(f, target), 1);
    tell_asker(f, asker, target, CRASH);
    assert_int_equal(troupe_wait_end(f->me, asker, TROUPE_FOREVER, NULL), TROUPE_OK);
    assert_int_equal(count_waiting_for(f, target), 0);
    gate_open(f, target);
    wait_until_handled(f, target, 2);
    assert_int_equal(trp_load_seq(&n_room), 0);
}

static void test_room_that_the_oldest_leave_in_bytes_is_told(void **state)
{
    static const uint8_t large[100];
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 10, 90, TROUPE_ON_FULL_DROP_OLDEST);
    troupe_id asker = spawn_asker(f);

    assert_int_equal(troupe_send(f->me, target, (troupe_bytes){large, sizeof large}), TROUPE_OK);
    tell_asker(f, asker, target, ASK);
    gate_wait(f, &n_asked, 1);
    assert_int_equal(trp_load_seq(&n_room), 0);
    send_number(f, target, 2); /* the large one goes */
    gate_wait(f, &n_room, 1);
    gate_open(f, target);
    wait_until_handled(f, target, 2);
}

/* ---- threads ---- */

static void test_a_thread_that_waits_for_room_drives_or_times_out(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 2, 0, TROUPE_ON_FULL_REJECT);

    assert_int_equal(troupe_room_wait(f->me, target, 0), TROUPE_OK); /* there is room */
    send_number(f, target, 2);
    assert_int_equal(troupe_room_wait(f->me, target, TROUPE_MILLISECOND), TROUPE_E_TIMEOUT);
    assert_int_equal(count_waiting_for(f, target), 0);
    gate_open(f, target);
    assert_int_equal(troupe_room_wait(f->me, target, TROUPE_FOREVER), TROUPE_OK);
    assert_true(troupe_has_room(f->system, target));
    wait_until_handled(f, target, 2);
}

static void test_who_is_gone_has_no_room(void **state)
{
    fixture *f = *state;
    troupe_id target = spawn_stalled(f, 1, 0, TROUPE_ON_FULL_REJECT);

    assert_int_equal(troupe_room_notify(f->me, target),
                     TROUPE_E_INVALID); /* a thread has no hooks */
    assert_int_equal(troupe_kill(f->me, target), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, target, TROUPE_FOREVER, NULL), TROUPE_OK);
    assert_int_equal(troupe_room_wait(f->me, target, TROUPE_FOREVER), TROUPE_E_GONE);
    assert_false(troupe_has_room(f->system, target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_notice_comes_when_a_full_mailbox_has_room),
        BOTH(test_a_notice_comes_at_once_when_there_is_room),
        BOTH(test_asking_twice_is_asking_once),
        BOTH(test_one_is_told_though_the_room_is_taken_again_and_only_one),
        BOTH(test_the_notice_says_that_the_target_is_gone),
        BOTH(test_an_ask_ends_with_the_life_that_made_it),
        BOTH(test_room_that_the_oldest_leave_in_bytes_is_told),
        BOTH(test_a_thread_that_waits_for_room_drives_or_times_out),
        BOTH(test_who_is_gone_has_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
