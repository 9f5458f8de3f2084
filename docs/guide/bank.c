/* bank.c - transfers between accounts that may crash: requests, time limits, supervision, and doing a thing once. */
#include <troupe/kit.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- an account: its book outlives its crashes, as a file or a database would ---- */

#define ENTRIES 64

struct book {
    int64_t balance;
    bool done[ENTRIES]; /* an entry that comes twice is booked once */
    uint32_t crash_at;  /* the bug of this example: the first time it books this one, it crashes */
};

struct entry {       /* what a teller asks of an account */
    uint32_t number; /* the same when it asks again */
    int64_t amount;  /* below 0: take out */
};

struct account {
    struct book *book;
};

static troupe_status open_account(void *self, const troupe_start *start)
{
    ((struct account *)self)->book = (struct book *)start->argument; /* this account's alone */
    return TROUPE_OK;
}

static troupe_status book_entry(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct book *book = ((struct account *)self)->book;
    struct entry entry;

    if (message->payload.size != sizeof entry)
        return TROUPE_E_INVALID; /* a failed message: whoever asked is told so */
    memcpy(&entry, message->payload.data, sizeof entry);
    if (!book->done[entry.number]) {
        if (book->balance + entry.amount < 0)
            return troupe_fail(ctx, message->correlation, TROUPE_E_FAILED,
                               TROUPE_TEXT("not enough"));
        book->balance += entry.amount;
        book->done[entry.number] = true;
    }
    if (book->crash_at == entry.number) {
        book->crash_at = 0;
        troupe_crash(ctx, TROUPE_EXIT_CRASHED, "booked, but fell before it could say so");
        return TROUPE_OK;
    }
    return troupe_reply(ctx, TROUPE_BYTES_OF(book->balance));
}

static const troupe_child_ops account_child = {.pre_start = open_account};
static const troupe_actor_ops account_actor = {.handle_message = book_entry};

/* ---- the teller: takes from one account, then gives to the other ---- */

struct order { /* what a customer asks of the teller */
    char from[16], to[16];
    int64_t amount;
};

enum step { TAKE, GIVE, GIVE_BACK, N_STEPS };

struct transfer {
    struct order order;
    troupe_correlation customer; /* who waits for the outcome */
    troupe_correlation account;  /* whose answer the teller waits for */
    enum step step;
    unsigned tries;
    char why[64]; /* it is given back */
};

struct teller {
    struct transfer transfers[ENTRIES / N_STEPS];
    uint32_t n;
};

/* Never blocks: the answer, or what became of it, comes to hear_account. */
static troupe_status ask_account(troupe_context *ctx, struct teller *teller,
                                 struct transfer *transfer)
{
    const char *name = transfer->step == GIVE ? transfer->order.to : transfer->order.from;
    struct entry entry = {
        .number = (uint32_t)(transfer - teller->transfers) * N_STEPS + transfer->step,
        .amount = transfer->step == TAKE ? -transfer->order.amount : transfer->order.amount,
    };
    troupe_status status;
    troupe_id id;

    status = troupe_lookup(troupe_system_of(ctx), name, &id);
    if (status == TROUPE_OK)
        status =
            troupe_request(ctx, id, TROUPE_BYTES_OF(entry), 1 * TROUPE_SECOND, &transfer->account);
    return status;
}

static void go_on(troupe_context *ctx, struct teller *teller, struct transfer *transfer,
                  troupe_status status, troupe_bytes text);

static void ask(troupe_context *ctx, struct teller *teller, struct transfer *transfer)
{
    troupe_status status = ask_account(ctx, teller, transfer);

    if (status != TROUPE_OK)
        go_on(ctx, teller, transfer, status, troupe_text("no such account"));
}

/* One step has ended: the next one, the same again, or the outcome for the customer. */
static void go_on(troupe_context *ctx, struct teller *teller, struct transfer *transfer,
                  troupe_status status, troupe_bytes text)
{
    bool unsure = status == TROUPE_E_CRASHED || status == TROUPE_E_TIMEOUT;

    if (unsure && ++transfer->tries < 3) {
        ask(ctx, teller, transfer); /* booked or not: asking again is safe, see book.done */
    } else if (status == TROUPE_OK && transfer->step == TAKE) {
        transfer->step = GIVE;
        ask(ctx, teller, transfer);
    } else if (status == TROUPE_OK && transfer->step == GIVE) {
        troupe_reply_to(ctx, transfer->customer, TROUPE_TEXT("done"));
    } else if (status != TROUPE_OK && transfer->step == GIVE) {
        snprintf(transfer->why, sizeof transfer->why, "%.*s", (int)text.size,
                 (const char *)text.data);
        transfer->step = GIVE_BACK;
        ask(ctx, teller, transfer);
    } else {
        if (transfer->step == GIVE_BACK)
            text = troupe_text(transfer->why);
        troupe_fail(ctx, transfer->customer, TROUPE_E_FAILED, text);
    }
}

static troupe_status take_order(void *self, troupe_context *ctx, const troupe_message *message)
{
    struct teller *teller = self;
    struct transfer *transfer;

    if (message->payload.size != sizeof(struct order))
        return TROUPE_E_INVALID;
    if (teller->n + 1 == ENTRIES / N_STEPS)
        return TROUPE_E_QUOTA;
    transfer = &teller->transfers[++teller->n];
    memcpy(&transfer->order, message->payload.data, sizeof transfer->order);
    transfer->customer = message->correlation; /* answered later */
    ask(ctx, teller, transfer);
    return TROUPE_OK;
}

static void hear_account(void *self, troupe_context *ctx, const troupe_answer *answer)
{
    struct teller *teller = self;

    for (struct transfer *transfer = teller->transfers; transfer <= &teller->transfers[teller->n];
         transfer++)
        if (transfer->account.value == answer->correlation.value)
            go_on(ctx, teller, transfer, answer->status, answer->payload);
}

static const troupe_actor_ops teller_actor = {.handle_message = take_order,
                                              .handle_reply = hear_account};

/* ---- the bank ---- */

static struct book an = {.balance = 100, .crash_at = 2 * N_STEPS + TAKE}, bo = {.balance = 20};

static const troupe_child children[] = {
    {.spec = {.size = sizeof(troupe_spec),
              .name = "an",
              .child = &account_child,
              .actor = &account_actor,
              .state_size = sizeof(struct account),
              .argument = &an}},
    {.spec = {.size = sizeof(troupe_spec),
              .name = "bo",
              .child = &account_child,
              .actor = &account_actor,
              .state_size = sizeof(struct account),
              .argument = &bo}},
    {.spec = {.size = sizeof(troupe_spec),
              .name = "teller",
              .actor = &teller_actor,
              .state_size = sizeof(struct teller)}},
};
static const troupe_supervisor bank = TROUPE_SUPERVISOR(.children = children, .n_children = 3);

static void order(troupe_context *me, troupe_id teller, const char *from, const char *to,
                  int64_t amount)
{
    struct order order = {.amount = amount};
    troupe_reply_buffer reply = {NULL};
    troupe_bytes text;
    troupe_status status;

    snprintf(order.from, sizeof order.from, "%s", from);
    snprintf(order.to, sizeof order.to, "%s", to);
    status = troupe_call(me, teller, TROUPE_BYTES_OF(order), 5 * TROUPE_SECOND, &reply);
    text = troupe_reply_bytes(&reply);
    if (!text.size)
        text = troupe_text(troupe_status_text(status));
    printf("%s -> %s %" PRId64 ": %.*s\n", from, to, amount, (int)text.size,
           (const char *)text.data);
    troupe_reply_clear(&reply);
}

int main(void)
{
    TROUPE_AUTO(troupe_system) *system = NULL;
    TROUPE_AUTO(troupe_context) *me = NULL;
    troupe_spec spec = *TROUPE_SPEC(.name = "bank");
    troupe_id id, teller;

    if (troupe_system_new(NULL, &system) != TROUPE_OK || !(me = troupe_attach(system)))
        return 1;
    if (troupe_supervisor_spec(&bank, &spec, NULL) != TROUPE_OK ||
        troupe_spawn(me, &spec, &id) != TROUPE_OK ||
        troupe_lookup(system, "teller", &teller) != TROUPE_OK)
        return 1;
    order(me, teller, "an", "bo", 30);
    order(me, teller, "an", "bo", 5); /* an crashes in the middle of it, and nobody is told */
    order(me, teller, "bo", "an", 200);
    order(me, teller, "an", "nobody", 1);
    printf("an %" PRId64 ", bo %" PRId64 "\n", an.balance, bo.balance);
    return 0;
}
