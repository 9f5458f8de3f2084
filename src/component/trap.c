/* trap.c - the only file that translates wasmtime_error_t and wasm_trap_t. */
#include "trap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_FRAMES 4u
#define SHOWN_NAME 60u

void trp_fault_set(trp_fault *fault, troupe_exit_reason reason, const char *format, ...)
{
    va_list list;

    if (fault->set)
        return;
    fault->set = true;
    fault->reason = reason;
    va_start(list, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, list);
    va_end(list);
}

wasmtime_error_t *trp_error_new(const char *text)
{
    return wasmtime_error_new(text);
}

wasm_trap_t *trp_trap_new(const char *text)
{
    return wasmtime_trap_new(text, strlen(text));
}

/* The engine's texts have several lines: "failed to compile\n\nCaused by:\n    0: ...". */
static void read_error(const wasmtime_error_t *error, char *text, size_t size)
{
    wasm_name_t message;
    size_t n = 0;

    wasmtime_error_message(error, &message);
    for (size_t i = 0; i < message.size && n + 1 < size; i++) {
        char c = message.data[i];

        if (c == '\n' || c == '\r' || c == '\t')
            c = ' ';
        if ((unsigned char)c < 0x20 || c == 0x7f)
            c = '?';
        if (c == ' ' && (n == 0 || text[n - 1] == ' '))
            continue;
        text[n++] = c;
    }
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    wasm_byte_vec_delete(&message);
}

void trp_error_text(wasmtime_error_t *error, char *text, size_t size)
{
    read_error(error, text, size);
    wasmtime_error_delete(error);
}

static const char *trap_words(wasmtime_trap_code_t code)
{
    switch (code) {
    case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        return "call stack exhausted";
    case WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
        return "out of bounds memory access";
    case WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS:
        return "out of bounds table access";
    case WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL:
        return "indirect call to null";
    case WASMTIME_TRAP_CODE_BAD_SIGNATURE:
        return "indirect call of another type";
    case WASMTIME_TRAP_CODE_INTEGER_OVERFLOW:
        return "integer overflow";
    case WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO:
        return "integer division by zero";
    case WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER:
        return "bad conversion to integer";
    case WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
        return "unreachable";
    case WASMTIME_TRAP_CODE_INTERRUPT:
        return "interrupted";
    case WASMTIME_TRAP_CODE_NULL_REFERENCE:
        return "null reference";
    case WASMTIME_TRAP_CODE_ALLOCATION_TOO_LARGE:
        return "allocation too large";
    default:
        return NULL;
    }
}

/* A text that grows in a fault, cut where it ends. By hand: a crash is on the way of a restart, and printf cost more
 * than half of what the engine takes for the backtrace. */
typedef struct one_line {
    char *text;
    size_t n, size;
} one_line;

static void put_bytes(one_line *line, const char *from, size_t n)
{
    if (n > line->size - 1 - line->n)
        n = line->size - 1 - line->n;
    memcpy(line->text + line->n, from, n);
    line->n += n;
    line->text[line->n] = '\0';
}

static void put(one_line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

static void put_number(one_line *line, size_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put_bytes(line, digits + at, sizeof(digits) - at);
}

/* A name is the guest's own: it may hold anything. */
static void put_name(one_line *line, const wasm_frame_t *frame, const wasm_name_t *name)
{
    char shown[SHOWN_NAME];
    size_t n = 0;

    if (!name || name->size == 0) {
        put(line, "function ");
        put_number(line, wasm_frame_func_index(frame));
        return;
    }
    for (; n < name->size && n < SHOWN_NAME; n++) {
        unsigned char c = (unsigned char)name->data[n];

        shown[n] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    put_bytes(line, shown, n);
}

/* The wrappers that the C kit makes around each export say nothing that the entry's name does not. */
static bool is_wrapper(const wasm_name_t *name)
{
    return name && name->size > 5 &&
           (memcmp(name->data, "tg_e_", 5) == 0 || memcmp(name->data, "tg_p_", 5) == 0);
}

static void put_frames(one_line *line, const wasm_frame_vec_t *frames, const char *entry)
{
    size_t shown = 0;
    size_t left_off = 0;

    for (size_t i = 0; i < frames->size; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(frames->data[i]);

        if (is_wrapper(name))
            continue;
        if (shown == SHOWN_FRAMES) {
            left_off++;
            continue;
        }
        put(line, shown++ == 0 ? ", in " : " < ");
        put_name(line, frames->data[i], name);
    }
    if (left_off) {
        put(line, " < ");
        put_number(line, left_off);
        put(line, " more");
    }
    put(line, shown == 0 ? ", in " : " < ");
    put(line, entry);
}

/* What a fault says so far; its end is where the frames go. */
static one_line line_of(trp_fault *fault)
{
    return (one_line){fault->text, strlen(fault->text), sizeof(fault->text)};
}

static void set_from_trap(const wasm_trap_t *trap, const char *limit_text, trp_fault *fault)
{
    wasmtime_trap_code_t code;
    const char *words;
    one_line line;

    if (fault->set)
        return;
    fault->set = true;
    fault->reason = TROUPE_EXIT_CRASHED;
    fault->text[0] = '\0';
    line = line_of(fault);
    if (!wasmtime_trap_code(trap, &code)) {
        put(&line, "wasm trap");
        return;
    }
    words = trap_words(code);
    if (code == WASMTIME_TRAP_CODE_OUT_OF_FUEL) {
        fault->reason = TROUPE_EXIT_TIMEOUT;
        put(&line, "over message_time ");
        put(&line, limit_text);
        return;
    }
    put(&line, "wasm trap: ");
    put(&line, words ? words : "code ");
    if (!words)
        put_number(&line, code);
}

/* The names of frames live in what they were taken from: it is deleted last. */
static bool outcome_of_trap(wasm_trap_t *trap, const char *entry, const char *limit_text,
                            trp_fault *fault)
{
    wasm_frame_vec_t frames;
    one_line line;

    wasm_trap_trace(trap, &frames);
    set_from_trap(trap, limit_text, fault);
    line = line_of(fault);
    put_frames(&line, &frames, entry);
    wasm_frame_vec_delete(&frames);
    wasm_trap_delete(trap);
    return false;
}

static bool outcome_of_error(wasmtime_error_t *error, const char *entry, trp_fault *fault)
{
    wasm_frame_vec_t frames;
    char text[256];
    one_line line;

    wasmtime_error_wasm_trace(error, &frames);
    read_error(error, text, sizeof(text));
    trp_fault_set(fault, TROUPE_EXIT_CRASHED, "%s", text);
    line = line_of(fault);
    put_frames(&line, &frames, entry);
    wasm_frame_vec_delete(&frames);
    wasmtime_error_delete(error);
    return false;
}

bool trp_outcome(wasmtime_error_t *error, wasm_trap_t *trap, const char *entry,
                 const char *limit_text, trp_fault *fault)
{
    if (error)
        return outcome_of_error(error, entry, fault);
    return !trap || outcome_of_trap(trap, entry, limit_text, fault);
}
