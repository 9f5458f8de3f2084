/* faults.c - a simulation's faults: memory that is out in a turn, answers that come late. (Turns that stall are the
 * executor's.) One thread drives a simulation, so nothing here is guarded.
 *
 * Invariants: 1. A late answer counts the record until it is given, and closes it like any other: a timeout, a cancel or
 *                the asker's end that came first has won. If broken: two ends of one request.
 *             2. What is late when the system goes stands in the list, and is given back there. If broken: a leak.
 */
#include "cell.h"

#include "trp/options.h"

typedef struct late_answer {
    troupe_timer timer;
    trp_link link;
    trp_request *request;
    troupe_status status;
    troupe_payload *payload;
} late_answer;

struct trp_faults {
    troupe_faults asked; /* set once */
    trp_alloc_faults allocation;
    trp_random random;
    trp_link late; /* of late_answer */
};

/* A chance and its length: both, or none. */
static bool fit(uint32_t one_in, uint64_t ns)
{
    return !one_in == !ns;
}

static troupe_status take(troupe_faults *faults, const troupe_system_options *options)
{
    if (!options->simulation || !trp_options_take(faults, sizeof *faults, options->faults))
        return TROUPE_E_INVALID;
    if (!fit(faults->stall_one_in, faults->stall_ns) || !fit(faults->late_one_in, faults->late_ns))
        return TROUPE_E_INVALID;
    return TROUPE_OK;
}

troupe_status trp_faults_new(const troupe_system_options *options, trp_faults **ret_faults)
{
    troupe_faults asked;
    troupe_status status = take(&asked, options);
    trp_faults *faults;

    if (status != TROUPE_OK)
        return status;
    faults = trp_alloc_zeroed(sizeof *faults);
    if (!faults)
        return TROUPE_E_NO_MEMORY;
    faults->asked = asked;
    faults->random.state = options->seed ^ UINT64_C(0xfa017fa017fa0170); /* not the schedule's */
    faults->allocation.nth = asked.no_memory_at;
    faults->allocation.one_in = asked.no_memory_one_in;
    faults->allocation.random.state = trp_random_next(&faults->random);
    trp_list_init(&faults->late);
    *ret_faults = faults;
    return TROUPE_OK;
}

static void free_late(late_answer *late)
{
    trp_list_remove(&late->link);
    troupe_payload_unref(late->payload);
    trp_free(late);
}

void trp_faults_free(trp_faults *faults)
{
    while (faults && !trp_list_empty(&faults->late)) /* its timer is gone with the executor */
        free_late(TRP_OF(faults->late.next, late_answer, link));
    trp_free(faults);
}

static void turn_with_faults(void *arg, troupe_task *task)
{
    const troupe_system *system = arg;
    trp_alloc_faults *before = trp_alloc_faults_use(&system->faults->allocation);

    trp_turn(arg, task);
    trp_alloc_faults_use(before);
}

void trp_faults_apply(const trp_faults *faults, troupe_executor_options *options)
{
    options->run = turn_with_faults;
    options->stall_one_in = faults->asked.stall_one_in;
    options->stall_ns = faults->asked.stall_ns;
}

static void give_answer(troupe_timer *timer)
{
    late_answer *late = TRP_OF(timer, late_answer, timer);

    trp_request_close(late->request, late->status, trp_payload_bytes(late->payload));
    trp_request_unref(late->request, 1);
    free_late(late);
}

static late_answer *new_late(trp_request *request, troupe_status status, troupe_bytes payload)
{
    late_answer *late = trp_alloc_zeroed(sizeof *late);

    if (!late)
        return NULL;
    late->payload = payload.size ? troupe_payload_new(payload) : NULL;
    if (payload.size && !late->payload) {
        trp_free(late);
        return NULL;
    }
    late->request = request;
    late->status = status;
    trp_list_init(&late->link);
    troupe_timer_init(&late->timer, give_answer);
    return late;
}

bool trp_answer_late(troupe_system *system, trp_request *request, troupe_status status,
                     troupe_bytes payload)
{
    trp_faults *faults = system->faults;
    late_answer *late;
    uint64_t ns;

    if (!faults->asked.late_one_in || !trp_request_is_open(request) ||
        trp_random_below(&faults->random, faults->asked.late_one_in) != 0)
        return false;
    ns = 1 + trp_random_below(&faults->random, faults->asked.late_ns);
    late = new_late(request, status, payload);
    if (!late)
        return false; /* no memory to be late with */
    troupe_executor_note(system->executor, ns);
    trp_add_relaxed(&request->refs, 1); /* the holder's own count keeps it */
    trp_list_append(&faults->late, &late->link);
    troupe_timer_start(system->executor, &late->timer, troupe_now(system) + ns);
    return true;
}
