/* Slots: ids that are never used again, and what is left over for the one who was there before. */
#include "actor_testing.h"

#include "cell.h"

static troupe_status answer(void *self, troupe_context *ctx, const troupe_message *message)
{
    (void)self;
    return troupe_reply(ctx, message->payload);
}

static const troupe_actor_ops answering = {.handle_message = answer};

static troupe_id spawn_and_stop(fixture *f)
{
    troupe_id id = spawn_named(f, NULL, NULL, &answering, 0);

    assert_int_equal(troupe_stop(f->me, id, TROUPE_STOP_REQUESTED), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, id, TROUPE_SECOND, NULL), TROUPE_OK);
    return id;
}

/* Waits until the turn that gives the slot back is over. */
static void wait_until_free(fixture *f, uint32_t slot)
{
    const trp_cell *cell = trp_slot_at(f->system, slot);
    troupe_message message;

    for (int i = 0; i < 10000 && !(trp_load_seq(&cell->mailbox.head) & TRP_ASLEEP); i++)
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_true(trp_load_seq(&cell->mailbox.head) & TRP_ASLEEP);
}

static void test_an_id_is_never_used_again(void **state)
{
    fixture *f = *state;
    troupe_id seen[200];
    troupe_totals totals;

    for (int i = 0; i < 200; i++) {
        seen[i] = spawn_and_stop(f);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(seen[i].value, seen[j].value);
        assert_int_equal(troupe_send(f->me, seen[i], TROUPE_TEXT("x")), TROUPE_E_GONE);
        assert_int_equal(troupe_kill(f->me, seen[i]), TROUPE_E_GONE);
    }
    troupe_totals_now(f->system, &totals);
    assert_true(totals.slots < 50); /* though the slots are */
}

static void test_a_slot_whose_numbers_are_used_up_is_retired(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_and_stop(f), other;
    uint32_t slot = (uint32_t)id.value;
    trp_cell *cell = trp_slot_at(f->system, slot);

    wait_until_free(f, slot);
    trp_mutex_lock(&f->system->slots_lock);
    cell->generation = f->system->first_generation - 1; /* one id is left */
    if (!cell->generation)
        cell->generation = UINT32_MAX;
    trp_mutex_unlock(&f->system->slots_lock);
    for (int i = 0; i < 20; i++) {
        other = spawn_and_stop(f);
        wait_until_free(f, (uint32_t)other.value);
        if ((uint32_t)other.value == slot)
            break;
    }
    assert_int_equal((uint32_t)other.value, slot); /* the last one */
    for (int i = 0; i < 50; i++) {
        other = spawn_and_stop(f);
        assert_int_not_equal((uint32_t)other.value, slot);
    }
}

static void test_generation_zero_is_skipped(void **state)
{
    fixture *f = *state;
    troupe_id id = spawn_and_stop(f);
    trp_cell *cell = trp_slot_at(f->system, (uint32_t)id.value);

    wait_until_free(f, (uint32_t)id.value);
    trp_mutex_lock(&f->system->slots_lock);
    cell->generation = UINT32_MAX;
    trp_mutex_unlock(&f->system->slots_lock);
    for (int i = 0; i < 50; i++) {
        troupe_id other = spawn_and_stop(f);

        assert_int_not_equal(other.value >> 32, 0);
    }
}

/* What was on its way to the one before: a message, a stop, a monitor, a wake. */
static void test_what_is_late_does_not_reach_the_next_one(void **state)
{
    fixture *f = *state;
    troupe_id before = spawn_named(f, NULL, NULL, &answering, 0), now = TROUPE_NOBODY;
    troupe_totals totals;
    troupe_info info;
    troupe_message message;

    assert_int_equal(
        troupe_send_after(f->me, before, TROUPE_TEXT("late"), 30 * TROUPE_MILLISECOND, NULL),
        TROUPE_OK);
    assert_int_equal(troupe_kill(f->me, before), TROUPE_OK);
    assert_int_equal(troupe_wait_end(f->me, before, TROUPE_SECOND, NULL), TROUPE_OK);
    wait_until_free(f, (uint32_t)before.value);
    for (int i = 0; i < 50 && (uint32_t)now.value != (uint32_t)before.value; i++)
        now = spawn_named(f, NULL, NULL, &answering, 0);
    assert_int_equal((uint32_t)now.value, (uint32_t)before.value);
    assert_int_equal(troupe_stop(f->me, before, TROUPE_STOP_REQUESTED), TROUPE_E_GONE);
    troupe_wake(f->system, before, 1);
    assert_int_equal(troupe_wait_end(f->me, before, TROUPE_SECOND, NULL),
                     TROUPE_OK); /* gone: at once */
    assert_int_equal(troupe_receive(f->me, 60 * TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_call(f->me, now, TROUPE_TEXT("x"), TROUPE_SECOND, NULL), TROUPE_OK);
    wait_until_handled(f, now, 1);
    for (int i = 0; i < 10000 && troupe_waiting(f->system, now);
         i++) /* its room comes a little later */
        assert_int_equal(troupe_receive(f->me, TROUPE_MILLISECOND, &message), TROUPE_E_TIMEOUT);
    assert_int_equal(troupe_info_of(f->system, now, &info), TROUPE_OK);
    assert_int_equal(info.handled, 1);
    assert_int_equal(info.waiting, 0);
    troupe_totals_now(f->system, &totals);
    assert_int_equal(totals.dead_letters, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_an_id_is_never_used_again),
        BOTH(test_a_slot_whose_numbers_are_used_up_is_retired),
        BOTH(test_generation_zero_is_skipped),
        BOTH(test_what_is_late_does_not_reach_the_next_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
